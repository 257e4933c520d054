"""``voc``: Pascal VOC, boxes as XML and masks as palette pictures.

::

    Annotations/<name>.xml                  boxes; whole pixels counted from 1, both ends included
    SegmentationClass/<name>.png            pixel = class number, 0 = background
    SegmentationObject/<name>.png           pixel = number of the instance in its XML file, 0 =
                                            background, 255 = void: of those from the 255th on
    ImageSets/{Main,Segmentation}/<split>.txt
    labelmap.txt                            name:r,g,b:: by class number
    JPEGImages/<file name>                  if pictures are copied or linked

The class number is the object's place among the ids, from 1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from maskcast.interchange.formats.writing import (
    ExportedImage,
    ExportedSet,
    class_numbers,
    count,
    covered_instances,
    fitting_names,
    look_up,
    lost_scores,
    number_pixels,
)
from maskcast.interchange.formats.xmlfile import (
    element,
    is_xml_text,
    xml_text,
)
from maskcast.interchange.options import ExportOptions
from maskcast.io.atomic import write_atomically
from maskcast.io.images import encode_label_png

_TASKS = ("Main", "Segmentation")
_VOID = 255
_UNSAFE = re.compile(r"[:\n\r]|^#|^\s|\s$")


def voc_color(index: int) -> tuple[int, int, int]:
    """The colour of a number of 0..255 in VOC's palette."""
    channels = [0, 0, 0]
    for place in range(8):
        for channel in range(3):
            bit = index >> (3 * place + channel) & 1
            channels[channel] |= bit << (7 - place)
    return channels[0], channels[1], channels[2]


_PALETTE = {index: voc_color(index) for index in range(256)}


def picture_path(image: ExportedImage) -> str:
    """Where a picture goes in an export."""
    return f"JPEGImages/{image.file_name}"


def write_voc(exported: ExportedSet, folder: Path, _: ExportOptions) -> tuple[str, ...]:
    """Write boxes and masks; where objects overlap, the smaller one is on top.

    Returns:
        What could not be kept.
    """
    names = fitting_names((spec.name for spec in exported.specs), _is_safe, _safe)
    places = class_numbers(exported.specs)
    labels = ["background:0,0,0::"]
    labels += [
        f"{names[spec.name]}:{','.join(map(str, voc_color(places[spec.object_id] + 1)))}::"
        for spec in exported.specs
    ]
    write_atomically(folder / "labelmap.txt", "".join(f"{line}\n" for line in labels).encode())
    covered = scored = unlisted = crowded = 0
    with ExitStack() as stack:
        lists = {}
        for split in exported.splits:
            paths = [folder / "ImageSets" / kind / f"{split}.txt" for kind in _TASKS]
            for path in paths:
                path.parent.mkdir(parents=True, exist_ok=True)
            lists[split] = [stack.enter_context(path.open("w", encoding="utf-8")) for path in paths]
        for image in exported.images:
            stem = image.file_name.rpartition(".")[0] or image.file_name
            is_line = stem == stem.strip() and not {"\n", "\r"} & set(stem)
            for file in lists[image.split] if is_line else ():
                file.write(f"{stem}\n")
            unlisted += not is_line
            covered += _write_image(folder, stem, image, names, places)
            scored += len(image.instances)
            crowded += len(image.instances) >= _VOID
    return (*_sentences(covered, unlisted, crowded, names), *lost_scores(scored, "VOC"))


def _sentences(
    covered: int, unlisted: int, crowded: int, names: Mapping[str, str]
) -> tuple[str, ...]:
    told = []
    changed = sum(name != safe for name, safe in names.items())
    if covered:
        told.append(
            f"{count(covered, 'instance')} lost pixels to smaller objects on top, since a VOC "
            "pixel holds one class"
        )
    if crowded:
        told.append(
            f"{count(crowded, 'picture')} with more than {_VOID - 1} instances, the most that "
            "SegmentationObject can number: the others have their box and class, and are void there"
        )
    if unlisted:
        told.append(
            f"{count(unlisted, 'picture')} in no list of ImageSets, where no name can hold a line "
            "break or have a blank at an end"
        )
    if changed:
        told.append(f"{count(changed, 'name')} changed, since labelmap.txt cannot hold them")
    if len(names) >= _VOID:
        told.append("1 class has the number 255, which VOC readers take for nothing (void)")
    return tuple(told)


def _safe(name: str) -> str:
    """The name with what ``labelmap.txt`` or XML cannot hold replaced."""
    return re.sub(r"[:\n\r]|^#", "_", xml_text(name)).strip() or "_"


def _is_safe(name: str) -> bool:
    return bool(name) and name != "background" and is_xml_text(name) and not _UNSAFE.search(name)


def _write_image(
    folder: Path,
    stem: str,
    image: ExportedImage,
    names: Mapping[str, str],
    places: Mapping[int, int],
) -> int:
    """Write the three files of an image; returns how many instances lost pixels."""
    numbers = number_pixels(image)
    class_of = [0, *(places[found.object_id] + 1 for found in image.instances)]
    things = numbers if numbers.dtype == np.uint8 else np.minimum(numbers, _VOID)
    for kind, labels in (("Class", look_up(numbers, class_of)), ("Object", things)):
        data = encode_label_png(labels.astype(np.uint8, copy=False), _PALETTE)
        write_atomically(folder / f"Segmentation{kind}" / f"{stem}.png", data)
    write_atomically(folder / "Annotations" / f"{stem}.xml", _xml(image, names).encode())
    return covered_instances(image, numbers)


def _xml(image: ExportedImage, names: Mapping[str, str]) -> str:
    lines = [
        "<annotation>",
        "<folder>JPEGImages</folder>",
        element("filename", image.file_name),
        "<source><database>maskcast</database></source>",
        f"<size><width>{image.width}</width><height>{image.height}</height><depth>3</depth></size>",
        "<segmented>1</segmented>",
    ]
    for found in image.instances:
        xmin, ymin, xmax, ymax = found.cutout.box
        lines.append(
            f"<object>{element('name', names[found.label])}<pose>Unspecified</pose>"
            "<truncated>0</truncated><difficult>0</difficult>"
            f"<bndbox><xmin>{xmin + 1}</xmin><ymin>{ymin + 1}</ymin>"
            f"<xmax>{xmax}</xmax><ymax>{ymax}</ymax></bndbox></object>"
        )
    return "\n".join([*lines, "</annotation>", ""])
