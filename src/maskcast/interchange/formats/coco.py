"""``coco``: instances as JSON, masks as run-length codes or polygons.

::

    annotations/instances_<split>.json    {"images", "annotations", "categories"}
    images/[<split>/]<file name>          if pictures are copied or linked

A category's id is the object id. ``iscrowd`` is 0, because evaluators leave crowds out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

from maskcast.interchange.formats.outlines import OutlineTally, corners
from maskcast.interchange.formats.writing import ExportedImage, ExportedSet, path_in_images
from maskcast.interchange.options import ExportOptions
from maskcast.masks import Cutout
from maskcast.types import ObjectSpec

picture_path = path_in_images


def write_coco(exported: ExportedSet, folder: Path, options: ExportOptions) -> tuple[str, ...]:
    """Write one JSON file for each split; annotations go through a second file beside it.

    Returns:
        What could not be kept.
    """
    target = folder / "annotations"
    paths = {split: target / f"instances_{split}.json" for split in exported.splits}
    return write_instances(exported, paths, options)


def _file_name(image: ExportedImage) -> str:
    return image.file_name


def write_instances(
    exported: ExportedSet,
    paths: Mapping[str, Path],
    options: ExportOptions,
    file_name: Callable[[ExportedImage], str] = _file_name,
) -> tuple[str, ...]:
    """Write the file of each split.

    Args:
        exported: what to write.
        paths: the file of each split.
        options: of the export.
        file_name: what a picture is called in the file.

    Returns:
        What could not be kept.
    """
    tally = OutlineTally()
    with ExitStack() as stack:
        files = {}
        for split, path in paths.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            files[split] = stack.enter_context(_InstancesFile(path))
        for image in exported.images:
            files[image.split].add(image, file_name(image), options, tally)
        for file in files.values():
            file.finish(exported.specs)
    return tally.sentences()


class _InstancesFile:
    """Writes images and annotations as they come, in two files that become one."""

    def __init__(self, path: Path) -> None:
        self._images = path.open("w", encoding="utf-8", newline="\n")
        self._rest_path = path.with_name(path.name + ".part")
        self._rest = self._rest_path.open("w+", encoding="utf-8", newline="\n")
        self._image_count = self._annotation_count = 0
        self._images.write('{"info": {"description": "exported by maskcast"},\n"images": [')

    def __enter__(self) -> _InstancesFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._images.close()
        self._rest.close()
        self._rest_path.unlink(missing_ok=True)

    def add(
        self, image: ExportedImage, file_name: str, options: ExportOptions, tally: OutlineTally
    ) -> None:
        """Write one image and its instances."""
        self._image_count += 1
        header = {
            "id": self._image_count,
            "file_name": file_name,
            "width": image.width,
            "height": image.height,
        }
        _append(self._images, header, first=self._image_count == 1)
        for found in image.instances:
            self._annotation_count += 1
            annotation = {
                "id": self._annotation_count,
                "image_id": self._image_count,
                "category_id": found.object_id,
                **_geometry(found.cutout, image.size, options, tally),
                "iscrowd": 0,
                **found.quality(),
            }
            _append(self._rest, annotation, first=self._annotation_count == 1)

    def finish(self, specs: Sequence[ObjectSpec]) -> None:
        """Join the two files."""
        self._images.write('\n],\n"annotations": [')
        self._rest.seek(0)
        while block := self._rest.read(1 << 20):
            self._images.write(block)
        self._images.write('\n],\n"categories": [')
        for index, spec in enumerate(specs):
            category = {"id": spec.object_id, "name": spec.name, "supercategory": ""}
            _append(self._images, category, first=index == 0)
        self._images.write("\n]}\n")


def _append(file: TextIO, value: object, *, first: bool) -> None:
    file.write(("\n" if first else ",\n") + json.dumps(value, ensure_ascii=False))


def _geometry(
    cutout: Cutout, size: tuple[int, int], options: ExportOptions, tally: OutlineTally
) -> dict[str, Any]:
    xmin, ymin, xmax, ymax = cutout.box
    segmentation: object
    if options.polygons:
        rings = tally.outlines(cutout, options)
        segmentation = [[number for corner in corners(ring) for number in corner] for ring in rings]
    else:
        segmentation = cutout.rle(size)
    return {
        "bbox": [xmin, ymin, xmax - xmin, ymax - ymin],
        "area": cutout.area,
        "segmentation": segmentation,
    }
