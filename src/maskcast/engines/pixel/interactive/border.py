"""From the small frame back to the image: where exactly the border runs.

Near the border of the enlarged mask every pixel of the image is decided anew: it belongs to the
side whose local mean it is nearer to (two region means in a sliding window, as in the localised
form of Chan and Vese's model; Lankton and Tannenbaum 2008), seen along the one direction in colour
that tells the two sides apart best (Fisher 1936). Means are kept at the frame's resolution, so the
cost is a few passes over the window. Thin parts, which a coarse frame draws too wide, may only get
thinner.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from maskcast.engines.pixel.filters import SQUARE_3, Plane, as_plane, enlarge, shrink
from maskcast.engines.pixel.interactive.frame import Frame
from maskcast.masks import Box
from maskcast.types import Mask, RgbImage


@dataclass(frozen=True)
class BorderConstants:
    """Fixed by hand, with ``benchmarks/interactive.py`` on the measuring packs (docs/adr/0003).

    Attributes:
        radius: of the sliding window of the local means, in pixels of the frame.
        rounds: of placing the border and taking the means again.
        reach: pixels to each side of the border that say which colour tells the sides apart.
        noise: added to the variances of the colours.
        least_pixels: that a side must have to be judged.
        least_contrast: difference of the sides, in deviations, below which the frame knew better.
        least_share: of the window that a side must fill to have a mean.
        core_depth: pixels of the frame that a core lies deep; thin parts have none.
        least_left: share of a settled region that must stay as it was.
    """

    radius: int = 5
    rounds: int = 2
    reach: int = 4
    noise: float = 4.0
    least_pixels: int = 4
    least_contrast: float = 1.0
    least_share: float = 1e-3
    core_depth: int = 2
    least_left: float = 0.5


_FIXED = BorderConstants()


def move(plane: Plane, window: Box, to_window: Box, to_shape: tuple[int, int]) -> Plane:
    """Resample a plane of one window for the frame of another, 0 where it says nothing.

    Args:
        plane: float32 (h, w).
        window: what it covers, in image pixels.
        to_window: what the result covers.
        to_shape: rows and columns of the result.
    """
    height, width = plane.shape
    x0, y0, x1, y1 = window
    u0, v0, u1, v1 = to_window
    across = (u1 - u0) / to_shape[1] * width / (x1 - x0)
    down = (v1 - v0) / to_shape[0] * height / (y1 - y0)
    shift_x = (u0 - x0) * width / (x1 - x0) + across / 2 - 0.5
    shift_y = (v0 - y0) * height / (y1 - y0) + down / 2 - 0.5
    return as_plane(
        cv2.warpAffine(
            plane,
            np.array([[across, 0, shift_x], [0, down, shift_y]]),
            to_shape[::-1],
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        )
    )


def place_border(pixels: RgbImage, mask: Mask, settled: Mask, frame: Frame) -> Mask:
    """Enlarge a mask of a frame to the frame's window, bool (H, W).

    Args:
        pixels: uint8 (H, W, 3), the window of the image.
        mask: bool (h, w).
        settled: bool (h, w), regions that clicks have put right; none of them is undone here.
        frame: of the window.
    """
    height, width = pixels.shape[:2]
    if mask.shape == (height, width):
        return mask
    plain = enlarge(mask.astype(np.float32), (height, width)) > 0.5
    color = _telling_color(frame.pixels, mask)
    if color is None:
        return plain
    placed = plain.copy()
    small, large = _project(frame.pixels, color), _soften(_project(pixels, color))
    zone = cv2.resize(_border_zone(mask), (width, height), interpolation=cv2.INTER_NEAREST)
    near = zone.astype(np.bool_)
    share = mask.astype(np.float32)
    inside = small * share
    for _ in range(_FIXED.rounds):
        halfway = _halfway(small, share, inside)
        np.copyto(placed, large > enlarge(halfway, (height, width)), where=near)
        share = shrink(placed.astype(np.float32), mask.shape)
        inside = shrink(large * placed, mask.shape)
    undone = _undone(mask, settled, share).view(np.uint8)
    if undone.any():
        there = cv2.resize(undone, (width, height), interpolation=cv2.INTER_NEAREST)
        np.copyto(placed, plain, where=there.astype(np.bool_))
    return placed


def _undone(mask: Mask, settled: Mask, share: Plane) -> Mask:
    """The settled regions, bool (h, w), of which too little is left as it was.

    Args:
        mask: bool (h, w), as it was.
        settled: bool (h, w).
        share: float32 (h, w), how much of each pixel is inside now.
    """
    count, labels = cv2.connectedComponents(settled.view(np.uint8), connectivity=8)
    kept = np.abs(share - mask) < 0.5
    left = np.bincount(labels.ravel(), weights=kept.ravel(), minlength=count)
    lost = left < _FIXED.least_left * np.bincount(labels.ravel(), minlength=count)
    lost[0] = False
    return np.asarray(lost[labels], np.bool_)


def _halfway(values: Plane, share: Plane, inside: Plane) -> Plane:
    """The value between the local means of the inside and the outside.

    Args:
        values: float32 (h, w), mean value of each pixel of the frame.
        share: float32 (h, w), how much of it is inside.
        inside: float32 (h, w), mean of value times membership.
    """
    size = (2 * _FIXED.radius + 1, 2 * _FIXED.radius + 1)
    weight, total, everything = (cv2.blur(plane, size) for plane in (share, inside, values))
    mean_inside = total / np.maximum(weight, _FIXED.least_share)
    mean_outside = (everything - total) / np.maximum(1 - weight, _FIXED.least_share)
    halfway = (mean_inside + mean_outside) / 2
    return np.where(mean_inside > mean_outside, halfway, np.inf).astype(np.float32)


def _soften(plane: Plane) -> Plane:
    return as_plane(cv2.blur(plane, (3, 3)))


def _project(pixels: RgbImage, color: Plane) -> Plane:
    """Pixels along a colour direction, shifted and scaled to 0..255, float32."""
    size = np.abs(color).sum()
    shift = 255 * np.maximum(-color, 0).sum() / size
    matrix = np.append(color / size, shift)[None]
    return as_plane(cv2.transform(pixels, matrix.astype(np.float32)))


def _border_zone(mask: Mask) -> npt.NDArray[np.uint8]:
    """uint8 (h, w), 1 where the mask may change: near its border, not outside of thin parts."""
    bits = mask.view(np.uint8)
    core = cv2.erode(bits, SQUARE_3, iterations=_FIXED.core_depth)
    beside_core = cv2.dilate(core, SQUARE_3, iterations=_FIXED.core_depth + 1)
    allowed = cv2.bitwise_or(bits, cv2.bitwise_and(beside_core, cv2.dilate(bits, SQUARE_3)))
    return np.asarray(allowed - core, np.uint8)


def _telling_color(pixels: RgbImage, mask: Mask) -> Plane | None:
    """The direction in RGB that best tells the two sides of the border apart.

    None if they hardly differ, or one has too few pixels to say: then the frame knew better.
    """
    bits = mask.view(np.uint8)
    outer = cv2.dilate(bits, SQUARE_3, iterations=_FIXED.reach).astype(np.bool_)
    inner = cv2.erode(bits, SQUARE_3, iterations=_FIXED.reach).astype(np.bool_)
    sides = pixels[mask & ~inner], pixels[outer & ~mask]
    if min(len(side) for side in sides) < _FIXED.least_pixels:
        return None
    spread = np.cov(sides[0].T) + np.cov(sides[1].T) + _FIXED.noise * np.eye(3)
    apart = sides[0].mean(axis=0) - sides[1].mean(axis=0)
    direction = np.linalg.solve(spread, apart)
    contrast = float(np.sqrt(2 * max(0.0, apart @ direction)))
    if contrast < _FIXED.least_contrast:
        return None
    return np.asarray(direction / np.linalg.norm(direction), np.float32)
