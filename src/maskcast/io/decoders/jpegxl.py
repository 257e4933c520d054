"""JPEG XL, by libjxl through imagecodecs, which turns pictures as their orientation says."""

from __future__ import annotations

from dataclasses import dataclass

import imagecodecs
import numpy as np

from maskcast.io.decoders.boxes import find_box
from maskcast.io.decoders.raster import (
    FIRST_PICTURE,
    LOSSY,
    Limits,
    Raster,
    RefusedError,
    with_channels,
)

CODESTREAM = b"\xff\x0a"
CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n"

_HEADER_BYTES = 64
_RATIOS = ((1, 1), (6, 5), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))


@dataclass(frozen=True)
class _Header:
    width: int
    height: int
    bits: int | None  # None where the header does not simply tell
    is_animated: bool


def read_size(data: bytes) -> tuple[int, int]:
    """Width and height, pixels; raises ``RefusedError``."""
    header = _read_header(data)
    return header.width, header.height


def decode(data: bytes, limits: Limits) -> Raster:
    """Decode the first frame of a JPEG XL file; see ``Decoder``."""
    header = _read_header(data)
    limits.check(header.width, header.height)
    samples = with_channels(imagecodecs.jpegxl_decode(data, 0))
    if samples.shape[2] in {2, 4}:  # alpha
        samples = samples[..., :-1]
    full_range = None
    if samples.dtype.kind == "u":
        bits = header.bits or 8 * samples.itemsize
        full_range = (0.0, float(2**bits - 1))
    else:
        samples = samples.astype(np.float32, copy=False)
    notes = (FIRST_PICTURE,) if header.is_animated else ()
    return Raster(samples, full_range, notes=notes, not_labels=LOSSY)


def _read_header(data: bytes) -> _Header:
    """The beginning of the codestream (ISO/IEC 18181-1, D.2 and D.3)."""
    start = 0
    if not data.startswith(CODESTREAM):
        whole, parts = find_box(data, b"jxlc"), find_box(data, b"jxlp")
        if whole is None and parts is None:
            raise RefusedError("it is damaged or cut off (no codestream); copy it again")
        start = whole[0] if whole is not None else parts[0] + 4 if parts is not None else 0
    bits = _Bits(data[start + len(CODESTREAM) : start + _HEADER_BYTES])
    width, height = _size(bits)
    depth: int | None = 8
    is_animated = False
    is_default = bits.take(1)
    if not is_default:
        has_more = bits.take(1)
        if has_more:
            bits.take(3)
            has_intrinsic, has_preview, is_animated = (bool(bits.take(1)) for _ in range(3))
            depth = None if has_intrinsic or has_preview or is_animated else depth
        if depth is not None:
            is_float = bits.take(1)
            depth = None if is_float else bits.choice((8, 0), (10, 0), (12, 0), (1, 6))
    return _Header(width, height, depth, is_animated)


def _size(bits: _Bits) -> tuple[int, int]:
    is_small = bits.take(1)
    height = _side(bits, is_small)
    ratio = bits.take(3)
    if ratio == 0:
        return _side(bits, is_small), height
    numerator, denominator = _RATIOS[ratio - 1]
    return height * numerator // denominator, height


def _side(bits: _Bits, is_small: int) -> int:
    if is_small:
        return 8 * (1 + bits.take(5))
    return bits.choice((1, 9), (1, 13), (1, 18), (1, 30))


class _Bits:
    """Reads numbers, least significant bit first; zeros follow the end."""

    def __init__(self, data: bytes) -> None:
        self._rest = int.from_bytes(data, "little")

    def take(self, count: int) -> int:
        """The next ``count`` bits."""
        value = self._rest & ((1 << count) - 1)
        self._rest >>= count
        return value

    def choice(self, *options: tuple[int, int]) -> int:
        """A number stored as one of four options: offset and how many bits are added to it."""
        offset, count = options[self.take(2)]
        return offset + self.take(count)
