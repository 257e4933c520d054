"""Kinds of pictures that a plugin of Pillow reads as they are: BMP, GIF, WebP, PNM, AVIF.

Plugins are called directly, because ``Image.open`` has a size bound of its own, which is a global
setting, and reaches every decoder there is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO

import cv2
import numpy as np
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    PpmImagePlugin,
    WebPImagePlugin,
)

from maskcast.io.decoders.raster import (
    LOSSY,
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

Plugin = Callable[[BytesIO], Image.Image]

_MOST_BYTES_PER_PIXEL = 8
_CUT_OFF = "it is damaged or cut off (no header); copy or export it again"


def decode_bmp(data: bytes, limits: Limits) -> Raster:
    """Decode a BMP file; see ``Decoder``."""
    return _decode_raw(data, limits, BmpImagePlugin.BmpImageFile)


def decode_gif(data: bytes, limits: Limits) -> Raster:
    """Decode the first frame of a GIF file; see ``Decoder``."""
    return _decode(data, limits, GifImagePlugin.GifImageFile)


def decode_avif(data: bytes, limits: Limits) -> Raster:
    """Decode the first frame of an AVIF file to 8 bits; see ``Decoder``."""
    raster = _decode(data, limits, AvifImagePlugin.AvifImageFile)
    return replace(raster, not_labels=LOSSY)


def decode_webp(data: bytes, limits: Limits) -> Raster:
    """Decode the first frame of a WebP file; see ``Decoder``."""
    limits.check(*read_webp_size(data))  # opening it makes room for two pictures already
    return replace(_decode(data, limits, WebPImagePlugin.WebPImageFile), not_labels=LOSSY)


def decode_pnm(data: bytes, limits: Limits) -> Raster:
    """Decode a PBM, PGM or PPM file; see ``Decoder``."""
    image = PpmImagePlugin.PpmImageFile(BytesIO(data))
    codec, args = image.tile[0].codec_name, image.tile[0].args
    peak = 65535 if image.mode == "I" else 255
    if codec.startswith("ppm") and isinstance(args, tuple):  # its peak is not a usual one
        peak = int(args[1])
    raster = _decode_raw(data, limits, PpmImagePlugin.PpmImageFile)
    if peak <= 255:
        return raster
    filled = _filled(data, image) if raster.notes else data
    deep = cv2.imdecode(np.frombuffer(filled, np.uint8), cv2.IMREAD_UNCHANGED)
    if deep is None:
        raise RefusedError("its pixels of more than 8 bits cannot be decoded; save it as PNG")
    return Raster(with_channels(deep)[..., ::-1], (0.0, float(peak)), notes=raster.notes)


def read_webp_size(data: bytes) -> tuple[int, int]:
    """Width and height, pixels; raises ``RefusedError``."""
    kind, body = data[12:16], data[20:30]
    if len(body) == 10 and kind == b"VP8X":
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if len(body) == 10 and kind == b"VP8 ":
        width, height = (int.from_bytes(body[at : at + 2], "little") for at in (6, 8))
        return width & 0x3FFF, height & 0x3FFF
    if len(body) >= 5 and kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    raise RefusedError(_CUT_OFF)


def _decode(data: bytes, limits: Limits, plugin: Plugin) -> Raster:
    image = plugin(BytesIO(data))
    limits.check(*image.size)
    return replace(
        from_pillow(image),
        orientation=exif_orientation(image),
        notes=animation_notes(image),
    )


def _decode_raw(data: bytes, limits: Limits, plugin: Plugin) -> Raster:
    """Decode pixels that lie in the file as they are; of a damaged one the rest is zero."""
    try:
        return _decode(data, limits, plugin)
    except (OSError, ValueError) as error:
        reason = str(error)
    if not limits.options.accept_damaged:
        raise DamagedError(reason)
    filled = _filled(data, plugin(BytesIO(data)))
    return replace(_decode(filled, limits, plugin), notes=(damage_note(reason),))


def _filled(data: bytes, image: Image.Image) -> bytes:
    """The file with zeros behind it, enough for all its pixels."""
    return data + bytes(_MOST_BYTES_PER_PIXEL * image.width * image.height)
