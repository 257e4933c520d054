"""Masks as polygons and back, without losing a pixel.

A polygon runs along the edges of pixels, so its corners are whole numbers, and a pixel belongs to
it if the pixel's middle does (even-odd rule). ``fill_rings`` of ``trace_parts`` is therefore the
mask itself. OpenCV's contours run through the middles of the border pixels instead: one-pixel
objects have no area there, and every object shrinks by half a pixel on each side when scaled.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from maskcast.masks import bounding_box
from maskcast.types import Mask

Ring = npt.NDArray[np.float64]
"""float64 (N, 2) ``x, y`` in pixel edges, N >= 3; the last corner is joined to the first."""


@dataclass(frozen=True, eq=False)
class Part:
    """One 8-connected region of a mask.

    Attributes:
        outer: the outline; it touches itself where pixels meet only at a corner.
        holes: outlines of the 4-connected holes in it.
    """

    outer: Ring
    holes: tuple[Ring, ...] = ()


def trace_parts(mask: Mask) -> list[Part]:
    """The outlines of a bool (H, W) mask, part by part, top to bottom."""
    box = bounding_box(mask)
    if box is None:
        return []
    xmin, ymin, xmax, ymax = box
    pixels = np.pad(mask[ymin:ymax, xmin:xmax], 1)
    _, labels = cv2.connectedComponents(pixels.view(np.uint8), connectivity=8)
    outers: dict[int, Ring] = {}
    holes: dict[int, list[Ring]] = {}
    for ring in _rings(pixels):
        x, y = ring[0]
        placed = ring + np.array([xmin - 1, ymin - 1])
        # The first corner is the topmost, then leftmost one: below it lies the part or the hole.
        if pixels[y, x]:
            outers[int(labels[y, x])] = placed.astype(np.float64)
        else:
            holes.setdefault(int(labels[y - 1, x]), []).append(placed.astype(np.float64))
    return [Part(outer, tuple(holes.get(label, ()))) for label, outer in outers.items()]


def fill_rings(rings: Iterable[Ring], shape: tuple[int, int]) -> Mask:
    """The pixels whose middle is inside an odd number of rings.

    Args:
        rings: corners in pixel edges, anywhere; what is outside the image is cut off.
        shape: (H, W).

    Returns:
        bool (H, W). Of two rings that share an edge, each pixel falls into exactly one.
    """
    filled = np.zeros(shape, np.bool_)
    corners = [np.asarray(ring, np.float64) for ring in rings if len(ring)]
    if corners:
        every = np.concatenate(corners)
        size = np.array(shape[::-1])
        xmin, ymin = np.clip(np.floor(every.min(axis=0)), 0, size).astype(np.int64)
        xmax, ymax = np.clip(np.ceil(every.max(axis=0)), 0, size).astype(np.int64)
        window = filled[ymin:ymax, xmin:xmax]
        window[:] = _fill([ring - (xmin, ymin) for ring in corners], window.shape)
    return filled


def _fill(rings: Iterable[Ring], shape: tuple[int, int]) -> Mask:
    height, width = shape
    toggles = np.zeros((height, width + 1), np.uint8)
    for start in rings:
        end = np.roll(start, -1, axis=0)
        low, high = np.minimum(start[:, 1], end[:, 1]), np.maximum(start[:, 1], end[:, 1])
        first = np.clip(np.ceil(low - 0.5), 0, height).astype(np.int64)
        count = np.clip(np.ceil(high - 0.5), 0, height).astype(np.int64) - first
        edges = np.repeat(np.arange(len(start)), count)
        begins = np.repeat(np.cumsum(count) - count, count)
        rows = first[edges] + np.arange(len(edges)) - begins
        rise = end[edges, 1] - start[edges, 1]
        slope = (end[edges, 0] - start[edges, 0]) / rise
        crossing = start[edges, 0] + (rows + 0.5 - start[edges, 1]) * slope
        columns = np.clip(np.ceil(crossing - 0.5), 0, width).astype(np.int64)
        np.add.at(toggles, (rows, columns), np.uint8(1))  # wraps at 256, which is even
    return np.bitwise_xor.accumulate(toggles[:, :width] & 1, axis=1).view(np.bool_)


def bridge_holes(part: Part) -> Ring:
    """One ring for a part with holes, for formats that know no holes.

    Each hole is joined to what lies above it by a cut of no width, so ``fill_rings`` gives the
    same pixels. Readers that colour every pixel a line touches show the cuts.
    """
    ring = part.outer
    for hole in sorted(part.holes, key=lambda one: (one[0, 1], one[0, 0])):
        x, y = hole[0]  # its topmost corner
        end = np.roll(ring, -1, axis=0)
        flat = ring[:, 1] == end[:, 1]
        spans = (np.minimum(ring[:, 0], end[:, 0]) <= x) & (x <= np.maximum(ring[:, 0], end[:, 0]))
        above = np.flatnonzero(flat & spans & (ring[:, 1] < y))
        at = int(above[np.argmax(ring[above, 1])])
        landing = np.array([[x, ring[at, 1]]])
        ring = np.concatenate([ring[: at + 1], landing, hole, hole[:1], landing, ring[at + 1 :]])
    return ring


def simplify_part(part: Part, tolerance: float) -> Part:
    """The part with corners left out that are within ``tolerance`` pixels of the new outline.

    Douglas and Peucker's way; a ring that would fall below three corners stays as it is.
    """
    if tolerance <= 0:
        return part
    return Part(
        _simplified(part.outer, tolerance),
        tuple(_simplified(hole, tolerance) for hole in part.holes),
    )


def _simplified(ring: Ring, tolerance: float) -> Ring:
    corners = ring.astype(np.float32)[:, None]
    fewer = cv2.approxPolyDP(corners, tolerance, closed=True)[:, 0]
    return np.asarray(fewer, np.float64) if len(fewer) >= 3 else ring


def _rings(pixels: Mask) -> list[npt.NDArray[np.int64]]:
    """Closed outlines, int64 (N, 2) each, starting at the topmost, then leftmost corner.

    Every corner ends one horizontal and one vertical edge. Along a row of corners the first and
    second bound an edge, the third and fourth and so on, and the same along a column. Where pixels
    meet only at a corner there are two corners in one place, ordered so that the region stays one.

    Args:
        pixels: bool (H, W) with an empty border.
    """
    above_left, above = pixels[:-1, :-1], pixels[:-1, 1:]
    left, here = pixels[1:, :-1], pixels[1:, 1:]
    odd = above_left ^ above ^ left ^ here
    falling = above_left & here & ~above & ~left
    rising = above & left & ~above_left & ~here
    rows, columns = np.nonzero(odd | falling | rising)
    copies = np.where(odd[rows, columns], 1, 2)
    y, x = np.repeat(rows, copies) + 1, np.repeat(columns, copies) + 1
    second = np.arange(len(y)) - np.repeat(np.cumsum(copies) - copies, copies)
    # Along the row the first copy ends the edge from the left. Along the column it ends the edge
    # from above where that keeps the region together, and begins the one below otherwise.
    swap = np.repeat(falling[rows, columns], copies)
    horizontal = np.arange(len(y))  # np.nonzero goes row by row
    vertical = np.lexsort((np.where(swap, 1 - second, second), y, x))
    beside, below = np.empty_like(horizontal), np.empty_like(horizontal)
    for order, partner in ((horizontal, beside), (vertical, below)):
        partner[order[0::2]], partner[order[1::2]] = order[1::2], order[0::2]
    corners = np.stack([x, y], axis=1)
    return [corners[loop] for loop in _loops(beside.tolist(), below.tolist())]


def _loops(beside: Sequence[int], below: Sequence[int]) -> list[list[int]]:
    """Walk along horizontal and vertical edges in turn until every corner has been passed."""
    passed = bytearray(len(beside))
    loops = []
    for start in range(len(beside)):
        if passed[start]:
            continue
        loop: list[int] = []
        corner = start
        while not passed[corner]:
            other = beside[corner]
            passed[corner] = passed[other] = 1
            loop += (corner, other)
            corner = below[other]
        loops.append(loop)
    return loops
