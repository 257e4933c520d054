"""How what was found in tiles becomes masks of the whole: by probabilities, or by parts.

An engine that tells probabilities has those of neighbouring tiles averaged where both were shown a
pixel, each with a weight that falls to nothing at the tile's border; what comes of it is cut at the
engine's own level. Masks of any other engine are cut off in the middle of the overlap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from maskcast.engines.large import PackedMask, Tiles
from maskcast.engines.planes import Calibration
from maskcast.io.windowed import Span
from maskcast.types import Segmentation

_STEPS: Final = 16
"""Of a weight, along a side. Levels times the weights of both sides are whole numbers that fit 16
bits, so that sums do not depend on an order."""

Weights = npt.NDArray[np.uint16]


@dataclass(frozen=True)
class Tile:
    """A part of a picture.

    Attributes:
        interior: tiles' interiors cover a picture once.
        seen: what the engine is shown.
        rows: uint16 (h,), how much each row of what is shown counts, of `_STEPS`.
        columns: uint16 (w,), likewise.
    """

    interior: Span
    seen: Span
    rows: Weights
    columns: Weights


def tile_rows(height: int, width: int, tiles: Tiles) -> list[list[Tile]]:
    """All tiles of a picture, row by row; interiors are nearly alike in size."""
    down, across = _Side.of(height, tiles), _Side.of(width, tiles)
    return [
        [
            Tile(
                (top, left, bottom, right),
                (above, before, below, behind),
                row_weights,
                column_weights,
            )
            for (left, right), (before, behind), column_weights in across.parts()
        ]
        for (top, bottom), (above, below), row_weights in down.parts()
    ]


@dataclass(frozen=True)
class _Side:
    """How a side of a picture is cut.

    Attributes:
        length: pixels.
        cuts: first and last of each part.
        halo: pixels that are shown on both sides of a part.
        reach: pixels on both sides of a cut over which one part gives way to the next.
    """

    length: int
    cuts: list[tuple[int, int]]
    halo: int
    reach: int

    @classmethod
    def of(cls, length: int, tiles: Tiles) -> _Side:
        count = -(-length // tiles.side)
        cuts = list(pairwise(round(number * length / count) for number in range(count + 1)))
        # No pixel is of more than two parts.
        shortest = min(last - first for first, last in cuts)
        return cls(length, cuts, tiles.halo, min(tiles.halo, shortest // 2))

    def parts(self) -> list[tuple[tuple[int, int], tuple[int, int], Weights]]:
        """Each part, what is shown of it, and the weights of that."""
        return [(cut, self._shown(cut), self._weights(*cut)) for cut in self.cuts]

    def _shown(self, cut: tuple[int, int]) -> tuple[int, int]:
        first, last = cut
        return max(0, first - self.halo), min(self.length, last + self.halo)

    def _weights(self, first: int, last: int) -> Weights:
        begin, end = self._shown((first, last))
        at = np.arange(begin, end)
        weights = np.full(end - begin, _STEPS, np.int64)
        if first > 0:
            weights = np.minimum(weights, self._risen(at - first))
        if last < self.length:
            weights = np.minimum(weights, _STEPS - self._risen(at - last))
        return weights.astype(np.uint16)

    def _risen(self, beyond: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """From 0 to `_STEPS`, by how many pixels lie between a cut and each pixel."""
        if self.reach == 0:
            return np.where(beyond >= 0, _STEPS, 0)
        return np.clip((beyond + self.reach) * _STEPS // (2 * self.reach), 0, _STEPS)


class Joining(Protocol):
    """Makes masks of what is found in tiles, row of tiles by row of tiles."""

    def add_row(self, row: Sequence[Tile], found: Sequence[Segmentation]) -> None:
        """Take what was found in the next row of tiles."""

    def masks(self) -> Mapping[int, PackedMask]:
        """Object id -> its mask, some without a pixel; after the last row."""


class Interiors:
    """Keeps of each mask what lies in the tile's interior."""

    def __init__(self, height: int, width: int) -> None:
        self._size = height, width
        self._masks: dict[int, PackedMask] = {}

    def add_row(self, row: Sequence[Tile], found: Sequence[Segmentation]) -> None:
        """See ``Joining``."""
        top, _, bottom, _ = row[0].interior
        laid: dict[int, npt.NDArray[np.bool_]] = {}
        for tile, part in zip(row, found, strict=True):
            _, left, _, right = tile.interior
            inner = slice(top - tile.seen[0], bottom - tile.seen[0])
            across = slice(left - tile.seen[1], right - tile.seen[1])
            for object_id, mask in zip(part.object_ids.tolist(), part.masks, strict=True):
                if object_id not in laid:
                    laid[object_id] = np.zeros((bottom - top, self._size[1]), np.bool_)
                laid[object_id][:, left:right] = mask[inner, across]
        for object_id, rows in laid.items():
            self._masks.setdefault(object_id, PackedMask(*self._size)).put(top, rows)

    def masks(self) -> Mapping[int, PackedMask]:
        """See ``Joining``."""
        return self._masks


class Blending:
    """Averages the levels of probability planes, and cuts them once."""

    def __init__(self, height: int, width: int, calibration: Calibration) -> None:
        self._calibration = calibration
        self._ids = sorted(calibration.levels)
        self._masks = {key: PackedMask(height, width) for key in self._ids}
        self._width, self._top = width, 0
        self._sums = np.zeros((len(self._ids), 0, width), np.uint16)

    def add_row(self, row: Sequence[Tile], found: Sequence[Segmentation]) -> None:
        """See ``Joining``; the results must have planes."""
        more = row[0].seen[2] - self._top - self._sums.shape[1]
        self._sums = np.pad(self._sums, ((0, 0), (0, max(0, more)), (0, 0)))
        for tile, part in zip(row, found, strict=True):
            self._add(tile, part)
        self._finish(row[0])

    def _add(self, tile: Tile, part: Segmentation) -> None:
        _, left, bottom, right = tile.seen
        above = max(0, self._top - tile.seen[0])  # rows of a wide halo that count for nothing
        weights = (tile.rows[:, None] * tile.columns)[above:]
        rows = slice(tile.seen[0] + above - self._top, bottom - self._top)
        for sums, key in zip(self._sums, self._ids, strict=True):
            sums[rows, left:right] += part.planes[key][above:] * weights

    def _finish(self, tile: Tile) -> None:
        """Cut the rows that no other row of tiles has a say in."""
        full = np.flatnonzero(tile.rows == _STEPS)
        bottom = tile.seen[0] + int(full[-1]) + 1
        done = self._sums[:, : bottom - self._top]
        for key, rows in zip(self._ids, self._cut(done), strict=True):
            self._masks[key].put(self._top, rows)
        self._sums = self._sums[:, bottom - self._top :].copy()
        self._top = bottom

    def _cut(self, sums: npt.NDArray[np.uint16]) -> npt.NDArray[np.bool_]:
        """Masks (K, h, W) of sums of levels."""
        levels = np.array([self._calibration.levels[key] for key in self._ids], np.int32)
        limits = levels * (_STEPS * _STEPS)
        masks = sums > limits[:, None, None]
        contested = masks.sum(axis=0, dtype=np.uint8) > 1
        if self._calibration.exclusive and contested.any():
            margins = sums[:, contested].astype(np.int32) - limits[:, None]
            winner = margins.argmax(axis=0)
            masks[:, contested] = winner == np.arange(len(limits))[:, None]
        return np.asarray(masks, np.bool_)

    def masks(self) -> Mapping[int, PackedMask]:
        """See ``Joining``."""
        return self._masks
