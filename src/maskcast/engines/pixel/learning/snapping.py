"""Moving each component's threshold to where the picture has an edge.

Logits fall off over several pixels at a boundary, and how fast differs between images (focus,
exposure, contrast), so one threshold for all makes masks of some images too small or too large.
Among the level sets of the logits around one component, the one that runs along the strongest image
gradient is its outline, as in geodesic active contours (Caselles et al. 1997); a prior keeps the
threshold near the calibrated one.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from maskcast.engines.pixel.filters import Plane, blur, gradient
from maskcast.engines.pixel.learning.features import strips
from maskcast.types import Mask

_STEP = 0.25
_DOWN = 2.0
"""How far below the calibrated logit a threshold may move."""
_UP = 3.0
_PRIOR = 1.5
"""Standard deviation, in logits, of the distance from the calibrated threshold."""
_EDGE_WEIGHT = 3.0
_SHARED = 0.3
"""Weight of the image's own edge profile in that of a component."""
_LIMIT = 8.0
_MARGIN = 8


def snap(logits: Plane, planes: Sequence[Plane], low: float) -> Mask:
    """Pixels above their component's threshold, bool (H, W).

    Args:
        logits: float32 (H, W).
        planes: the image's channels, float32, at least (H, W).
        low: calibrated threshold, a logit.
    """
    levels = low - _DOWN + _STEP * np.arange(round((_DOWN + _UP) / _STEP) + 1, dtype=np.float64)
    count, labels = cv2.connectedComponents((logits > levels[0]).astype(np.uint8), connectivity=8)
    if count == 1:
        return np.zeros(logits.shape, np.bool_)
    edge, length = _profiles(logits, planes, np.asarray(labels, np.int32), count, levels)
    edge, length = _smoothed(edge), _smoothed(length)
    whole = edge.sum(axis=0) / np.maximum(length.sum(axis=0), 1e-6)
    weight = _SHARED * length.max(axis=1, keepdims=True) + 1e-6
    strength = (edge + weight * whole) / (length + weight)
    prior = (levels - low) ** 2 / (2 * _PRIOR**2)
    best = np.argmax(_EDGE_WEIGHT * np.log(strength + 1e-3) - prior, axis=1)
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
        start, stop = max(0, top - _MARGIN), min(height, bottom + _MARGIN)
        inner = slice(top - start, bottom - start)
        part = np.clip(logits[start:stop], -_LIMIT, _LIMIT)
        near = (labels[top:bottom] > 0) & (part[inner] < levels[-1] + _STEP)
        if not near.any():
            continue
        slope, across = _across(part, [plane[start:stop, :width] for plane in planes])
        level = np.rint((part[inner][near] - levels[0]) / _STEP).astype(np.intp)
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
