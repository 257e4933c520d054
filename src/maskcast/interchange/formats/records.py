"""What every format is written from and read into: labeled images, one at a time.

A format is a module with ``write_x(labeled, folder, options) -> remarks`` and
``read_x(source, pictures) -> LabeledSet``. Images stream through both, so the number of images
never matters for memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Protocol

import numpy as np

from maskcast.errors import AnnotationError, SettingsError
from maskcast.types import Mask, ObjectSpec, Prompts, check_object_id

DEFAULT_SPLIT = "default"
"""Name of the only part where a set is not split."""


@dataclass(frozen=True, eq=False)
class LabeledObject:
    """One object, or one instance of it, in one image.

    Attributes:
        label: name of its class; when exported, unique for each object id.
        mask: bool (H, W); None if the format knows only ``prompts``.
        object_id: 1..255; None if the format holds names only.
        prompts: box and points, in pixel edges of the image; empty beside a mask.
        score: in [0, 1], or None.

    Raises:
        ValueError: if a value is out of range, or there is neither a mask nor a prompt.
    """

    label: str
    mask: Mask | None = None
    object_id: int | None = None
    prompts: Prompts = field(default_factory=Prompts)
    score: float | None = None

    def __post_init__(self) -> None:
        if self.object_id is not None:
            check_object_id(self.object_id)
        if self.mask is None and self.prompts.is_empty:
            raise ValueError(f"{self.label}: expected a mask or a prompt, got neither")
        if self.mask is not None and (self.mask.dtype != np.bool_ or self.mask.ndim != 2):
            raise ValueError(
                f"{self.label}: expected bool (H, W), got {self.mask.dtype} {self.mask.shape}"
            )
        if self.score is not None and not 0 <= self.score <= 1:
            raise ValueError(f"{self.label}: expected a score in [0, 1], got {self.score}")


@dataclass(frozen=True, eq=False)
class LabeledImage:
    """One image with what is on it.

    Attributes:
        image_id: POSIX path relative to the folder of targets or references, suffix kept.
        height: of the oriented image, pixels.
        width: of the oriented image, pixels.
        objects: what is on it; empty for a negative.
        name: output name, unique among all images without any suffix; empty when read.
        split: part of the set, such as ``train``.
        picture: where the original is, if it is not copied or linked into the export.

    Raises:
        ValueError: if a mask is not of the image's size.
    """

    image_id: str
    height: int
    width: int
    objects: tuple[LabeledObject, ...] = ()
    name: str = ""
    split: str = DEFAULT_SPLIT
    picture: Path | None = None

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise ValueError(f"size: expected at least 1 x 1, got {self.height} x {self.width}")
        for one in self.objects:
            if one.mask is not None and one.mask.shape != self.size:
                raise ValueError(
                    f"{one.label} on {self.image_id}: expected shape {self.size}, "
                    f"got {one.mask.shape}"
                )

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.height, self.width

    @property
    def file_name(self) -> str:
        """What its picture is called in an export: its output name with the picture's suffix.

        It is the image id, unless pictures that differ only in their suffix would get one name.
        """
        stem, dot, suffix = self.image_id.rpartition(".")
        return self.image_id if not dot or self.name in {stem, ""} else f"{self.name}.{suffix}"


@dataclass(frozen=True)
class LabeledSet:
    """All images of an export or an import.

    Attributes:
        specs: name and colour of each object id, ascending, names unique; empty when read.
        splits: names of the parts, such as ``("train", "val")``.
        images: streamed, once.
        labels: class names in the order in which the format lists them; empty if it lists none.
        destination: where an export will be in the end; None = where it is written.
    """

    images: Iterable[LabeledImage]
    specs: tuple[ObjectSpec, ...] = ()
    splits: tuple[str, ...] = (DEFAULT_SPLIT,)
    labels: tuple[str, ...] = ()
    destination: Path | None = None


@dataclass(frozen=True)
class WriteOptions:
    """What some formats offer to choose.

    Attributes:
        polygons: outlines instead of masks, where masks are the default.
        tolerance: how far an outline may leave out corners, pixels; 0 keeps every pixel.

    Raises:
        SettingsError: if the tolerance is not 0 or more.
    """

    polygons: bool = False
    tolerance: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.tolerance < inf:
            raise SettingsError(f"tolerance: expected 0 or more, got {self.tolerance}")


class Writer(Protocol):
    """Writes a set into an empty folder and says in sentences what it could not keep."""

    def __call__(self, labeled: LabeledSet, folder: Path, options: WriteOptions) -> tuple[str, ...]:
        """Write ``labeled`` into ``folder``."""


class Pictures(Protocol):
    """The references that annotations may belong to."""

    def find(self, name: str, place: str) -> str:
        """The image id of the reference that a file calls ``name``.

        Args:
            name: a path as the format has it, or one ending in ``.*`` for any suffix. It is
                compared with the names of references and never opened.
            place: file and place in it, for the error.

        Raises:
            AnnotationError: if no reference is meant, or several could be.
        """

    def size(self, image_id: str) -> tuple[int, int]:
        """(height, width) of the oriented picture.

        Raises:
            ImageError: if it cannot be read.
        """


Reader = Callable[[Path, Pictures], LabeledSet]
"""Reads the annotations of references; the message of an error names the file and the place."""


def path_in_images(image: LabeledImage) -> str:
    """Where most formats have a picture: in ``images/``, by part where the set is split."""
    folder = "images" if image.split == DEFAULT_SPLIT else f"images/{image.split}"
    return f"{folder}/{image.file_name}"


def check_size(
    declared: tuple[object, object], image_id: str, pictures: Pictures, place: str
) -> tuple[int, int]:
    """The size (height, width) of a reference, which the annotations must agree with.

    Args:
        declared: height and width as the format has them; None where it has none.
        image_id: of the reference.
        pictures: knows its true size.
        place: file and place in it.

    Raises:
        AnnotationError: if they disagree.
    """
    height, width = pictures.size(image_id)
    for claimed, actual in zip(declared, (height, width), strict=True):
        if claimed is not None and claimed != actual:
            raise AnnotationError(
                f"{place}: {image_id} is {declared[1]!r} x {declared[0]!r} pixels there but the "
                f"reference is {width} x {height}; annotate the picture at its own size, turned "
                "as EXIF says"
            )
    return height, width


def fitting_names(
    names: Iterable[str], fits: Callable[[str], bool], fitted: Callable[[str], str]
) -> dict[str, str]:
    """Each class name as a format can hold it, no two alike.

    Args:
        names: unique.
        fits: whether the format holds a name as it is.
        fitted: what becomes of a name that does not fit; ``_`` is added until it is unique.
    """
    given = list(names)
    fitting = {name: name for name in given if fits(name)}
    for name in given:
        if name not in fitting:
            changed = fitted(name)
            while changed in fitting.values() or not fits(changed):
                changed += "_"
            fitting[name] = changed
    return fitting


def lost_scores(scored: int, where: str) -> tuple[str, ...]:
    """What to tell about ``scored`` objects in a format without scores."""
    told = f"{count(scored, 'object')} lost the score, which {where} has no place for"
    return (told,) * bool(scored)


def count(number: int, one: str, more: str | None = None) -> str:
    """``1 object``, ``2 objects``."""
    return f"{number} {one if number == 1 else more or one + 's'}"


def by_label(specs: Iterable[ObjectSpec]) -> Mapping[str, ObjectSpec]:
    """Spec of each class name."""
    return {spec.name: spec for spec in specs}
