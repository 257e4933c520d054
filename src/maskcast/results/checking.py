"""What a run said of its results, beside the truth: verdicts, probabilities and scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from maskcast.quality.verdict import Verdict
from maskcast.results.metrics import Agreement
from maskcast.runs.ledger_rows import TargetRow

_BINS = 10

_RIGHT_FROM = 0.5
"""IoU from which a mask is right."""


@dataclass
class Verdicts:
    """How often which verdict was given.

    Attributes:
        given: verdict -> targets.
        known: (whether it truly shows an object, verdict) -> targets whose truth is known.
    """

    given: Counter[Verdict] = field(default_factory=Counter)
    known: Counter[tuple[bool, Verdict]] = field(default_factory=Counter)

    def add(self, verdict: Verdict, is_defective: bool | None) -> None:
        """Count a target; None = its truth is not known."""
        self.given[verdict] += 1
        if is_defective is not None:
            self.known[is_defective, verdict] += 1


@dataclass(frozen=True)
class Reliability:
    """How probabilities of being right, and scores, compare with what is true.

    Attributes:
        told: float64 (B,), mean ``right`` of each of 10 bins that has masks.
        happened: float64 (B,), share of right masks (IoU of at least 0.5) in it.
        counts: int64 (B,), masks in it.
        calibration_error: mean distance of both over masks (Naeini et al. 2015).
        score_error: mean absolute error of the score against the IoU.
    """

    told: npt.NDArray[np.float64]
    happened: npt.NDArray[np.float64]
    counts: npt.NDArray[np.int64]
    calibration_error: float
    score_error: float


@dataclass
class Checked:
    """Gathers what masks said of themselves, and the truth on them.

    Attributes:
        compared: image id -> object id -> agreement with the truth.
    """

    compared: Mapping[str, Mapping[int, Agreement]]
    _right: list[tuple[float, float]] = field(default_factory=list)
    _scores: list[tuple[float, float]] = field(default_factory=list)

    def is_defective(self, row: TargetRow) -> bool | None:
        """Whether a target truly shows an object; None if its truth is not known."""
        known = self.compared.get(row.image_id)
        return None if known is None else any(agreement.true for agreement in known.values())

    def add(self, row: TargetRow) -> None:
        """Count the masks of a target whose truth is known."""
        known = self.compared.get(row.image_id, {})
        for found in row.objects:
            if (agreement := known.get(found.object_id)) is not None:
                iou = agreement.iou or 0.0
                self._scores.append((found.score, iou))
                if found.right is not None:
                    self._right.append((found.right, iou))

    def mean_iou(self, object_id: int) -> float | None:
        """Over targets that truly show an object; None if there are none."""
        ious = [
            agreements[object_id].iou or 0.0
            for agreements in self.compared.values()
            if object_id in agreements and agreements[object_id].true
        ]
        return float(np.mean(ious)) if ious else None

    def reliability(self) -> Reliability | None:
        """Of all masks that were added; None if none of them has a probability."""
        if not self._right:
            return None
        likely, ious = np.array(self._right).T
        was_right = ious >= _RIGHT_FROM
        place = np.minimum((likely * _BINS).astype(int), _BINS - 1)
        bins = [place == index for index in np.unique(place)]
        told = np.array([likely[chosen].mean() for chosen in bins])
        happened = np.array([was_right[chosen].mean() for chosen in bins])
        counts = np.array([chosen.sum() for chosen in bins])
        scores, reached = np.array(self._scores).T
        return Reliability(
            told,
            happened,
            counts,
            float(np.abs(told - happened) @ counts / counts.sum()),
            float(np.abs(scores - reached).mean()),
        )
