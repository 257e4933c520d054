"""``cvat``: CVAT for images 1.1, one XML file.

::

    annotations.xml or <split>.xml        <image> with <mask> (run lengths) or <polygon>
    images/[<split>/]<file name>          if pictures are copied or linked
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from maskcast.drawing.palette import hex_color
from maskcast.interchange.formats.outlines import OutlineTally
from maskcast.interchange.formats.writing import (
    DEFAULT_SPLIT,
    ExportedImage,
    ExportedSet,
    Instance,
    lost_scores,
    path_in_images,
)
from maskcast.interchange.formats.xmlfile import (
    element,
    is_xml_text,
    renamed_sentence,
    tag,
    xml_names,
)
from maskcast.interchange.options import ExportOptions
from maskcast.masks import Cutout
from maskcast.types import ObjectSpec

picture_path = path_in_images


def write_cvat(exported: ExportedSet, folder: Path, options: ExportOptions) -> tuple[str, ...]:
    """Write one file for each split.

    Returns:
        What could not be kept.
    """
    tally, written, scored = OutlineTally(), dict.fromkeys(exported.splits, 0), 0
    names, renamed = xml_names(exported.specs)
    with ExitStack() as stack:
        files = {
            split: stack.enter_context(_path(folder, split).open("w", encoding="utf-8"))
            for split in exported.splits
        }
        for file in files.values():
            file.write(_head(exported.specs, names))
        for image in exported.images:
            head = _image_tag(image, written[image.split])
            shapes = [
                shape for found in image.instances for shape in _shapes(found, options, tally)
            ]
            tags = [f"{tag(kind, label=names[label], **rest)}/>" for kind, label, rest in shapes]
            files[image.split].write("\n".join([head, *tags, "</image>", ""]))
            written[image.split] += 1
            scored += len(image.instances)
            renamed += not is_xml_text(image.file_name)
        for file in files.values():
            file.write("</annotations>\n")
    return (
        *tally.sentences(parts_are_rows="a polygon of its own, of the same group"),
        *lost_scores(scored, "CVAT"),
        *renamed_sentence(renamed),
    )


def _path(folder: Path, split: str) -> Path:
    return folder / ("annotations.xml" if split == DEFAULT_SPLIT else f"{split}.xml")


def _head(specs: Sequence[ObjectSpec], names: Mapping[str, str]) -> str:
    labels = "".join(
        f"<label>{element('name', names[spec.name])}{element('color', hex_color(spec.color))}"
        "<type>any</type><attributes></attributes></label>\n"
        for spec in specs
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n'
        f"<meta><task><labels>\n{labels}</labels></task></meta>\n"
    )


def _image_tag(image: ExportedImage, index: int) -> str:
    size = {"width": image.width, "height": image.height}
    return tag("image", id=index, name=image.file_name, **size) + ">"


def _shapes(
    found: Instance, options: ExportOptions, tally: OutlineTally
) -> Iterator[tuple[str, str, dict[str, object]]]:
    """Tag, label and attributes of each shape of an instance."""
    common = {"source": "auto", "occluded": 0, "z_order": 0}
    if not options.polygons:
        yield "mask", found.label, common | _run_lengths(found.cutout)
        return
    rings = tally.outlines(found.cutout, options)
    group = {"group_id": found.object_id} if len(rings) > 1 else {}
    for ring in rings:
        points = ";".join(f"{x:.2f},{y:.2f}" for x, y in ring.tolist())
        yield "polygon", found.label, common | {"points": points} | group


def _run_lengths(cutout: Cutout) -> dict[str, object]:
    """The box round a mask, and run lengths in it, row by row, background first."""
    xmin, ymin, xmax, ymax = cutout.box
    flat = cutout.pixels.ravel()
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    runs = np.diff(np.concatenate([[0], changes, [flat.size]])).tolist()
    rle = ", ".join(map(str, [0, *runs] if flat[0] else runs))
    return {"rle": rle, "left": xmin, "top": ymin, "width": xmax - xmin, "height": ymax - ymin}
