"""JPEG, by libjpeg-turbo through simplejpeg, whose strict mode passes the decoder's warnings on.

libjpeg fills what is missing or cannot be understood with the last colour it knows and only warns.
Here a warning means damage. Two kinds of files that many devices write are whole all the same:
those without an end marker, and those with a few bytes of padding before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL import Image, JpegImagePlugin

from maskcast.io.decoders.raster import (
    LOSSY,
    DamagedError,
    Limits,
    Raster,
    RefusedError,
    damage_note,
    exif_orientation,
    with_channels,
)

_END = b"\xff\xd9"
_SCAN = b"\xff\xda"
_NO_END = "its end marker is missing; all pixels are there"
_MAX_SCANS = 100
_MAX_PADDING = 16
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_EXTRANEOUS = re.compile(r"extraneous bytes before marker 0xd9")
_NOT_TAKEN = re.compile(r"Could not determine subsampling level|Unsupported JPEG data precision")
"""What simplejpeg says of files that are whole and of a kind that it does not read."""


@dataclass(frozen=True)
class JpegHeader:
    """What the segments before the first scan say.

    Attributes:
        width: pixels.
        height: pixels.
        is_progressive: whether the coefficients come bit by bit, in many scans.
        components: how many channels are stored.
        first_scan: where the marker of the first scan is.
    """

    width: int
    height: int
    is_progressive: bool
    components: int
    first_scan: int


def read_header(data: bytes) -> JpegHeader:
    """Read the segments up to the first scan.

    Raises:
        RefusedError: if there is no frame or no scan.
    """
    frame: tuple[int, int] | None = None
    for marker, position in _segments(data):
        if marker in _FRAMES and len(data) >= position + 10:
            frame = marker, position
        if marker == _SCAN[1] and frame is not None:
            kind, start = frame
            height, width = (int.from_bytes(data[start + at : start + at + 2]) for at in (5, 7))
            return JpegHeader(width, height, kind in _PROGRESSIVE, data[start + 9], position)
    raise RefusedError("it is damaged or cut off (no picture data); copy or export it again")


def decode(data: bytes, limits: Limits) -> Raster:
    """Decode a JPEG file; see ``Decoder``."""
    header = read_header(data)
    limits.check(header.width, header.height)
    image = JpegImagePlugin.JpegImageFile(BytesIO(data))
    stream, notes = _with_end(data, header)
    check_scans(stream, header)
    try:
        samples = _decode_strictly(stream, image.mode)
    except ValueError as error:
        if not limits.options.accept_damaged:
            raise DamagedError(str(error)) from error
        samples = _pixels(stream, image.mode, strict=False)
        notes = (damage_note(str(error)),)
    orientation = exif_orientation(image)
    return Raster(samples, orientation=orientation, notes=notes, not_labels=LOSSY)


def check_scans(data: bytes, header: JpegHeader) -> None:
    """Refuse a file that has the whole picture gone through over and over.

    Raises:
        RefusedError: if there are more scans than any encoder makes.
    """
    scans = data.count(_SCAN, header.first_scan) if _may_have_many_scans(data, header) else 1
    if scans > _MAX_SCANS:
        raise RefusedError(f"it consists of {scans} scans, as attacks do; save it again")


def find_damage(data: bytes, tables: bytes | None = None) -> str | None:
    """What the decoder warns of, or None; decodes at an eighth of the size.

    Args:
        data: a JPEG stream, as a strip or tile of a TIFF holds it.
        tables: a stream of tables that it refers to.
    """
    if tables is not None and len(tables) > 4:
        data = data[:2] + tables[2:-2] + data[2:]
    try:
        _, _, space, _ = simplejpeg.decode_jpeg_header(data)
        space = "CMYK" if space in {"CMYK", "YCCK"} else "GRAY"
        simplejpeg.decode_jpeg(data, space, min_height=1, min_width=1, min_factor=8)
    except ValueError as error:
        return None if _NOT_TAKEN.search(str(error)) else str(error)
    return None


def _segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Marker and position of each segment up to the first scan.

    Segments are skipped by their length, since an embedded thumbnail has markers of its own.
    """
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:  # padding
            position += 1
            continue
        yield marker, position
        if marker == _SCAN[1]:
            return
        position += 2 + int.from_bytes(data[position + 2 : position + 4])


def _with_end(data: bytes, header: JpegHeader) -> tuple[bytes, tuple[str, ...]]:
    """The stream with an end marker, and a note if it had none.

    An end marker cannot occur by chance in scan data, where every 0xFF is followed by 0x00.
    """
    if data.rfind(_END) > header.first_scan:
        return data, ()
    if header.is_progressive and not _is_complete(data, header):
        raise DamagedError("its last scans are missing")
    return data + _END, (_NO_END,)


def _is_complete(data: bytes, header: JpegHeader) -> bool:
    """Whether the scans of a progressive file give every coefficient down to its last bit."""
    lowest = np.full((256, 64), 255)
    position = header.first_scan
    components: set[int] = set()
    while position >= 0 and len(data) > position + 5:
        count = data[position + 4]
        ids = data[position + 5 : position + 5 + 2 * count : 2]
        first, last, low_bit = (data[position + 5 + 2 * count :] + bytes(3))[:3]
        components |= set(ids)
        lowest[list(ids), first : last + 1] = low_bit & 15
        position = data.find(_SCAN, position + 2)
    shown = lowest[sorted(components)]
    return len(components) == header.components and bool((shown == 0).all())


def _may_have_many_scans(data: bytes, header: JpegHeader) -> bool:
    """Whether libjpeg goes through more than one scan; only then is it worth counting them."""
    return header.is_progressive or data[header.first_scan + 4] < header.components


def _decode_strictly(stream: bytes, mode: str) -> npt.NDArray[np.uint8]:
    try:
        return _pixels(stream, mode, strict=True)
    except ValueError as error:
        if not _EXTRANEOUS.search(str(error)):
            raise
        bare = _without_padding(stream)
        if bare is None:
            raise
        return _pixels(bare, mode, strict=True)


def _without_padding(stream: bytes) -> bytes | None:
    """The stream without the equal bytes before its end marker; None if there are none or many."""
    end = stream.rfind(_END)
    bare = stream[:end].rstrip(stream[end - 1 : end])
    return bare + stream[end:] if 1 < end - len(bare) <= _MAX_PADDING else None


def _pixels(stream: bytes, mode: str, *, strict: bool) -> npt.NDArray[Any]:
    """uint8 (H, W, C); raises ``ValueError`` for damage."""
    space = {"L": "GRAY", "RGB": "RGB"}.get(mode, "CMYK")
    try:
        samples: npt.NDArray[np.uint8] = simplejpeg.decode_jpeg(
            stream, space, fastdct=False, fastupsample=False, strict=strict
        )
    except ValueError as error:
        if not _NOT_TAKEN.search(str(error)):
            raise
        return with_channels(imagecodecs.jpeg8_decode(stream))  # knows no warnings
    if space != "CMYK":
        return samples
    size = samples.shape[1], samples.shape[0]
    ink = Image.frombuffer("CMYK", size, 255 - samples)  # Adobe's is inverted; no other is met
    return np.array(ink.convert("RGB"))
