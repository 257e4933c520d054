"""Whether a picture is a mask with smoothed edges, a label map, or neither.

Label maps hold small numbers in flat regions. Masks are black and white, and many tools save them
with smoothed edges or as JPEG, so that every gray level would be read as an id; they are told by
where their gray is: in a thin line between black and white, each pixel between its neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from maskcast.types import Mask

Values = npt.NDArray[Any]
"""(H, W), whole numbers of any type."""


@dataclass(frozen=True)
class MaskSigns:
    """When gray pixels are the smoothed edge of a mask.

    Fixed by hand on masks that were drawn, blurred, scaled and saved as JPEG, on drawn label maps
    and on the pictures and masks of nine public sets.

    Attributes:
        white: share of full white that the brightest pixel has at least.
        loose: share of gray pixels in no 2 x 2 block of one value, above which they are no regions.
        between: share of gray pixels that lie between their neighbours, above which they are an
            edge.
        dark: share of the brightest value up to which a pixel is black.
        bright: share of the brightest value from which a pixel is white.
        clustered: share of pixels that are black or white, at least.
        gray: share of pixels that are neither exactly black nor the brightest, at most.
        reach: side of the square round the border of the mask that holds the gray pixels.
        near: share of gray pixels in it, at least.
        noise: how far the remains of JPEG are off black and white at most, of 255.
        lossy: share of pixels of a JPEG that are black or white, at least.
        levels: distinct values of a picture that is no label map, at least.
        mixed: share of pixels above 0 that touch another value above 0, above which these are no
            regions.
        settled: share of the pixels of a value that lie in 2 x 2 blocks of it, below which the
            value is no region.
        rough: share of values that are no regions, and of their pixels that touch other values
            above 0, at least, of a label map that was smoothed.
        span: share of full white that lies between the two levels of a mask without black, at
            least.
    """

    white: float = 0.875
    loose: float = 0.5
    between: float = 0.4
    dark: float = 0.2
    bright: float = 0.8
    clustered: float = 0.75
    gray: float = 0.25
    reach: int = 17
    near: float = 0.9
    noise: int = 24
    lossy: float = 0.9
    levels: int = 8
    mixed: float = 0.75
    settled: float = 0.1
    rough: float = 0.5
    span: float = 0.5


SIGNS = MaskSigns()

_SQUARE = np.ones((3, 3), np.uint8)
_PAIR = np.ones((2, 2), np.uint8)

WHITE = 255
DEEP_WHITE = 65535
"""White where a pixel has more than 8 bits."""


def white_of(value: int) -> int:
    """What is white in a picture whose highest value is this."""
    return DEEP_WHITE if value > WHITE else WHITE


def _compact(values: Values) -> Values:
    """The values in the smallest type that OpenCV can compare neighbours in."""
    top = int(values.max())
    if values.dtype == np.uint8 or (values.min() >= 0 and top <= WHITE):
        return values.astype(np.uint8, copy=False)
    return values.astype(np.uint16 if values.min() >= 0 and top <= DEEP_WHITE else np.float32)


def levels(values: Values) -> list[int]:
    """The distinct values, ascending."""
    if values.dtype in (np.uint8, np.uint16):
        return np.flatnonzero(np.bincount(values.ravel(), minlength=1)).tolist()
    return [int(value) for value in np.unique(values)]


def is_picture(values: Values) -> bool:
    """Whether values above 0 are no regions, but differ from pixel to pixel."""
    if len(levels(values)) < SIGNS.levels:
        return False
    shown = _compact(values)
    on = shown > 0
    mixed = on & (cv2.dilate(shown, _SQUARE) != shown)
    highest = np.inf if shown.dtype.kind == "f" else np.iinfo(shown.dtype).max
    mixed |= on & (cv2.erode(np.where(on, shown, shown.dtype.type(highest)), _SQUARE) != shown)
    if np.count_nonzero(mixed) >= SIGNS.mixed * np.count_nonzero(on):
        return True
    return _is_rough(shown, mixed) or all(_edge_signs(values))


def _is_rough(shown: Values, mixed: Mask) -> bool:
    """Whether many values occur only where others meet, as in a label map that was smoothed."""
    if shown.dtype.kind == "f":
        return False
    counts = np.bincount(shown.ravel())
    flat = np.bincount(shown[_settled(shown)], minlength=len(counts))
    is_rough = (counts > 0) & (flat < SIGNS.settled * counts)
    is_rough[0] = False
    number = np.count_nonzero(is_rough)
    if number < max(SIGNS.levels, SIGNS.rough * np.count_nonzero(counts[1:])):
        return False
    rough = is_rough[shown]
    return bool(np.count_nonzero(rough & mixed) >= SIGNS.rough * np.count_nonzero(rough))


def lifted_levels(values: Values) -> tuple[int, int] | None:
    """Black and white of a mask whose black is not 0, as scans and wrong scalings have it.

    Returns:
        None if it is no such mask.
    """
    present = levels(values)
    low, high = present[0], present[-1]
    full = white_of(high)
    if low <= 0 or high > DEEP_WHITE or high - low < SIGNS.span * full:
        return None
    if len(present) == 2:
        return None if high == full else (low, high)  # white beside a number is its border
    stretched = np.rint((values.astype(np.float64) - low) * (full / (high - low)))
    return (low, high) if is_smoothed_mask(stretched.astype(np.int64)) else None


def is_smoothed_mask(values: Values) -> bool:
    """Whether this is black and white with a thin edge of gray between them."""
    top = int(values.max())
    full = white_of(top)
    if top < SIGNS.white * full or top > DEEP_WHITE:
        return False
    is_loose, is_edge = _edge_signs(values)
    return is_loose and (is_edge or _is_noise(values, top)) and _is_black_and_white(values, top)


def _edge_signs(values: Values) -> tuple[bool, bool]:
    """Two signs of the pixels that are neither 0 nor the highest.

    Returns:
        Whether they are no regions, and whether they lie between their neighbours.
    """
    shown = _compact(values)
    inner = (values > 0) & (values < values.max())
    count = int(np.count_nonzero(inner))
    if count == 0:
        return False, False
    slope = (cv2.erode(shown, _SQUARE) < shown) & (shown < cv2.dilate(shown, _SQUARE))
    between = np.count_nonzero(inner & slope) / count
    loose = np.count_nonzero(inner & ~_settled(shown)) / count
    return bool(loose >= SIGNS.loose), bool(between >= SIGNS.between)


def _settled(shown: Values) -> Mask:
    """Pixels in any 2 x 2 block of one value, bool (H, W)."""
    blocks = (cv2.erode(shown, _PAIR) == cv2.dilate(shown, _PAIR)).astype(np.uint8)
    return np.asarray(cv2.dilate(blocks, _PAIR, anchor=(0, 0)) > 0)


def share_between(values: Values, low: int, high: int) -> float:
    """Share of pixels that are clearly neither black nor white."""
    span = high - low
    between = (values > low + SIGNS.dark * span) & (values < low + SIGNS.bright * span)
    return float(np.mean(between))


def is_lossy_mask(values: Values) -> bool:
    """Whether a picture of 8 bits that was saved as JPEG is black and white but for its remains."""
    top = int(values.max())
    outside = (values <= SIGNS.dark * top) | (values >= SIGNS.bright * top)
    return bool(top >= SIGNS.white * WHITE and np.mean(outside) >= SIGNS.lossy)


def _is_noise(values: Values, top: int) -> bool:
    """Whether what is neither black nor white is the remains of JPEG: almost as its surroundings.

    The number of a thin object in a border of 255 is far from them.
    """
    off = np.minimum(values, top - values.astype(np.int64))
    if off.max() > SIGNS.noise:
        return False
    white = np.asarray(values > top / 2, np.float32)
    inner = (values > 0) & (values < top)
    alike = (cv2.blur(white, (3, 3)) > 0.5) == (white > 0)
    return bool(np.count_nonzero(inner & alike) >= SIGNS.near * np.count_nonzero(inner))


def _is_black_and_white(values: Values, top: int) -> bool:
    """Whether all but a thin edge between them is black or white."""
    inner = (values > 0) & (values < top)
    clustered = np.mean((values <= SIGNS.dark * top) | (values >= SIGNS.bright * top))
    if clustered < SIGNS.clustered or np.mean(inner) > SIGNS.gray:
        return False
    white = np.asarray(values > top / 2, np.uint8)
    around = np.ones((SIGNS.reach, SIGNS.reach), np.uint8)
    edge = cv2.dilate(white, around) > cv2.erode(white, around)
    return bool(np.count_nonzero(inner & edge) >= SIGNS.near * np.count_nonzero(inner))
