"""``labelme``: a JSON file beside each picture.

::

    [<split>/]<name>.json
    [<split>/]<file name>      if pictures are copied or linked
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from maskcast.interchange.formats.outlines import OutlineTally, corners
from maskcast.interchange.formats.writing import (
    DEFAULT_SPLIT,
    ExportedImage,
    ExportedSet,
    Instance,
)
from maskcast.interchange.options import ExportOptions
from maskcast.io.atomic import write_atomically
from maskcast.io.images import encode_mask_png

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
        "description": " ".join(f"{name} {value:.4f}" for name, value in found.quality().items()),
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
