"""Connected components of a mask of which only some rows are there at a time."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from maskcast.engines.large import PackedMask
from maskcast.types import Mask

Labels = npt.NDArray[np.int32]
"""int32 (h, W), 0 = background."""


class Uniting:
    """Numbers the components of successive rows, and finds which of them are one.

    Rows must come from the top down and without a gap. A component of some rows gets a number, from
    1, that no other has; ``united`` says which of them touch across rows.
    """

    def __init__(self) -> None:
        self._count = 0
        self._last: Labels | None = None
        self._pairs: list[npt.NDArray[np.int64]] = []

    @property
    def count(self) -> int:
        """Numbers given, 0 included."""
        return self._count + 1

    def add(self, rows: Mask) -> Labels:
        """Number the components (8-connected) of the next rows, bool (h, W)."""
        labels = label(rows)
        labels[labels > 0] += self._count
        self._count = max(self._count, int(labels.max(initial=0)))
        if self._last is not None:
            self._pairs += _touching(self._last, labels[0])
        self._last = labels[-1].copy()
        return labels

    def united(self) -> tuple[npt.NDArray[np.intp], int]:
        """What each number becomes, int (count,), and how many there are then; 0 stays 0."""
        parents = list(range(self.count))
        for pairs in self._pairs:
            for first, second in pairs.tolist():
                low, high = sorted((_root(parents, first), _root(parents, second)))
                parents[high] = low
        roots = np.array([_root(parents, number) for number in range(self.count)], np.intp)
        kept, numbers = np.unique(roots, return_inverse=True)
        return numbers.astype(np.intp), len(kept)


def remove_small_parts(mask: PackedMask, least: int) -> None:
    """Take components of fewer than ``least`` pixels out of a mask."""
    uniting = Uniting()
    areas = [np.zeros(1, np.int64)]
    for _, rows in mask.strips():
        before = uniting.count
        labels = uniting.add(rows)
        areas.append(np.bincount(labels[labels > 0] - before, minlength=uniting.count - before))
    numbers, count = uniting.united()
    area = np.zeros(count, np.int64)
    np.add.at(area, numbers, np.concatenate(areas))
    large = area >= least
    large[0] = False
    again = Uniting()
    for top, rows in mask.strips():
        mask.put(top, large[numbers[again.add(rows)]])


def label(rows: Mask) -> Labels:
    """Number the components of some rows alone, from 1."""
    if not rows.any():
        return np.zeros(rows.shape, np.int32)
    _, labels = cv2.connectedComponents(rows.view(np.uint8), connectivity=8)
    return np.asarray(labels, np.int32)


def _touching(above: Labels, below: Labels) -> list[npt.NDArray[np.int64]]:
    """Pairs of numbers that touch between two rows, straight or across a corner."""
    found = []
    for shift in (-1, 0, 1):
        upper = above[max(0, shift) : len(above) + min(0, shift)]
        lower = below[max(0, -shift) : len(below) + min(0, -shift)]
        both = (upper > 0) & (lower > 0)
        if both.any():
            pairs = np.stack([upper[both], lower[both]], axis=1).astype(np.int64)
            found.append(np.unique(pairs, axis=0))
    return found


def _root(parents: list[int], number: int) -> int:
    root = number
    while parents[root] != root:
        root = parents[root]
    while parents[number] != root:
        parents[number], number = root, parents[number]
    return root
