"""Label Studio's run-length code of brush masks.

A stream of bits, highest first: the number of values (32), bits of a value less 1 (5), four sizes
less 1 (4 each), then blocks. A block is 1 for a run or 0 for single values, the place of its size
among the four (2), its length less 1 in that many bits, and one value or all of them. The values
are those of a picture of red, green, blue and alpha, row by row, so each pixel comes four times.
Format as in ``encode_rle`` of label-studio-sdk, whose bytes these are too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_SIZES = (3, 4, 8, 16)
_LONGEST = 2 ** _SIZES[-1]
_HEADER_BITS = 32 + 5 + 4 * len(_SIZES)


def encode_runs(runs: npt.NDArray[np.int64]) -> bytes:
    """The code of a mask given as run lengths row by row, background first."""
    pixels = int(runs.sum())
    shown = np.flatnonzero(runs)  # the first may be empty
    lengths, values = _cut(4 * runs[shown], np.where(shown % 2 == 1, 255, 0))
    place = np.searchsorted([2**size for size in _SIZES], lengths)
    bits = np.array(_SIZES)[place]
    codes = (4 + place) << bits | lengths - 1  # the leading 4 is the mark of a run
    codes = codes << 8 | values
    header = 4 * pixels
    for number, width in ((7, 5), *((size - 1, 4) for size in _SIZES)):
        header = header << width | number
    stream = np.concatenate([_bits([header], [_HEADER_BITS]), _bits(codes, bits + 11)])
    padding = np.zeros(8 - len(stream) % 8, np.uint8)  # a whole byte where nothing is missing
    return np.packbits(np.concatenate([stream, padding])).tobytes()


def decode_runs(code: Sequence[int] | bytes, shape: tuple[int, int]) -> list[tuple[int, int]]:
    """The runs of pixels of a code, which need memory for no more than the code is long.

    Args:
        code: bytes as numbers.
        shape: (H, W).

    Returns:
        First pixel, counted along the rows, and the one after the last, of each run in which alpha
        is above 0; ascending.

    Raises:
        ValueError: if the code is not well formed or does not hold exactly H x W pixels.
    """
    stream = _Bits(bytes(code))
    total = stream.take(32)
    if total != 4 * shape[0] * shape[1]:
        raise ValueError(f"expected {shape[0] * shape[1]} pixels, got {total / 4:g}")
    word = stream.take(5) + 1
    sizes = [stream.take(4) + 1 for _ in range(4)]
    runs = []
    position = 0
    while position < total:
        is_run = stream.take(1)
        length = 1 + stream.take(sizes[stream.take(2)])
        if position + length > total:
            raise ValueError("expected runs that end with the picture")
        if is_run:
            if stream.take(word):
                # Alpha is the last of four values, so a pixel belongs to the run that holds it.
                runs.append((position // 4, (position + length) // 4))
        else:
            values = [stream.take(word) for _ in range(length)]
            places = (position + place for place, value in enumerate(values) if value)
            runs += [(place // 4, place // 4 + 1) for place in places if place % 4 == 3]
        position += length
    return runs


def _cut(
    lengths: npt.NDArray[np.int64], values: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Runs cut into pieces that a block can hold, the shorter rest last."""
    pieces = -(-lengths // _LONGEST)
    cut = np.full(int(pieces.sum()), _LONGEST, np.int64)
    cut[np.cumsum(pieces) - 1] = lengths - _LONGEST * (pieces - 1)
    return cut, np.repeat(values, pieces)


def _bits(codes: npt.ArrayLike, widths: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    """The lowest ``widths`` bits of each code, highest first, one after the other."""
    numbers, counts = np.asarray(codes, np.int64), np.asarray(widths, np.int64)
    owners = np.repeat(np.arange(len(numbers)), counts)
    shifts = np.repeat(np.cumsum(counts), counts) - 1 - np.arange(len(owners))
    return (numbers[owners] >> shifts & 1).astype(np.uint8)


class _Bits:
    """Takes numbers from a stream of bits."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def take(self, count: int) -> int:
        end = self._position + count
        window = self._data[self._position // 8 : -(-end // 8)]
        if end > 8 * len(self._data):
            raise ValueError("the code is cut off")
        self._position = end
        return int.from_bytes(window, "big") >> (-end % 8) & ((1 << count) - 1)
