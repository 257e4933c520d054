"""``coco``: instances as JSON, masks as run-length codes or polygons.

::

    annotations/instances_<split>.json    {"images", "annotations", "categories"}
    images/[<split>/]<file name>          if pictures are copied or linked

A category's id is the object id. ``iscrowd`` is 0, because evaluators leave crowds out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from maskcast.errors import AnnotationError
from maskcast.interchange.formats.outlines import OutlineTally, corners
from maskcast.interchange.formats.records import (
    LabeledImage,
    LabeledObject,
    LabeledSet,
    Pictures,
    check_size,
)
from maskcast.interchange.formats.shapes import box_prompts
from maskcast.interchange.formats.writing import ExportedImage, ExportedSet, path_in_images
from maskcast.interchange.options import ExportOptions
from maskcast.io.jsonfile import Node, read_json
from maskcast.masks import Cutout, decode_rle
from maskcast.polygons import fill_rings
from maskcast.types import Mask, ObjectSpec

picture_path = path_in_images

_Id = int | str


def write_coco(exported: ExportedSet, folder: Path, options: ExportOptions) -> tuple[str, ...]:
    """Write one JSON file for each split; annotations go through a second file beside it.

    Returns:
        What could not be kept.
    """
    target = folder / "annotations"
    target.mkdir(parents=True)
    tally = OutlineTally()
    with ExitStack() as stack:
        files = {
            split: stack.enter_context(_InstancesFile(target / f"instances_{split}.json"))
            for split in exported.splits
        }
        for image in exported.images:
            files[image.split].add(image, options, tally)
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

    def add(self, image: ExportedImage, options: ExportOptions, tally: OutlineTally) -> None:
        """Write one image and its instances."""
        self._image_count += 1
        header = {
            "id": self._image_count,
            "file_name": image.file_name,
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
                "score": round(found.score, 6),
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


def read_coco(source: Path, pictures: Pictures) -> LabeledSet:
    """Read a JSON file of instances, or all of those in a folder.

    Masks may be run-length codes, compressed or not, or polygons; an annotation without either is
    a box. Several annotations of one category on an image are instances of one class.

    Raises:
        AnnotationError: naming the file and the place in it.
    """
    files = _json_files(source)
    parsed = [_parse(read_json(path), pictures) for path in files]
    labels = tuple(dict.fromkeys(label for names, _ in parsed for label in names))
    return LabeledSet([image for _, images in parsed for image in images], labels=labels)


def _json_files(source: Path) -> list[Path]:
    if source.is_file():
        return [source]
    for pattern in ("annotations/*.json", "*.json", "*/*.json"):  # the last is Roboflow's
        files = sorted(source.glob(pattern))
        # Beside instances there may be captions, key points and other files of the same images.
        instances = [path for path in files if path.name.startswith("instances_")]
        if files:
            return instances or files
    raise AnnotationError(f"there is no COCO file in {source}; give the JSON file or its folder")


def _parse(root: Node, pictures: Pictures) -> tuple[list[str], list[LabeledImage]]:
    parts = dict(root.members())
    for name in ("images", "annotations", "categories"):
        if name not in parts:
            raise root.error(f'an object with "{name}", as COCO instances have')
    categories, images = (_by_id(parts[name]) for name in ("categories", "images"))
    names = {key: node.member("name").text() for key, node in categories.items()}
    annotations: dict[_Id, list[Node]] = {key: [] for key in images}
    for node in parts["annotations"].elements():
        owner = node.member("image_id")
        if _id(owner) not in annotations:
            raise owner.error("the id of an image in this file")
        annotations[_id(owner)].append(node)
    return list(names.values()), [
        _image(node, annotations[key], names, pictures) for key, node in images.items()
    ]


def _by_id(entries: Node) -> dict[_Id, Node]:
    found: dict[_Id, Node] = {}
    for node in entries.elements():
        key = node.member("id")
        if _id(key) in found:
            raise key.error("an id that no other entry has")
        found[_id(key)] = node
    return found


def _id(node: Node) -> _Id:
    """A number, as COCO has it, or a text, as some tools write it."""
    value: object = node.value
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise node.error("an id, a whole number or a text")
    return value


def _image(
    node: Node, annotations: Sequence[Node], names: Mapping[_Id, str], pictures: Pictures
) -> LabeledImage:
    name = node.member("file_name")
    image_id = pictures.find(name.text(), name.where)
    declared = node.member("height").value, node.member("width").value
    size = check_size(declared, image_id, pictures, node.where)
    objects = tuple(_objects(annotations, names, size))
    return LabeledImage(image_id, *size, objects)


def _objects(
    annotations: Sequence[Node], names: Mapping[_Id, str], size: tuple[int, int]
) -> Iterator[LabeledObject]:
    for node in annotations:
        category = node.member("category_id")
        label = names.get(_id(category))
        if label is None:
            raise category.error("the id of a category in this file")
        mask = _mask(node.member("segmentation"), size)
        if mask is not None:
            yield LabeledObject(label, mask)
        else:
            box = node.member("bbox")
            x, y, width, height = box.numbers(4, "x, y, width and height")
            edges = (x, y, x + width, y + height)
            yield LabeledObject(label, prompts=box_prompts(edges, size, box.where))


def _mask(node: Node, size: tuple[int, int]) -> Mask | None:
    if node.value in (None, []):
        return None
    if isinstance(node.value, dict):
        if node.value.get("size") != list(size):
            raise node.error(f"a run-length code of size {list(size)}")
        try:
            return decode_rle(node.value)
        except ValueError as error:
            raise node.error(f"a run-length code of {size[0]} x {size[1]} pixels") from error
    mask = np.zeros(size, np.bool_)
    for ring in node.elements():
        numbers = ring.numbers(len(ring.elements()), "a list of numbers")
        if len(numbers) < 6 or len(numbers) % 2:
            raise ring.error("x and y of at least three corners")
        mask |= fill_rings([np.asarray(numbers).reshape(-1, 2)], size)
    return mask
