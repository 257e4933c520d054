"""PNG: libpng through imagecodecs, and Pillow for palettes and few bits.

The chunks are gone through before anything is unpacked: a header that claims more pixels than the
data can hold is found there, and texts and profiles, which may unpack to anything, are left out.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from typing import NamedTuple

import imagecodecs
import numpy as np
from PIL import PngImagePlugin

from maskcast.io.decoders.raster import (
    AMBIGUOUS_GRAY,
    DamagedError,
    Limits,
    Raster,
    RefusedError,
    animation_notes,
    damage_note,
    exif_orientation,
    from_pillow,
    with_channels,
)

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_NO_END = "its end chunk is missing; all pixels are there"
_PALETTE = 3
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_WITH_ALPHA = frozenset({4, 6})
_NEEDED = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"eXIf", b"acTL"})
_CRITICAL = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT"})
_LARGE = 65_536
_MOST_CHUNKS = 200_000
_MOST_DEFLATED = 1032  # bytes that a byte of deflate can stand for
_PIECE = 1024
_ADAM7 = ("8800", "8840", "8404", "4420", "4202", "2210", "2101")
"""Of each pass of an interlaced file: step down and right, first x, first y."""


class _Chunk(NamedTuple):
    kind: bytes
    start: int  # of its content
    length: int
    is_whole: bool  # ends within the file, with a right checksum


@dataclass(frozen=True)
class _Header:
    width: int
    height: int
    bits: int
    color_type: int
    is_interlaced: bool

    @property
    def is_for_pillow(self) -> bool:
        """Whether there are indices or packed bits, which Pillow hands out as they are."""
        return self.color_type == _PALETTE or self.bits < 8

    def passes(self) -> Iterator[tuple[int, int]]:
        """Rows, and bytes of a row with its filter byte, in the order of the data."""
        for steps in _ADAM7 if self.is_interlaced else ("1100",):
            down, right, x, y = map(int, steps)
            columns, rows = -(-(self.width - x) // right), -(-(self.height - y) // down)
            if columns > 0 and rows > 0:
                yield rows, 1 + -(-columns * self.bits * _CHANNELS[self.color_type] // 8)


def read_size(data: bytes) -> tuple[int, int]:
    """Width and height, pixels; raises ``RefusedError``."""
    header = _read_header(data)
    return header.width, header.height


def decode(data: bytes, limits: Limits) -> Raster:
    """Decode a PNG file; see ``Decoder``."""
    header = _read_header(data)
    limits.check(header.width, header.height)
    chunks = list(_chunks(data, check_pixels=header.is_for_pillow))
    damage = _damage(header, chunks)
    if damage is None:
        lean, notes = _lean(data, chunks)
        try:
            raster = _decode_whole(lean, header)
        except (OSError, RuntimeError, SyntaxError, ValueError) as error:
            damage = " ".join(str(error).split())
        else:
            return replace(raster, notes=raster.notes + notes)
    if not limits.options.accept_damaged:
        raise DamagedError(damage)
    raster = _decode_whole(_rebuilt(data, header, chunks), header)
    return replace(raster, notes=(damage_note(damage),))


def decode_alpha(data: bytes) -> Raster | None:
    """The transparency of a PNG file that ``decode`` has found whole.

    Returns:
        uint8 (H, W, 1), 0 = transparent; None if all of it is opaque.
    """
    if data[25] not in _WITH_ALPHA and b"tRNS" not in data:
        return None
    header = _read_header(data)
    lean, _ = _lean(data, list(_chunks(data, check_pixels=header.is_for_pillow)))
    image = PngImagePlugin.PngImageFile(BytesIO(lean))
    alpha = with_channels(np.asarray(image.convert("RGBA").getchannel("A")))
    return None if alpha.min() == 255 else Raster(alpha, orientation=exif_orientation(image))


def _read_header(data: bytes) -> _Header:
    if len(data) < 33 or data[12:16] != b"IHDR":
        raise RefusedError("it is damaged or cut off (no header); copy or export it again")
    width, height, bits, color_type, _, _, interlaced = struct.unpack(">IIBBBBB", data[16:29])
    if color_type not in _CHANNELS or bits not in {1, 2, 4, 8, 16}:
        raise RefusedError("it is damaged (no PNG has such a header); copy or export it again")
    return _Header(width, height, bits, color_type, bool(interlaced))


def _chunks(data: bytes, *, check_pixels: bool) -> Iterator[_Chunk]:
    """The chunks that begin within the file, up to its end chunk.

    Args:
        data: the file.
        check_pixels: whether to test checksums of pixel data; libpng does so itself.
    """
    view = memoryview(data)
    position = len(_SIGNATURE)
    for _ in range(_MOST_CHUNKS):
        if position + 8 > len(data):
            return
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 8 + length
        is_whole = end + 4 <= len(data)
        if is_whole and (check_pixels or kind != b"IDAT"):
            is_whole = zlib.crc32(view[position + 4 : end]) == int.from_bytes(data[end : end + 4])
        yield _Chunk(kind, position + 8, length, is_whole)
        if kind == b"IEND":
            return
        position = end + 4
    raise RefusedError(f"it has more than {_MOST_CHUNKS} chunks; save it again")


def _damage(header: _Header, chunks: list[_Chunk]) -> str | None:
    """What is wrong with the chunks that pixels are made of, or None."""
    for chunk in chunks:
        if not chunk.is_whole and chunk.kind in _CRITICAL:
            return f"its {chunk.kind.decode()} chunk is cut off or its checksum is wrong"
    compressed = sum(chunk.length for chunk in chunks if chunk.kind == b"IDAT")
    if sum(rows * size for rows, size in header.passes()) > _MOST_DEFLATED * compressed:
        return f"{compressed} bytes of data cannot be {header.width} x {header.height} pixels"
    return None


def _lean(data: bytes, chunks: list[_Chunk]) -> tuple[bytes, tuple[str, ...]]:
    """The file with an end, and without what nothing here asks for if that is large or damaged."""
    has_end = any(chunk.kind == b"IEND" for chunk in chunks)
    if has_end and not any(_is_ballast(chunk) for chunk in chunks):
        return data, ()
    pieces = [
        data[chunk.start - 8 : chunk.start + chunk.length + 4]
        for chunk in chunks
        if not _is_ballast(chunk)
    ]
    if not has_end:
        pieces.append(_chunk(b"IEND", b""))
    return _SIGNATURE + b"".join(pieces), () if has_end else (_NO_END,)


def _is_ballast(chunk: _Chunk) -> bool:
    return not chunk.is_whole or (chunk.kind not in _NEEDED and chunk.length > _LARGE)


def _rebuilt(data: bytes, header: _Header, chunks: list[_Chunk]) -> bytes:
    """A PNG of what can be unpacked; the rest is zero."""
    size = sum(rows * row_size for rows, row_size in header.passes())
    raw = _unpacked(data, chunks, size).ljust(size, b"\0")
    start = 0
    for rows, row_size in header.passes():
        for position in range(start, start + rows * row_size, row_size):
            raw[position] *= raw[position] <= 4  # no filter has such a number
        start += rows * row_size
    pieces = [_chunk(b"IHDR", data[16:29])]
    pieces += [
        _chunk(chunk.kind, data[chunk.start : chunk.start + chunk.length])
        for chunk in chunks
        if chunk.kind in {b"PLTE", b"tRNS"}
    ]
    pieces += [_chunk(b"IDAT", zlib.compress(raw, 1)), _chunk(b"IEND", b"")]
    return _SIGNATURE + b"".join(pieces)


def _unpacked(data: bytes, chunks: list[_Chunk], size: int) -> bytearray:
    """At most ``size`` bytes, up to where the data cannot be understood."""
    unpacker = zlib.decompressobj()
    raw = bytearray()
    for chunk in chunks:
        end = chunk.start + chunk.length if chunk.kind == b"IDAT" else chunk.start
        for start in range(chunk.start, min(end, len(data)), _PIECE):
            try:
                raw += unpacker.decompress(data[start : min(start + _PIECE, end)])
            except zlib.error:
                return raw[:size]
            if len(raw) >= size:
                return raw[:size]
    return raw


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def _decode_whole(data: bytes, header: _Header) -> Raster:
    image = PngImagePlugin.PngImageFile(BytesIO(data))
    if header.is_for_pillow:
        raster = from_pillow(image)
        if image.mode == "L":
            raster = replace(raster, not_labels=AMBIGUOUS_GRAY)
    else:  # faster than Pillow, and keeps 16 bits in colour
        samples = with_channels(imagecodecs.png_decode(data))
        color_channels = 3 if header.color_type in {2, 6} else 1
        raster = Raster(samples[..., :color_channels], (0.0, float(2**header.bits - 1)))
    # Asking Pillow for EXIF that may follow the pixels makes it decode them all.
    if b"eXIf" in data or b"Raw profile type exif" in data:
        raster = replace(raster, orientation=exif_orientation(image))
    return replace(raster, notes=animation_notes(image))
