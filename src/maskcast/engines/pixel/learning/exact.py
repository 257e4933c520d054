"""Sums of probabilities that are the same to the last bit in whatever order they are added."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_STEPS = 1 << 26
"""To a whole: finer than float32 tells probabilities near 1 apart."""


def total_of(probabilities: npt.NDArray[np.float32]) -> int:
    """The sum of numbers in [0, 1], each rounded to a whole number of steps, in steps."""
    steps = np.rint(probabilities.astype(np.float64) * _STEPS)
    return int(steps.astype(np.int64).sum())


def mean_of(total: int, count: int) -> float:
    """The mean of ``count`` numbers whose totals add up to ``total``; in [0, 1]."""
    return total / _STEPS / count
