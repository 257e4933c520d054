"""What every format is read into: labeled images, as ``read_x(source, pictures) -> LabeledSet``.

What formats are written from is in ``writing``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from maskcast.errors import AnnotationError
from maskcast.types import Mask, Prompts, check_object_id

DEFAULT_SPLIT = "default"
"""Name of the only part where a set is not split."""


@dataclass(frozen=True, eq=False)
class LabeledObject:
    """One object, or one instance of it, in one image.

    Attributes:
        label: name of its class.
        mask: bool (H, W); None if the format knows only ``prompts``.
        object_id: 1..255; None if the format holds names only.
        prompts: box and points, in pixel edges of the image; empty beside a mask.

    Raises:
        ValueError: if a value is out of range, or there is neither a mask nor a prompt.
    """

    label: str
    mask: Mask | None = None
    object_id: int | None = None
    prompts: Prompts = field(default_factory=Prompts)

    def __post_init__(self) -> None:
        if self.object_id is not None:
            check_object_id(self.object_id)
        if self.mask is None and self.prompts.is_empty:
            raise ValueError(f"{self.label}: expected a mask or a prompt, got neither")
        if self.mask is not None and (self.mask.dtype != np.bool_ or self.mask.ndim != 2):
            raise ValueError(
                f"{self.label}: expected bool (H, W), got {self.mask.dtype} {self.mask.shape}"
            )


@dataclass(frozen=True, eq=False)
class LabeledImage:
    """One image with what is on it.

    Attributes:
        image_id: POSIX path relative to the folder of references, suffix kept.
        height: of the oriented image, pixels.
        width: of the oriented image, pixels.
        objects: what is on it; empty for a negative.

    Raises:
        ValueError: if a mask is not of the image's size.
    """

    image_id: str
    height: int
    width: int
    objects: tuple[LabeledObject, ...] = ()

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise ValueError(f"size: expected at least 1 x 1, got {self.height} x {self.width}")
        for found in self.objects:
            if found.mask is not None and found.mask.shape != self.size:
                raise ValueError(
                    f"{found.label} on {self.image_id}: expected shape {self.size}, "
                    f"got {found.mask.shape}"
                )

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.height, self.width


@dataclass(frozen=True)
class LabeledSet:
    """All images of an import.

    Attributes:
        images: streamed, once.
        labels: class names in the order in which the format lists them; empty if it lists none.
    """

    images: Iterable[LabeledImage]
    labels: tuple[str, ...] = ()


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


def count(number: int, noun: str, more: str | None = None) -> str:
    """``1 object``, ``2 objects``."""
    return f"{number} {noun if number == 1 else more or noun + 's'}"
