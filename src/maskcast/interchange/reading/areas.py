"""Areas of pictures as runs of pixels: thousands on one picture are joined without its pixels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from maskcast.types import LabelMap, Mask

_Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Area:
    """Pixels of a picture.

    Attributes:
        starts: int64 (N,), first pixel of each run, ascending; pixels are numbered down the
            columns, as in COCO's run-length code.
        ends: int64 (N,), the pixel after each run; runs neither overlap nor touch.
        size: (H, W) of the picture.
    """

    starts: _Numbers
    ends: _Numbers
    size: tuple[int, int]

    @classmethod
    def of_mask(cls, mask: Mask) -> Area:
        """The True pixels of a bool (H, W) mask of the whole picture."""
        return cls.of_patch(mask, (0, 0), (mask.shape[0], mask.shape[1]))

    @classmethod
    def of_patch(cls, patch: Mask, corner: tuple[int, int], size: tuple[int, int]) -> Area:
        """The True pixels of a part of the picture.

        Args:
            patch: bool (h, w).
            corner: (x, y) of its top left pixel in the picture.
            size: (H, W) of the picture, which holds the whole patch.
        """
        height, width = patch.shape
        columns = np.zeros((width, height + 1), np.int8)  # a gap keeps columns apart
        columns[:, :height] = patch.T
        edges = np.flatnonzero(np.diff(columns.ravel(), prepend=np.int8(0)))
        column, row = np.divmod(edges, height + 1)
        pixels = (column + corner[0]) * size[0] + row + corner[1]
        return cls.of_runs(pixels[0::2], pixels[1::2], size)

    @classmethod
    def of_labels(cls, labels: LabelMap) -> dict[int, Area]:
        """The pixels of each value above 0 of a uint8 (H, W) label map, by ascending value."""
        size = (labels.shape[0], labels.shape[1])
        flat = labels.T.ravel()
        starts = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])
        ends, values = np.append(starts[1:], flat.size), flat[starts]
        order = np.argsort(values, kind="stable")
        found = np.flatnonzero(np.diff(values[order], prepend=np.int64(0)))
        parts = np.split(order, found)
        return {
            int(values[part[0]]): cls(starts[part], ends[part], size)
            for part in parts
            if len(part) and values[part[0]]
        }

    @classmethod
    def of_runs(cls, starts: _Numbers, ends: _Numbers, size: tuple[int, int]) -> Area:
        """The pixels in any of the runs, which may overlap and come in any order."""
        order = np.argsort(starts, kind="stable")
        starts, ends = starts[order], np.maximum.accumulate(ends[order])
        is_new = np.append(True, starts[1:] > ends[:-1])[: len(starts)]
        return cls(starts[is_new], ends[np.append(is_new[1:], True)[: len(ends)]], size)

    @classmethod
    def joined(cls, areas: Iterable[Area], size: tuple[int, int]) -> Area:
        """The pixels in any of the areas."""
        given = list(areas)
        if len(given) == 1:
            return given[0]
        starts = [area.starts for area in given] or [np.zeros(0, np.int64)]
        ends = [area.ends for area in given] or [np.zeros(0, np.int64)]
        return cls.of_runs(np.concatenate(starts), np.concatenate(ends), size)

    @property
    def is_empty(self) -> bool:
        """Whether there is no pixel."""
        return len(self.starts) == 0

    def same_pixels(self, other: Area) -> bool:
        """Whether both hold the same pixels of pictures of one size."""
        return (
            self.size == other.size
            and np.array_equal(self.starts, other.starts)
            and np.array_equal(self.ends, other.ends)
        )

    def mask(self) -> Mask:
        """The pixels: bool (H, W)."""
        height, width = self.size
        turns = np.zeros(height * width + 1, np.int8)
        turns[self.starts] = 1
        turns[self.ends] = -1
        flat = np.cumsum(turns[:-1], dtype=np.int8, out=turns[:-1])
        return np.ascontiguousarray(flat.reshape(width, height).T).view(np.bool_)


class Joiner:
    """Joins areas as they come; what they need together is what the joined area needs."""

    _MOST_PENDING = 1 << 20

    def __init__(self, size: tuple[int, int]) -> None:
        """Begin without a pixel of a picture of ``size`` (H, W)."""
        self._size = size
        self._areas: list[Area] = []
        self._pending = 0

    def add(self, area: Area) -> None:
        """Add the pixels of an area."""
        self._areas.append(area)
        self._pending += len(area.starts)
        if self._pending > self._MOST_PENDING:
            joined = self.area()
            self._areas, self._pending = [joined], 0

    def area(self) -> Area:
        """All pixels so far."""
        return Area.joined(self._areas, self._size)
