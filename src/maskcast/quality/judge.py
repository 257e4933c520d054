"""The judge: what a run writes as score and as probability that a mask is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from maskcast.engines.large import LargeSegmentation, PackedMask
from maskcast.quality.prior import SCORE_ALONE, WITH_MARGINS
from maskcast.quality.trials import Trial
from maskcast.types import Mask, Segmentation

_EVEN = 0.5
"""IoU and steadiness of objects of which nothing is known; IoU counts as one reference's worth."""

_CLOSING = np.ones((5, 5), np.uint8)
_REACH = 4
"""Pixels around one that its closing depends on."""

Judged = TypeVar("Judged", Segmentation, LargeSegmentation)


@dataclass(frozen=True)
class Record:
    """What became of an object on references that show it and were left out.

    Attributes:
        reached: mean IoU in [0, 1], pulled to one half as long as there are few.
        steadiness: mean over them of what the engine measured, in [0, 1].
    """

    reached: float = _EVEN
    steadiness: float = _EVEN


@dataclass(frozen=True)
class Judge:
    """Judges masks by the engine's margins, their shape, and what was reached on references.

    Attributes:
        records: object id -> what became of it on references that were left out.
    """

    records: Mapping[int, Record] = field(default_factory=dict)

    @classmethod
    def of(cls, trials: Sequence[Trial]) -> Judge:
        """The judge of what a memory bank finds, by trials of its references."""
        shown: dict[int, list[Trial]] = {}
        for trial in trials:
            if trial.is_shown:
                shown.setdefault(trial.object_id, []).append(trial)
        return cls({key: _record(known) for key, known in shown.items()})

    def judge(self, found: Judged) -> Judged:
        """The same masks with scores and ``right``; an image is judged by itself."""
        measured = self.measure(found)
        prior = WITH_MARGINS if WITH_MARGINS.fits(measured) else SCORE_ALONE
        scores, right = prior.apply(measured)
        return replace(found, scores=scores, right=right)

    def measure(
        self, found: Segmentation | LargeSegmentation
    ) -> dict[str, npt.NDArray[np.float32]]:
        """All that a prior may ask for, by name, float32 (K,) in [0, 1]."""
        records = [self.records.get(int(key), Record()) for key in found.object_ids]
        return {
            **found.signals,
            "score": found.scores,
            "compactness": np.array(
                [
                    compactness_of_large(mask)
                    if isinstance(mask, PackedMask)
                    else compactness(mask)
                    for mask in found.masks
                ],
                np.float32,
            ),
            "reached": np.array([record.reached for record in records], np.float32),
            "steadiness_left_out": np.array([record.steadiness for record in records], np.float32),
        }


def compactness(mask: Mask) -> float:
    """Share of a mask in its closing by 5 x 5 pixels, in (0, 1]; 0 if it is empty.

    Crumbs and frayed borders, which are where masks go wrong, leave gaps that it closes.
    """
    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, _CLOSING)
    return int(mask.sum()) / max(1, int(np.count_nonzero(closed)))


def _compactness_of(mask: Mask | PackedMask) -> float:
    return compactness_of_large(mask) if isinstance(mask, PackedMask) else compactness(mask)


def compactness_of_large(mask: PackedMask) -> float:
    """The same of a mask that is nowhere whole."""
    closed = 0
    for top, rows in mask.strips():
        bottom = top + len(rows)
        first, last = max(0, top - _REACH), min(mask.height, bottom + _REACH)
        if mask.any_in(first, last):
            wide = mask.rows(first, last).view(np.uint8)
            shown = cv2.morphologyEx(wide, cv2.MORPH_CLOSE, _CLOSING)[top - first :][: len(rows)]
            closed += int(np.count_nonzero(shown))
    return mask.area / max(1, closed)


def _record(trials: Sequence[Trial]) -> Record:
    count = len(trials)
    return Record(
        (sum(trial.iou for trial in trials) + _EVEN) / (count + 1),
        sum(trial.steadiness for trial in trials) / count,
    )
