"""Large targets for engines that take a picture as it is: tiles with a halo, interiors kept.

An engine hands over masks and no probabilities, so the seam lies in the middle of the overlap,
where the tiles on both sides have seen what is around it. An object that crosses it is one, because
components are those of the whole mask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from maskcast.engines.base import Engine
from maskcast.engines.large import LargeSegmentation, PackedMask, Tiles
from maskcast.io.windowed import Picture, Span
from maskcast.types import Mask, MemoryBank, Segmentation


@dataclass(frozen=True)
class Tile:
    """A part of a picture.

    Attributes:
        interior: what of it is kept.
        seen: what the engine is shown.
    """

    interior: Span
    seen: Span

    def kept(self, mask: Mask) -> Mask:
        """The interior of a mask of what is shown."""
        top, left, bottom, right = self.interior
        rows = slice(top - self.seen[0], bottom - self.seen[0])
        return mask[rows, left - self.seen[1] : right - self.seen[1]]


def tile_rows(height: int, width: int, tiles: Tiles) -> list[list[Tile]]:
    """All tiles of a picture, row by row; interiors cover it once and are nearly alike in size."""
    return [
        [
            Tile(
                (top, left, bottom, right),
                (
                    max(0, top - tiles.halo),
                    max(0, left - tiles.halo),
                    min(height, bottom + tiles.halo),
                    min(width, right + tiles.halo),
                ),
            )
            for left, right in _cut(width, tiles.side)
        ]
        for top, bottom in _cut(height, tiles.side)
    ]


def mask_by_tiles(
    engine: Engine, bank: MemoryBank, picture: Picture, tiles: Tiles, batch: int
) -> LargeSegmentation:
    """Mask a picture with an engine that is shown tiles.

    Scores and signals are those of the tiles, weighted by the pixels each adds to the mask.

    Args:
        engine: has learned ``bank``.
        bank: of the references.
        picture: read window by window.
        tiles: how it is cut.
        batch: most tiles in a call.
    """
    gathered: dict[int, _Gathered] = {}
    for row in tile_rows(picture.height, picture.width, tiles):
        found: list[Segmentation] = []
        for first in range(0, len(row), batch):
            images = [
                np.ascontiguousarray(picture.read(*tile.seen))
                for tile in row[first : first + batch]
            ]
            found += engine.propagate(bank, images)
        _gather(gathered, row, found, picture)
    shown = {key: gathered[key] for key in sorted(gathered) if gathered[key].area}
    names = {name for each in shown.values() for name in each.signals}
    return LargeSegmentation(
        picture.height,
        picture.width,
        np.array(list(shown), np.int32),
        tuple(each.mask for each in shown.values()),
        np.array([each.score / each.area for each in shown.values()], np.float32),
        signals={
            name: np.array(
                [each.signals.get(name, 0.0) / each.area for each in shown.values()], np.float32
            )
            for name in names
        },
    )


@dataclass
class _Gathered:
    """One object: its mask, and sums over its pixels."""

    mask: PackedMask
    area: int = 0
    score: float = 0.0
    signals: dict[str, float] = field(default_factory=dict)

    def add(self, area: int, score: float, signals: Mapping[str, float]) -> None:
        """Count the pixels that a tile adds."""
        self.area += area
        self.score += area * score
        for name, value in signals.items():
            self.signals[name] = self.signals.get(name, 0.0) + area * value


def _gather(
    gathered: dict[int, _Gathered],
    row: Sequence[Tile],
    found: Sequence[Segmentation],
    picture: Picture,
) -> None:
    """Put what was found in a row of tiles into the masks of the whole."""
    top, _, bottom, _ = row[0].interior
    laid: dict[int, npt.NDArray[np.bool_]] = {}
    for tile, part in zip(row, found, strict=True):
        for index, object_id in enumerate(part.object_ids.tolist()):
            kept = tile.kept(part.masks[index])
            if not kept.any():
                continue
            if object_id not in gathered:
                gathered[object_id] = _Gathered(PackedMask(picture.height, picture.width))
            rows = laid.setdefault(object_id, np.zeros((bottom - top, picture.width), np.bool_))
            rows[:, tile.interior[1] : tile.interior[3]] = kept
            signals = {name: float(values[index]) for name, values in part.signals.items()}
            area = int(np.count_nonzero(kept))
            gathered[object_id].add(area, float(part.scores[index]), signals)
    for object_id, rows in laid.items():
        gathered[object_id].mask.put(top, rows)


def _cut(length: int, side: int) -> list[tuple[int, int]]:
    """Parts of nearly equal length, of at most ``side`` pixels, in order and without gaps."""
    count = -(-length // side)
    return list(pairwise(round(number * length / count) for number in range(count + 1)))
