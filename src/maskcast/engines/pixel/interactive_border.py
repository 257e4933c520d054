"""From the small frame back to the image: where exactly the border runs.

The fast guided filter (He and Sun 2015): a linear model from colour to mask is fitted in every
small neighbourhood of the frame, and its coefficients, enlarged, are applied to the pixels of the
image. So the border follows edges that the frame was too coarse to show.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from maskcast.engines.pixel.interactive_frame import Plane, Rect
from maskcast.types import Mask, RgbImage

_RADIUS = 2
_NOISE = 4.0
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


def place_border(pixels: RgbImage, mask: Mask) -> Mask:
    """Enlarge a mask of a frame to the frame's window.

    Args:
        pixels: uint8 (H, W, 3), the window of the image.
        mask: bool (h, w).
    """
    height, width = pixels.shape[:2]
    if mask.shape == (height, width):
        return mask
    soft = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    enlarged: npt.NDArray[np.bool_] = np.asarray(soft, np.float32) > 0.5
    return enlarged
