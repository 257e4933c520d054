"""Altered copies of references for the encoder: what a token says whatever the view.

Encoders of this kind also tell where in the picture a token lies, how large things are shown and in
which light. With a few references such numbers seem to tell objects apart. Tokens of copies that
show the same in another place, size or light tell which numbers these are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from maskcast.engines.deep.encoder import TokenMaps
from maskcast.engines.deep.tiling import TILING
from maskcast.types import RgbImage


@dataclass(frozen=True)
class Alteration:
    """A way to show the same otherwise.

    Attributes:
        rows: -1 turns the picture upside down, 1 leaves it.
        columns: -1 mirrors it.
        zoom: factor of its size.
        gamma: exponent of its light.
        gains: factor of each colour.
    """

    rows: int = 1
    columns: int = 1
    zoom: float = 1.0
    gamma: float = 1.0
    gains: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def of(self, image: RgbImage) -> RgbImage:
        """The copy of a picture; its zoom is left to the encoder's scale."""
        turned = image[:: self.rows, :: self.columns]
        levels = np.linspace(0, 1, 256)[:, None] ** self.gamma * np.array(self.gains)
        table = np.rint(255 * np.minimum(levels, 1)).astype(np.uint8)
        colours = [table[turned[..., colour], colour] for colour in range(3)]
        return np.ascontiguousarray(np.stack(colours, axis=-1))

    def back(self, maps: TokenMaps, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
        """Tokens of the copy laid over those of the picture, float32 (C, *shape)."""
        turned = maps[:, :: self.rows, :: self.columns].astype(np.float32)
        size = (shape[1], shape[0])
        return np.stack([cv2.resize(plane, size) for plane in turned])


ALTERATIONS = (
    Alteration(columns=-1),
    Alteration(rows=-1),
    Alteration(zoom=0.75),
    Alteration(gamma=1.3, gains=(0.99, 0.9, 0.81)),
)
"""Measured with ``benchmarks/accuracy.py`` on the measuring packs (docs/adr/0040)."""


class Window(NamedTuple):
    """The middle of a picture, in pixels and in its tokens."""

    pixels: tuple[slice, slice]
    tokens: tuple[slice, slice]


def middle(shape: Sequence[int], grid: Sequence[int]) -> Window:
    """The middle of a picture of ``shape`` pixels that an encoder takes as one tile.

    Args:
        shape: (H, W, ...) of the picture.
        grid: (h, w) tokens of it.
    """
    pixels, tokens = [], []
    for side, count in zip(shape[:2], grid, strict=True):
        length = min(count, TILING.tile)
        first = (count - length) // 2
        tokens.append(slice(first, first + length))
        pixels.append(slice(round(first * side / count), round((first + length) * side / count)))
    return Window((pixels[0], pixels[1]), (tokens[0], tokens[1]))
