"""``labelstudio``: tasks with predictions, masks as brush codes or polygons.

::

    tasks.json or <split>.json            import these into a project
    labeling_config.xml                   the labels, for the project's settings
    images/[<split>/]<file name>          if pictures are copied or linked; Label Studio finds them
                                          in a local storage whose root is the export's folder
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import parse_qs, quote, unquote, urlsplit

import numpy as np
import numpy.typing as npt

from maskcast.drawing.palette import hex_color
from maskcast.errors import AnnotationError
from maskcast.interchange.formats.brush_rle import decode_brush, encode_runs
from maskcast.interchange.formats.outlines import OutlineTally
from maskcast.interchange.formats.records import (
    DEFAULT_SPLIT,
    LabeledImage,
    LabeledObject,
    LabeledSet,
    Pictures,
    check_size,
)
from maskcast.interchange.formats.shapes import box_prompts, ellipse_mask, point_prompts
from maskcast.interchange.formats.writing import (
    ExportedImage,
    ExportedSet,
    Instance,
    path_in_images,
)
from maskcast.interchange.formats.xmlfile import renamed_sentence, tag, xml_names
from maskcast.interchange.options import ExportOptions
from maskcast.io.atomic import write_atomically
from maskcast.io.jsonfile import Node, is_number, read_json
from maskcast.polygons import fill_rings
from maskcast.types import Mask, ObjectSpec

picture_path = path_in_images

_LOCAL = "/data/local-files/?d="
_SHAPES = ("brushlabels", "polygonlabels", "rectanglelabels", "ellipselabels", "keypointlabels")
_NO_SHAPES = ("choices", "datetime", "number", "rating", "relation", "taxonomy", "textarea")
"""Results that say something of the picture, or of a shape that has a result of its own."""
_UPLOADED = re.compile(r"[0-9a-f]{8}-(.+)")


def write_labelstudio(
    exported: ExportedSet, folder: Path, options: ExportOptions
) -> tuple[str, ...]:
    """Write one file of tasks for each split.

    Returns:
        What could not be kept.
    """
    tally, written = OutlineTally(), dict.fromkeys(exported.splits, 0)
    names, renamed = xml_names(exported.specs)
    config = _config(exported.specs, names, options.polygons)
    write_atomically(folder / "labeling_config.xml", config.encode())
    with ExitStack() as stack:
        files: dict[str, TextIO] = {}
        for split in exported.splits:
            name = "tasks.json" if split == DEFAULT_SPLIT else f"{split}.json"
            files[split] = stack.enter_context((folder / name).open("w", encoding="utf-8"))
            files[split].write("[")
        for image in exported.images:
            file = files[image.split]
            file.write(",\n" if written[image.split] else "\n")
            file.write(json.dumps(_task(image, names, options, tally), ensure_ascii=False))
            written[image.split] += 1
        for file in files.values():
            file.write("\n]\n")
    sentences = tally.sentences(parts_are_rows="a polygon of its own")
    return (*sentences, *renamed_sentence(renamed))


def _config(specs: Sequence[ObjectSpec], names: Mapping[str, str], polygons: bool) -> str:
    kind = "PolygonLabels" if polygons else "BrushLabels"
    labels = "".join(
        f"    {tag('Label', value=names[spec.name], background=hex_color(spec.color))}/>\n"
        for spec in specs
    )
    return (
        f'<View>\n  <Image name="image" value="$image"/>\n  <{kind} name="label" toName="image">\n'
        f"{labels}  </{kind}>\n</View>\n"
    )


def _task(
    image: ExportedImage, names: Mapping[str, str], options: ExportOptions, tally: OutlineTally
) -> dict[str, Any]:
    prediction: dict[str, Any] = {
        "model_version": "maskcast",
        "result": [
            result
            for number, found in enumerate(image.instances, 1)
            for result in _results(image, number, found, names[found.label], options, tally)
        ],
    }
    if image.instances:
        prediction["score"] = round(min(found.score for found in image.instances), 6)
    where = f"{_LOCAL}{quote(picture_path(image))}"
    return {"data": {"image": where}, "predictions": [prediction]}


def _results(
    image: ExportedImage,
    number: int,
    found: Instance,
    label: str,
    options: ExportOptions,
    tally: OutlineTally,
) -> Iterator[dict[str, Any]]:
    kind = "polygonlabels" if options.polygons else "brushlabels"
    if options.polygons:
        percent = 100 / np.array([image.width, image.height])
        rings = tally.outlines(found.cutout, options)
        values: list[dict[str, Any]] = [
            {"points": (ring * percent).round(10).tolist(), "closed": True} for ring in rings
        ]
    else:
        values = [{"format": "rle", "rle": list(encode_runs(found.cutout.runs(image.size)))}]
    for index, value in enumerate(values):
        place = f"{image.image_id}/{number}/{index}"
        yield {
            "id": hashlib.sha256(place.encode()).hexdigest()[:10],
            "type": kind,
            "from_name": "label",
            "to_name": "image",
            "original_width": image.width,
            "original_height": image.height,
            "image_rotation": 0,
            "value": {**value, kind: [label]},
            "score": round(found.score, 6),
        }


def read_labelstudio(source: Path, pictures: Pictures) -> LabeledSet:
    """Read tasks (Label Studio's export as JSON), or all JSON files of a folder.

    Of a task its first annotation that was not cancelled counts, else its first prediction; one
    without any is left out. Brushes, polygons and ellipses become masks, rectangles boxes, key
    points prompts; choices, texts and relations are passed over.

    Raises:
        AnnotationError: naming the file and the place in it.
    """
    files = [source] if source.is_file() else sorted(source.glob("*.json"))
    roots = [read_json(path) for path in files]
    # An export has other JSON files beside the tasks; a file that was named must hold some.
    tasks = [root for root in roots if isinstance(root.value, list) or source.is_file()]
    if not tasks:
        raise AnnotationError(f"there is no JSON file of tasks in {source}; give its path")
    images = []
    for root in tasks:
        for task in root.elements():
            results = _chosen(task)
            if results is not None:
                images.append(_image(task, results, pictures))
    return LabeledSet(images)


def _chosen(task: Node) -> list[Node] | None:
    for key in ("annotations", "predictions"):
        entries = task.member(key)
        for entry in [] if entries.value is None else entries.elements():
            if not entry.member("was_cancelled").value:
                return entry.member("result").elements()
    return None


def _image(task: Node, results: Sequence[Node], pictures: Pictures) -> LabeledImage:
    address = _address(task.member("data"))
    image_id = pictures.find(_picture_name(address.text()), address.where)
    size = pictures.size(image_id)
    objects = []
    for result in results:
        if result.member("type").value in _NO_SHAPES:
            continue
        declared = result.member("original_height").value, result.member("original_width").value
        check_size(declared, image_id, pictures, result.where)
        objects.append(_object(result, size))
    return LabeledImage(image_id, *size, tuple(objects))


def _address(data: Node) -> Node:
    """Where the picture is; labeling setups call it as they like, most ``image``."""
    texts = [node for _, node in data.members() if isinstance(node.value, str)]
    return texts[0] if len(texts) == 1 else data.member("image")


def _picture_name(address: str) -> str:
    """The name of the picture in a URL of local files, of an upload or of any other kind."""
    parts = urlsplit(address)
    if "d" in (query := parse_qs(parts.query)):
        return query["d"][0]
    folder, _, name = unquote(parts.path).rpartition("/")
    uploaded = _UPLOADED.fullmatch(name)
    if "upload" in folder.split("/") and uploaded:
        return uploaded[1]
    return f"{folder}/{name}".lstrip("/")


def _object(result: Node, size: tuple[int, int]) -> LabeledObject:
    kind, value = result.member("type"), result.member("value")
    if kind.value not in _SHAPES:
        raise kind.error(f"one of {', '.join(_SHAPES)}")
    labels = value.member(str(kind.value)).elements()
    if not labels:
        raise value.error(f"a label in {kind.value}")
    label = labels[0].text()
    turned = [result.member("image_rotation").value, value.member("rotation").value]
    if any(turned):
        raise result.error("no rotation; draw a polygon instead")
    if kind.value == "brushlabels":
        return LabeledObject(label, _decode(value.member("rle"), size))
    scale = np.array([size[1], size[0]]) / 100
    if kind.value == "polygonlabels":
        rows = [node.numbers(2, "x and y in percent") for node in value.member("points").elements()]
        if len(rows) < 3:
            raise value.member("points").error("at least three corners")
        ring = np.array(rows) * scale
        near = np.abs(ring - np.rint(ring)) < 1e-3  # percentages are rounded
        return LabeledObject(label, fill_rings([np.where(near, np.rint(ring), ring)], size))
    x, y = _percents(value, "x", "y") * scale
    if kind.value == "keypointlabels":
        return LabeledObject(label, prompts=point_prompts([(x, y)], size, result.where))
    if kind.value == "ellipselabels":
        radii = _percents(value, "radiusX", "radiusY") * scale
        return LabeledObject(label, ellipse_mask((x, y), (radii[0], radii[1]), size, result.where))
    width, height = _percents(value, "width", "height") * scale
    prompts = box_prompts((x, y, x + width, y + height), size, result.where)
    return LabeledObject(label, prompts=prompts)


def _decode(node: Node, size: tuple[int, int]) -> Mask:
    if not isinstance(node.value, list):
        raise node.error("a list of bytes")
    try:
        return decode_brush(node.value, size)
    except (TypeError, ValueError) as error:
        raise node.error(
            f"Label Studio's code of {size[0]} x {size[1]} pixels ({error})"
        ) from error


def _percents(value: Node, *names: str) -> npt.NDArray[np.float64]:
    nodes = [value.member(name) for name in names]
    for node in nodes:
        if not is_number(node.value):
            raise node.error("a number in percent")
    return np.array([node.value for node in nodes], np.float64)
