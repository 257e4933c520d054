"""Brush strokes as pixels: round, and continuous however fast the mouse moved.

Coordinates are pixels of the original image with pixel (row i, column j) covering ``[j, j+1) x
[i, i+1)``. A stroke covers every pixel whose centre is within the radius of the path, and the
pixel under each point of the path, so that even the finest brush leaves a mark.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from maskcast.types import Mask

Path = npt.NDArray[np.float32]
"""float32 (N, 2) ``x, y`` of a stroke, N at least 1."""

Window = tuple[slice, slice]
"""Rows and columns of a mask."""


def stroke_mask(path: Path, radius: float, shape: tuple[int, int]) -> Mask:
    """The pixels of a stroke.

    Args:
        path: float32 (N, 2) ``x, y``; may leave the image.
        radius: in pixels, above 0.
        shape: (H, W) of the image.

    Returns:
        bool (H, W).
    """
    mask = np.zeros(shape, np.bool_)
    stamp(mask, path[0], path[0], radius)
    for start, end in pairwise(path):
        stamp(mask, start, end, radius)
    return mask


def stamp(
    mask: Mask,
    start: npt.NDArray[np.float32],
    end: npt.NDArray[np.float32],
    radius: float,
) -> Window | None:
    """Set one straight piece of a stroke in ``mask``.

    Args:
        mask: bool (H, W), changed in place.
        start: float32 (2,) ``x, y``.
        end: float32 (2,) ``x, y``.
        radius: in pixels, above 0.

    Returns:
        Rows and columns that may have changed; None if the piece is outside the image.
    """
    height, width = mask.shape
    low = np.floor(np.minimum(start, end) - radius).astype(int)
    high = np.ceil(np.maximum(start, end) + radius).astype(int)
    x0, y0 = max(0, int(low[0])), max(0, int(low[1]))
    x1, y1 = min(width, int(high[0])), min(height, int(high[1]))
    if x0 >= x1 or y0 >= y1:
        return None
    rows, columns = slice(y0, y1), slice(x0, x1)
    mask[rows, columns] |= _near_piece(start, end, radius, (y0, x0), (y1 - y0, x1 - x0))
    for x, y in (start, end):
        if 0 <= x < width and 0 <= y < height:
            mask[int(y), int(x)] = True
    return rows, columns


def _near_piece(
    start: npt.NDArray[np.float32],
    end: npt.NDArray[np.float32],
    radius: float,
    corner: tuple[int, int],
    shape: tuple[int, int],
) -> Mask:
    """Pixels with their centre within ``radius`` of the line from ``start`` to ``end``."""
    x = np.arange(shape[1], dtype=np.float32) + np.float32(corner[1] + 0.5) - start[0]
    y = (np.arange(shape[0], dtype=np.float32) + np.float32(corner[0] + 0.5) - start[1])[:, None]
    along = end - start
    length = float(along @ along)
    part = np.clip((x * along[0] + y * along[1]) / length, 0, 1) if length else np.float32(0)
    near: Mask = (x - part * along[0]) ** 2 + (y - part * along[1]) ** 2 <= radius**2
    return near
