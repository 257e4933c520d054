"""From the small frame back to the image: where exactly the border runs.

The fast guided filter (He and Sun 2015): a linear model from colour to mask is fitted in every
small neighbourhood of the frame, and its coefficients, enlarged, are applied to the pixels of the
image. So the border follows edges that the frame was too coarse to show.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from maskcast.engines.pixel.interactive_frame import Frame, Plane, Rect
from maskcast.types import Mask, RgbImage

_RADIUS = 3
_REACH = 4
_NOISE = 4.0
_NOISE_SQUARED = 12.0
_LEAST_PIXELS = 4
_SQUARE = np.ones((3, 3), np.uint8)


def move(plane: Plane, window: Rect, to_window: Rect, to_shape: tuple[int, int]) -> Plane:
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
    return np.asarray(
        cv2.warpAffine(
            plane,
            np.array([[across, 0, shift_x], [0, down, shift_y]]),
            to_shape[::-1],
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        ),
        np.float32,
    )


def place_border(pixels: RgbImage, mask: Mask, frame: Frame) -> Mask:
    """Enlarge a mask of a frame to the frame's window, bool (H, W).

    The filtered mask and the plainly enlarged one have equal say, because people also draw borders
    where there is no edge; far from the border nothing changes.

    Args:
        pixels: uint8 (H, W, 3), the window of the image.
        mask: bool (h, w).
        frame: of the window.
    """
    height, width = pixels.shape[:2]
    if mask.shape == (height, width):
        return mask
    plain = _enlarge(mask.astype(np.float32), height, width)
    color = _telling_color(frame.pixels, mask)
    if color is None:
        return plain > 0.5
    slope, offset = _guided_filter(_project(frame.pixels, color), mask.astype(np.float32))
    filtered = _enlarge(slope, height, width)
    filtered *= _project(pixels, color)
    filtered += _enlarge(offset, height, width)
    filtered += plain
    near = cv2.resize(_border_zone(mask), (width, height), interpolation=cv2.INTER_NEAREST)
    placed = plain > 0.5
    np.copyto(placed, filtered > 1, where=near.astype(np.bool_))
    return placed


def _enlarge(plane: Plane, height: int, width: int) -> Plane:
    enlarged = cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(enlarged, np.float32)


def _project(pixels: RgbImage, color: Plane) -> Plane:
    """Pixels along a colour direction, shifted and scaled to 0..255, float32."""
    size = np.abs(color).sum()
    shift = 255 * np.maximum(-color, 0).sum() / size
    matrix = np.append(color / size, shift)[None]
    return np.asarray(cv2.transform(pixels, matrix.astype(np.float32)), np.float32)


def _border_zone(mask: Mask) -> npt.NDArray[np.uint8]:
    """uint8 (h, w), 1 near the border of a mask and 0 elsewhere."""
    bits = mask.view(np.uint8)
    return np.asarray(cv2.dilate(bits, _SQUARE) - cv2.erode(bits, _SQUARE), np.uint8)


def _telling_color(pixels: RgbImage, mask: Mask) -> Plane | None:
    """The direction in RGB that best tells the two sides of the border apart (Fisher 1936).

    None if one side has too few pixels to say.
    """
    bits = mask.view(np.uint8)
    outer = cv2.dilate(bits, _SQUARE, iterations=_REACH).astype(np.bool_)
    inner = cv2.erode(bits, _SQUARE, iterations=_REACH).astype(np.bool_)
    sides = pixels[mask & ~inner], pixels[outer & ~mask]
    if min(len(side) for side in sides) < _LEAST_PIXELS:
        return None
    spread = np.cov(sides[0].T) + np.cov(sides[1].T) + _NOISE * np.eye(3)
    direction = np.linalg.solve(spread, sides[0].mean(axis=0) - sides[1].mean(axis=0))
    length = float(np.linalg.norm(direction))
    return (direction / length).astype(np.float32) if length > 0 else None


def _guided_filter(guide: Plane, mask: Plane) -> tuple[Plane, Plane]:
    """Slope and offset of the local linear model of a mask by a guide, both (h, w)."""
    mean, mask_mean = _local_mean(guide), _local_mean(mask)
    together = _local_mean(guide * mask) - mean * mask_mean
    spread = _local_mean(guide * guide) - mean * mean + np.float32(_NOISE_SQUARED)
    slope = _plane(together / spread)
    return _local_mean(slope), _local_mean(_plane(mask_mean - slope * mean))


def _plane(array: object) -> Plane:
    return np.asarray(array, np.float32)


def _local_mean(plane: Plane) -> Plane:
    return np.asarray(cv2.blur(plane, (2 * _RADIUS + 1, 2 * _RADIUS + 1)), np.float32)
