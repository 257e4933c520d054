"""``cvat``: CVAT for images 1.1, one XML file.

::

    annotations.xml or <split>.xml        <image> with <mask> (run lengths) or <polygon>
    images/[<split>/]<file name>          if pictures are copied or linked
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from maskcast.drawing.palette import hex_color
from maskcast.errors import AnnotationError
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
    lost_scores,
    path_in_images,
)
from maskcast.interchange.formats.xmlfile import (
    element,
    is_xml_text,
    number,
    numbered,
    read_xml,
    renamed_sentence,
    require,
    tag,
    xml_names,
)
from maskcast.interchange.options import ExportOptions
from maskcast.masks import Cutout
from maskcast.polygons import fill_rings
from maskcast.types import Mask, ObjectSpec

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


def read_cvat(source: Path, pictures: Pictures) -> LabeledSet:
    """Read an XML file of CVAT for images 1.1, or all those in a folder.

    Masks, polygons and ellipses become masks, boxes boxes, and points prompts.

    Raises:
        AnnotationError: naming the file and the place in it.
    """
    files = [source] if source.is_file() else sorted(source.glob("*.xml"))
    if not files:
        raise AnnotationError(f"there is no CVAT file in {source}; give annotations.xml")
    labels: list[str] = []
    images: list[LabeledImage] = []
    for path in files:
        root = read_xml(path)
        if root.tag != "annotations":
            raise AnnotationError(f"{path} is not a CVAT file: it has no <annotations>")
        if root.find("track") is not None:
            raise AnnotationError(
                f"{path} holds tracks of a video; export it from CVAT as CVAT for images 1.1"
            )
        labels += [node.text or "" for node in root.iterfind("meta//label/name")]
        for place, node in numbered(root.iterfind("image"), str(path)):
            images.append(_image(node, place, pictures))
    return LabeledSet(images, labels=tuple(dict.fromkeys(labels)))


def _image(node: Element, place: str, pictures: Pictures) -> LabeledImage:
    name = require(node.get("name"), place, "the name of a picture")
    image_id = pictures.find(name, place)
    declared = [
        None if node.get(side) is None else number(node.get(side), place, side)
        for side in ("height", "width")
    ]
    size = check_size((declared[0], declared[1]), image_id, pictures, place)
    shapes = (child for child in node if child.tag != "tag")
    objects = tuple(_object(shape, where, size) for where, shape in numbered(shapes, place))
    return LabeledImage(image_id, *size, objects)


def _object(shape: Element, place: str, size: tuple[int, int]) -> LabeledObject:
    label = require(shape.get("label"), place, "a label")
    if number(shape.get("rotation", "0"), place, "rotation") % 360:
        raise AnnotationError(f"{place}: turned boxes are not supported; draw a polygon instead")
    if shape.tag == "mask":
        return LabeledObject(label, _mask(shape, place, size))
    if shape.tag == "polygon":
        return LabeledObject(label, fill_rings([_points(shape, place)], size))
    if shape.tag == "ellipse":
        return LabeledObject(label, _ellipse(shape, place, size))
    if shape.tag == "box":
        edges = [number(shape.get(key), place, key) for key in ("xtl", "ytl", "xbr", "ybr")]
        return LabeledObject(label, prompts=box_prompts(edges, size, place))
    if shape.tag == "points":
        return LabeledObject(label, prompts=point_prompts(_points(shape, place), size, place))
    raise AnnotationError(
        f"{place}: a {shape.tag} is no mask, polygon, ellipse, box or points; remove it"
    )


def _points(shape: Element, place: str) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    text = require(shape.get("points"), place, "points")
    pairs = [pair.split(",") for pair in text.split(";")]
    if not all(len(pair) == 2 for pair in pairs):
        raise AnnotationError(f"{place}: expected points as x,y;x,y, got {text[:40]!r}")
    return np.array([[number(value, place, "a coordinate") for value in pair] for pair in pairs])


def _ellipse(shape: Element, place: str, size: tuple[int, int]) -> Mask:
    x, y, radius_x, radius_y = (
        number(shape.get(key), place, key) for key in ("cx", "cy", "rx", "ry")
    )
    return ellipse_mask((x, y), (radius_x, radius_y), size, place)


def _mask(shape: Element, place: str, size: tuple[int, int]) -> Mask:
    left, top, width, height = (
        _whole(shape.get(key), place, key) for key in ("left", "top", "width", "height")
    )
    if left + width > size[1] or top + height > size[0]:
        raise AnnotationError(f"{place}: the mask reaches beyond the picture; correct the file")
    text = require(shape.get("rle"), place, "run lengths in rle")
    runs = [_whole(run, place, "a run length") for run in text.split(",")]
    if sum(runs) != width * height:
        raise AnnotationError(
            f"{place}: rle holds {sum(runs)} pixels but the mask is {width} x {height}; "
            "correct the file"
        )
    flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    mask = np.zeros(size, np.bool_)
    mask[top : top + height, left : left + width] = flat.reshape(height, width)
    return mask


def _whole(text: str | None, place: str, what: str) -> int:
    value = number(text, place, what)
    if value < 0 or not value.is_integer():
        raise AnnotationError(f"{place}: expected {what} as a whole number, got {text!r}")
    return int(value)
