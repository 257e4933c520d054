"""Shapes that tools draw beside masks and outlines, and that must lie on the picture."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from maskcast.errors import AnnotationError
from maskcast.types import Mask, Prompts


def box_prompts(box: Iterable[float], size: tuple[int, int], place: str) -> Prompts:
    """Prompts of one box, cut at the border of the picture.

    Args:
        box: ``xmin, ymin, xmax, ymax`` in pixel edges.
        size: (height, width) of the picture.
        place: file and place in it, for the error.

    Raises:
        AnnotationError: if the box holds no pixel of the picture.
    """
    given = [float(edge) for edge in box]
    edges = np.clip(given, 0, [size[1], size[0]] * 2).astype(np.float32)
    if not (edges[0] < edges[2] and edges[1] < edges[3]):
        raise AnnotationError(
            f"{place}: the box {_some(given)} holds no pixel of a picture of {size[1]} x "
            f"{size[0]}; correct or remove it"
        )
    return Prompts(box=edges)


def point_prompts(points: npt.ArrayLike, size: tuple[int, int], place: str) -> Prompts:
    """Prompts of points on the object.

    Args:
        points: (N, 2) ``x, y``.
        size: (height, width) of the picture.
        place: file and place in it, for the error.

    Raises:
        AnnotationError: if a point is not on the picture.
    """
    given = np.asarray(points, np.float64).reshape(-1, 2)
    for point in given[~((given >= 0) & (given <= (size[1], size[0]))).all(axis=1)]:
        raise AnnotationError(
            f"{place}: the point {_some(point)} is not on a picture of {size[1]} x {size[0]}; "
            "correct or remove it"
        )
    return Prompts(points=given.astype(np.float32), point_labels=np.ones(len(given), np.bool_))


def ellipse_mask(
    center: tuple[float, float], radii: tuple[float, float], size: tuple[int, int], place: str
) -> Mask:
    """The pixels whose middle is in an upright ellipse.

    Args:
        center: x and y, pixels.
        radii: along x and y, pixels.
        size: (height, width) of the picture.
        place: file and place in it, for the error.

    Returns:
        bool (H, W).

    Raises:
        AnnotationError: if a radius is not above 0.
    """
    if min(radii) <= 0:
        raise AnnotationError(f"{place}: expected radii above 0, got {_some(radii)}; correct it")
    rows, columns = np.ogrid[: size[0], : size[1]]
    across = (columns + 0.5 - center[0]) / radii[0]
    down = (rows + 0.5 - center[1]) / radii[1]
    return np.asarray(across**2 + down**2 <= 1)


def _some(numbers: Iterable[float]) -> str:
    return "(" + ", ".join(f"{number:.6g}" for number in numbers) + ")"
