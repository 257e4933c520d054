"""``voc``: Pascal VOC, boxes as XML and masks as palette pictures.

::

    Annotations/<name>.xml                  boxes; whole pixels counted from 1, both ends included
    SegmentationClass/<name>.png            pixel = class number, 0 = background
    SegmentationObject/<name>.png           pixel = number of the object in its XML file
    ImageSets/{Main,Segmentation}/<split>.txt
    labelmap.txt                            name:r,g,b:: by class number
    JPEGImages/<file name>                  if pictures are copied or linked

The class number is the object's place among the ids, from 1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from html import escape
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from maskcast.errors import AnnotationError, ImageError
from maskcast.files import write_atomically
from maskcast.formats.records import (
    LabeledImage,
    LabeledObject,
    LabeledSet,
    Pictures,
    WriteOptions,
    box_prompts,
    check_size,
    count,
)
from maskcast.formats.xmlfile import is_xml_text, number, numbered, read_xml, require, xml_text
from maskcast.images import DEFAULT_MAX_PIXELS, encode_label_png, read_image
from maskcast.masks import bounding_box, compose_label_map
from maskcast.types import Mask, ObjectSpec

_TASKS = ("Main", "Segmentation")
_VOID = 255
_CLASSES = [
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
]
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


def picture_path(image: LabeledImage) -> str:
    """Where a picture goes in an export."""
    return f"JPEGImages/{image.file_name}"


def write_voc(labeled: LabeledSet, folder: Path, _: WriteOptions) -> tuple[str, ...]:
    """Write boxes and masks; where objects overlap, the smaller one is on top.

    Returns:
        What could not be kept.
    """
    names = _safe_names(labeled.specs)
    classes = {spec.name: index + 1 for index, spec in enumerate(labeled.specs)}
    labels = ["background:0,0,0::"]
    labels += [
        f"{names[spec.name]}:{','.join(map(str, voc_color(classes[spec.name])))}::"
        for spec in labeled.specs
    ]
    write_atomically(folder / "labelmap.txt", "".join(f"{line}\n" for line in labels).encode())
    covered = scored = 0
    with ExitStack() as stack:
        lists = {}
        for split in labeled.splits:
            paths = [folder / "ImageSets" / kind / f"{split}.txt" for kind in _TASKS]
            for path in paths:
                path.parent.mkdir(parents=True, exist_ok=True)
            lists[split] = [stack.enter_context(path.open("w", encoding="utf-8")) for path in paths]
        for image in labeled.images:
            stem = image.file_name.rpartition(".")[0] or image.file_name
            for file in lists[image.split]:
                file.write(f"{stem}\n")
            covered += _write_image(folder, stem, image, names, classes)
            scored += sum(one.score is not None for one in image.objects)
    changed = sum(name != names[name] for name in names)
    return _sentences(covered, scored, changed, len(labeled.specs))


def _sentences(covered: int, scored: int, changed: int, classes: int) -> tuple[str, ...]:
    told = []
    if covered:
        told.append(
            f"{count(covered, 'object')} lost pixels to smaller objects on top, since a VOC pixel "
            "holds one class"
        )
    if scored:
        told.append(f"{count(scored, 'object')} lost the score, which VOC has no place for")
    if changed:
        told.append(f"{count(changed, 'name')} changed, since labelmap.txt cannot hold them")
    if classes >= _VOID:
        told.append("1 class has the number 255, which VOC readers take for nothing (void)")
    return tuple(told)


def _safe_names(specs: Sequence[ObjectSpec]) -> dict[str, str]:
    """Name -> the same with what ``labelmap.txt`` or XML cannot hold replaced, still unique."""
    safe = {spec.name: spec.name for spec in specs if _is_safe(spec.name)}
    for spec in specs:
        if spec.name in safe:
            continue
        name = re.sub(r"[:\n\r]|^#", "_", xml_text(spec.name)).strip() or "_"
        while name in safe.values() or not _is_safe(name):
            name += "_"
        safe[spec.name] = name
    return safe


def _is_safe(name: str) -> bool:
    return bool(name) and name != "background" and is_xml_text(name) and not _UNSAFE.search(name)


def _write_image(
    folder: Path,
    stem: str,
    image: LabeledImage,
    names: Mapping[str, str],
    classes: Mapping[str, int],
) -> int:
    """Write the three files of an image; returns how many objects lost pixels."""
    objects = [(one.label, one.mask) for one in image.objects if one.mask is not None]
    numbers = list(range(1, len(objects) + 1))
    instances = compose_label_map(numbers, [mask for _, mask in objects], image.size)
    class_of = np.array([0, *(classes[label] for label, _ in objects)], np.uint8)
    for name, labels in (("Class", class_of[instances]), ("Object", instances)):
        data = encode_label_png(labels, _PALETTE)
        write_atomically(folder / f"Segmentation{name}" / f"{stem}.png", data)
    text = _xml(image, [(names[label], mask) for label, mask in objects])
    write_atomically(folder / "Annotations" / f"{stem}.xml", text.encode())
    return sum(
        int(np.count_nonzero(instances == key)) < int(np.count_nonzero(mask))
        for key, (_, mask) in zip(numbers, objects, strict=True)
    )


def _xml(image: LabeledImage, objects: Sequence[tuple[str, Mask]]) -> str:
    lines = [
        "<annotation>",
        "<folder>JPEGImages</folder>",
        f"<filename>{escape(xml_text(image.file_name))}</filename>",
        "<source><database>maskcast</database></source>",
        f"<size><width>{image.width}</width><height>{image.height}</height><depth>3</depth></size>",
        "<segmented>1</segmented>",
    ]
    for name, mask in objects:
        xmin, ymin, xmax, ymax = bounding_box(mask) or (0, 0, 0, 0)
        lines.append(
            f"<object><name>{escape(name)}</name><pose>Unspecified</pose>"
            "<truncated>0</truncated><difficult>0</difficult>"
            f"<bndbox><xmin>{xmin + 1}</xmin><ymin>{ymin + 1}</ymin>"
            f"<xmax>{xmax}</xmax><ymax>{ymax}</ymax></bndbox></object>"
        )
    return "\n".join([*lines, "</annotation>", ""])


def read_voc(source: Path, pictures: Pictures) -> LabeledSet:
    """Read a folder with ``Annotations/`` and, where there are masks, ``SegmentationClass/``.

    An object whose class has pixels in the class mask gets these, any other its box. Without
    ``labelmap.txt`` the twenty classes of VOC are assumed.

    Raises:
        AnnotationError: naming the file and the place in it.
    """
    folder = source / "Annotations" if (source / "Annotations").is_dir() else source
    files = sorted(folder.rglob("*.xml")) if folder.is_dir() else []
    if not files:
        raise AnnotationError(f"there is no VOC annotation in {source}; give the folder above them")
    colors = _read_labelmap(source / "labelmap.txt")
    images = [_image(path, folder, source, colors, pictures) for path in files]
    return LabeledSet(images, labels=tuple(colors.values()))


def _read_labelmap(path: Path) -> dict[tuple[int, int, int], str]:
    """Class name by colour, background left out."""
    if not path.is_file():
        return {voc_color(index + 1): name for index, name in enumerate(_CLASSES)}
    colors = {}
    for index, line in enumerate(path.read_text("utf-8-sig", errors="replace").splitlines()):
        if not line.strip() or line.startswith("#"):
            continue
        match = re.fullmatch(r"(.+?):(\d{1,3}),(\d{1,3}),(\d{1,3}):.*", line)
        if match is None:
            raise AnnotationError(f"{path}: line {index + 1}: expected name:r,g,b::, got {line!r}")
        red, green, blue = (int(match[group]) for group in (2, 3, 4))
        if match[1] != "background":
            colors[red, green, blue] = match[1]
    return colors


def _image(
    path: Path,
    folder: Path,
    source: Path,
    colors: Mapping[tuple[int, int, int], str],
    pictures: Pictures,
) -> LabeledImage:
    root = read_xml(path)
    if root.tag != "annotation":
        raise AnnotationError(f"{path} is not a VOC file: it has no <annotation>")
    stem = path.relative_to(folder).as_posix().removesuffix(".xml")
    name = root.findtext("filename")
    parent = stem.rpartition("/")[0]
    # Many tools write the bare name even where the XML file lies deeper.
    inner = f"{parent}/{name}" if name and parent and "/" not in name else name
    image_id = pictures.find(inner or f"{stem}.*", str(path))
    declared = [
        None if root.find(key) is None else number(root.findtext(key), f"{path}: {key}", "a number")
        for key in ("size/height", "size/width")
    ]
    size = check_size((declared[0], declared[1]), image_id, pictures, str(path))
    masks = _class_masks(source / "SegmentationClass" / f"{stem}.png", colors, size)
    boxes = [
        _box(node, place)
        for place, node in numbered(root.iterfind("object"), str(path))
        if require(node.findtext("name"), place, "a name") not in masks
    ]
    return LabeledImage(
        image_id, *size, (*(LabeledObject(label, mask) for label, mask in masks.items()), *boxes)
    )


def _box(node: Element, place: str) -> LabeledObject:
    edges = [
        number(node.findtext(f"bndbox/{key}"), f"{place}: {key}", "a number")
        for key in ("xmin", "ymin", "xmax", "ymax")
    ]
    prompts = box_prompts((edges[0] - 1, edges[1] - 1, edges[2], edges[3]))
    return LabeledObject(node.findtext("name") or "", prompts=prompts)


def _class_masks(
    path: Path, colors: Mapping[tuple[int, int, int], str], size: tuple[int, int]
) -> dict[str, Mask]:
    """The mask of each class in a class picture, told by colour; empty if there is no picture."""
    if not path.is_file():
        return {}
    try:
        rgb = read_image(path, max_pixels=DEFAULT_MAX_PIXELS).rgb
    except ImageError as error:
        raise AnnotationError(str(error)) from error
    if rgb.shape[:2] != size:
        raise AnnotationError(
            f"{path} is {rgb.shape[1]} x {rgb.shape[0]} pixels but the reference is "
            f"{size[1]} x {size[0]}; make it at the picture's own size"
        )
    packed = rgb.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    masks = {}
    for code in np.unique(packed).tolist():
        color = (code >> 16, code >> 8 & 255, code & 255)
        if color in colors:
            masks[colors[color]] = packed == code
        elif color not in {(0, 0, 0), voc_color(_VOID)}:
            raise AnnotationError(
                f"{path} has pixels of the colour {color}, which labelmap.txt does not name; "
                "add it there"
            )
    return masks
