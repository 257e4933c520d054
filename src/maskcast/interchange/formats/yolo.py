"""``yolo`` and ``yolo-detect``: a text file of outlines or boxes for each image.

::

    data.yaml                         names by class number; without ``path``, so that its own
                                      folder counts
    labels/<split>/<name>.txt         class x1 y1 x2 y2 ... (outline) or class cx cy w h (box)
    images/<split>/<file name>        if pictures are copied or linked

Coordinates are shares of width and height. The class number is the object's place among the ids.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import yaml

from maskcast.interchange.formats.outlines import OutlineTally
from maskcast.interchange.formats.writing import (
    DEFAULT_SPLIT,
    ExportedImage,
    ExportedSet,
    class_numbers,
    count,
    lost_scores,
)
from maskcast.interchange.options import ExportOptions
from maskcast.io.atomic import write_atomically
from maskcast.types import ObjectSpec

_IMAGES = re.compile("images_*")  # so that two folders never become one


def picture_path(image: ExportedImage) -> str:
    """Where a picture goes in an export.

    Trainers find the labels of a picture by the last ``images`` in its path, so no folder of its
    own may be called that.
    """
    *folders, name = image.file_name.split("/")
    safe = (f"{folder}_" if _IMAGES.fullmatch(folder) else folder for folder in folders)
    return "/".join(["images", _folder(image.split), *safe, name])


def write_yolo(exported: ExportedSet, folder: Path, options: ExportOptions) -> tuple[str, ...]:
    """Write outlines, a row for each part of an instance.

    Returns:
        What could not be kept.
    """
    tally, scored, moved = OutlineTally(), 0, 0
    numbers = class_numbers(exported.specs)
    for image in exported.images:
        scale = np.array([image.width, image.height])
        rows = [
            _row(numbers[found.object_id], (ring / scale).ravel())
            for found in image.instances
            for ring in tally.outlines(found.cutout, options)
        ]
        scored += len(image.instances)
        moved += _write_rows(folder, image, rows)
    _write_yaml(folder, exported.specs, exported.splits)
    sentences = tally.sentences(parts_are_rows="a row of its own")
    return (*sentences, *lost_scores(scored, "YOLO"), *_moved_sentence(moved))


def write_yolo_detect(exported: ExportedSet, folder: Path, _: ExportOptions) -> tuple[str, ...]:
    """Write one box for each instance, around all its parts.

    Returns:
        What could not be kept.
    """
    numbers = class_numbers(exported.specs)
    boxes = moved = 0
    for image in exported.images:
        rows = []
        for found in image.instances:
            xmin, ymin, xmax, ymax = found.cutout.box
            middle = (xmin + xmax) / 2 / image.width, (ymin + ymax) / 2 / image.height
            size = (xmax - xmin) / image.width, (ymax - ymin) / image.height
            rows.append(_row(numbers[found.object_id], np.array([*middle, *size])))
        boxes += len(rows)
        moved += _write_rows(folder, image, rows)
    _write_yaml(folder, exported.specs, exported.splits)
    told = f"{count(boxes, 'mask')} became boxes; the format yolo keeps outlines"
    return (*((told,) * bool(boxes)), *lost_scores(boxes, "YOLO"), *_moved_sentence(moved))


def _moved_sentence(moved: int) -> tuple[str, ...]:
    told = (
        f"{count(moved, 'picture')} in a folder called images, which is called images_ now: "
        "trainers find labels by the last images in a path"
    )
    return (told,) * bool(moved)


def _row(number: int, values: npt.NDArray[np.float64]) -> str:
    # Ten digits: a share of the widest picture still names its pixel edge.
    return " ".join([str(number), *(f"{value:.10g}" for value in values)])


def _write_rows(folder: Path, image: ExportedImage, rows: Sequence[str]) -> bool:
    """Write the label file; returns whether the picture has another path than its own."""
    stem = picture_path(image).removeprefix("images/").rpartition(".")[0]
    path = folder / "labels" / f"{stem}.txt"
    write_atomically(path, "".join(f"{row}\n" for row in rows).encode())
    return not picture_path(image).endswith(f"/{image.file_name}")


def _write_yaml(folder: Path, specs: Sequence[ObjectSpec], splits: Sequence[str]) -> None:
    folders = [_folder(split) for split in splits]
    for name in folders:  # trainers stumble over a part that is missing rather than empty
        (folder / "labels" / name).mkdir(parents=True, exist_ok=True)
        (folder / "images" / name).mkdir(parents=True, exist_ok=True)
    places = {name: f"images/{name}" for name in folders}
    places.setdefault("val", places["train"])  # trainers ask for one
    lines = [f"{name}: {place}\n" for name, place in places.items()]
    lines.append("names:\n" if specs else "names: {}\n")
    lines += [f"  {number}: {_quoted(spec.name)}" for number, spec in enumerate(specs)]
    write_atomically(folder / "data.yaml", "".join(lines).encode())


def _quoted(name: str) -> str:
    """A line of YAML; other styles of quotes do not keep every character."""
    text: str = yaml.safe_dump(name, allow_unicode=True, default_style='"', width=sys.maxsize)
    return text


def _folder(split: str) -> str:
    return "train" if split == DEFAULT_SPLIT else split
