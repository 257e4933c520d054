"""What an engine finds in a picture that is larger than the memory.

Masks are held as bits, row by row; nothing here ever has a whole mask as bools.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from maskcast.io.windowed import Picture
from maskcast.types import Mask, MemoryBank


class PackedMask:
    """A mask bool (H, W) as bits, one row after the other.

    Attributes:
        height: rows.
        width: columns.
    """

    def __init__(self, height: int, width: int) -> None:
        self.height, self.width = height, width
        self._bits = np.zeros((height, -(-width // 8)), np.uint8)

    def put(self, top: int, rows: Mask) -> None:
        """Set whole rows from ``top`` on, bool (h, W)."""
        self._bits[top : top + len(rows)] = np.packbits(rows, axis=1)

    def rows(self, top: int, bottom: int) -> Mask:
        """Rows ``top`` to ``bottom``, bool (bottom - top, W)."""
        return np.unpackbits(self._bits[top:bottom], axis=1, count=self.width).view(np.bool_)

    def packed(self, top: int, bottom: int) -> npt.NDArray[np.uint8]:
        """The same as bits, uint8 (bottom - top, ceil(W / 8)), the first pixel in the high bit."""
        return self._bits[top:bottom]

    def any_in(self, top: int, bottom: int) -> bool:
        """Whether a pixel is set in these rows."""
        return bool(self._bits[top:bottom].any())


@dataclass(frozen=True)
class LargeSegmentation:
    """What an engine found in one large picture; see ``Segmentation``.

    Attributes:
        height: of the picture.
        width: of the picture.
        object_ids: int32 (K,), strictly ascending; K may be 0.
        masks: K of them, each with a pixel.
        scores: float32 (K,) in [0, 1].
        right: float32 (K,) in [0, 1], or None.
        signals: by name, float32 (K,).
    """

    height: int
    width: int
    object_ids: npt.NDArray[np.int32]
    masks: tuple[PackedMask, ...]
    scores: npt.NDArray[np.float32]
    right: npt.NDArray[np.float32] | None = None
    signals: Mapping[str, npt.NDArray[np.float32]] = field(default_factory=dict)


@dataclass(frozen=True)
class Tiles:
    """How a large picture is cut.

    Attributes:
        side: rows and columns of a tile, pixels.
        halo: pixels around it that are looked at, too.
    """

    side: int
    halo: int = 128


@runtime_checkable
class LargeEngine(Protocol):
    """An engine that masks a picture window by window, as if it saw all of it."""

    def propagate_large(
        self, bank: MemoryBank, picture: Picture, tiles: Tiles
    ) -> LargeSegmentation:
        """Mask a picture with bounded memory; to the bit what ``propagate`` finds in the whole.

        Args:
            bank: made by this engine's ``memorize``; not modified.
            picture: read by several threads.
            tiles: about how much is looked at at a time.

        Raises:
            ForeignBankError: if the bank was made by another engine.
            ImageError: if a part of the picture cannot be read.
        """
