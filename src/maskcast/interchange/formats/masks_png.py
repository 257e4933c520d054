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
from maskcast.errors import AnnotationError
from maskcast.interchange.formats.records import (
    DEFAULT_SPLIT,
    LabeledImage,
    LabeledObject,
    LabeledSet,
    Pictures,
    count,
)
from maskcast.interchange.formats.writing import (
    ExportedImage,
    ExportedSet,
    covered_instances,
    lost_scores,
    number_pixels,
    path_in_images,
)
from maskcast.interchange.options import ExportOptions
from maskcast.io.atomic import write_atomically
from maskcast.io.images import encode_gray_png, encode_label_png
from maskcast.io.label_maps import read_label_map
from maskcast.masks import split_label_map

_COLUMNS = ("id", "name", "color")
_INSTANCE_COLUMNS = ("map", "instance", "id", "name", "area", "score")
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
            data = encode_label_png(np.array(ids, np.uint8)[numbers], colors)
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

    def add(self, image: ExportedImage, numbers: npt.NDArray[np.int32]) -> None:
        """Write the map of one image, and a row for each instance on it."""
        path = f"instances/{_path(image)}"
        beyond = max(0, len(image.instances) - _MOST_NUMBERS)
        self._beyond += beyond
        numbers = np.where(numbers > _MOST_NUMBERS, 0, numbers) if beyond else numbers
        data = encode_gray_png(numbers.astype(np.uint16))
        write_atomically(self._folder / path, data)
        self._writer.writerows(
            (path, number, found.object_id, found.label, found.cutout.area, f"{found.score:.4f}")
            for number, found in enumerate(image.instances[:_MOST_NUMBERS], 1)
        )

    def sentences(self) -> tuple[str, ...]:
        """What to tell the user."""
        told = (
            f"{count(self._beyond, 'instance')} beyond the {_MOST_NUMBERS:,} that a map of 16 bits "
            "can number on a picture, and left out of the maps of instances"
        )
        return (told,) * bool(self._beyond)


def read_masks(source: Path, pictures: Pictures) -> LabeledSet:
    """Read label maps: pixel = object id, a 0/255 picture means id 1, all zero a clean reference.

    Those in ``masks/`` if there is such a folder, else those in ``source`` at any depth.
    ``a/b.png`` belongs to the reference ``a/b.jpg`` (any suffix), or to the one called exactly
    ``a/b.png.<suffix>`` or ``a/b`` + its suffix + ``.png``.

    Raises:
        AnnotationError: if the folder holds no PNG, one that is no label map or not of its
            picture's size, or one that belongs to no image or to several.
    """
    if not source.is_dir():
        raise AnnotationError(f"the folder of label maps {source} does not exist; correct the path")
    folder = source / "masks" if (source / "masks").is_dir() else source
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() == ".png")
    if not paths:
        raise AnnotationError(
            f"there is no PNG label map in {folder}; name them as the images, with the suffix .png"
        )
    owners: dict[str, Path] = {}
    for path in paths:
        name = path.relative_to(folder).as_posix().rpartition(".")[0]
        owner = pictures.find(f"{name}.*", str(path))
        if owner in owners:
            raise AnnotationError(f"{owners[owner]} and {path} both belong to {owner}; keep one")
        owners[owner] = path
    names = _read_names(source / "objects.csv")
    return LabeledSet(_image(path, owner, pictures, names) for owner, path in owners.items())


def _read_names(path: Path) -> dict[int, str]:
    """Object id -> name; empty if there is no such table."""
    if not path.is_file():
        return {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return {int(row["id"]): row["name"] for row in csv.DictReader(file) if row["name"]}
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise AnnotationError(
            f"{path}: expected the columns {', '.join(_COLUMNS)} in UTF-8; correct the file or "
            "remove it"
        ) from error


def _image(path: Path, image_id: str, pictures: Pictures, names: Mapping[int, str]) -> LabeledImage:
    label_map = read_label_map(path)
    height, width = pictures.size(image_id)
    if label_map.shape != (height, width):
        raise AnnotationError(
            f"the label map {path} of {image_id} is {label_map.shape[1]} x {label_map.shape[0]} "
            f"pixels and the image is {width} x {height}; make the label map at the image's own "
            "size"
        )
    objects = tuple(
        LabeledObject(names.get(object_id, ""), mask, object_id)
        for object_id, mask in split_label_map(label_map).items()
    )
    return LabeledImage(image_id, height, width, objects)
