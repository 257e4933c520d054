"""From entries to one mask a class on each picture; the only place that goes on past a misfit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from maskcast.errors import AnnotationError, ImageError
from maskcast.interchange.reading.areas import Area, Joiner
from maskcast.interchange.reading.entries import Entry, Shape, Source
from maskcast.interchange.reading.left_out import Kind, LeftOut, MisfitError
from maskcast.interchange.reading.matching import Match
from maskcast.interchange.reading.shapes import Size
from maskcast.types import Mask, Prompts


class Pictures(Protocol):
    """The pictures that entries may belong to; see ``matching.NamedPictures``."""

    def find(self, names: tuple[str, ...], place: str) -> Match:
        """The picture that a file calls by one of these names."""

    def size(self, image_id: str) -> Size:
        """(height, width) of the oriented picture."""


@dataclass(frozen=True, eq=False)
class ReadObject:
    """All instances of one class on a picture.

    Attributes:
        label: name of the class; empty if the format knows only numbers.
        object_id: 1..255 where the format holds object ids.
        area: the pixels of all instances that have some; None if there are only prompts.
        prompts: of the instances that have no pixels.
        instances: how many there are.
    """

    label: str
    object_id: int | None
    area: Area | None
    prompts: tuple[Prompts, ...]
    instances: int

    @property
    def mask(self) -> Mask | None:
        """Bool (H, W); None if there are only prompts."""
        return None if self.area is None else self.area.mask()


@dataclass(frozen=True, eq=False)
class ReadImage:
    """What is on one picture.

    Attributes:
        image_id: of the picture.
        height: of the oriented picture, pixels.
        width: of the oriented picture, pixels.
        objects: one for each class; empty for a picture on which nothing is.
        unknown: pixels of which nothing is known; None if there are none.
        distance: how unlike the picture's name and the one in the file are; of several entries of a
            picture the one with the least counts.
        place: file and place in it, for sentences.
        is_measured: whether the size is the picture's own, not the one in the file.
    """

    image_id: str
    height: int
    width: int
    objects: tuple[ReadObject, ...] = ()
    unknown: Area | None = None
    distance: int = 0
    place: str = ""
    is_measured: bool = True

    @property
    def size(self) -> Size:
        """(height, width)."""
        return self.height, self.width

    def same_as(self, other: ReadImage) -> bool:
        """Whether both say the same."""
        return (
            self.size == other.size
            and len(self.objects) == len(other.objects)
            and _same_area(self.unknown, other.unknown)
            and all(map(_same_object, self.objects, other.objects))
        )


@dataclass
class _Class:
    """The instances of one class so far."""

    joiner: Joiner
    prompts: list[Prompts] = field(default_factory=list)
    areas: int = 0

    def read_object(self, label: str, object_id: int | None) -> ReadObject:
        area = self.joiner.area() if self.areas else None
        instances = self.areas + len(self.prompts)
        return ReadObject(label, object_id, area, tuple(self.prompts), instances)


def read_images(
    source: Source,
    pictures: Pictures,
    left_out: LeftOut,
    *,
    trusts_sizes: Callable[[str], bool] = lambda _: False,
    progress: Callable[[int, int | None], None] = lambda _done, _total: None,
) -> Iterator[ReadImage]:
    """The pictures that the entries of a source tell of, one by one.

    Args:
        source: of a format's reader.
        pictures: that the entries may belong to.
        left_out: takes what does not fit; a strict one raises.
        trusts_sizes: of which pictures the size in the file is taken without looking at the
            picture, which is for the caller to do later.
        progress: told how many entries were done, of how many.

    Raises:
        AnnotationError: if ``left_out`` is strict and something does not fit.
    """
    for number, entry in enumerate(source.entries):
        progress(number, source.total)
        try:
            yield _read_image(entry, pictures, left_out, trusts_sizes)
        except MisfitError as misfit:
            if not (entry.is_optional and misfit.kind is Kind.PICTURE):
                left_out.add(misfit)
        except AnnotationError as error:
            left_out.add(error)


def measured(image: ReadImage, pictures: Pictures) -> ReadImage:
    """The same image, once the picture was found to have the size in the file.

    Raises:
        MisfitError: if it cannot be read or has another size.
    """
    size = _picture_size(image.image_id, image.place, pictures)
    _check_size((image.height, image.width), size, image.image_id, image.place)
    return image


def _read_image(
    entry: Entry,
    pictures: Pictures,
    left_out: LeftOut,
    trusts_sizes: Callable[[str], bool],
) -> ReadImage:
    match = pictures.find(entry.names, entry.place)
    declared = entry.height, entry.width
    is_measured = None in declared or not trusts_sizes(match.image_id)
    if is_measured:
        size = _picture_size(match.image_id, entry.place, pictures)
        _check_size(declared, size, match.image_id, entry.place)
    else:
        size = entry.height or 0, entry.width or 0
    classes: dict[tuple[str, int | None], _Class] = {}
    unknown = Joiner(size)
    skipped = 0
    for part in entry.parts:
        try:
            for shape in part(size):
                _add(shape, classes, unknown, size)
        except AnnotationError as error:
            if isinstance(error, MisfitError) and error.whole_image:
                raise
            left_out.add(error)
            skipped += 1
    area = unknown.area()
    if skipped and not classes and area.is_empty:
        # Nothing is known of what else is on it, so it is no clean reference.
        raise MisfitError(Kind.NOTHING_LEFT, match.image_id, f"{entry.place} has nothing to import")
    return ReadImage(
        image_id=match.image_id,
        height=size[0],
        width=size[1],
        objects=tuple(found.read_object(*key) for key, found in classes.items()),
        unknown=None if area.is_empty else area,
        distance=match.distance + entry.handicap,
        place=entry.place,
        is_measured=is_measured,
    )


def _add(
    shape: Shape, classes: dict[tuple[str, int | None], _Class], unknown: Joiner, size: Size
) -> None:
    if shape.is_unknown:
        if shape.area is not None:
            unknown.add(shape.area)
        return
    found = classes.setdefault((shape.label, shape.object_id), _Class(Joiner(size)))
    if shape.area is None:
        found.prompts.append(shape.prompts)
    else:
        found.joiner.add(shape.area)
        found.areas += 1


def _picture_size(image_id: str, place: str, pictures: Pictures) -> Size:
    try:
        return pictures.size(image_id)
    except ImageError as error:
        raise MisfitError(Kind.UNREADABLE, str(error), f"{place}: {error}") from error


def _check_size(
    declared: tuple[int | None, int | None], size: Size, image_id: str, place: str
) -> None:
    for claimed, actual in zip(declared, size, strict=True):
        if claimed is not None and claimed != actual:
            there = f"{declared[1]} x {declared[0]}"
            here = f"{size[1]} x {size[0]}"
            raise MisfitError(
                Kind.SIZE,
                f"{image_id} is {there} there and {here} here",
                f"{place}: {image_id} is {there} pixels there but the reference is {here}; "
                "annotate the picture at its own size, turned as EXIF says",
            )


def _same_area(first: Area | None, second: Area | None) -> bool:
    if first is None or second is None:
        return first is second
    return first.same_pixels(second)


def _same_object(first: ReadObject, second: ReadObject) -> bool:
    return (
        (first.label, first.object_id) == (second.label, second.object_id)
        and _same_area(first.area, second.area)
        and len(first.prompts) == len(second.prompts)
        and all(map(_same_prompts, first.prompts, second.prompts))
    )


def _same_prompts(first: Prompts, second: Prompts) -> bool:
    boxes = (first.box, second.box)
    same_box = boxes[0] is boxes[1] or (
        boxes[0] is not None and boxes[1] is not None and np.array_equal(boxes[0], boxes[1])
    )
    return (
        same_box
        and np.array_equal(first.points, second.points)
        and np.array_equal(first.point_labels, second.point_labels)
    )
