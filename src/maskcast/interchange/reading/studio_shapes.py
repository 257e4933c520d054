"""Label Studio's regions as shapes: what they are is told by what they hold."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from maskcast.interchange.formats.brush_rle import decode_runs
from maskcast.interchange.reading.areas import Area
from maskcast.interchange.reading.entries import Shape
from maskcast.interchange.reading.left_out import Kind, MisfitError
from maskcast.interchange.reading.numbers import finite
from maskcast.interchange.reading.shapes import (
    Size,
    box_prompts,
    ellipse_area,
    placed_area,
    point_prompts,
    ring_area,
    share_ring,
    turned_box,
)
from maskcast.io.jsonfile import Node

LABEL_KEYS = (
    "brushlabels",
    "polygonlabels",
    "rectanglelabels",
    "ellipselabels",
    "keypointlabels",
    "labels",
)
"""Where a region has its labels, by the tag it was drawn with."""


def region_shapes(value: Node, size: Size) -> Iterator[Shape]:
    """The shapes of a region: one for each of its labels.

    Args:
        value: what it holds; coordinates are in percent.
        size: of the picture.

    Raises:
        MisfitError: if it is no area and no prompt.
        AnnotationError: if it is malformed.
    """
    labels = region_labels(value)
    if not labels:
        raise MisfitError(
            Kind.NO_LABEL, value.where, f"{value.where}: expected a label, got none; label it"
        )
    is_prompt, shape = _geometry(value, labels[0], size)
    for label in labels:
        if is_prompt:
            yield Shape(label, prompts=shape.prompts)
        else:
            yield Shape(label, shape.area)


def region_labels(value: Node) -> list[str]:
    """Its labels; none if it is not labeled."""
    for key in LABEL_KEYS:
        given = value.member(key)
        if given.value:
            return [element.text() for element in given.elements()]
    return []


def _geometry(value: Node, label: str, size: Size) -> tuple[bool, Shape]:
    """Whether a region is a prompt, and its shape."""
    where = value.where
    keys = value.value.keys()
    rotation = finite(value.member("rotation").value or 0, where, "rotation")
    scale = np.array([size[1], size[0]]) / 100
    if "rle" in keys:
        return False, Shape(label, _brush(value.member("rle"), size))
    if "points" in keys and "vertices" not in keys:
        ring = share_ring(_points(value.member("points")) / 100, size)
        return False, Shape(label, ring_area([ring], size, where))
    if {"x", "y", "radiusX", "radiusY"} <= keys:
        (x, y), radii = _pair(value, "x", "y") * scale, _pair(value, "radiusX", "radiusY") * scale
        area = ellipse_area((x, y), (radii[0], radii[1]), size, where, rotation)
        return False, Shape(label, area)
    if {"x", "y", "width", "height"} <= keys and "keypointlabels" not in keys:
        x, y = _pair(value, "x", "y") * scale
        width, height = _pair(value, "width", "height") * scale
        box = (x, y, x + width, y + height)
        if rotation % 360:
            corners = turned_box(box, rotation, where, about=(x, y))
            return False, Shape(label, ring_area([corners], size, where))
        return True, Shape(label, prompts=box_prompts(box, size, where))
    if {"x", "y"} <= keys:
        point = _pair(value, "x", "y") * scale
        return True, Shape(label, prompts=point_prompts([point], size, where))
    raise MisfitError(
        Kind.SOLID,
        f'{where} "{label}"',
        f"{where}: expected a brush, polygon, rectangle, ellipse or key point; remove it",
    )


def _points(node: Node) -> npt.NDArray[np.float64]:
    rows = [_row(element) for element in node.elements()]
    return np.array(rows, np.float64).reshape(-1, 2)


def _row(node: Node) -> tuple[float, float]:
    values = node.items()
    if len(values) != 2:
        raise node.error("x and y in percent")
    x, y = (finite(value, node.where, "x and y in percent") for value in values)
    return x, y


def _pair(value: Node, *names: str) -> npt.NDArray[np.float64]:
    nodes = [value.member(name) for name in names]
    return np.array([finite(node.value, node.where, "a number in percent") for node in nodes])


def _brush(node: Node, size: Size) -> Area:
    """The area of a brush code, whose runs go along the rows."""
    code = node.value
    if not isinstance(code, list):
        raise _damaged(node, "a list of bytes")
    try:
        runs = np.array(decode_runs(code, size), np.int64).reshape(-1, 2)
    except (TypeError, ValueError) as error:
        expected = f"Label Studio's code of {size[0]} x {size[1]} pixels ({error})"
        raise _damaged(node, expected) from error
    if not len(runs):
        return placed_area(np.zeros((0, 0), np.bool_), (0, 0), size, node.where)
    top, bottom = int(runs[0, 0]) // size[1], (int(runs[-1, 1]) - 1) // size[1] + 1
    turns = np.zeros((bottom - top) * size[1] + 1, np.int8)
    np.add.at(turns, runs[:, 0] - top * size[1], np.int8(1))
    np.add.at(turns, runs[:, 1] - top * size[1], np.int8(-1))
    rows = np.cumsum(turns[:-1], dtype=np.int8).astype(np.bool_).reshape(-1, size[1])
    return placed_area(rows, (0, top), size, node.where)


def _damaged(node: Node, expected: str) -> MisfitError:
    return MisfitError(Kind.CODE, node.where, str(node.error(expected)))
