"""``masks``: a folder of PNG label maps, named as the pictures they belong to.

::

    masks/[<split>/]<name>.png        pixel = object id, 0 = background
    objects.csv                       id, name and colour
    images/[<split>/]<file name>      if pictures are copied or linked
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from maskcast.drawing.palette import hex_color
from maskcast.errors import AnnotationError
from maskcast.interchange.formats.records import (
    DEFAULT_SPLIT,
    LabeledImage,
    LabeledObject,
    LabeledSet,
    Pictures,
    WriteOptions,
    count,
    lost_scores,
    path_in_images,
)
from maskcast.io.atomic import write_atomically
from maskcast.io.images import encode_label_png
from maskcast.io.label_maps import read_label_map
from maskcast.masks import compose_label_map, split_label_map

_COLUMNS = ("id", "name", "color")


picture_path = path_in_images


def write_masks(labeled: LabeledSet, folder: Path, _: WriteOptions) -> tuple[str, ...]:
    """Write label maps; where objects overlap, the smaller one is on top.

    Returns:
        What could not be kept.
    """
    colors = {spec.object_id: spec.color for spec in labeled.specs}
    covered = scored = 0
    for image in labeled.images:
        masks = {
            one.object_id: one.mask
            for one in image.objects
            if one.object_id is not None and one.mask is not None
        }
        label_map = compose_label_map(list(masks), list(masks.values()), image.size)
        covered += sum(
            int(np.count_nonzero(label_map == key)) < int(np.count_nonzero(mask))
            for key, mask in masks.items()
        )
        scored += sum(one.score is not None for one in image.objects)
        part = "" if image.split == DEFAULT_SPLIT else image.split
        path = folder / "masks" / part / f"{image.name}.png"
        write_atomically(path, encode_label_png(label_map, colors))
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\r\n")  # a name with either of them is quoted
    writer.writerow(_COLUMNS)
    writer.writerows((one.object_id, one.name, hex_color(one.color)) for one in labeled.specs)
    write_atomically(folder / "objects.csv", table.getvalue().encode())
    told = (
        f"{count(covered, 'object')} lost pixels to smaller objects on top, since a pixel of "
        "a label map holds one id"
    )
    return (*((told,) * bool(covered)), *lost_scores(scored, "a label map"))


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
