"""What every format is written from: images and the instances on them, one image at a time.

A writer is ``write_x(exported, folder, options) -> remarks``. Images stream through it, so their
number never matters for memory, and instances are cut out of their masks, so theirs hardly does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from maskcast.interchange.options import ExportOptions
from maskcast.io.storage import Place
from maskcast.masks import Cutout
from maskcast.types import ObjectSpec, RgbImage, check_object_id

DEFAULT_SPLIT = "default"
"""Name of the only part where a set is not split."""


@dataclass(frozen=True, eq=False)
class Instance:
    """One thing on an image.

    Attributes:
        label: name of its class, unique for each object id.
        object_id: 1..255.
        score: of the object it belongs to, in [0, 1].
        cutout: its mask.
        right: probability in [0, 1] that the object's mask is right; None if nobody judged it.

    Raises:
        ValueError: if a value is out of range.
    """

    label: str
    object_id: int
    score: float
    cutout: Cutout
    right: float | None = None

    def __post_init__(self) -> None:
        check_object_id(self.object_id)
        if not 0 <= self.score <= 1:
            raise ValueError(f"{self.label}: expected a score in [0, 1], got {self.score}")
        if self.right is not None and not 0 <= self.right <= 1:
            raise ValueError(f"{self.label}: expected right in [0, 1], got {self.right}")

    def quality(self, digits: int = 6) -> dict[str, float]:
        """``score``, and ``right`` where it is known, as formats write them."""
        known = {} if self.right is None else {"right": round(self.right, digits)}
        return {"score": round(self.score, digits), **known}


@dataclass(frozen=True, eq=False)
class ExportedImage:
    """One image with what is on it.

    Attributes:
        image_id: POSIX path relative to the folder of targets, suffix kept.
        height: of the oriented image, pixels.
        width: of the oriented image, pixels.
        instances: what is on it, by object id, then as rows of ``bboxes``; empty for a negative.
            An instance's number on the image is its place among them, from 1.
        name: output name, unique among all images without any suffix.
        split: part of the set, such as ``train``.
        original: where the target is; None = nowhere.
        is_placed: whether it is copied or linked into the export.
        look: decodes the picture as the engine saw it, uint8 (H, W, 3), and raises ``ImageError``
            if it cannot; None = it cannot be seen.
    """

    image_id: str
    height: int
    width: int
    instances: tuple[Instance, ...] = ()
    name: str = ""
    split: str = DEFAULT_SPLIT
    original: Place | None = None
    is_placed: bool = True
    look: Callable[[], RgbImage] | None = None

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

    @property
    def picture_elsewhere(self) -> Path | None:
        """The absolute path of the target, if it is on this machine and not in the export."""
        if self.is_placed or not isinstance(self.original, Path):
            return None
        return self.original.resolve()


@dataclass(frozen=True)
class ExportedSet:
    """All images of an export.

    Attributes:
        images: streamed, once.
        specs: name and colour of each object id, ascending, names unique.
        splits: names of the parts, such as ``("train", "val")``.
        destination: where the export will be in the end; None = where it is written.
    """

    images: Iterable[ExportedImage]
    specs: tuple[ObjectSpec, ...] = ()
    splits: tuple[str, ...] = (DEFAULT_SPLIT,)
    destination: Path | None = None


class Writer(Protocol):
    """Writes a set into an empty folder and says in sentences what it could not keep."""

    def __call__(
        self, exported: ExportedSet, folder: Path, options: ExportOptions
    ) -> tuple[str, ...]:
        """Write ``exported`` into ``folder``."""


_Numbers = npt.NDArray[np.unsignedinteger[Any]]


def number_pixels(image: ExportedImage) -> _Numbers:
    """Which instance each pixel shows, where a pixel can show one.

    Where objects overlap, the one with the smaller area is on top, and the lower id among equals,
    as in ``masks`` of the output.

    Returns:
        uint8 (H, W), or larger numbers where there are more than 255 instances: the instance's
        number on the image; 0 where there is none.
    """
    areas: Counter[int] = Counter()
    for found in image.instances:
        areas[found.object_id] += found.cutout.area
    below_first = sorted(
        enumerate(image.instances, 1),
        key=lambda pair: (areas[pair[1].object_id], pair[1].object_id),
        reverse=True,
    )
    numbers = np.zeros(image.size, np.min_scalar_type(len(image.instances)))
    for number, found in below_first:
        numbers[found.cutout.place][found.cutout.pixels] = number
    return numbers


def look_up(numbers: _Numbers, values: Sequence[int]) -> npt.NDArray[np.uint8]:
    """What each pixel shows.

    Args:
        numbers: of ``number_pixels``.
        values: 0..255, of the background, then of each instance by its number.

    Returns:
        uint8 (H, W).
    """
    if numbers.dtype != np.uint8:
        return np.array(values, np.uint8)[numbers]
    table = np.zeros(256, np.uint8)
    table[: len(values)] = values
    return np.asarray(cv2.LUT(numbers, table), np.uint8)


def covered_instances(image: ExportedImage, numbers: _Numbers) -> int:
    """How many instances have lost pixels to others in ``number_pixels``."""
    if sum(found.cutout.area for found in image.instances) == np.count_nonzero(numbers):
        return 0
    shown = np.bincount(numbers.ravel(), minlength=len(image.instances) + 1)[1:].tolist()
    return sum(kept < found.cutout.area for kept, found in zip(shown, image.instances, strict=True))


def path_in_images(image: ExportedImage) -> str:
    """Where most formats have a picture: in ``images/``, by part where the set is split."""
    folder = "images" if image.split == DEFAULT_SPLIT else f"images/{image.split}"
    return f"{folder}/{image.file_name}"


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
    """What to tell about ``scored`` instances in a format without scores."""
    told = f"{count(scored, 'instance')} lost the score, which {where} has no place for"
    return (told,) * bool(scored)


def class_numbers(specs: Iterable[ObjectSpec]) -> Mapping[int, int]:
    """Object id -> its place among the ids, from 0."""
    return {spec.object_id: number for number, spec in enumerate(specs)}


def count(number: int, noun: str, more: str | None = None) -> str:
    """``1 object``, ``2 objects``."""
    return f"{number} {noun if number == 1 else more or noun + 's'}"
