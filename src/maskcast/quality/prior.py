"""The fitted part of scores: from what is measured of a mask to its expected IoU.

Fitted by ``benchmarks/calibration.py PACKS --targets 8 --fit`` with the engine ``pixel`` on 14
classes of real images, 1 and 5 references, seeds 0 to 2; the figures with whole packs left out are
in ``benchmarks/RESULTS.md``, and why it is a sum of so few terms in docs/adr/0016.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_EDGE = 0.02
"""What is measured is kept so far from 0 and 1 before its log odds are taken."""


@dataclass(frozen=True)
class Prior:
    """Two logistic maps of the same measures.

    Attributes:
        measures: names of what is measured of a mask, each in [0, 1].
        score: bias, and a weight for the log odds of each measure: the expected IoU.
        right: the same for the probability that the IoU is at least 0.5.
    """

    measures: tuple[str, ...]
    score: tuple[float, ...]
    right: tuple[float, ...]

    def fits(self, measured: Mapping[str, npt.NDArray[np.float32]]) -> bool:
        """Whether all that it asks for was measured."""
        return all(name in measured for name in self.measures)

    def apply(
        self, measured: Mapping[str, npt.NDArray[np.float32]]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Expected IoU and probability to be right, each float32 (K,) in (0, 1)."""
        odds = np.stack([log_odds(measured[name]) for name in self.measures])
        return _logistic(self.score, odds), _logistic(self.right, odds)


def log_odds(shares: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Of shares in [0, 1]; what is near 0 or 1 counts as a little farther from it."""
    kept = np.clip(np.asarray(shares, np.float64), _EDGE, 1 - _EDGE)
    return np.asarray(np.log(kept / (1 - kept)))


def _logistic(weights: tuple[float, ...], odds: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    bias, *rest = weights
    return np.asarray(1 / (1 + np.exp(-(bias + np.array(rest) @ odds))), np.float32)


WITH_MARGINS = Prior(
    measures=("steadiness", "certainty", "compactness", "reached", "steadiness_left_out"),
    score=(-2.463, 0.281, 0.194, 0.624, 0.876, -0.247),
    right=(-6.204, 0.576, 0.433, 1.67, 1.796, -0.568),
)
"""For engines that measure their margins; see `judge.Judge.measure` for what they are."""

SCORE_ALONE = Prior(measures=("score",), score=(0.0, 1.0), right=(-1.003, 1.924))
"""For engines that give a score and nothing else: the score stays as it is, and ``right`` follows
from it as it does from pixel's own score."""
