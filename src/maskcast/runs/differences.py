"""What another generation made of the same targets: object by object, and as a file beside it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from maskcast.io.atomic import write_atomically
from maskcast.runs.ledger import Ledger
from maskcast.runs.ledger_rows import TargetRow
from maskcast.runs.outputs import OutputFolders, read_id_mask
from maskcast.types import Mask

CHANGES_NAME: Final = "changes.csv"
CHANGE_COLUMNS: Final = (
    "image",
    "object",
    "area_before",
    "area_after",
    "gained",
    "lost",
    "score_before",
    "score_after",
)
"""Header of ``changes.csv``; areas in pixels, empty scores where the object was not found."""


@dataclass(frozen=True)
class Change:
    """What an update did to an object in a target.

    Attributes:
        image_id: of the target.
        object_id: 1..255.
        before: area in pixels before, and now: ``after``.
        gained: pixels that are the object now and were not.
        lost: pixels that were the object and are not now.
        score_before: None if it was not found.
        score_after: None if it is not found.
    """

    image_id: str
    object_id: int
    before: int
    after: int
    gained: int
    lost: int
    score_before: float | None
    score_after: float | None


@dataclass(frozen=True)
class ChangedTarget:
    """What became of a target, over all its objects that changed.

    Attributes:
        image_id: of the target.
        gained: pixels of all objects that were none of it before.
        lost: pixels that are none of it now.
        is_newly_empty: whether something was found before, and nothing is now.
    """

    image_id: str
    gained: int
    lost: int
    is_newly_empty: bool


def changed_targets(changes: Iterable[Change], ledger: Ledger) -> list[ChangedTarget]:
    """What became of each target that changed; newly empty ones first, then the most changed.

    Args:
        changes: of their objects.
        ledger: of the results as they are now, open to be read.
    """
    of_target: dict[str, list[Change]] = {}
    for change in changes:
        of_target.setdefault(change.image_id, []).append(change)
    found = [
        ChangedTarget(
            image_id,
            sum(change.gained for change in parts),
            sum(change.lost for change in parts),
            any(change.before for change in parts) and _is_empty(ledger, image_id),
        )
        for image_id, parts in of_target.items()
    ]
    found.sort(key=lambda target: (-target.gained - target.lost, target.image_id))
    return sorted(found, key=lambda target: not target.is_newly_empty)


def _is_empty(ledger: Ledger, image_id: str) -> bool:
    row = ledger.row(image_id)
    return row is not None and row.is_empty


def changes_between(
    output: Path, old: Ledger, incoming: Path, new: Ledger, kept: Set[str]
) -> Iterator[Change]:
    """What changed from one output to another.

    Args:
        output: the old one, whose ledger is ``old``.
        old: open to be read.
        incoming: the new one.
        new: its ledger, open to be read.
        kept: image ids of targets that were carried over.
    """
    before, after = OutputFolders(output), OutputFolders(incoming)
    for row in new.rows():
        was = old.row(row.image_id)
        if row.image_id in kept or row.state != "done" or was is None or was.state != "done":
            continue
        scores = [{found.object_id: found.score for found in r.objects} for r in (was, row)]
        for object_id in sorted(scores[0].keys() | scores[1].keys()):
            then = _mask(before, was, object_id)
            now = _mask(after, row, object_id)
            change = compared(row.image_id, object_id, then, now)
            if change is not None:
                yield replace(
                    change,
                    score_before=scores[0].get(object_id),
                    score_after=scores[1].get(object_id),
                )


def write_changes(path: Path, changes: Sequence[Change]) -> None:
    """Write ``changes.csv``.

    Raises:
        StorageError: if the disk is full or the like.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CHANGE_COLUMNS)
    for change in changes:
        scores = [
            "" if score is None else f"{score:.4f}"
            for score in (change.score_before, change.score_after)
        ]
        areas = change.before, change.after, change.gained, change.lost
        writer.writerow((change.image_id, change.object_id, *areas, *scores))
    write_atomically(path, text.getvalue().encode("utf-8"))


def read_changes(path: Path) -> list[Change] | None:
    """What ``write_changes`` wrote; None if there is no such file, or another one of its name."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.reader(file)
            if tuple(next(rows, ())) != CHANGE_COLUMNS:
                return None
            return [_parsed(row) for row in rows]
    except (OSError, ValueError, csv.Error):
        return None


def _parsed(row: Sequence[str]) -> Change:
    """Raises ValueError if it is no row of ours."""
    image_id, *areas = row[:6]
    object_id, before, after, gained, lost = map(int, areas)
    score_before, score_after = (float(score) if score else None for score in row[6:])
    return Change(image_id, object_id, before, after, gained, lost, score_before, score_after)


def _mask(folders: OutputFolders, row: TargetRow, object_id: int) -> Mask:
    if row.size is None or object_id not in {found.object_id for found in row.objects}:
        return np.zeros(row.size or (1, 1), np.bool_)
    return read_id_mask(folders.id_mask(row.name, object_id))


def compared(image_id: str, object_id: int, then: Mask, now: Mask) -> Change | None:
    """What changed from a mask to another, bool (H, W), without scores; None if nothing did."""
    if then.shape != now.shape or np.array_equal(then, now):
        return None
    gained = int(np.count_nonzero(now & ~then))
    lost = int(np.count_nonzero(then & ~now))
    areas = int(np.count_nonzero(then)), int(np.count_nonzero(now))
    return Change(image_id, object_id, *areas, gained, lost, None, None)
