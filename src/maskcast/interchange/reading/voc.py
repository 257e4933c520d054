"""Reading Pascal VOC, as labelImg, Roboflow, supervision, CVAT, datumaro and others write it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from math import degrees
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np
import numpy.typing as npt

from maskcast.errors import AnnotationError, ImageError
from maskcast.interchange.formats.voc import voc_color
from maskcast.interchange.reading.areas import Area
from maskcast.interchange.reading.entries import (
    ANY_SUFFIX,
    Entry,
    Part,
    ReadingOptions,
    Shape,
    Source,
)
from maskcast.interchange.reading.left_out import Kind, LeftOut, MisfitError
from maskcast.interchange.reading.numbers import declared_size, finite
from maskcast.interchange.reading.shapes import Size, box_prompts, ring_area, turned_box
from maskcast.interchange.reading.source_files import files_of, read_text_file
from maskcast.interchange.reading.xmltree import read_xml, required
from maskcast.io.images import read_image
from maskcast.io.read_options import ReadOptions

_Color = tuple[int, int, int]
_VOID = voc_color(255)
_CLASSES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa"),
    *("train", "tvmonitor"),
)
_LABELS = ReadOptions(trust_small_files=True)  # they are nearly empty as a rule
_BORDER_NAMES = frozenset({"border", "ignore", "ignored", "unknown", "unlabeled", "void"})
_NUMBERED_CORNER = re.compile(r"x(\d+)")


def read_voc(source: Path, _: ReadingOptions, left_out: LeftOut) -> Source:
    """Read a folder with ``Annotations/``, ``SegmentationClass/`` or both, or one XML file.

    An object whose class has pixels in the class picture gets these; any other its polygon, its
    turned box or its box. Pixels of VOC's colour for the border round objects are unknown. Without
    ``labelmap.txt`` the twenty classes of VOC are assumed.

    Raises:
        AnnotationError: if there is no annotation, or ``labelmap.txt`` cannot be read.
    """
    root = source if source.is_dir() else source.parent
    folder = root / "Annotations" if (root / "Annotations").is_dir() else root
    files = files_of(folder.rglob("*.xml")) if source.is_dir() else [source]
    stems = [path.relative_to(folder).as_posix().removesuffix(".xml") for path in files]
    masks = root / "SegmentationClass"
    maps = files_of(masks.rglob("*.png")) if source.is_dir() else []
    pictures = {path.relative_to(masks).as_posix().removesuffix(".png") for path in maps}
    alone = sorted(pictures - set(stems))
    if not files and not alone:
        raise AnnotationError(f"there is no VOC annotation in {source}; give the folder above them")
    colors = _read_labelmap(root / "labelmap.txt")
    entries = _entries(dict(zip(stems, files, strict=True)), alone, masks, colors, left_out)
    return Source(entries, list(colors.values()), total=len(files) + len(alone))


def _entries(
    files: Mapping[str, Path],
    alone: list[str],
    masks: Path,
    colors: Mapping[_Color, str],
    left_out: LeftOut,
) -> Iterator[Entry]:
    for stem, path in files.items():
        picture = masks / f"{stem}.png"
        shown = _ClassPicture(picture, colors) if picture.is_file() else None
        entry = left_out.tried(partial(_entry, path, stem, shown))
        if entry is not None:
            yield entry
    for stem in alone:
        shown = _ClassPicture(masks / f"{stem}.png", colors)
        yield Entry((stem + ANY_SUFFIX,), str(shown.path), (shown.shapes,))


def _read_labelmap(path: Path) -> dict[_Color, str]:
    """Class name by colour, background and border left out; lines without colours have VOC's."""
    if not path.is_file():
        return {voc_color(index + 1): name for index, name in enumerate(_CLASSES)}
    colors: dict[_Color, str] = {}
    usual = map(voc_color, range(256))
    # Not splitlines(), which knows ten more ends of lines, any of which may be in a name.
    for index, line in enumerate(read_text_file(path).split("\n")):
        if not line.strip() or line.startswith("#"):
            continue
        match = re.fullmatch(r"(.+?):(?:(\d{1,3}),(\d{1,3}),(\d{1,3}))?:.*", line.rstrip("\r"))
        color = next(usual, None)
        if match is None or color is None:
            raise AnnotationError(f"{path}: line {index + 1}: expected name:r,g,b::, got {line!r}")
        if match[2] is not None:
            color = int(match[2]), int(match[3]), int(match[4])
        is_border = color == _VOID and match[1].lower() in _BORDER_NAMES
        if match[1] != "background" and not is_border:
            colors[color] = match[1]
    return colors


def _entry(path: Path, stem: str, shown: _ClassPicture | None) -> Entry:
    try:
        root = read_xml(path)
    except AnnotationError as error:
        raise MisfitError(Kind.FILE, str(error), str(error)) from error
    if root.tag != "annotation":
        sentence = f"{path} is not a VOC file: it has no <annotation>"
        raise MisfitError(Kind.FILE, sentence, sentence)
    name = root.findtext("filename")
    parent = stem.rpartition("/")[0]
    # Many tools write the bare name even where the XML file lies deeper.
    inner = f"{parent}/{name}" if name and parent and "/" not in name else name
    names = (inner, stem + ANY_SUFFIX) if inner else (stem + ANY_SUFFIX,)
    size = declared_size(root.findtext("size/height"), root.findtext("size/width"))
    return Entry(names, str(path), _parts(root, path, shown), *size)


def _parts(root: Element, path: Path, shown: _ClassPicture | None) -> Iterator[Part]:
    if shown is not None:
        yield shown.shapes
    for number, element in enumerate(root.iterfind("object"), 1):
        yield partial(_object, element, f"{path}: object {number}", shown)


def _object(
    element: Element, place: str, shown: _ClassPicture | None, size: Size
) -> Iterator[Shape]:
    label = element.findtext("name")
    if not label:
        raise MisfitError(
            Kind.NO_LABEL, place, f"{place}: expected a name, got nothing; correct the file"
        )
    if shown is not None and label in shown.areas:
        return
    outlines = [_corners(polygon, place) for polygon in element.iterfind("polygon") if len(polygon)]
    turned = element.find("robndbox")
    is_outlined = any(len(outline) >= 3 for outline in outlines)
    if is_outlined or (outlines and element.find("bndbox") is None):
        yield Shape(label, ring_area(outlines, size, place))
    elif turned is not None:
        yield Shape(label, ring_area([_turned(turned, place)], size, place))
    else:
        edges = [
            _number(element, f"bndbox/{key}", f"{place}: {key}")
            for key in ("xmin", "ymin", "xmax", "ymax")
        ]
        box = (edges[0] - 1, edges[1] - 1, edges[2], edges[3])
        yield Shape(label, prompts=box_prompts(box, size, place))


def _number(element: Element, key: str, place: str) -> float:
    return finite(required(element.findtext(key), place, "a number"), place, "a number")


def _corners(polygon: Element, place: str) -> list[tuple[float, float]]:
    """Corners ``<x1> <y1> <x2> ...`` or ``<pt><x> <y></pt>``, counted from 1 as boxes are."""
    matches = (_NUMBERED_CORNER.fullmatch(child.tag) for child in polygon)
    numbers = [int(match[1]) for match in matches if match]
    pairs = [(polygon, f"x{number}", f"y{number}") for number in sorted(numbers)]
    pairs += [(point, "x", "y") for point in polygon.iterfind("pt")]
    where = f"{place}: polygon"
    return [
        (_number(element, x, where) - 1, _number(element, y, where) - 1) for element, x, y in pairs
    ]


def _turned(box: Element, place: str) -> list[tuple[float, float]]:
    """The corners of roLabelImg's turned box, whose angle is clockwise and in radians."""
    x, y, width, height, angle = (
        _number(box, key, f"{place}: {key}") for key in ("cx", "cy", "w", "h", "angle")
    )
    edges = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    return turned_box(edges, degrees(angle), place)


@dataclass
class _ClassPicture:
    """A picture whose colours are classes."""

    path: Path
    colors: Mapping[_Color, str]

    def shapes(self, size: Size) -> Iterator[Shape]:
        """The area of each class, and the border round objects."""
        if self._packed.shape != size:
            height, width = self._packed.shape
            raise MisfitError(
                Kind.SIZE,
                f"{self.path} is {width} x {height} and its reference {size[1]} x {size[0]}",
                f"{self.path} is {width} x {height} pixels but the reference is {size[1]} x "
                f"{size[0]}; make it at the picture's own size",
                whole_image=True,
            )
        for label, area in self.areas.items():
            yield Shape(label, area)
        border = Area.of_mask(np.isin(self._packed, list(self._border_codes)))
        if not border.is_empty:
            yield Shape("", border, is_unknown=True)

    @cached_property
    def areas(self) -> dict[str, Area]:
        """The area of each class that has pixels."""
        found = {}
        for code in sorted(self._present):
            if code in self._names:
                found[self._names[code]] = Area.of_mask(self._packed == code)
            elif code not in self._border_codes:
                color = (code >> 16, code >> 8 & 255, code & 255)
                raise MisfitError(
                    Kind.NOT_A_MAP,
                    f"{self.path} has the colour {color}",
                    f"{self.path} has pixels of the colour {color}, which labelmap.txt does not "
                    "name; add it there",
                    whole_image=True,
                )
        return found

    @cached_property
    def _is_numbered(self) -> bool:
        """Whether it is gray and holds class numbers instead of colours."""
        numbers = {_gray(index) for index in range(1, len(self.colors) + 1)} | {_gray(255)}
        named = {_code(color) for color in self.colors}
        return bool(self._present) and self._present <= numbers and not self._present & named

    @property
    def _names(self) -> dict[int, str]:
        """Class name by colour, as one number."""
        if self._is_numbered:
            return {_gray(index): name for index, name in enumerate(self.colors.values(), 1)}
        return {_code(color): name for color, name in self.colors.items()}

    @property
    def _border_codes(self) -> set[int]:
        return {_gray(255) if self._is_numbered else _code(_VOID)} - self._names.keys()

    @cached_property
    def _present(self) -> set[int]:
        """All colours but black."""
        return set(np.unique(self._packed).tolist()) - {0}

    @cached_property
    def _packed(self) -> npt.NDArray[np.uint32]:
        """uint32 (H, W), each colour as one number."""
        try:
            rgb = read_image(self.path, options=_LABELS).rgb
        except ImageError as error:
            raise MisfitError(Kind.UNREADABLE, str(error), str(error), whole_image=True) from error
        packed = rgb[..., 0].astype(np.uint32)
        for channel in (1, 2):
            packed <<= 8
            packed |= rgb[..., channel]
        return packed


def _code(color: _Color) -> int:
    return color[0] << 16 | color[1] << 8 | color[2]


def _gray(value: int) -> int:
    return _code((value, value, value))
