"""How large the tiles of a run are: as somebody chose, or as engine and annotated objects need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from maskcast.engines.base import Engine
from maskcast.engines.large import LargeEngine, Tiles
from maskcast.masks import components
from maskcast.project.settings import TileSettings
from maskcast.types import Reference

_VIEW: Final = 1024
"""Rows and columns that SAM's encoders look at."""

_LEAST_LENGTH: Final = 16
"""Pixels of such a view that a thing must have to be seen: one of the patches it is cut into."""

_LEAST_SIDE: Final = 256

_ALIGN: Final = 64


@dataclass(frozen=True)
class Lengths:
    """How long the parts of the annotated objects are, on the longer side of their boxes.

    Attributes:
        small: pixels of the small ones, 10 % quantile.
        large: of the large ones, 90 % quantile.
    """

    small: int
    large: int

    @classmethod
    def of(cls, references: Sequence[Reference]) -> Lengths | None:
        """What references show; None if they show nothing."""
        parts = [
            part
            for reference in references
            for mask in reference.masks.values()
            for part in components(mask)
        ]
        if not parts:
            return None
        boxes = np.array([part.box for part in parts])
        lengths = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
        small, large = np.quantile(lengths, [0.1, 0.9], method="nearest").tolist()
        return cls(int(small), int(large))


def tiles_of(
    engine: Engine, settings: TileSettings, references: Sequence[Reference], *, keeps_planes: bool
) -> Tiles | None:
    """How large targets are cut; None = they are not.

    Args:
        engine: that masks them.
        settings: what was chosen.
        references: whose objects are looked at where ``auto`` was.
        keeps_planes: whether probability planes are kept, which are those of whole targets.
    """
    if settings.side is None:
        # Nobody asked for tiles, so no result may show them.
        is_shown = keeps_planes or not isinstance(engine, LargeEngine)
        return None if is_shown else Tiles.of_large(is_asked_for=False)
    if settings.side != "auto":
        return Tiles(settings.side, settings.halo)
    if isinstance(engine, LargeEngine):
        return replace(Tiles.of_large(), halo=settings.halo)
    return _suiting(Lengths.of(references), settings.halo)


def told_of(tiles: Tiles, engine: Engine, references: Sequence[Reference]) -> str:
    """What was chosen and why, a sentence."""
    side = f"{tiles.side} x {tiles.side}"
    told = (
        f"targets of more than {tiles.most_whole / 1e6:.1f} megapixels go through in tiles of "
        f"{side} pixels"
    )
    lengths = Lengths.of(references)
    if isinstance(engine, LargeEngine) or lengths is None:
        return told
    return (
        f"{told}, with {tiles.halo} around each: most annotated things are {lengths.small} to "
        f"{lengths.large} pixels long"
    )


def _suiting(lengths: Lengths | None, halo: int) -> Tiles:
    """Tiles for an engine with a view of its own.

    Small things have a patch of the view, and large ones at most half of a tile; what a cut goes
    through, the tile with the larger half of it is shown whole.
    """
    if lengths is None:
        return Tiles(_VIEW, halo)
    side = max(min(_VIEW, _VIEW * lengths.small / _LEAST_LENGTH), 2 * lengths.large, _LEAST_SIDE)
    return Tiles(-(-int(side) // _ALIGN) * _ALIGN, max(halo, -(-lengths.large // 2)))
