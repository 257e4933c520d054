"""What the ledger says of targets: a row each, what was found, what a person decided, counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from maskcast.io.storage import Tag


@dataclass(frozen=True)
class FoundObject:
    """One object found in one target.

    Attributes:
        object_id: 1..255.
        score: in [0, 1].
        area: pixels of the mask.
        components: connected components (8-connected).
        box: xmin, ymin, xmax, ymax around the whole mask, pixel edges, max exclusive.
        right: probability in [0, 1] that the mask's IoU is at least 0.5; None if nobody judged it.
        largest: pixels of the largest component; None if unknown.
    """

    object_id: int
    score: float
    area: int
    components: int
    box: tuple[int, int, int, int]
    right: float | None = None
    largest: int | None = None

    @property
    def trust(self) -> float:
        """``right`` where it is known, else the score."""
        return self.score if self.right is None else self.right


@dataclass(frozen=True)
class TargetRow:
    """What the ledger says of one target.

    Attributes:
        image_id: POSIX path relative to the targets folder, suffix kept.
        name: output name.
        state: ``done`` or ``failed``.
        size: (height, width) in pixels; None if it failed before decoding.
        file_size: bytes of the file when it was read; None if unknown.
        tag: what its listing told beside the size: nanoseconds of the last change of a file, a
            text of an object in a store; None if unknown.
        digest: of the bytes that were read, 16 of them; see ``io.digests``. None if unknown.
        decision: of a person, that the results show; read only, see ``Ledger.show_decision``.
        look: names and colours that its pictures were drawn with, as a number; see ``runs.looks``.
            None if unknown.
        evidence: of anything being on it, found or not, see ``Segmentation``; None if unknown.
        notes: what the user should know of how it was read.
        reason: why it failed, else None.
        objects: what was found; empty = nothing found.
        shard: file name of the shard that holds its results; None if they are files.
    """

    image_id: str
    name: str
    state: str
    size: tuple[int, int] | None = None
    file_size: int | None = None
    notes: tuple[str, ...] = ()
    reason: str | None = None
    objects: tuple[FoundObject, ...] = ()
    shard: str | None = None
    tag: Tag = None
    digest: bytes | None = None
    look: int | None = None
    decision: str | None = None
    evidence: float | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it is done and nothing was found."""
        return self.state == "done" and not self.objects


@dataclass(frozen=True)
class FoundScore:
    """An object found in a target, or that nothing was.

    Attributes:
        image_id: of the target.
        object_id: None if nothing was found.
        score: in [0, 1]; None if nothing was found.
        share: of the target's pixels.
        right: probability in [0, 1] that the mask's IoU is at least 0.5; None if unknown.
    """

    image_id: str
    object_id: int | None
    score: float | None
    share: float
    right: float | None = None

    @property
    def trust(self) -> float | None:
        """``right`` where it is known, else the score."""
        return self.score if self.right is None else self.right


@dataclass(frozen=True)
class ShownDecision:
    """A person's decision on a target, as its results show it.

    Attributes:
        number: of the decision in the project's log; see ``review.decisions``.
        decision: accepted, corrected, rejected or undecided.
        own: what the engine had found, as JSON, where the results show something else; else None.
    """

    number: int
    decision: str
    own: str | None = None


@dataclass(frozen=True)
class LedgerCounts:
    """How many targets are done (empty ones included), empty, failed."""

    done: int
    empty: int
    failed: int

    def without(self, others: LedgerCounts) -> LedgerCounts:
        """Without some of the targets that are counted."""
        return LedgerCounts(
            self.done - others.done, self.empty - others.empty, self.failed - others.failed
        )


def known_right(right: Sequence[float | None]) -> npt.NDArray[np.float32] | None:
    """The probabilities that masks are right, float32 (K,); None if any of them is unknown."""
    known = [share for share in right if share is not None]
    return np.array(known, np.float32) if len(known) == len(right) else None
