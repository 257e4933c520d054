"""Masks as polygons and back, without losing a pixel.

A polygon runs along the edges of pixels, so its corners are whole numbers, and a pixel belongs to
it if the pixel's middle does (even-odd rule). ``fill_rings`` of ``trace_parts`` is therefore the
mask itself. OpenCV's contours run through the middles of the border pixels instead: one-pixel
objects have no area there, and every object shrinks by half a pixel on each side when scaled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from maskcast.masks import bounding_box, cut_labels
from maskcast.types import Mask

_MOST_CROSSINGS = 1 << 20

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


def trace_simple_parts(mask: Mask) -> list[Part]:
    """The outlines of the 4-connected regions of a bool (H, W) mask, top to bottom.

    No ring touches itself, two of them touch in single points at most, and the inside of each part
    is one piece, as the Simple Features of OGC want polygons and GeoJSON's readers with them.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=4)
    if count <= 2:
        return trace_parts(mask)
    parts = []
    for region in cut_labels(np.asarray(labels), np.asarray(stats[1:, :4], np.int32), (0, 0)):
        corner = np.array(region.box[:2])
        (part,) = trace_parts(region.pixels)
        parts.append(Part(part.outer + corner, tuple(hole + corner for hole in part.holes)))
    return parts


def fill_rings(rings: Iterable[Ring], shape: tuple[int, int]) -> Mask:
    """The pixels whose middle is inside an odd number of rings.

    Args:
        rings: corners in pixel edges, anywhere; what is outside the image is cut off.
        shape: (H, W).

    Returns:
        bool (H, W). Of two rings that share an edge, each pixel falls into exactly one.
    """
    filled = np.zeros(shape, np.bool_)
    window, (x, y) = fill_window(rings, shape)
    filled[y : y + window.shape[0], x : x + window.shape[1]] = window
    return filled


def fill_window(rings: Iterable[Ring], shape: tuple[int, int]) -> tuple[Mask, tuple[int, int]]:
    """``fill_rings``, but only the part of the image that the rings reach.

    Returns:
        bool (h, w), and (x, y) of its top left pixel in the image.
    """
    corners = [np.asarray(ring, np.float64) for ring in rings if len(ring)]
    if not corners:
        return np.zeros((0, 0), np.bool_), (0, 0)
    every = np.concatenate(corners)
    size = np.array(shape[::-1])
    xmin, ymin = np.clip(np.floor(every.min(axis=0)), 0, size).astype(np.int64).tolist()
    xmax, ymax = np.clip(np.ceil(every.max(axis=0)), 0, size).astype(np.int64).tolist()
    moved = [ring - (xmin, ymin) for ring in corners]
    return _fill(moved, (ymax - ymin, xmax - xmin)), (xmin, ymin)


def _fill(rings: Iterable[Ring], shape: tuple[int, int]) -> Mask:
    height, width = shape
    toggles = np.zeros((height, width + 1), np.uint8)
    for start in rings:
        end = np.roll(start, -1, axis=0)
        low, high = np.minimum(start[:, 1], end[:, 1]), np.maximum(start[:, 1], end[:, 1])
        first = np.clip(np.ceil(low - 0.5), 0, height).astype(np.int64)
        count = np.clip(np.ceil(high - 0.5), 0, height).astype(np.int64) - first
        for block in _blocks(count):
            edges = np.repeat(np.arange(len(start))[block], count[block])
            begins = np.repeat(np.cumsum(count[block]) - count[block], count[block])
            rows = first[edges] + np.arange(len(edges)) - begins
            rise = end[edges, 1] - start[edges, 1]
            slope = (end[edges, 0] - start[edges, 0]) / rise
            crossing = start[edges, 0] + (rows + 0.5 - start[edges, 1]) * slope
            columns = np.clip(np.ceil(crossing - 0.5), 0, width).astype(np.int64)
            np.add.at(toggles, (rows, columns), np.uint8(1))  # wraps at 256, which is even
    return np.bitwise_xor.accumulate(toggles[:, :width] & 1, axis=1).view(np.bool_)


def _blocks(count: npt.NDArray[np.int64]) -> Iterator[slice]:
    """Edges in blocks that cross about ``_MOST_CROSSINGS`` rows together, to bound the memory."""
    numbers = np.cumsum(count) // _MOST_CROSSINGS
    begins = np.flatnonzero(np.diff(numbers, prepend=-1)).tolist()
    for begin, end in pairwise([*begins, len(count)]):
        yield slice(begin, end)


def bridge_holes(part: Part) -> Ring:
    """One ring for a part with holes, for formats that know no holes.

    Each hole is joined to what lies above it by a cut of no width, so ``fill_rings`` gives the
    same pixels. Readers that colour every pixel a line touches show the cuts.
    """
    if not part.holes:
        return part.outer
    tops = [int(np.argmin(hole[:, 1])) for hole in part.holes]
    holes = (np.roll(hole, -top, axis=0) for hole, top in zip(part.holes, tops, strict=True))
    rings = [part.outer, *holes]
    joints: list[list[_Joint]] = [[] for _ in rings]
    for owner, joint in _joints(rings):
        joints[owner].append(joint)
    closed = [part.outer, *(np.concatenate([ring, ring[:1]]) for ring in rings[1:])]
    pieces = [_pieces(ring, joined) for ring, joined in zip(closed, joints, strict=True)]
    return np.concatenate(list(_walk(pieces)))


@dataclass(frozen=True)
class _Joint:
    """Where a hole is joined to another ring.

    Attributes:
        hole: its number among the rings.
        edge: number of the corner of the other ring after which it is put.
        landing: float64 (2,), the point on that edge.
    """

    hole: int
    edge: int
    landing: npt.NDArray[np.float64]


def _joints(rings: Sequence[Ring]) -> Iterator[tuple[int, _Joint]]:
    """The ring above each hole, and the joint on it; rings after the first begin at their top."""
    begin, end = np.concatenate(rings), np.concatenate([np.roll(ring, -1, 0) for ring in rings])
    owner = np.repeat(np.arange(len(rings)), [len(ring) for ring in rings])
    corner = np.concatenate([np.arange(len(ring)) for ring in rings])
    low, high = np.minimum(begin[:, 0], end[:, 0]), np.maximum(begin[:, 0], end[:, 0])
    # Edges by the columns they pass, so that each hole looks at those of one column only.
    first = np.floor(low).astype(np.int64)
    count = np.where(low < high, np.floor(high).astype(np.int64) - first + 1, 0)
    edges = np.repeat(np.arange(len(begin)), count)
    columns = first[edges] + np.arange(len(edges)) - np.repeat(np.cumsum(count) - count, count)
    order = np.argsort(columns, kind="stable")
    edges, columns = edges[order], columns[order]
    for number, ring in enumerate(rings[1:], 1):
        x, y = ring[0]
        left, right = np.searchsorted(columns, [np.floor(x), np.floor(x) + 1])
        near = edges[left:right]
        near = near[(low[near] <= x) & (x <= high[near])]
        share = (x - begin[near, 0]) / (end[near, 0] - begin[near, 0])
        height = begin[near, 1] + share * (end[near, 1] - begin[near, 1])
        above = np.flatnonzero(height < y)
        if above.size:
            at = above[np.argmax(height[above])]
            edge, landing = int(near[at]), np.array([x, height[at]])
        else:  # outlines with corners left out may cross
            edge = int(np.argmin(np.square(rings[0] - ring[0]).sum(axis=1)))
            landing = rings[0][edge]
        yield int(owner[edge]), _Joint(number, int(corner[edge]), landing)


def _pieces(ring: Ring, joints: Sequence[_Joint]) -> list[Ring | int]:
    """A ring in pieces, and between them the numbers of the holes that are joined to it."""

    def along(joint: _Joint) -> tuple[int, float]:
        return joint.edge, float(np.square(joint.landing - ring[joint.edge]).sum())

    pieces: list[Ring | int] = []
    done = 0
    for joint in sorted(joints, key=along):
        landing = joint.landing[None]
        pieces += [ring[done : joint.edge + 1], landing, joint.hole, landing]
        done = joint.edge + 1
    return [*pieces, ring[done:]]


def _walk(pieces: Sequence[Sequence[Ring | int]]) -> Iterator[Ring]:
    """The pieces of the first ring, and of each hole where it is joined."""
    under_way = [iter(pieces[0])]
    while under_way:
        piece = next(under_way[-1], None)
        if piece is None:
            under_way.pop()
        elif isinstance(piece, int):
            under_way.append(iter(pieces[piece]))
        else:
            yield piece


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
