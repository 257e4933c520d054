"""The annotation file, ``references/annotations.json``.

::

    {"format": "maskcast-annotations", "version": 1,
     "objects": [{"id": 1, "name": "scratch", "color": "#e69f00"}],
     "images": {"a.png": {"size": [height, width], "clean": false, "version": 3, "objects": {"1": {
        "box": [xmin, ymin, xmax, ymax], "points": [[x, y, true]],
        "more": [{"box": [xmin, ymin, xmax, ymax], "points": []}],
        "paint": null, "erase": null, "mask": {"size": [height, width], "counts": "..."}}},
        "unknown": {"size": [height, width], "counts": "..."}}}}

Coordinates are pixels of the oriented image; masks and strokes are COCO run-length codes, which are
checked when the file is read and decoded when their pixels are asked for. The key ``unknown`` is
there only where pixels are unknown, ``more`` only where an object has further things in the image.
An object that began from a mask is written as its mask alone, as an imported one is, so that
every reader knows it; whoever edits it next begins from that.
A value that does not fit is refused with its place in the file rather than repaired, and so are
keys that this version does not know: writing the file again would lose them.
"""

from __future__ import annotations

import json
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import numpy.typing as npt

from maskcast.drawing.palette import hex_color, parse_hex_color
from maskcast.errors import AnnotationError
from maskcast.io.atomic import write_atomically
from maskcast.io.jsonfile import Laid, Node, is_number, layout, read_json
from maskcast.io.storage import Place
from maskcast.masks import RunLengths, apply_brush
from maskcast.types import MAX_OBJECT_ID, Mask, ObjectSpec, Prompts, check_object_id

FORMAT = "maskcast-annotations"
FORMAT_VERSION = 1

_OBJECT_KEYS = frozenset(str(object_id) for object_id in range(1, MAX_OBJECT_ID + 1))
_OBJECT_INDENT = " " * 8
_LONGEST_SIDE = 2**31 - 1
_HIGHEST_VERSION = 2**53


class StoredMask:
    """A mask as the annotation file holds it: its pixels are kept only while somebody uses them.

    Safe to share between threads, which at worst decode at the same time.
    """

    def __init__(self, source: Mask | RunLengths) -> None:
        """Hold a mask, given as bool (H, W) pixels or as a code that is not decoded yet."""
        self._source = source
        self._used: weakref.ref[Mask] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W)."""
        height, width = self._source.shape
        return height, width

    @property
    def code(self) -> RunLengths:
        """Its run-length code; worked out once, and then the pixels are let go."""
        source = self._source
        if isinstance(source, RunLengths):
            return source
        code = RunLengths.of(source)
        self._used, self._source = weakref.ref(source), code
        return code

    @property
    def pixels(self) -> Mask:
        """Bool (H, W); decoded, unless somebody holds them already."""
        source = self._source
        if not isinstance(source, RunLengths):
            return source
        pixels = None if self._used is None else self._used()
        if pixels is None:
            pixels = source.mask()
            self._used = weakref.ref(pixels)
        return pixels

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StoredMask) and self.code.same_pixels(other.code)

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, eq=False, init=False)
class ObjectAnnotation:
    """One object in one reference.

    Masks and strokes stay run-length coded until ``mask`` or ``prompts`` asks for their pixels,
    and are let go when nobody uses them any more.

    Attributes:
        marks: what a person drew but for the brush strokes; empty for an imported mask.
        paint: pixels painted, or None.
        erase: pixels erased, or None.
        start: the mask that the object began from, as an engine found it or as it was imported;
            None if it began from nothing, or if nothing was drawn on it yet.
        stored: the mask that the prompts resolved to or that was imported; None if not resolved.
    """

    marks: Prompts
    paint: StoredMask | None
    erase: StoredMask | None
    start: StoredMask | None
    stored: StoredMask | None

    def __init__(
        self,
        prompts: Prompts,
        mask: Mask | StoredMask | None = None,
        *,
        paint: StoredMask | None = None,
        erase: StoredMask | None = None,
        start: StoredMask | None = None,
    ) -> None:
        """An object of pixels, of codes, or of both.

        Args:
            prompts: what a person drew.
            mask: bool (H, W) that it resolved to, or that was imported; None if not resolved.
            paint: in place of ``prompts.paint``, where that is None.
            erase: in place of ``prompts.erase``, where that is None.
            start: in place of ``prompts.start``, where that is None.
        """
        pixels = {
            "paint": _stored(prompts.paint) or paint,
            "erase": _stored(prompts.erase) or erase,
            "start": _stored(prompts.start) or start,
        }
        marks = Prompts(prompts.box, prompts.points, prompts.point_labels, others=prompts.others)
        for name, value in {"marks": marks, **pixels, "stored": _stored(mask)}.items():
            object.__setattr__(self, name, value)

    @property
    def prompts(self) -> Prompts:
        """What a person drew, with all pixels; empty for an imported mask."""
        return replace(self.asked, paint=_pixels(self.paint), erase=_pixels(self.erase))

    @property
    def asked(self) -> Prompts:
        """What an engine is asked for: all but the strokes, which are laid on top afterwards."""
        return replace(self.marks, start=_pixels(self.start))

    @property
    def mask(self) -> Mask | None:
        """Bool (H, W) that the prompts resolved to or that was imported; None if not resolved."""
        return _pixels(self.stored)

    @property
    def is_resolved(self) -> bool:
        """Whether there is a mask."""
        return self.stored is not None

    @property
    def has_prompts(self) -> bool:
        """Whether a person drew anything."""
        return not self.marks.is_empty or self.paint is not None or self.erase is not None

    def with_mask(self, mask: Mask | StoredMask | None) -> ObjectAnnotation:
        """The same prompts with another mask."""
        return ObjectAnnotation(
            self.marks, mask, paint=self.paint, erase=self.erase, start=self.start
        )

    def asks_same(self, other: ObjectAnnotation) -> bool:
        """Whether an engine would be asked for the same."""
        return self.marks.same_marks(other.marks) and self.start == other.start

    def same_prompts(self, other: ObjectAnnotation) -> bool:
        """Whether both were drawn alike, to the pixel."""
        return self.asks_same(other) and self.paint == other.paint and self.erase == other.erase

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ObjectAnnotation):
            return NotImplemented
        return self is other or (self.same_prompts(other) and self.stored == other.stored)

    __hash__ = None  # type: ignore[assignment]

    @cached_property
    def text(self) -> Laid:
        """What the file holds of it; kept, since a labeler saves all objects at every click."""
        return Laid(layout(_object_to_json(self), _OBJECT_INDENT))


@dataclass(frozen=True)
class Annotation:
    """All that is known about one reference.

    Attributes:
        image_id: POSIX path relative to the references folder, suffix kept.
        height: of the oriented image, pixels.
        width: of the oriented image, pixels.
        clean: whether a person said that no object is on the image.
        objects: object id -> its annotation; empty if clean.
        version: how often this reference was saved, from 1.
        unknown: pixels (H, W) that count neither as object nor as background, whatever the
            objects say there; None if there are none.

    Raises:
        ValueError: if a size, an id or the version is out of range, the image id leads out of its
            folder, a mask or stroke is not of the image's size, or a clean reference has objects.
    """

    image_id: str
    height: int
    width: int
    clean: bool = False
    objects: Mapping[int, ObjectAnnotation] = field(default_factory=dict)
    version: int = 1
    unknown: StoredMask | None = None

    def __post_init__(self) -> None:
        if not is_image_id(self.image_id):
            raise ValueError(f"image_id: expected a path in its folder, got {self.image_id!r}")
        if self.height < 1 or self.width < 1:
            raise ValueError(f"size: expected at least 1 x 1, got {self.height} x {self.width}")
        if self.version < 1:
            raise ValueError(f"version: expected at least 1, got {self.version}")
        if self.clean and self.objects:
            raise ValueError(f"clean: expected no objects, got {sorted(self.objects)}")
        for object_id, entry in self.objects.items():
            check_object_id(object_id)
            for pixels in (entry.stored, entry.paint, entry.erase, entry.start):
                self._check_size(f"object {object_id}", pixels)
        self._check_size("unknown", self.unknown)

    def _check_size(self, what: str, pixels: StoredMask | None) -> None:
        if pixels is not None and pixels.shape != (self.height, self.width):
            raise ValueError(
                f"{what}: expected pixels of shape {(self.height, self.width)}, got {pixels.shape}"
            )

    @property
    def teaches(self) -> bool:
        """Whether an engine learns from it: something is on it, or it is clean."""
        return self.clean or bool(self.objects)

    def encode(self) -> None:
        """Work out what the file will hold of its pixels, which takes a while and is kept."""
        for entry in self.objects.values():
            _ = entry.text
        if self.unknown is not None:
            _ = self.unknown.code


@dataclass(frozen=True)
class AnnotationFile:
    """What ``annotations.json`` holds.

    Attributes:
        objects: names and colours of object ids; ids that are missing get the usual ones.
        annotations: image id -> annotation.
    """

    objects: tuple[ObjectSpec, ...] = ()
    annotations: Mapping[str, Annotation] = field(default_factory=dict)


def is_image_id(text: str) -> bool:
    """Whether this is the POSIX path of a file in a folder: relative and not leading out of it."""
    path = PurePath(text)
    parts = text.split("/")
    return not ({"", ".", ".."} & {*parts, *path.parts} or path.drive or path.root or "\0" in text)


def read_annotations(path: Place) -> AnnotationFile:
    """Read the annotation file; a file that does not exist is an empty one.

    Raises:
        AnnotationError: if it cannot be read or holds something else; the message names the file
            and the place in it.
    """
    try:
        return _parse_file(read_json(path))
    except FileNotFoundError:
        return AnnotationFile()


def write_annotations(path: Path, file: AnnotationFile, *, backup: bool = True) -> None:
    """Write the annotation file whole or not at all; the same content is not written again.

    Args:
        path: of the file.
        file: what it shall hold.
        backup: whether what was there is kept as ``annotations.json.bak``.

    Raises:
        StorageError: if the disk is full or the folder cannot be written.
        OSError: if the path is otherwise not usable.
    """
    replace_annotations(path, encode_annotations(file), backup=backup)


def encode_annotations(file: AnnotationFile) -> bytes:
    """What the annotation file holds, byte for byte."""
    # A lone surrogate, which UTF-8 cannot hold, becomes the JSON escape it was read from.
    return (layout(_to_json(file)) + "\n").encode("utf-8", "backslashreplace")


def annotation_text(annotation: Annotation) -> str:
    """A single annotation as JSON, as the annotation file holds it; its image id is not in it."""
    return json.dumps(_annotation_to_json(annotation, _object_to_json), separators=(",", ":"))


def parse_annotation(image_id: str, text: str, path: Path) -> Annotation:
    """What ``annotation_text`` made.

    Args:
        image_id: of the annotation.
        text: JSON.
        path: where it is from, for the error.

    Raises:
        AnnotationError: if it does not fit.
    """
    try:
        content = json.loads(text)
    except ValueError as error:
        raise AnnotationError(f"{path}: what it holds of {image_id} is not JSON") from error
    return _parse_annotation(image_id, Node(content, f"images.{image_id}", path))


def replace_annotations(path: Path, data: bytes, *, backup: bool) -> None:
    """Write what ``encode_annotations`` made; see ``write_annotations``."""
    before = path.read_bytes() if path.exists() else None
    if before == data:
        return
    if before is not None and backup:
        write_atomically(backup_path(path), before)
    write_atomically(path, data)


def _stored(mask: Mask | StoredMask | None) -> StoredMask | None:
    return StoredMask(mask) if isinstance(mask, np.ndarray) else mask


def _pixels(stored: StoredMask | None) -> Mask | None:
    return None if stored is None else stored.pixels


def backup_path(path: Path) -> Path:
    """Where ``write_annotations`` keeps what was in ``path`` before."""
    return path.with_name(path.name + ".bak")


# ---- to JSON


def _to_json(file: AnnotationFile) -> dict[str, Any]:
    objects = sorted(file.objects, key=lambda spec: spec.object_id)
    return {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "objects": [
            {"id": spec.object_id, "name": spec.name, "color": hex_color(spec.color)}
            for spec in objects
        ],
        "images": {
            image_id: _annotation_to_json(annotation, lambda entry: entry.text)
            for image_id, annotation in sorted(file.annotations.items())
        },
    }


def _annotation_to_json(
    annotation: Annotation, encode: Callable[[ObjectAnnotation], object]
) -> dict[str, Any]:
    content: dict[str, Any] = {
        "size": [annotation.height, annotation.width],
        "clean": annotation.clean,
        "version": annotation.version,
        "objects": {
            str(object_id): encode(entry) for object_id, entry in sorted(annotation.objects.items())
        },
    }
    if annotation.unknown is not None and annotation.unknown.code.area:
        content["unknown"] = annotation.unknown.code.to_json()
    return content


def _object_to_json(entry: ObjectAnnotation) -> dict[str, Any]:
    entry = _settled(entry)
    marks = entry.marks
    more = [_marks_to_json(other) for other in marks.others]
    pixels = {"paint": entry.paint, "erase": entry.erase, "mask": entry.stored}
    return {
        **_marks_to_json(marks),
        **({"more": more} if more else {}),
        **{name: None if mask is None else mask.code.to_json() for name, mask in pixels.items()},
    }


def _settled(entry: ObjectAnnotation) -> ObjectAnnotation:
    """An object that began from a mask as a mask alone: what it resolved to, as far as it did."""
    if entry.start is None:
        return entry
    begun = entry.prompts
    mask = entry.stored or apply_brush(entry.start.pixels, begun.paint, begun.erase)
    return ObjectAnnotation(Prompts(), mask)


def _marks_to_json(marks: Prompts) -> dict[str, Any]:
    points = zip(marks.points, marks.point_labels, strict=True)
    return {
        "box": None if marks.box is None else [_number(edge) for edge in marks.box],
        "points": [[_number(x), _number(y), bool(label)] for (x, y), label in points],
    }


def _number(value: np.float32) -> int | float:
    """The shortest number that is read back as exactly this float32."""
    short = float(str(value))
    exact = short if np.float32(short) == value else float(value)
    return int(exact) if exact.is_integer() and abs(exact) < 2**53 else exact


# ---- from JSON


def _parse_file(node: Node) -> AnnotationFile:
    head = dict(node.members())
    if "format" not in head or head["format"].value != FORMAT:
        raise node.error(f'an object with "format": "{FORMAT}"')
    version = head["version"].value if "version" in head else None
    if version != FORMAT_VERSION:  # before anything that a later version may have changed
        raise AnnotationError(
            f"{node.path} has format version {version!r} and this maskcast reads version "
            f"{FORMAT_VERSION}; update maskcast"
        )
    parts = node.record("format", "version", "objects", "images")
    specs = tuple(_parse_spec(element) for element in parts["objects"].elements())
    if len({spec.object_id for spec in specs}) < len(specs):
        raise parts["objects"].error("each id once")
    annotations = {
        image_id: _parse_annotation(image_id, image)
        for image_id, image in parts["images"].members()
    }
    return AnnotationFile(specs, annotations)


def _parse_spec(node: Node) -> ObjectSpec:
    parts = node.record("id", "name", "color")
    object_id = parts["id"].integer(1, MAX_OBJECT_ID)
    try:
        color = parse_hex_color(parts["color"].text())
    except ValueError as error:
        raise parts["color"].error("a colour like #e69f00") from error
    return ObjectSpec(object_id, parts["name"].text(), color)


def _parse_annotation(image_id: str, node: Node) -> Annotation:
    if not is_image_id(image_id):
        raise node.error("a path in the references folder, without .., as the key")
    parts = node.record("size", "clean", "version", "objects", "unknown")
    size = parts["size"].elements()
    if len(size) != 2:
        raise parts["size"].error("height and width")
    height, width = (side.integer(1, _LONGEST_SIDE) for side in size)
    objects = {}
    for key, entry in parts["objects"].members():
        if key not in _OBJECT_KEYS:
            raise entry.error(f"an object id of 1..{MAX_OBJECT_ID} as the key")
        objects[int(key)] = _parse_object(entry, (height, width))
    clean = parts["clean"].boolean()
    if clean and objects:
        raise parts["clean"].error("false beside objects")
    version = parts["version"].integer(1, _HIGHEST_VERSION)
    unknown = _parse_mask(parts["unknown"], (height, width))
    return Annotation(image_id, height, width, clean, objects, version, unknown)


def _parse_object(node: Node, size: tuple[int, int]) -> ObjectAnnotation:
    parts = node.record("box", "points", "more", "paint", "erase", "mask")
    more = [] if parts["more"].value is None else parts["more"].elements()
    marks = _parse_marks(parts["box"], parts["points"], tuple(map(_parse_other, more)))
    paint, erase, mask = (_parse_mask(parts[name], size) for name in ("paint", "erase", "mask"))
    return ObjectAnnotation(marks, mask, paint=paint, erase=erase)


def _parse_other(node: Node) -> Prompts:
    parts = node.record("box", "points")
    marks = _parse_marks(parts["box"], parts["points"])
    if not marks.kinds:
        raise node.error("a box or points")
    return marks


def _parse_marks(box: Node, points: Node, others: tuple[Prompts, ...] = ()) -> Prompts:
    labels, places = _parse_points(points)
    edges = None if box.value is None else np.asarray(box.numbers(4, "four numbers"), np.float32)
    return Prompts(edges, places, labels, others=others)


def _parse_points(node: Node) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float32]]:
    """Labels bool (N,) and points float32 (N, 2)."""
    triples: list[Any] = [] if node.value is None else node.items()
    for index, triple in enumerate(triples):
        if not _is_point(triple):
            raise node.elements()[index].error("x, y and true or false")
    labels = [triple[2] for triple in triples]
    points = [triple[:2] for triple in triples]
    return np.asarray(labels, np.bool_), np.asarray(points, np.float32).reshape(-1, 2)


def _is_point(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 3
        and is_number(value[0])
        and is_number(value[1])
        and isinstance(value[2], bool)
    )


def _parse_mask(node: Node, size: tuple[int, int]) -> StoredMask | None:
    """A mask whose code is checked and not decoded."""
    if node.value is None:
        return None
    parts = node.record("size", "counts")
    if parts["size"].value != list(size):
        raise parts["size"].error(f"the size of the image, {list(size)}")
    try:
        return StoredMask(RunLengths.parse(node.value))
    except ValueError as error:
        raise parts["counts"].error(f"a run-length code of {size[0]} x {size[1]} pixels") from error
