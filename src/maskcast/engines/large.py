"""What an engine finds in a picture that is larger than the memory.

Masks are held as bits, row by row; nothing here ever has a whole mask as bools.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from maskcast.io.windowed import Picture
from maskcast.types import Mask, MemoryBank

_LARGE_SIDE: Final = 512
"""Of engines that see the whole in any case: 1024 pixels take 5 % less time, and each thread twice
the memory."""

_BITS_SET: Final = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).sum(axis=1)

_WHOLE_PIXELS: Final = 12_000_000
"""Pictures of more pixels take so much memory that a run masks them one after the other: a
``LargeEngine`` is quicker if its threads share one of them, and takes less."""

_STRIP_PIXELS: Final = 8 << 20


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

    @property
    def area(self) -> int:
        """Number of pixels that are set."""
        return int(np.bincount(self._bits.ravel(), minlength=256) @ _BITS_SET)

    def strips(self) -> Iterator[tuple[int, Mask]]:
        """Top row and rows, of about 8 megapixels at a time, from the top down."""
        step = max(1, _STRIP_PIXELS // self.width)
        for top in range(0, self.height, step):
            yield top, self.rows(top, min(self.height, top + step))

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
        evidence: of the picture, or None.
    """

    height: int
    width: int
    object_ids: npt.NDArray[np.int32]
    masks: tuple[PackedMask, ...]
    scores: npt.NDArray[np.float32]
    right: npt.NDArray[np.float32] | None = None
    signals: Mapping[str, npt.NDArray[np.float32]] = field(default_factory=dict)
    evidence: float | None = None


@dataclass(frozen=True)
class Tiles:
    """How a large picture is cut.

    Attributes:
        side: rows and columns of a tile, pixels.
        halo: pixels around it that are looked at, too.
        above: pixels that a picture has more of which is cut; None = those of a tile.
        is_asked_for: whether somebody wants pictures cut; a picture may then be larger than the
            bound of pixels.
    """

    side: int
    halo: int = 128
    above: int | None = None
    is_asked_for: bool = True

    @classmethod
    def of_large(cls, *, is_asked_for: bool = True) -> Tiles:
        """What suits a ``LargeEngine``."""
        return cls(_LARGE_SIDE, above=_WHOLE_PIXELS, is_asked_for=is_asked_for)

    @property
    def most_whole(self) -> int:
        """Pixels of the largest picture that is not cut."""
        return self.side * self.side if self.above is None else self.above


@dataclass(frozen=True)
class Unfinished:
    """Where what is known of a picture is kept until all of it is masked.

    Attributes:
        path: of a file that an engine may write and go on with; whoever gives it removes it.
        identity: another one if picture or memory bank are others.
    """

    path: Path
    identity: str


@runtime_checkable
class LargeEngine(Protocol):
    """An engine that masks a picture window by window, as if it saw all of it."""

    def propagate_large(
        self,
        bank: MemoryBank,
        picture: Picture,
        tiles: Tiles,
        unfinished: Unfinished | None = None,
    ) -> LargeSegmentation:
        """Mask a picture with bounded memory; to the bit what ``propagate`` finds in the whole.

        Args:
            bank: made by this engine's ``memorize``; not modified.
            picture: read by several threads.
            tiles: about how much is looked at at a time.
            unfinished: what an interrupted call left is gone on with; None = nothing is kept.

        Raises:
            ForeignBankError: if the bank was made by another engine.
            ImageError: if a part of the picture cannot be read.
        """
