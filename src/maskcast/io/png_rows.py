"""PNGs that are written row by row, of pictures that are nowhere whole (ISO/IEC 15948)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GRAY, _PALETTE = 0, 3


def gray_png(
    width: int, height: int, strips: Iterable[npt.NDArray[np.uint8]], level: int = 1
) -> bytes:
    """A gray PNG of 8 bits.

    Args:
        width: columns.
        height: rows.
        strips: uint8 (h, W), whole rows from the top down.
        level: of packing, 0 to 9.
    """
    return b"".join(_chunks(width, height, _GRAY, b"", strips, level))


def palette_png(
    width: int,
    height: int,
    palette: npt.NDArray[np.uint8],
    strips: Iterable[npt.NDArray[np.uint8]],
    level: int = 1,
) -> bytes:
    """A PNG of indices of 8 bits; ``palette`` is uint8 (256, 3), the rest as in ``gray_png``."""
    return b"".join(_chunks(width, height, _PALETTE, palette.tobytes(), strips, level))


def _chunks(
    width: int,
    height: int,
    kind: int,
    palette: bytes,
    strips: Iterable[npt.NDArray[np.uint8]],
    level: int,
) -> Iterator[bytes]:
    yield _SIGNATURE
    yield _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0))
    if palette:
        yield _chunk(b"PLTE", palette)
    # Runs of a few values: looking for longer repeats costs time and gains next to nothing.
    packer = zlib.compressobj(level, strategy=zlib.Z_RLE)
    for rows in strips:
        unfiltered = np.zeros((len(rows), width + 1), np.uint8)  # each row begins with its filter
        unfiltered[:, 1:] = rows
        if data := packer.compress(unfiltered.data):
            yield _chunk(b"IDAT", data)
    yield _chunk(b"IDAT", packer.flush())
    yield _chunk(b"IEND", b"")


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
