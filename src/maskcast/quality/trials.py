"""Trials: what is found in a reference by a model that never learned it, beside its annotation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from maskcast.masks import iou
from maskcast.types import Mask, Reference, Segmentation

Outcome = Literal["found", "missed", "false alarm", "silent"]


@dataclass(frozen=True)
class Trial:
    """One object in one reference that was left out.

    Attributes:
        image_id: of the reference.
        object_id: 1..255.
        is_shown: whether the annotation shows the object.
        iou: of the mask that was found with the annotation, in [0, 1]; 0 if either is empty.
        area: pixels found.
        score: what the engine gave; 0 if nothing was found.
        steadiness: as the engine measures it; 0 if nothing was found, or it does not.
        evidence: of the whole picture, see ``Segmentation``; None where it is not known.
    """

    image_id: str
    object_id: int
    is_shown: bool
    iou: float
    area: int
    score: float
    steadiness: float = 0.0
    evidence: float | None = None

    @property
    def outcome(self) -> Outcome:
        """``found`` needs a pixel in common; ``silent`` is right where nothing is."""
        if self.is_shown:
            return "found" if self.iou > 0 else "missed"
        return "false alarm" if self.area else "silent"


def trials_of(references: Sequence[Reference], found: Sequence[Segmentation]) -> list[Trial]:
    """A trial for each reference and each object that any reference shows.

    Args:
        references: with their annotations; unknown pixels are not counted.
        found: per reference, what was found where it was left out.
    """
    ids = sorted({key for known in references for key, mask in known.masks.items() if mask.any()})
    return [
        _trial(reference, result, object_id)
        for reference, result in zip(references, found, strict=True)
        for object_id in ids
    ]


def _trial(reference: Reference, found: Segmentation, object_id: int) -> Trial:
    empty = np.zeros(reference.image.shape[:2], np.bool_)
    place = np.flatnonzero(found.object_ids == object_id)
    mask: Mask = found.masks[place[0]] if len(place) else empty
    if reference.unknown is not None:
        mask = mask & ~reference.unknown
    truth = reference.masks.get(object_id, empty)
    steadiness = found.signals.get("steadiness", np.zeros(len(found.object_ids), np.float32))
    return Trial(
        reference.image_id,
        object_id,
        bool(truth.any()),
        iou(mask, truth) if truth.any() and mask.any() else 0.0,
        int(mask.sum()),
        float(found.scores[place[0]]) if len(place) else 0.0,
        float(steadiness[place[0]]) if len(place) else 0.0,
        found.evidence,
    )
