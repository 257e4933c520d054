"""From a logit map to a mask and a score, and how the limits are calibrated.

The limits (threshold, hysteresis, smallest component) are those with the best pooled IoU on maps of
references that the maps' models never learned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from maskcast.engines.pixel.features import Plane
from maskcast.engines.pixel.perceptron import sigmoid
from maskcast.types import Mask

_THRESHOLDS = np.arange(-4.0, 4.01, 0.25)
_STEPS_UP = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)
_AREAS = (1, 4, 8, 16, 32, 64, 128, 256)
_SHARPEST = 0.02
_HOPELESS = 0.02


@dataclass(frozen=True)
class Decision:
    """How logits become a mask.

    Attributes:
        low: a pixel above this logit may belong to the object.
        high: a component belongs only if its highest logit is above this.
        area: smallest component kept, in pixels.
        expected: IoU reached on references left out, in [0, 1].
    """

    low: float
    high: float
    area: int
    expected: float


@dataclass(frozen=True)
class _Components:
    """Components of one map at one threshold: their highest logit, area and true pixels."""

    peak: npt.NDArray[np.float32]
    area: npt.NDArray[np.int64]
    hits: npt.NDArray[np.int64]


def decide(logits: Plane, decision: Decision) -> tuple[Mask, float]:
    """Mask bool (H, W) and score in [0, 1] of one object."""
    labels, peak, area = _components(logits, decision.low)
    kept = (peak > decision.high) & (area >= decision.area)
    mask = np.concatenate([[False], kept])[labels]
    return mask, _score(logits, mask, decision)


def calibrate(maps: Sequence[Plane], truths: Sequence[Mask], threshold: float | None) -> Decision:
    """The best limits for one object.

    Args:
        maps: logits (H, W) of references, from models that did not learn them.
        truths: their true masks.
        threshold: probability to use instead of the best one, or None.
    """
    lows = _THRESHOLDS if threshold is None else np.array([np.log(threshold / (1 - threshold))])
    total = sum(int(truth.sum()) for truth in truths)
    table = np.zeros((len(lows), len(_STEPS_UP), len(_AREAS)))
    for index, low in enumerate(lows):
        pools = [_measure(logits, truth, low) for logits, truth in zip(maps, truths, strict=True)]
        peak = np.concatenate([pool.peak for pool in pools])
        area = np.concatenate([pool.area for pool in pools])
        hits = np.concatenate([pool.hits for pool in pools])
        for j, step in enumerate(_STEPS_UP):
            for k, least in enumerate(_AREAS):
                kept = (peak > low + step) & (area >= least)
                inside = int(hits[kept].sum())
                table[index, j, k] = inside / max(total + int(area[kept].sum()) - inside, 1)
    smooth = _smoothed(table)
    # Gentler limits unless stricter ones gain: they must earn a hundredth of IoU together.
    penalty = 0.002 * np.arange(len(_STEPS_UP))[:, None] + 0.002 * np.arange(len(_AREAS))[None]
    best = np.unravel_index(int(np.argmax(smooth - penalty)), smooth.shape)
    index, up, small = (int(position) for position in best)
    if table[index, up, small] < _HOPELESS:
        # The references say nothing about the limits: an object seen once, or in one place.
        index, up, small = int(np.argmin(np.abs(lows))), 0, 0
    return Decision(
        low=float(lows[index]),
        high=float(lows[index] + _STEPS_UP[up]),
        area=_AREAS[small],
        expected=float(table[index, up, small]),
    )


def _components(
    logits: Plane, low: float
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Labels (H, W), 0 = background, and highest logit and area per component."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        (logits > low).astype(np.uint8), connectivity=8
    )
    peak = np.full(count, -np.inf, np.float32)
    at, values = np.asarray(labels[labels > 0], np.intp), logits[labels > 0]
    np.maximum.at(peak, at, values)
    area = stats[1:, cv2.CC_STAT_AREA].astype(np.int64)
    return np.asarray(labels, np.int32), peak[1:], area


def _measure(logits: Plane, truth: Mask, low: float) -> _Components:
    labels, peak, area = _components(logits, low)
    hits = np.bincount(labels[truth], minlength=len(area) + 1)[1:]
    return _Components(peak, area, hits.astype(np.int64))


def _smoothed(table: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Mean over neighbouring thresholds: a broad optimum holds on other images, a spike may not."""
    if len(table) == 1:
        return table
    padded = np.pad(table, ((2, 2), (0, 0), (0, 0)), mode="edge")
    weights = (1, 2, 3, 2, 1)
    out = np.zeros_like(table)
    for i, weight in enumerate(weights):
        out += weight / sum(weights) * padded[i : i + len(table)]
    return out


def _score(logits: Plane, mask: Mask, decision: Decision) -> float:
    """Expected IoU of the mask, from how far its pixels lie above the limits."""
    if not mask.any():
        return 0.0
    inside = logits[mask]
    certain = float(sigmoid(inside - np.float32(decision.low)).mean())
    peak = float(sigmoid(inside.max() - decision.high))
    return float(np.clip(certain * (0.5 + 0.5 * peak), _SHARPEST, 1 - _SHARPEST))
