"""Shapes as other tools draw them, as areas of a picture or as prompts.

What sticks out of the picture is cut off; what holds no pixel of it is a misfit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import cos, radians, sin

import numpy as np
import numpy.typing as npt

from maskcast.interchange.reading.areas import Area
from maskcast.interchange.reading.left_out import Kind, MisfitError
from maskcast.interchange.reading.numbers import some
from maskcast.polygons import Ring, fill_window
from maskcast.types import Mask, Prompts

Size = tuple[int, int]
"""(height, width) of a picture."""

_ROUNDING = 1e-3
"""How far a share of a picture, written with a few digits, may lie from the pixel edge it was."""


def box_prompts(box: Iterable[float], size: Size, place: str) -> Prompts:
    """Prompts of one upright box, cut at the border of the picture.

    Args:
        box: ``xmin, ymin, xmax, ymax`` in pixel edges.
        size: of the picture.
        place: file and place in it, for the sentence.

    Raises:
        MisfitError: if the box is turned inside out or holds no pixel of the picture.
    """
    given = [float(edge) for edge in box]
    _check_box(given, place)
    edges = np.clip(given, 0, [size[1], size[0]] * 2).astype(np.float32)
    if not (edges[0] < edges[2] and edges[1] < edges[3]):
        raise MisfitError(
            Kind.EMPTY,
            f"{place}: box {some(given)}",
            f"{place}: the box {some(given)} holds no pixel of a picture of {size[1]} x "
            f"{size[0]}; correct or remove it",
        )
    return Prompts(box=edges)


def point_prompts(points: npt.ArrayLike, size: Size, place: str) -> Prompts:
    """Prompts of points on the object.

    Args:
        points: (N, 2) ``x, y``.
        size: of the picture.
        place: file and place in it, for the sentence.

    Raises:
        MisfitError: if a point is not on the picture.
    """
    given = np.asarray(points, np.float64).reshape(-1, 2)
    for point in given[~((given >= 0) & (given <= (size[1], size[0]))).all(axis=1)]:
        raise MisfitError(
            Kind.EMPTY,
            f"{place}: point {some(point)}",
            f"{place}: the point {some(point)} is not on a picture of {size[1]} x {size[0]}; "
            "correct or remove it",
        )
    return Prompts(points=given.astype(np.float32), point_labels=np.ones(len(given), np.bool_))


def ring_area(rings: Sequence[npt.ArrayLike], size: Size, place: str) -> Area:
    """The pixels inside any of the rings; those of fewer than three corners hold none.

    Args:
        rings: corners ``x, y`` in pixel edges, (N, 2) each.
        size: of the picture.
        place: file and place in it, for the sentence.

    Raises:
        MisfitError: if no ring has three corners, or no pixel is inside any.
    """
    return outline_area([[ring] for ring in rings], size, place)


def outline_area(polygons: Sequence[Sequence[npt.ArrayLike]], size: Size, place: str) -> Area:
    """The pixels inside any of the polygons.

    Args:
        polygons: rings each, corners ``x, y`` in pixel edges (N, 2); of one polygon a pixel is
            inside if it is inside an odd number of its rings, so those in others are holes.
        size: of the picture.
        place: file and place in it, for the sentence.

    Raises:
        MisfitError: if no ring has three corners, or no pixel is inside any.
    """
    given = [[np.asarray(ring, np.float64).reshape(-1, 2) for ring in rings] for rings in polygons]
    usable = [[ring for ring in rings if len(ring) >= 3] for rings in given]
    if not any(usable):
        most = max((len(ring) for rings in given for ring in rings), default=0)
        raise MisfitError(
            Kind.CORNERS,
            place,
            f"{place}: expected x and y of at least three corners, got {most}; correct or remove "
            "it",
        )
    windows = [fill_window(rings, size) for rings in usable]
    areas = [Area.of_patch(window, corner, size) for window, corner in windows]
    return _shown(Area.joined(areas, size), place)


def share_ring(corners: npt.ArrayLike, size: Size) -> Ring:
    """Corners in pixels, of shares (0..1) of width and height that were rounded when written."""
    ring = np.asarray(corners, np.float64).reshape(-1, 2) * (size[1], size[0])
    nearest = np.rint(ring)
    return np.where(np.abs(ring - nearest) < _ROUNDING, nearest, ring)


def turned_box(
    box: Sequence[float], degrees: float, place: str, about: tuple[float, float] | None = None
) -> list[tuple[float, float]]:
    """The corners of a turned box.

    Args:
        box: ``xmin, ymin, xmax, ymax`` before it was turned.
        degrees: clockwise as a person sees it.
        place: file and place in it, for the sentence.
        about: x and y of the point it was turned about; None = its middle.

    Raises:
        MisfitError: if the box is turned inside out.
    """
    _check_box(box, place)
    xmin, ymin, xmax, ymax = box
    x0, y0 = about or ((xmin + xmax) / 2, (ymin + ymax) / 2)
    right, down = cos(radians(degrees)), sin(radians(degrees))
    upright = ((xmin, ymin), (xmax, ymin), (xmax, ymax), (xmin, ymax))
    return [
        (x0 + (x - x0) * right - (y - y0) * down, y0 + (x - x0) * down + (y - y0) * right)
        for x, y in upright
    ]


def ellipse_area(
    center: tuple[float, float],
    radii: tuple[float, float],
    size: Size,
    place: str,
    degrees: float = 0.0,
) -> Area:
    """The pixels whose middle is in an ellipse.

    Args:
        center: x and y, pixels.
        radii: along x and y before it was turned, pixels.
        size: of the picture.
        place: file and place in it, for the sentence.
        degrees: how far it is turned about its center, clockwise as a person sees it.

    Raises:
        MisfitError: if a radius is not above 0, or the ellipse holds no pixel of the picture.
    """
    if not min(radii) > 0:
        kind = Kind.EMPTY if min(radii) == 0 else Kind.NUMBER
        raise MisfitError(
            kind,
            f"{place}: radii {some(radii)}",
            f"{place}: expected radii above 0, got {some(radii)}; correct it",
        )
    right, down = cos(radians(degrees)), sin(radians(degrees))
    reach = (float(np.hypot(radii[0] * right, radii[1] * down)),
             float(np.hypot(radii[0] * down, radii[1] * right)))  # fmt: skip
    left, right_edge = _window(center[0], reach[0], size[1])
    top, bottom = _window(center[1], reach[1], size[0])
    x = np.arange(left, right_edge)[None] + 0.5 - center[0]
    y = np.arange(top, bottom)[:, None] + 0.5 - center[1]
    along, across = x * right + y * down, y * right - x * down
    inside = np.asarray((along / radii[0]) ** 2 + (across / radii[1]) ** 2 <= 1)
    return _shown(Area.of_patch(inside, (left, top), size), place)


def placed_area(patch: Mask, corner: tuple[int, int], size: Size, place: str) -> Area:
    """The pixels of a mask that was cut out of a picture, and may stick out of it.

    Args:
        patch: bool (h, w).
        corner: (x, y) of its top left pixel.
        size: of the picture.
        place: file and place in it, for the sentence.

    Raises:
        MisfitError: if no pixel of it is on the picture.
    """
    x, y = corner
    left, top = max(0, -x), max(0, -y)
    right, bottom = min(patch.shape[1], size[1] - x), min(patch.shape[0], size[0] - y)
    if left >= right or top >= bottom:
        return _shown(Area.joined([], size), place)
    inside = patch[top:bottom, left:right]
    return _shown(Area.of_patch(inside, (x + left, y + top), size), place)


def shown_area(area: Area, place: str) -> Area:
    """The area itself.

    Raises:
        MisfitError: if it holds no pixel.
    """
    return _shown(area, place)


def _shown(area: Area, place: str) -> Area:
    if area.is_empty:
        raise MisfitError(
            Kind.EMPTY,
            place,
            f"{place}: it holds no pixel of a picture of {area.size[1]} x {area.size[0]}; "
            "correct or remove it",
        )
    return area


def _check_box(box: Sequence[float], place: str) -> None:
    if box[2] < box[0] or box[3] < box[1]:
        raise MisfitError(
            Kind.NUMBER,
            f"{place}: box {some(box)}",
            f"{place}: the box {some(box)} has a negative size; correct or remove it",
        )


def _window(middle: float, reach: float, length: int) -> tuple[int, int]:
    """First pixel and the one after the last, of those that an ellipse may reach."""
    low, high = np.clip([np.floor(middle - reach), np.ceil(middle + reach)], 0, length)
    return int(low), int(max(low, high))
