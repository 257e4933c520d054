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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import quote

import numpy as np

from maskcast.drawing.palette import hex_color
from maskcast.interchange.formats.brush_rle import encode_runs
from maskcast.interchange.formats.outlines import OutlineTally
from maskcast.interchange.formats.writing import (
    DEFAULT_SPLIT,
    ExportedImage,
    ExportedSet,
    Instance,
    path_in_images,
)
from maskcast.interchange.formats.xmlfile import renamed_sentence, tag, xml_names
from maskcast.interchange.options import ExportOptions
from maskcast.io.atomic import write_atomically
from maskcast.types import ObjectSpec

picture_path = path_in_images

_LOCAL = "/data/local-files/?d="


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
            **({} if found.right is None else {"meta": {"text": [f"right {found.right:.4f}"]}}),
        }
