"""Moving each component's threshold to where the picture has an edge.

Logits fall off over several pixels at a boundary, and how fast differs between images (focus,
exposure, contrast), so one threshold for all makes masks of some images too small or too large.
Among the level sets of the logits around one component, the one that runs along the strongest image
gradient is its outline, as in geodesic active contours (Caselles et al. 1997); a prior keeps the
threshold near the calibrated one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

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
        fraction: what slopes and gradients are rounded to a multiple of before they are summed.
    """

    step: float = 0.25
    down: float = 2.0
    up: float = 3.0
    prior: float = 1.5
    edge_weight: float = 3.0
    shared: float = 0.3
    limit: float = 8.0
    margin: int = 8
    fraction: float = 2.0**-16


_FIXED = SnappingConstants()


def snap(logits: Plane, planes: Sequence[Plane], low: float) -> Mask:
    """Pixels above their component's threshold, bool (H, W).

    Args:
        logits: float32 (H, W).
        planes: the image's channels, float32, at least (H, W).
        low: calibrated threshold, a logit.
    """
    levels = levels_around(low)
    count, labels = cv2.connectedComponents((logits > levels[0]).astype(np.uint8), connectivity=8)
    if count == 1:
        return np.zeros(logits.shape, np.bool_)
    profiles = Profiles.empty(count, len(levels))
    height, width = logits.shape
    for top, bottom in strips(height, width):
        rows = around(top, bottom, height)
        part, inner = logits[rows], slice(top - rows.start, bottom - rows.start)
        given = partial(_rows_of, planes, rows, width)
        labeled = np.asarray(labels[top:bottom], np.int32)
        profiles.add(part, given, labeled, inner, levels)
    thresholds = profiles.thresholds(levels, low)
    return np.asarray((labels > 0) & (logits > thresholds[labels]))


def _rows_of(planes: Sequence[Plane], rows: slice, width: int) -> list[Plane]:
    return [plane[rows, :width] for plane in planes]


def levels_around(low: float) -> npt.NDArray[np.float64]:
    """The level sets that are looked at, ascending logits, float64 (L,)."""
    steps = round((_FIXED.down + _FIXED.up) / _FIXED.step) + 1
    return low - _FIXED.down + _FIXED.step * np.arange(steps, dtype=np.float64)


def around(top: int, bottom: int, height: int) -> slice:
    """The rows that gradients of rows ``top`` to ``bottom`` of a picture depend on."""
    return slice(max(0, top - _FIXED.margin), min(height, bottom + _FIXED.margin))


@dataclass(frozen=True)
class Profiles:
    """Per component and level: gradient across the level set summed along it, and its length.

    By the coarea formula both are sums over the pixels near the level, weighted with the slope of
    the logits. They are sums of whole numbers, the same in whatever order pixels come.

    Attributes:
        edge: float64 (components, levels), in steps of `SnappingConstants.fraction`.
        length: likewise.
    """

    edge: npt.NDArray[np.float64]
    length: npt.NDArray[np.float64]

    @classmethod
    def empty(cls, count: int, levels: int) -> Profiles:
        """Of ``count`` components, the background included, before anything is added."""
        return cls(np.zeros((count, levels)), np.zeros((count, levels)))

    def add(
        self,
        logits: Plane,
        planes: Callable[[], Sequence[Plane]],
        labels: npt.NDArray[np.int32],
        inner: slice,
        levels: npt.NDArray[np.float64],
    ) -> None:
        """Add some rows of a picture, of its whole width.

        Args:
            logits: float32 (rows, W), with `around` of them.
            planes: gives the picture's channels in the rows of ``logits``; asked where needed.
            labels: int32 (h, W), component of each pixel, 0 = none, of the rows themselves.
            inner: which rows of ``logits`` they are.
            levels: from `levels_around`.
        """
        part = np.clip(logits, -_FIXED.limit, _FIXED.limit)
        near = (labels > 0) & (part[inner] < levels[-1] + _FIXED.step)
        if not near.any():
            return
        slope, across = _across(part, planes())
        level = np.rint((part[inner][near] - levels[0]) / _FIXED.step).astype(np.intp)
        bins = len(levels)
        slot = labels[near].astype(np.intp) * bins + np.clip(level, 0, bins - 1)
        first, last = int(slot.min()) // bins, int(slot.max()) // bins + 1
        size = (last - first) * bins
        for values, total in ((across, self.edge), (slope, self.length)):
            steps = np.rint(values[inner][near].astype(np.float64) / _FIXED.fraction)
            counted = np.bincount(slot - first * bins, steps, size)
            total[first:last] += counted.reshape(-1, bins)

    def joined(self, into: npt.NDArray[np.intp], count: int) -> Profiles:
        """The sums of components that belong together.

        Args:
            into: int (components,), what each becomes.
            count: how many there are then.
        """
        sums = Profiles.empty(count, self.edge.shape[1])
        np.add.at(sums.edge, into, self.edge)
        np.add.at(sums.length, into, self.length)
        return sums

    def thresholds(self, levels: npt.NDArray[np.float64], low: float) -> npt.NDArray[np.float32]:
        """The logit that a pixel of each component must exceed, float32 (components,)."""
        edge, length = (_smoothed(sums) * _FIXED.fraction for sums in (self.edge, self.length))
        whole_edge, whole_length = (
            _smoothed(sums.sum(axis=0, keepdims=True)) * _FIXED.fraction
            for sums in (self.edge, self.length)
        )
        whole = whole_edge / np.maximum(whole_length, 1e-6)
        weight = _FIXED.shared * length.max(axis=1, keepdims=True) + 1e-6
        strength = (edge + weight * whole) / (length + weight)
        prior = (levels - low) ** 2 / (2 * _FIXED.prior**2)
        best = np.argmax(_FIXED.edge_weight * np.log(strength + 1e-3) - prior, axis=1)
        return np.asarray(levels[best], np.float32)


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
