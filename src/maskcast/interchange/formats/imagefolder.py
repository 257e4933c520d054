"""``hf``: Hugging Face's ``imagefolder``, which ``datasets`` loads.

::

    <split>/metadata.jsonl           a row for each picture
    <split>/images/<file name>       if pictures are copied or linked
    <split>/masks/<name>.png         label map: pixel = object id, 0 = background
    README.md                        which files are of which split, and the names of the classes

A row has ``file_name`` and ``mask_file_name``, which become the columns ``image`` and ``mask``,
``width``, ``height``, and in ``objects`` a list for each of ``bbox`` (x, y, width, height),
``category`` (from 0), ``name``, ``object_id``, ``area``, ``score`` and ``counts`` (COCO's
compressed run-length code of the instance on the whole picture).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import yaml

from maskcast.interchange.formats.writing import (
    DEFAULT_SPLIT,
    ExportedImage,
    ExportedSet,
    class_numbers,
    look_up,
    number_pixels,
)
from maskcast.interchange.options import ExportOptions
from maskcast.io.atomic import write_atomically
from maskcast.io.images import encode_label_png

METADATA_NAME = "metadata.jsonl"
_ONLY_SPLIT = "train"
_SPLITS = {"val": "validation"}
"""What ``datasets`` calls a part of the set, where it is not as we do."""


def picture_path(image: ExportedImage) -> str:
    """Where a picture goes in an export."""
    return f"{_part(image.split)}/images/{image.file_name}"


def write_hf(exported: ExportedSet, folder: Path, options: ExportOptions) -> tuple[str, ...]:
    """Write rows, label maps and the card.

    Returns:
        What could not be kept.
    """
    numbers = class_numbers(exported.specs)
    colors = {spec.object_id: spec.color for spec in exported.specs}
    with ExitStack() as stack:
        files = {}
        for split in exported.splits:
            (folder / _part(split)).mkdir(parents=True)
            path = folder / _part(split) / METADATA_NAME
            files[split] = stack.enter_context(_MetadataFile(path))
        for image in exported.images:
            ids = [0, *(found.object_id for found in image.instances)]
            data = encode_label_png(look_up(number_pixels(image), ids), colors)
            write_atomically(folder / _part(image.split) / _mask_path(image), data)
            files[image.split].add(_row(image, numbers), has_objects=bool(image.instances))
        bare = [split for split, file in files.items() if file.is_bare]
    (folder / "README.md").write_text(_card(exported), "utf-8", newline="\n")
    told = []
    if options.pictures == "none":
        told.append("datasets loads hf only with its pictures; export with --copy-images")
    if bare and len(bare) < len(files):
        told.append(
            f"{' and '.join(bare)} without any instance, so datasets cannot tell the types of its "
            "rows and refuses the set; split otherwise"
        )
    return tuple(told)


class _MetadataFile:
    """Writes rows, those with objects first: ``datasets`` takes the types from the first rows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rest_path = path.with_name(path.name + ".part")
        self._rows = path.open("w", encoding="utf-8", newline="\n")
        self._rest = self._rest_path.open("w+", encoding="utf-8", newline="\n")
        self.is_bare = True

    def __enter__(self) -> _MetadataFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._rest.seek(0)
        while block := self._rest.read(1 << 20):
            self._rows.write(block)
        self._rows.close()
        self._rest.close()
        self._rest_path.unlink()

    def add(self, row: Mapping[str, Any], *, has_objects: bool) -> None:
        """Write a row."""
        self.is_bare &= not has_objects
        file = self._rows if has_objects else self._rest
        file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _row(image: ExportedImage, numbers: Mapping[int, int]) -> dict[str, Any]:
    return {
        "file_name": f"images/{image.file_name}",
        "mask_file_name": _mask_path(image),
        "width": image.width,
        "height": image.height,
        "objects": {
            "bbox": [_box(found.cutout.box) for found in image.instances],
            "category": [numbers[found.object_id] for found in image.instances],
            "name": [found.label for found in image.instances],
            "object_id": [found.object_id for found in image.instances],
            "area": [found.cutout.area for found in image.instances],
            "score": [round(found.score, 6) for found in image.instances],
            "counts": [found.cutout.rle(image.size)["counts"] for found in image.instances],
        },
    }


def _box(box: tuple[int, int, int, int]) -> list[int]:
    xmin, ymin, xmax, ymax = box
    return [xmin, ymin, xmax - xmin, ymax - ymin]


def _mask_path(image: ExportedImage) -> str:
    return f"masks/{image.name}.png"


def _part(split: str) -> str:
    return _ONLY_SPLIT if split == DEFAULT_SPLIT else _SPLITS.get(split, split)


def _card(exported: ExportedSet) -> str:
    """The dataset's card: folders called like a split must not be taken for one."""
    files = [{"split": _part(name), "path": f"{_part(name)}/**"} for name in exported.splits]
    head = {
        "configs": [{"config_name": "default", "data_files": files}],
        "task_categories": ["object-detection", "image-segmentation"],
    }
    names = "".join(
        f"| {number} | {spec.object_id} | {_cell(spec.name)} |\n"
        for number, spec in enumerate(exported.specs)
    )
    text = yaml.safe_dump(head, allow_unicode=True, sort_keys=False)
    return f"---\n{text}---\n\n| category | object_id | name |\n|---|---|---|\n{names}"


def _cell(text: str) -> str:
    """A name in a table of Markdown."""
    return " ".join(text.replace("\\", "\\\\").replace("|", "\\|").split())
