"""Large targets for engines that take a picture as it is: they are shown tiles with a halo.

An object that crosses tiles is one, because components are those of the whole mask.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from maskcast.engines.base import Engine, Probabilistic
from maskcast.engines.large import LargeSegmentation, PackedMask, Tiles
from maskcast.io.windowed import Picture
from maskcast.runs.seams import Blending, Interiors, Joining, Tile, tile_rows
from maskcast.types import MemoryBank, RgbImage, Segmentation


def mask_by_tiles(
    engine: Engine, bank: MemoryBank, picture: Picture, tiles: Tiles, batch: int
) -> LargeSegmentation:
    """Mask a picture with an engine that is shown tiles.

    Scores and signals are those of the tiles, weighted by the pixels that are found in each; the
    evidence is the highest of any tile.

    Args:
        engine: has learned ``bank``.
        bank: of the references.
        picture: read window by window.
        tiles: how it is cut.
        batch: most tiles in a call.
    """
    size = picture.height, picture.width
    if isinstance(engine, Probabilistic):
        joining: Joining = Blending(*size, engine.calibration(bank))
        cast = engine.propagate_with_planes
    else:
        joining, cast = Interiors(*size), engine.propagate
    told: dict[int, _Told] = defaultdict(_Told)
    evidence: list[float] = []
    for row in tile_rows(*size, tiles):
        found: list[Segmentation] = []
        for first in range(0, len(row), batch):
            found += cast(bank, [_shown(picture, tile) for tile in row[first : first + batch]])
        joining.add_row(row, found)
        for part in found:
            if part.evidence is not None:
                evidence.append(part.evidence)
            for index, object_id in enumerate(part.object_ids.tolist()):
                told[object_id].add(part, index)
    masks = {key: mask for key, mask in sorted(joining.masks().items()) if mask.area}
    return _segmentation(size, masks, told, max(evidence, default=None))


def _shown(picture: Picture, tile: Tile) -> RgbImage:
    return np.ascontiguousarray(picture.read(*tile.seen))


@dataclass
class _Told:
    """What the engine told of an object: sums over the pixels that it found."""

    area: int = 0
    score: float = 0.0
    signals: dict[str, float] = field(default_factory=dict)

    def add(self, part: Segmentation, index: int) -> None:
        """Add what it told of a tile."""
        area = int(np.count_nonzero(part.masks[index]))
        self.area += area
        self.score += area * float(part.scores[index])
        for name, values in part.signals.items():
            self.signals[name] = self.signals.get(name, 0.0) + area * float(values[index])


def _segmentation(
    size: tuple[int, int],
    masks: Mapping[int, PackedMask],
    told: Mapping[int, _Told],
    evidence: float | None,
) -> LargeSegmentation:
    """Of the objects that have a mask; each pixel of one was found in a tile."""
    shown = [told[key] for key in masks]
    names = {name for each in shown for name in each.signals}
    return LargeSegmentation(
        *size,
        np.array(list(masks), np.int32),
        tuple(masks.values()),
        np.array([each.score / each.area for each in shown], np.float32),
        signals={
            name: np.array([each.signals.get(name, 0.0) / each.area for each in shown], np.float32)
            for name in names
        },
        evidence=evidence,
    )
