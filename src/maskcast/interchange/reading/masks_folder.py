"""Reading masks and label maps: PNG, TIFF, BMP and JPEG pictures, and numpy's arrays."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from maskcast.drawing.palette import parse_hex_color
from maskcast.errors import AnnotationError
from maskcast.interchange.reading.areas import Area
from maskcast.interchange.reading.entries import (
    ANY_SUFFIX,
    ClassMeaning,
    Entry,
    ReadingOptions,
    Shape,
    Source,
)
from maskcast.interchange.reading.left_out import Kind, LeftOut, MisfitError
from maskcast.interchange.reading.shapes import Size
from maskcast.interchange.reading.source_files import files_of
from maskcast.io.label_maps import LABEL_SUFFIXES, read_label_picture
from maskcast.io.label_picture import (
    VOID,
    Color,
    LabelPicture,
    LabelRules,
    NotALabelMapError,
)

_COLUMNS = ("id", "name", "color")
_LOSSY = frozenset({".jpg", ".jpeg", ".webp"})
_HANDICAP = 1000
_MANY_IDS = 12
"""A label map of more values holds instances, most likely, such as cells."""


def read_masks(source: Path, options: ReadingOptions, _: LeftOut) -> Source:
    """Read label maps: pixel = object id, a black and white picture means id 1, all zero is clean.

    A file, or those in ``masks/`` if there is such a folder, else those in ``source`` at any depth.
    ``a/b.png`` belongs to the reference ``a/b.jpg`` (any suffix), or to the one called exactly
    ``a/b.png.<suffix>`` or ``a/b`` + its suffix + ``.png``. In all of them 255 is unknown if it
    occurs beside other values in any.

    Raises:
        AnnotationError: if there is no such file, or ``objects.csv`` cannot be read.
    """
    top = source if source.is_dir() else source.parent
    folder = top / "masks" if source == top and (top / "masks").is_dir() else top
    files = files_of(folder.rglob("*")) if source == top else [source]
    named = (path for path in files if path.suffix.lower() in LABEL_SUFFIXES)
    paths = [path for path in named if path.is_file()]
    if not paths:
        looked_at = folder if source == top else source
        raise AnnotationError(
            f"there is no label map in {looked_at}; name them as the images, with the suffix .png, "
            ".tif, .bmp or .npy"
        )
    names = _read_names(top / "objects.csv")
    maps = _Maps(paths, folder, names, options)
    return Source(maps.entries(), maps.labels, maps.notes, total=len(paths))


def _read_names(path: Path) -> dict[int, str]:
    """Object id -> name; empty if there is no such table."""
    if not path.is_file():
        return {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return {int(row["id"]): row["name"] for row in csv.DictReader(file) if row["name"]}
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise AnnotationError(
            f"{path}: expected the columns {', '.join(_COLUMNS)} in UTF-8; correct the file or "
            "remove it"
        ) from error


@dataclass
class _Maps:
    """The label maps of a folder, and what was assumed about them."""

    paths: Sequence[Path]
    folder: Path
    names: Mapping[int, str]
    options: ReadingOptions
    labels: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._table = _ColorTable.of(self.options.classes)
        values = {int(key) for key in self.options.classes if key.isdecimal()}
        self._rules = LabelRules(
            self.options.instances, self._table.numbers, values, trusted=bool(self.names)
        )
        self._void_is_object = (
            self.options.keeps_255 or VOID in self.names or str(VOID) in self.options.classes
        )
        self._void: bool | None = None
        self._cut: list[tuple[Path, float]] = []
        self._nearest: list[tuple[Path, float]] = []
        self._with_void: list[Path] = []
        self._most_ids: tuple[int, Path | None] = (_MANY_IDS, None)

    def entries(self) -> Iterator[Entry]:
        """An entry for each file; the notes are complete after the last."""
        for path in self.paths:
            stem = path.relative_to(self.folder).as_posix()[: -len(path.suffix)]
            parts = (partial(self._shapes, path),)
            # A JPEG beside a mask is the picture itself, most likely.
            handicap = _HANDICAP * (path.suffix.lower() in _LOSSY)
            yield Entry((stem + ANY_SUFFIX,), str(path), parts, handicap=handicap)
        self.labels += [key for key in self.options.classes if key in self._table.used]
        self.notes += self._told()

    def _told(self) -> Iterator[str]:
        if self._cut:
            path, share = self._cut[0]
            were = "1 mask held gray and was" if len(self._cut) == 1 else ""
            were = were or f"{len(self._cut)} masks held gray and were"
            yield f"{were} cut at the middle: {path}, {share:.1%} of its pixels"
        if self._nearest:
            path, share = self._nearest[0]
            pictures = "1 picture" if len(self._nearest) == 1 else f"{len(self._nearest)} pictures"
            yield (
                f"{pictures} had colours beside those of --classes, each taken as the nearest: "
                f"{path}, {share:.1%} of its pixels"
            )
        if self._with_void:
            count = len(self._with_void)
            maps = "1 label map" if count == 1 else f"{count} label maps"
            yield (
                f"255 in {maps} is unknown, neither object nor background: {self._with_void[0]}; "
                f"if it is an object, say so with --classes {VOID}=ID"
            )
        count, fullest = self._most_ids
        if fullest is not None:
            yield (
                f"{fullest} holds {count} object ids; if each value is an instance of the same "
                "object, say so with --instances"
            )

    def _shapes(self, path: Path, size: Size) -> Iterator[Shape]:
        picture = _read(path, self._rules)
        height, width = picture.values.shape
        if (height, width) != size:
            raise MisfitError(
                Kind.SIZE,
                f"{path} is {width} x {height} and its reference {size[1]} x {size[0]}",
                f"the label map {path} is {width} x {height} pixels and the image is "
                f"{size[1]} x {size[0]}; make the label map at the image's own size",
                whole_image=True,
            )
        if picture.gray_share is not None:
            kind = self._nearest if picture.from_colors else self._cut
            kind.append((path, picture.gray_share))
        labels, unknown = picture.labels(void=self._has_void())
        if unknown is not None:
            self._with_void.append(path)
            yield Shape("", Area.of_mask(unknown), is_unknown=True)
        areas = Area.of_labels(labels)
        if len(areas) > self._most_ids[0] and not self.names:
            self._most_ids = (len(areas), path)
        for value, area in areas.items():
            key = self._table.keys[value] if picture.from_colors else str(value)
            yield from self._shape(value, key, area)

    def _shape(self, value: int, key: str, area: Area) -> Iterator[Shape]:
        name = self.names.get(value, "")
        meaning = value if name else self._table.meaning(key, value)
        if meaning == "unknown":
            yield Shape("", area, is_unknown=True)
        elif meaning != "background":
            yield Shape(name, area, object_id=meaning)

    def _has_void(self) -> bool:
        """Whether 255 is unknown in these label maps: in all of them, or in none."""
        if self._void is None:
            is_asked = not (self._void_is_object or self.options.instances)
            self._void = is_asked and any(map(self._shows_void, self.paths))
        return self._void

    def _shows_void(self, path: Path) -> bool:
        try:
            return _read(path, self._rules).has_void()
        except AnnotationError:
            return False


def _read(path: Path, rules: LabelRules) -> LabelPicture:
    try:
        return read_label_picture(path, rules=rules)
    except NotALabelMapError as error:
        raise MisfitError(
            Kind.NOT_A_MAP, f"{path}: {error.reason}", str(error), whole_image=True
        ) from error
    except AnnotationError as error:
        raise MisfitError(Kind.FILE, str(error), str(error), whole_image=True) from error


@dataclass
class _ColorTable:
    """What the person said of colours and of values.

    Attributes:
        numbers: a number for each colour, 0 for nothing; None if no colour was named.
        keys: by number.
        classes: what was said.
        used: keys that occurred.
    """

    numbers: Mapping[Color, int] | None
    keys: Mapping[int, str]
    classes: Mapping[str, ClassMeaning]
    used: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, classes: Mapping[str, ClassMeaning]) -> _ColorTable:
        """The table in what was said of classes."""
        colors = {key: color for key in classes if (color := _color(key)) is not None}
        numbers = {color: number for number, color in enumerate(colors.values(), 1)}
        keys = dict(enumerate(colors, 1))
        return cls(numbers or None, keys, classes)

    def meaning(self, key: str, value: int) -> ClassMeaning:
        """What a colour or a value stands for: an object id, unless something else was said."""
        if key not in self.classes:
            return value
        self.used.add(key)
        return self.classes[key]


def _color(key: str) -> Color | None:
    """A colour such as ``#ff0000`` or ``255,0,0``; None if it is none."""
    parts = key.split(",")
    if len(parts) == 3 and all(part.strip().isdecimal() for part in parts):
        red, green, blue = (int(part) for part in parts)
        return (red, green, blue) if max(red, green, blue) <= 255 else None
    try:
        return parse_hex_color(key) if key.startswith("#") else None
    except ValueError:
        return None
