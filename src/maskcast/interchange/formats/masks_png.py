"""``masks``: a folder of PNG label maps, named as the pictures they belong to.

::

    masks/[<split>/]<name>.png        pixel = object id, 0 = background
    objects.csv                       id, name and colour
    instances/[<split>/]<name>.png    if instances are told apart: 16 bits, pixel = number of the
                                      instance on the picture, 0 = background
    instances.csv                     which object each number is, its pixels and score
    images/[<split>/]<file name>      if pictures are copied or linked
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from maskcast.drawing.palette import hex_color
from maskcast.interchange.formats.writing import (
    DEFAULT_SPLIT,
    ExportedImage,
    ExportedSet,
    count,
    covered_instances,
    look_up,
    lost_scores,
    number_pixels,
    path_in_images,
)
from maskcast.interchange.options import ExportOptions
from maskcast.io.atomic import write_atomically
from maskcast.io.images import encode_gray_png, encode_label_png

_COLUMNS = ("id", "name", "color")
_INSTANCE_COLUMNS = ("map", "instance", "id", "name", "area", "score", "right")
_DIALECT: Mapping[str, Any] = MappingProxyType(
    {"lineterminator": "\r\n"}  # a name with either of them is quoted
)
_NUMBERED = ("components", "touching")
_MOST_NUMBERS = 2**16 - 1

picture_path = path_in_images


def write_masks(exported: ExportedSet, folder: Path, options: ExportOptions) -> tuple[str, ...]:
    """Write label maps; where objects overlap, the smaller one is on top.

    Instances other than ``one`` are written as maps of their numbers too.

    Returns:
        What could not be kept.
    """
    colors = {spec.object_id: spec.color for spec in exported.specs}
    covered = scored = 0
    table = _InstanceTable(folder) if options.instances in _NUMBERED else None
    with table or nullcontext():
        for image in exported.images:
            numbers = number_pixels(image)
            ids = [0, *(found.object_id for found in image.instances)]
            data = encode_label_png(look_up(numbers, ids), colors)
            write_atomically(folder / "masks" / _path(image), data)
            covered += covered_instances(image, numbers)
            scored += len(image.instances)
            if table is not None:
                table.add(image, numbers)
    rows = [(spec.object_id, spec.name, hex_color(spec.color)) for spec in exported.specs]
    text = io.StringIO()
    csv.writer(text, **_DIALECT).writerows([_COLUMNS, *rows])
    write_atomically(folder / "objects.csv", text.getvalue().encode())
    told = (
        f"{count(covered, 'instance')} lost pixels to smaller objects on top, since a pixel of "
        "a label map holds one id"
    )
    lost = () if table else lost_scores(scored, "a label map")
    return (*((told,) * bool(covered)), *(table.sentences() if table else ()), *lost)


def _path(image: ExportedImage) -> str:
    part = "" if image.split == DEFAULT_SPLIT else f"{image.split}/"
    return f"{part}{image.name}.png"


class _InstanceTable:
    """Writes maps of instance numbers, and the table that says what each number is."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = (folder / "instances.csv").open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file, **_DIALECT)
        self._writer.writerow(_INSTANCE_COLUMNS)
        self._beyond = 0

    def __enter__(self) -> None:
        return

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, image: ExportedImage, numbers: npt.NDArray[np.unsignedinteger[Any]]) -> None:
        """Write the map of one image, and a row for each instance on it."""
        path = f"instances/{_path(image)}"
        beyond = max(0, len(image.instances) - _MOST_NUMBERS)
        self._beyond += beyond
        numbers = np.where(numbers > _MOST_NUMBERS, 0, numbers) if beyond else numbers
        data = encode_gray_png(numbers.astype(np.uint16))
        write_atomically(self._folder / path, data)
        self._writer.writerows(
            (
                *(path, number, found.object_id, found.label, found.cutout.area),
                *(found.quality(4).get(name, "") for name in ("score", "right")),
            )
            for number, found in enumerate(image.instances[:_MOST_NUMBERS], 1)
        )

    def sentences(self) -> tuple[str, ...]:
        """What to tell the user."""
        told = (
            f"{count(self._beyond, 'instance')} beyond the {_MOST_NUMBERS:,} that a map of 16 bits "
            "can number on a picture, and left out of the maps of instances"
        )
        return (told,) * bool(self._beyond)
