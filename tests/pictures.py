"""Small pictures for tests of the decoder, and what arrives in a browser."""

from __future__ import annotations

import base64
import struct
import zlib

import cv2
import numpy as np
import numpy.typing as npt

STORED = [[10, 60, 110], [140, 190, 240]]
"""A picture of 2 x 3 different grays."""


def gray_rgb(values: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    """(H, W) -> uint8 (H, W, 3) with equal channels."""
    return np.repeat(np.asarray(values, np.uint8)[..., None], 3, axis=2)


def smooth_photo() -> npt.NDArray[np.uint8]:
    """A smooth colour picture, uint8 (60, 90, 3)."""
    y, x = np.mgrid[:60, :90]
    waves = [127 + 100 * np.sin(x / 9 + k) * np.cos(y / 7 - k) for k in range(3)]
    return np.stack(waves, axis=-1).astype(np.uint8)


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """A PNG chunk with its length and checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def bare_png(width: int, height: int, bits: int, color_type: int, pixels: bytes) -> bytes:
    """A PNG of one header and one chunk of ``pixels`` (filter bytes included), compressed here."""
    header = struct.pack(">IIBBBBB", width, height, bits, color_type, 0, 0, 0)
    chunks = [
        png_chunk(b"IHDR", header),
        png_chunk(b"IDAT", zlib.compress(pixels)),
        png_chunk(b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def picture_in(url: str) -> npt.NDArray[np.uint8]:
    """uint8 (H, W, 3) RGB of a data URL."""
    data = np.frombuffer(base64.b64decode(url.partition(",")[2]), np.uint8)
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert decoded is not None
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)
