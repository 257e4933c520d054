"""What is in a picture of object ids or of a mask, and what a person told of it."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass

import cv2
import numpy as np

from maskcast.errors import AnnotationError
from maskcast.io.storage import Readable
from maskcast.types import LabelMap, Mask

Color = tuple[int, int, int]
"""Red, green and blue, 0..255 each."""

VOID = 255
"""Beside other values this is the border that VOC and others draw round objects."""


class NotALabelMapError(AnnotationError):
    """A picture is neither a mask nor a label map.

    Attributes:
        reason: what was seen in it, without the file's name.
    """

    def __init__(self, path: Readable, reason: str, advice: str) -> None:
        """Say what was seen and what to do."""
        super().__init__(f"{path} is not a label map: {reason}; {advice}")
        self.reason = f"{reason}; {advice}"


@dataclass(frozen=True)
class LabelRules:
    """What a person told of label maps.

    Attributes:
        instances: whether every value above 0 is the same object.
        colors: number of each colour, for pictures of colours; 0 is nothing.
        named: values that are known to be ids.
        trusted: whether they are known to be label maps, whatever they look like.
    """

    instances: bool = False
    colors: Mapping[Color, int] | None = None
    named: Set[int] = frozenset()
    trusted: bool = False


@dataclass(frozen=True)
class LabelPicture:
    """A picture of object ids, or of a mask, as it is stored.

    Attributes:
        values: uint8 (H, W) in the oriented frame, 0 = background.
        gray_share: of a mask with gray pixels that was cut at the middle, the share of these; else
            None.
        void_is_colored: whether its palette has a colour for 255 that only an object would have.
        is_final: whether its values are object ids already, 255 too.
        from_colors: whether its values are the numbers of colours.
    """

    values: LabelMap
    gray_share: float | None = None
    void_is_colored: bool = False
    is_final: bool = False
    from_colors: bool = False

    def present(self) -> set[int]:
        """Values above 0 that occur."""
        histogram = cv2.calcHist([self.values], [0], None, [256], [0, 256]).ravel()
        return set((np.flatnonzero(histogram[1:]) + 1).tolist())

    def has_void(self) -> bool:
        """Whether 255 occurs beside other values, so that it stands for no object."""
        present = set() if self.is_final or self.void_is_colored else self.present()
        return VOID in present and len(present) > 1

    def labels(self, *, void: bool) -> tuple[LabelMap, Mask | None]:
        """Object ids, and the pixels of which nothing is known.

        Args:
            void: whether 255 stands for unknown pixels.

        Returns:
            uint8 (H, W), 0 = background; bool (H, W), or None if there are none.
        """
        if self.is_final or self.void_is_colored:
            return self.values, None
        if void:
            unknown = np.asarray(self.values == VOID)
            if unknown.any():
                return np.where(unknown, np.uint8(0), self.values), unknown
            return self.values, None
        # Black and white means object 1.
        is_mask = self.present() == {VOID}
        return (np.minimum(self.values, 1) if is_mask else self.values), None
