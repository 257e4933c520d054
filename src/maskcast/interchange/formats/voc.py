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
from xml.etree.ElementTree import Element

import numpy as np

from maskcast.errors import AnnotationError, ImageError
from maskcast.interchange.formats.records import (
    LabeledImage,
    LabeledObject,
    LabeledSet,
    Pictures,
    check_size,
    count,
)
from maskcast.interchange.formats.shapes import box_prompts
from maskcast.interchange.formats.writing import (
    ExportedImage,
    ExportedSet,
    class_numbers,
    covered_instances,
    fitting_names,
    lost_scores,
    number_pixels,
)
from maskcast.interchange.formats.xmlfile import (
    element,
    is_xml_text,
    number,
    numbered,
    read_xml,
    require,
    xml_text,
)
from maskcast.interchange.options import ExportOptions
from maskcast.io.atomic import write_atomically
from maskcast.io.images import encode_label_png, read_image
from maskcast.types import Mask

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
    classes = np.array(class_of, np.uint8)[numbers]
    for kind, labels in (("Class", classes), ("Object", np.minimum(numbers, _VOID))):
        data = encode_label_png(labels.astype(np.uint8), _PALETTE)
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


def read_voc(source: Path, pictures: Pictures) -> LabeledSet:
    """Read a folder with ``Annotations/``, ``SegmentationClass/`` or both, or one XML file.

    An object whose class has pixels in the class mask gets these, any other its box. Without
    ``labelmap.txt`` the twenty classes of VOC are assumed.

    Raises:
        AnnotationError: naming the file and the place in it.
    """
    root = source if source.is_dir() else source.parent
    folder = root / "Annotations" if (root / "Annotations").is_dir() else root
    files = sorted(folder.rglob("*.xml")) if source.is_dir() else [source]
    stems = [path.relative_to(folder).as_posix().removesuffix(".xml") for path in files]
    masks = root / "SegmentationClass"
    maps = sorted(masks.rglob("*.png")) if source.is_dir() else []
    alone = {path.relative_to(masks).as_posix().removesuffix(".png") for path in maps} - set(stems)
    if not files and not alone:
        raise AnnotationError(f"there is no VOC annotation in {source}; give the folder above them")
    colors = _read_labelmap(root / "labelmap.txt")
    images = [
        _image(path, stem, masks / f"{stem}.png", colors, pictures)
        for path, stem in zip(files, stems, strict=True)
    ]
    images += [_mask_image(masks / f"{stem}.png", stem, colors, pictures) for stem in sorted(alone)]
    return LabeledSet(images, labels=tuple(colors.values()))


def _read_labelmap(path: Path) -> dict[tuple[int, int, int], str]:
    """Class name by colour, background left out; lines without colours have VOC's, in order."""
    if not path.is_file():
        return {voc_color(index + 1): name for index, name in enumerate(_CLASSES)}
    colors: dict[tuple[int, int, int], str] = {}
    usual = map(voc_color, range(_VOID + 1))
    # Not splitlines(), which knows ten more ends of lines, any of which may be in a name.
    for index, line in enumerate(path.read_text("utf-8-sig", errors="replace").split("\n")):
        if not line.strip() or line.startswith("#"):
            continue
        match = re.fullmatch(r"(.+?):(?:(\d{1,3}),(\d{1,3}),(\d{1,3}))?:.*", line)
        color = next(usual, None)
        if match is None or color is None:
            raise AnnotationError(f"{path}: line {index + 1}: expected name:r,g,b::, got {line!r}")
        if match[2] is not None:
            color = int(match[2]), int(match[3]), int(match[4])
        if match[1] != "background":
            colors[color] = match[1]
    return colors


def _mask_image(
    path: Path, stem: str, colors: Mapping[tuple[int, int, int], str], pictures: Pictures
) -> LabeledImage:
    """An image of which there is only the class mask."""
    image_id = pictures.find(f"{stem}.*", str(path))
    size = pictures.size(image_id)
    masks = _class_masks(path, colors, size)
    objects = tuple(LabeledObject(label, mask) for label, mask in masks.items())
    return LabeledImage(image_id, *size, objects)


def _image(
    path: Path,
    stem: str,
    mask_path: Path,
    colors: Mapping[tuple[int, int, int], str],
    pictures: Pictures,
) -> LabeledImage:
    root = read_xml(path)
    if root.tag != "annotation":
        raise AnnotationError(f"{path} is not a VOC file: it has no <annotation>")
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
    masks = _class_masks(mask_path, colors, size)
    boxes = [
        _box(node, size, place)
        for place, node in numbered(root.iterfind("object"), str(path))
        if require(node.findtext("name"), place, "a name") not in masks
    ]
    return LabeledImage(
        image_id, *size, (*(LabeledObject(label, mask) for label, mask in masks.items()), *boxes)
    )


def _box(node: Element, size: tuple[int, int], place: str) -> LabeledObject:
    edges = [
        number(node.findtext(f"bndbox/{key}"), f"{place}: {key}", "a number")
        for key in ("xmin", "ymin", "xmax", "ymax")
    ]
    prompts = box_prompts((edges[0] - 1, edges[1] - 1, edges[2], edges[3]), size, place)
    return LabeledObject(node.findtext("name") or "", prompts=prompts)


def _class_masks(
    path: Path, colors: Mapping[tuple[int, int, int], str], size: tuple[int, int]
) -> dict[str, Mask]:
    """The mask of each class in a class picture, told by colour; empty if there is no picture."""
    if not path.is_file():
        return {}
    try:
        rgb = read_image(path).rgb
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
