"""Reading labelme's JSON files, and those of its relatives (X-AnyLabeling, AnyLabeling)."""

from __future__ import annotations

import base64
import binascii
import posixpath
from collections.abc import Iterator
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from maskcast.errors import AnnotationError
from maskcast.interchange.reading.areas import Area
from maskcast.interchange.reading.entries import (
    ANY_SUFFIX,
    Entry,
    ReadingOptions,
    Shape,
    Source,
)
from maskcast.interchange.reading.left_out import Kind, LeftOut, MisfitError
from maskcast.interchange.reading.numbers import declared_size, node_numbers
from maskcast.interchange.reading.shapes import (
    Size,
    box_prompts,
    ellipse_area,
    placed_area,
    point_prompts,
    ring_area,
)
from maskcast.interchange.reading.source_files import files_of, read_json_file
from maskcast.io.jsonfile import Node
from maskcast.types import Mask

_NOT_A_PNG = (binascii.Error, OSError, ValueError, SyntaxError, Image.DecompressionBombError)
_AREAS = frozenset({None, "mask", "polygon", "rectangle", "rotation", "circle", "point", "points"})
_Corners = list[tuple[float, float]]


def read_labelme(source: Path, _: ReadingOptions, left_out: LeftOut) -> Source:
    """Read a JSON file, or all those in a folder at any depth.

    Masks, polygons, circles and turned rectangles become masks, upright rectangles boxes, and
    points prompts.

    Raises:
        AnnotationError: if there is no file of labelme.
    """
    files = [source] if source.is_file() else files_of(source.rglob("*.json"))
    top = source.parent if source.is_file() else source
    if not files:
        raise AnnotationError(f"there is no labelme file in {source}; give the file or its folder")
    return Source(_entries(files, top, left_out, is_alone=source.is_file()), total=len(files))


def _entries(files: list[Path], top: Path, left_out: LeftOut, *, is_alone: bool) -> Iterator[Entry]:
    found = False
    for path in files:
        root = left_out.tried(partial(_read, path))
        # Beside them there may be any other JSON file; one that was named must be one.
        is_labelme = root is not None and isinstance(root.value, dict) and "shapes" in root.value
        if root is None or not (is_labelme or is_alone):
            found |= root is None
            continue
        found = True
        entry = left_out.tried(partial(_entry, root, path, top))
        if entry is not None:
            yield entry
    if not found:
        raise AnnotationError(f"there is no labelme file in {top}; give the file or its folder")


def _read(path: Path) -> Node:
    try:
        return read_json_file(path)
    except AnnotationError as error:
        raise MisfitError(Kind.FILE, str(error), str(error)) from error


def _entry(root: Node, path: Path, top: Path) -> Entry:
    folder = path.parent.relative_to(top).as_posix()
    own = posixpath.normpath(f"{folder}/{path.stem}") + ANY_SUFFIX
    name = root.member("imagePath")
    names: tuple[str, ...] = (own,)
    if isinstance(name.value, str) and name.value:
        names = (posixpath.normpath(f"{folder}/{name.value}".replace("\\", "/")), own)
    size = declared_size(root.member("imageHeight").value, root.member("imageWidth").value)
    shapes = root.member("shapes").elements()
    return Entry(names, name.where, (partial(_shapes, shape) for shape in shapes), *size)


def _shapes(shape: Node, size: Size) -> Iterator[Shape]:
    kind = shape.member("shape_type")
    label = shape.member("label").value
    label = str(label) if isinstance(label, int) and not isinstance(label, bool) else label
    if not isinstance(label, str) or not label:
        raise MisfitError(Kind.NO_LABEL, shape.where, str(shape.member("label").error("a text")))
    if not isinstance(kind.value, str | None) or kind.value not in _AREAS:
        raise _misfit(
            Kind.LINE if kind.value in ("line", "linestrip") else Kind.SOLID, shape, label
        )
    points = [_point(node) for node in shape.member("points").elements()]
    if kind.value == "mask":
        yield Shape(label, _cut_area(shape, points, size))
    elif kind.value == "circle":
        yield Shape(label, _circle(shape, points, size))
    elif kind.value in {"point", "points"}:
        if not points:
            raise _misfit(Kind.CORNERS, shape, label)
        yield Shape(label, prompts=point_prompts(points, size, shape.where))
    elif kind.value == "rectangle" and _is_upright(points):
        given = np.array(points)
        edges = (*given.min(axis=0).tolist(), *given.max(axis=0).tolist())
        yield Shape(label, prompts=box_prompts(edges, size, shape.where))
    else:
        yield Shape(label, ring_area([points], size, shape.where))


def _misfit(kind: Kind, shape: Node, label: str) -> MisfitError:
    expected = "mask, polygon, rectangle, circle or point with as many points as it needs"
    sentence = str(shape.member("shape_type").error(expected))
    return MisfitError(kind, f'{shape.where} "{label}"', sentence)


def _point(node: Node) -> tuple[float, float]:
    values = node_numbers(node, "x and y")
    if len(values) != 2:
        raise node.error("x and y")
    return values[0], values[1]


def _is_upright(points: _Corners) -> bool:
    """Whether these are two opposite corners of an upright box, or all four."""
    if len(points) == 4:  # as X-AnyLabeling writes them
        return all(len({point[axis] for point in points}) == 2 for axis in (0, 1))
    return len(points) == 2


def _circle(shape: Node, points: _Corners, size: Size) -> Area:
    """The area of a circle given by its middle and a point on it."""
    if len(points) != 2:
        raise shape.member("points").error("the middle of the circle and a point on it")
    radius = float(np.hypot(points[1][0] - points[0][0], points[1][1] - points[0][1]))
    return ellipse_area(points[0], (radius, radius), size, shape.where)


def _cut_area(shape: Node, points: _Corners, size: Size) -> Area:
    """The area of a mask that is cut out of its picture."""
    cut = _png(shape.member("mask"), size)
    where = shape.member("points")
    if len(points) != 2:
        raise where.error("the two corners of the mask")
    left, top = (round(min(first, second)) for first, second in zip(*points, strict=True))
    return placed_area(cut, (left, top), size, shape.where)


def _png(node: Node, size: Size) -> Mask:
    try:
        data = base64.b64decode(node.text(), validate=True)
        with Image.open(BytesIO(data), formats=["PNG"]) as image:
            if image.width > size[1] or image.height > size[0]:
                raise _damaged(node, "a cut that is no larger than the picture")
            shown = image.convert("L") if image.mode not in {"1", "L"} else image
            return np.asarray(np.asarray(shown) > 0)
    except _NOT_A_PNG as error:
        raise _damaged(node, "a PNG in base64") from error


def _damaged(node: Node, expected: str) -> MisfitError:
    return MisfitError(Kind.CODE, node.where, str(node.error(expected)))
