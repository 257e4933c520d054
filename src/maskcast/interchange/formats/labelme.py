"""``labelme``: a JSON file beside each picture.

::

    [<split>/]<name>.json
    [<split>/]<file name>      if pictures are copied or linked
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import posixpath
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from maskcast.errors import AnnotationError
from maskcast.interchange.formats.outlines import OutlineTally, corners
from maskcast.interchange.formats.records import (
    DEFAULT_SPLIT,
    LabeledImage,
    LabeledObject,
    LabeledSet,
    Pictures,
    check_size,
)
from maskcast.interchange.formats.shapes import box_prompts, ellipse_mask, point_prompts
from maskcast.interchange.formats.writing import ExportedImage, ExportedSet, Instance
from maskcast.interchange.options import ExportOptions
from maskcast.io.atomic import write_atomically
from maskcast.io.images import encode_mask_png
from maskcast.io.jsonfile import Node, is_number, read_json
from maskcast.polygons import fill_rings
from maskcast.types import Mask

_NOT_A_PNG = (binascii.Error, OSError, ValueError, SyntaxError, Image.DecompressionBombError)
_VERSION = "5.5.0"
"""The oldest version of labelme that reads all that is written here."""


def picture_path(image: ExportedImage) -> str:
    """Where a picture goes in an export."""
    return image.file_name if image.split == DEFAULT_SPLIT else f"{image.split}/{image.file_name}"


def write_labelme(exported: ExportedSet, folder: Path, options: ExportOptions) -> tuple[str, ...]:
    """Write one file for each image; masks as shapes of type ``mask``, or polygons.

    Returns:
        What could not be kept.
    """
    tally = OutlineTally()
    destination = (exported.destination or folder).resolve()
    for image in exported.images:
        placed = picture_path(image)
        path = folder / f"{placed.rpartition('.')[0]}.json"
        shapes = [shape for found in image.instances for shape in _shapes(found, options, tally)]
        content: dict[str, Any] = {
            "version": _VERSION,
            "flags": {},
            "shapes": shapes,
            "imagePath": _path_from(destination / placed, image),
            "imageData": None,
            "imageHeight": image.height,
            "imageWidth": image.width,
        }
        write_atomically(path, json.dumps(content, ensure_ascii=False, indent=1).encode())
    return tally.sentences(parts_are_rows="a shape of its own, of the same group")


def _path_from(placed: Path, image: ExportedImage) -> str:
    """How the JSON file finds the picture: beside it in ``placed``, or where the original is."""
    elsewhere = image.picture_elsewhere
    if elsewhere is None:
        return placed.name
    return Path(os.path.relpath(elsewhere, placed.parent)).as_posix()


def _shapes(
    found: Instance, options: ExportOptions, tally: OutlineTally
) -> Iterator[dict[str, Any]]:
    shape: dict[str, Any] = {
        "label": found.label,
        "group_id": None,
        "description": f"score {found.score:.4f}",
        "flags": {},
    }
    if options.polygons:
        rings = tally.outlines(found.cutout, options)
        group = found.object_id if len(rings) > 1 else None
        for ring in rings:
            polygon = {"points": corners(ring), "shape_type": "polygon", "mask": None}
            yield {**shape, "group_id": group, **polygon}
        return
    xmin, ymin, xmax, ymax = found.cutout.box
    cut = base64.b64encode(encode_mask_png(found.cutout.pixels)).decode()
    points = [[xmin, ymin], [xmax - 1, ymax - 1]]
    yield {**shape, "points": points, "shape_type": "mask", "mask": cut}


def read_labelme(source: Path, pictures: Pictures) -> LabeledSet:
    """Read a JSON file, or all those in a folder at any depth.

    Masks, polygons and circles become masks, rectangles boxes, and points prompts.

    Raises:
        AnnotationError: naming the file and the place in it.
    """
    files = [source] if source.is_file() else sorted(source.rglob("*.json"))
    top = source.parent if source.is_file() else source
    images = [
        _image(root, top, pictures)
        for root in map(read_json, files)
        if source.is_file() or (isinstance(root.value, dict) and "shapes" in root.value)
    ]
    if not images:
        raise AnnotationError(f"there is no labelme file in {source}; give the file or its folder")
    return LabeledSet(images)


def _image(root: Node, top: Path, pictures: Pictures) -> LabeledImage:
    name = root.member("imagePath")
    folder = Path(str(root.path)).parent.relative_to(top).as_posix()
    path = posixpath.normpath(f"{folder}/{name.text()}".replace("\\", "/"))
    image_id = pictures.find(path, name.where)
    declared = root.member("imageHeight").value, root.member("imageWidth").value
    size = check_size(declared, image_id, pictures, root.where)
    shapes = root.member("shapes").elements()
    return LabeledImage(image_id, *size, tuple(_object(shape, size) for shape in shapes))


def _object(shape: Node, size: tuple[int, int]) -> LabeledObject:
    label = shape.member("label").text()
    kind = shape.member("shape_type")
    points = np.array([_point(node) for node in shape.member("points").elements()]).reshape(-1, 2)
    if kind.value == "mask":
        return LabeledObject(label, _cut_mask(shape, points, size))
    if kind.value in ("polygon", None) and len(points) >= 3:
        return LabeledObject(label, fill_rings([points], size))
    if kind.value == "rectangle" and _is_upright(points):
        edges = (*points.min(axis=0), *points.max(axis=0))
        return LabeledObject(label, prompts=box_prompts(edges, size, shape.where))
    if kind.value == "circle" and len(points) == 2:
        radius = float(np.hypot(*(points[1] - points[0])))
        center = points[0, 0], points[0, 1]
        return LabeledObject(label, ellipse_mask(center, (radius, radius), size, shape.where))
    if kind.value in ("point", "points") and len(points):
        return LabeledObject(label, prompts=point_prompts(points, size, shape.where))
    raise kind.error("mask, polygon, rectangle, circle or point with as many points as it needs")


def _point(node: Node) -> tuple[float, float]:
    value = node.value
    if not (isinstance(value, list) and len(value) == 2 and all(map(is_number, value))):
        raise node.error("x and y")
    return float(value[0]), float(value[1])


def _is_upright(points: np.ndarray[Any, np.dtype[np.float64]]) -> bool:
    """Whether these are two opposite corners of an upright box, or all four."""
    if len(points) == 4:  # as X-AnyLabeling writes them
        return all(len(np.unique(points[:, axis])) == 2 for axis in (0, 1))
    return len(points) == 2


def _cut_mask(
    shape: Node, points: np.ndarray[Any, np.dtype[np.float64]], size: tuple[int, int]
) -> Mask:
    node = shape.member("mask")
    try:
        data = base64.b64decode(node.text(), validate=True)
        with Image.open(BytesIO(data), formats=["PNG"]) as image:
            if image.width > size[1] or image.height > size[0]:
                raise node.error("a cut that is no larger than the picture")
            cut = np.asarray(image.convert("L") if image.mode not in {"1", "L"} else image) > 0
    except _NOT_A_PNG as error:
        raise node.error("a PNG in base64") from error
    where = shape.member("points")
    if len(points) != 2:
        raise where.error("the two corners of the mask")
    left, top = map(round, points.min(axis=0).tolist())
    bottom, right = top + cut.shape[0], left + cut.shape[1]
    if left < 0 or top < 0 or bottom > size[0] or right > size[1]:
        raise where.error(f"corners in the picture for a mask of {cut.shape[1]} x {cut.shape[0]}")
    mask = np.zeros(size, np.bool_)
    mask[top:bottom, left:right] = cut
    return mask
