"""JPEG 2000, by OpenJPEG through imagecodecs.

OpenJPEG makes room for each tile, precinct and code block that the headers claim, so these are
counted first (ISO/IEC 15444-1, annex A).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import imagecodecs

from maskcast.io.decoders.boxes import find_box
from maskcast.io.decoders.raster import LOSSY, Limits, Raster, RefusedError, with_channels

CODESTREAM = b"\xff\x4f\xff\x51"
CONTAINER = b"\0\0\0\x0cjP  \r\n\x87\n"

_COD, _COC, _SOT = 0x52, 0x53, 0x90
_START_OF_DATA = b"\xff\x93"
_TILE_PART_BYTES = 14
_MOST_CHANNELS = 64
_MOST_BLOCKS = 65_536
_SAMPLES_PER_BLOCK = 128
_ALPHA_KINDS = frozenset({1, 2})  # kinds of channel that are alpha (I.5.3.6)
_CUT_OFF = "it is damaged or cut off ({}); copy or export it again"


@dataclass(frozen=True)
class _Size:
    """What the SIZ segment says; lengths in pixels."""

    width: int
    height: int
    tile_width: int
    tile_height: int
    tiles: int
    channels: int
    bits: int


def read_size(data: bytes) -> tuple[int, int]:
    """Width and height, pixels; raises ``RefusedError``."""
    size = _read_siz(_codestream(data))
    return size.width, size.height


def decode(data: bytes, limits: Limits) -> Raster:
    """Decode a JPEG 2000 file or codestream; see ``Decoder``."""
    check(data, limits)
    samples = with_channels(imagecodecs.jpeg2k_decode(data))
    if _has_alpha(data, samples.shape[2]):
        samples = samples[..., :-1]
    bits = _read_siz(_codestream(data)).bits
    bits = bits if bits <= 8 * samples.itemsize else 8 * samples.itemsize
    low = -(2 ** (bits - 1)) if samples.dtype.kind == "i" else 0
    return Raster(samples, (float(low), float(low + 2**bits - 1)), not_labels=LOSSY)


def check(data: bytes, limits: Limits) -> None:
    """Refuse what would take more than its size and ``limits`` allow.

    Raises:
        RefusedError: if a header claims too much.
    """
    stream = _codestream(data)
    size = _read_siz(stream)
    limits.check(size.width, size.height, -(-size.channels * size.bits // 32))
    if size.channels > _MOST_CHANNELS:
        raise RefusedError(f"it has {size.channels} channels; save those you need")
    if size.tiles * _TILE_PART_BYTES > len(stream):
        raise RefusedError(_CUT_OFF.format(f"{size.tiles} tiles in {len(stream)} bytes"))
    most = _MOST_BLOCKS + size.width * size.height * size.channels // _SAMPLES_PER_BLOCK
    for coding in _codings(stream):
        blocks = _count_blocks(size, coding)
        if blocks > most:
            raise RefusedError(f"it is cut into {blocks} blocks; save it with larger ones")


def _codestream(data: bytes) -> bytes:
    if data.startswith(CODESTREAM):
        return data
    found = find_box(data, b"jp2c")
    if found is None or not data[found[0] : found[1]].startswith(CODESTREAM):
        raise RefusedError(_CUT_OFF.format("no codestream"))
    return data[found[0] : found[1]]


def _read_siz(stream: bytes) -> _Size:
    if len(stream) < 46:
        raise RefusedError(_CUT_OFF.format("no header"))
    right, bottom, left, top, tile_width, tile_height, tile_left, tile_top = (
        int.from_bytes(stream[at : at + 4]) for at in range(8, 40, 4)
    )
    channels = int.from_bytes(stream[40:42])
    if tile_width < 1 or tile_height < 1 or channels < 1:
        raise RefusedError(_CUT_OFF.format("its header is none of a JPEG 2000"))
    across = -(-(right - tile_left) // tile_width)
    down = -(-(bottom - tile_top) // tile_height)
    bits = 1 + max(byte & 0x7F for byte in stream[42 : 42 + 3 * channels : 3])
    return _Size(right - left, bottom - top, tile_width, tile_height, across * down, channels, bits)


def _codings(stream: bytes) -> Iterator[bytes]:
    """How coefficients are cut into blocks, from the main header and from those of tile parts.

    Each is a byte that tells whether precincts are given, then the segment's SPcod or SPcoc part.
    """
    position, next_part = 2, 0
    while position + 4 <= len(stream) and stream[position] == 0xFF:
        marker, length = stream[position + 1], int.from_bytes(stream[position + 2 : position + 4])
        body = stream[position + 4 : position + 2 + length]
        if marker == _SOT:
            part_length = int.from_bytes(body[2:6])
            next_part = position + part_length if part_length else len(stream)
        elif marker == _COD and len(body) > 5:
            yield bytes([body[0] & 1]) + body[5:]
        elif marker == _COC:
            wide = 2 if int.from_bytes(stream[40:42]) > 256 else 1
            yield bytes([(body[wide:] or b"\0")[0] & 1]) + body[wide + 1 :]
        position += 2 + max(length, 2)
        if stream[position : position + 2] == _START_OF_DATA:
            position = max(position + 2, next_part)


def _count_blocks(size: _Size, coding: bytes) -> int:
    """Precincts and code blocks of all tiles, if all were cut like this (B.6 and B.7)."""
    if len(coding) < 6:
        raise RefusedError(_CUT_OFF.format("a header ends early"))
    has_precincts, levels, block_width, block_height = coding[:4]
    precincts = coding[6:] if has_precincts else b""
    across, down = min(size.tile_width, size.width), min(size.tile_height, size.height)
    blocks = 0
    for level in range(min(levels, 32) + 1):
        shrunk = levels - level
        width, height = -(-across >> shrunk), -(-down >> shrunk)
        precinct = precincts[level] if level < len(precincts) else 0xFF
        right, bottom = precinct & 15, precinct >> 4
        blocks += -(-width >> right) * -(-height >> bottom)
        right, bottom = min(right, 2 + (block_width & 15)), min(bottom, 2 + (block_height & 15))
        blocks += -(-width >> right) * -(-height >> bottom)
    return blocks * size.channels * max(1, size.tiles)


def _has_alpha(data: bytes, channels: int) -> bool:
    """Whether the last channel is alpha: as the file says, else of two or four channels."""
    found = find_box(data, b"jp2h", b"cdef")
    if channels < 2:
        return False
    if found is None:
        return channels in {2, 4}
    body = data[found[0] + 2 : found[1]]
    kinds = {
        int.from_bytes(body[at : at + 2]): int.from_bytes(body[at + 2 : at + 4])
        for at in range(0, len(body), 6)
    }
    return kinds.get(channels - 1) in _ALPHA_KINDS
