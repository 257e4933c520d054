"""How a picture is laid before a transformer: its scale, and tiles where it is large.

Attention costs grow with the square of the number of tokens, and position encodings were learned
for about 37 x 37 of them, so a large picture goes through in overlapping tiles, no larger than
needed. A token is taken from the tile in which it is farther from the border.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, product

import cv2
import numpy as np
import numpy.typing as npt

from maskcast.engines.deep.encoder import TokenMaps
from maskcast.types import RgbImage


@dataclass(frozen=True)
class TilingConstants:
    """Fixed by hand on the measuring packs (docs/adr/0040).

    Attributes:
        side: pictures up to about this long side are enlarged to it, in pixels.
        scale: factor by which larger pictures are enlarged.
        tile: most tokens along a side of a tile.
        overlap: tokens that neighbouring tiles share.
    """

    side: int = 518
    scale: float = 1.21
    tile: int = 43
    overlap: int = 4


TILING = TilingConstants()


@dataclass(frozen=True)
class Span:
    """Part of a side: the tokens ``start`` to ``stop`` go in, ``first`` to ``last`` are kept."""

    start: int
    stop: int
    first: int
    last: int

    @property
    def length(self) -> int:
        """Tokens that go in."""
        return self.stop - self.start

    @property
    def kept(self) -> slice:
        """Those of them that are kept."""
        return slice(self.first - self.start, self.last - self.start)


@dataclass(frozen=True)
class Tile:
    """A part of one of several pictures, in tokens.

    Attributes:
        picture: which of them.
        rows: down.
        columns: across.
    """

    picture: int
    rows: Span
    columns: Span

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of tokens that go in."""
        return self.rows.length, self.columns.length

    def pixels_of(self, picture: RgbImage, patch: int) -> RgbImage:
        """The tile's part of its picture, whose tokens are ``patch`` pixels wide."""
        down, across = (
            slice(span.start * patch, span.stop * patch) for span in (self.rows, self.columns)
        )
        return picture[down, across]

    def place(self, tokens: TokenMaps, grid: TokenMaps) -> None:
        """Put what is kept of the tokens (C, rows * columns) into the picture's (C, h, w)."""
        values = tokens.reshape(-1, *self.shape)[:, self.rows.kept, self.columns.kept]
        grid[:, self.rows.first : self.rows.last, self.columns.first : self.columns.last] = values


def scale_of(shapes: Sequence[tuple[int, ...]]) -> float:
    """The one factor for all pictures of a model, from the shapes (H, W, ...) of its references.

    References and targets keep the relation of their sizes, as an object should look alike in both.
    """
    longest = float(np.median([max(shape[:2]) for shape in shapes]))
    return max(TILING.scale, TILING.side / longest)


def lay(image: RgbImage, scale: float, patch: int) -> npt.NDArray[np.uint8]:
    """The picture enlarged by about ``scale``, uint8 (h * patch, w * patch, 3)."""
    height, width = (max(1, round(side * scale / patch)) * patch for side in image.shape[:2])
    method = cv2.INTER_AREA if height < image.shape[0] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (width, height), interpolation=method), np.uint8)


def spans(count: int) -> list[Span]:
    """Cut a side of ``count`` tokens into overlapping spans of equal length."""
    most, overlap = TILING.tile, TILING.overlap
    steps = 1 if count <= most else -(-(count - overlap) // (most - overlap))
    tile = -(-(count + (steps - 1) * overlap) // steps)
    starts = [round(step * (count - tile) / max(1, steps - 1)) for step in range(steps)]
    cuts = [(before + tile + after) // 2 for before, after in pairwise(starts)]
    return [
        Span(start, start + tile, first, last)
        for start, first, last in zip(starts, [0, *cuts], [*cuts, count], strict=True)
    ]


def alike(shapes: Sequence[tuple[int, int]]) -> list[list[Tile]]:
    """All tiles of pictures of ``shapes`` (in tokens), those of one shape together."""
    groups: dict[tuple[int, int], list[Tile]] = {}
    for picture, (height, width) in enumerate(shapes):
        for rows, columns in product(spans(height), spans(width)):
            tile = Tile(picture, rows, columns)
            groups.setdefault(tile.shape, []).append(tile)
    return list(groups.values())
