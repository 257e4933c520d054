"""Moving each component's threshold to where the picture has an edge.

Logits fall off over several pixels at a boundary, and how fast differs between images (focus,
exposure, contrast), so one threshold for all makes masks of some images too small or too large.
Among the level sets of the logits around one component, the one that runs along the strongest image
gradient is its outline, as in geodesic active contours (Caselles et al. 1997); a prior keeps the
threshold near the calibrated one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from maskcast.engines.pixel.filters import Plane, blur, gradient
from maskcast.engines.pixel.learning.features import strips
from maskcast.types import Mask


@dataclass(frozen=True)
class SnappingConstants:
    """Fixed by hand, with ``benchmarks/accuracy.py`` on the measuring packs (docs/adr/0002).

    Attributes:
        step: logits between the level sets looked at.
        down: how far below the calibrated logit a threshold may move.
        up: how far above it.
        prior: standard deviation, in logits, of the distance from the calibrated threshold.
        edge_weight: of the logarithm of the edge along a level set, against that prior.
        shared: weight of the image's own edge profile in that of a component.
        limit: logits are clipped to this far from 0.
        margin: rows around a strip that its gradients depend on (at least the filters' radii).
    """

    step: float = 0.25
    down: float = 2.0
    up: float = 3.0
    prior: float = 1.5
    edge_weight: float = 3.0
    shared: float = 0.3
    limit: float = 8.0
    margin: int = 8


_FIXED = SnappingConstants()


def snap(logits: Plane, planes: Sequence[Plane], low: float) -> Mask:
    """Pixels above their component's threshold, bool (H, W).

    Args:
        logits: float32 (H, W).
        planes: the image's channels, float32, at least (H, W).
        low: calibrated threshold, a logit.
    """
    steps = round((_FIXED.down + _FIXED.up) / _FIXED.step) + 1
    levels = low - _FIXED.down + _FIXED.step * np.arange(steps, dtype=np.float64)
    count, labels = cv2.connectedComponents((logits > levels[0]).astype(np.uint8), connectivity=8)
    if count == 1:
        return np.zeros(logits.shape, np.bool_)
    edge, length = _profiles(logits, planes, np.asarray(labels, np.int32), count, levels)
    edge, length = _smoothed(edge), _smoothed(length)
    whole = edge.sum(axis=0) / np.maximum(length.sum(axis=0), 1e-6)
    weight = _FIXED.shared * length.max(axis=1, keepdims=True) + 1e-6
    strength = (edge + weight * whole) / (length + weight)
    prior = (levels - low) ** 2 / (2 * _FIXED.prior**2)
    best = np.argmax(_FIXED.edge_weight * np.log(strength + 1e-3) - prior, axis=1)
    thresholds = levels[best].astype(np.float32)
    return np.asarray((labels > 0) & (logits > thresholds[labels]))


def _profiles(
    logits: Plane,
    planes: Sequence[Plane],
    labels: npt.NDArray[np.int32],
    count: int,
    levels: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Per component and level: gradient across the level set summed along it, and its length.

    By the coarea formula both are sums over the pixels near the level, weighted with the slope of
    the logits.
    """
    height, width = logits.shape
    bins = len(levels)
    edge = np.zeros(count * bins)
    length = np.zeros(count * bins)
    for top, bottom in strips(height, width):
        start, stop = max(0, top - _FIXED.margin), min(height, bottom + _FIXED.margin)
        inner = slice(top - start, bottom - start)
        part = np.clip(logits[start:stop], -_FIXED.limit, _FIXED.limit)
        near = (labels[top:bottom] > 0) & (part[inner] < levels[-1] + _FIXED.step)
        if not near.any():
            continue
        slope, across = _across(part, [plane[start:stop, :width] for plane in planes])
        level = np.rint((part[inner][near] - levels[0]) / _FIXED.step).astype(np.intp)
        slot = labels[top:bottom][near] * bins + np.clip(level, 0, bins - 1)
        edge += np.bincount(slot, across[inner][near], count * bins)
        length += np.bincount(slot, slope[inner][near], count * bins)
    return edge.reshape(count, bins), length.reshape(count, bins)


def _across(logits: Plane, planes: Sequence[Plane]) -> tuple[Plane, Plane]:
    """Slope of the logits, and slope times the image gradient along it."""
    down_x, down_y = gradient(blur(logits, 1.0))
    slope = np.sqrt(down_x * down_x + down_y * down_y) + np.float32(1e-6)
    total = np.zeros_like(slope)
    for plane in planes:
        x, y = gradient(blur(plane, 1.0))
        total += (x * down_x + y * down_y) ** 2
    return slope, np.sqrt(total)


def _smoothed(profile: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Sums over five neighbouring levels."""
    padded = np.pad(profile, ((0, 0), (2, 2)))
    return np.asarray(sum(padded[:, i : i + profile.shape[1]] for i in range(5)))
