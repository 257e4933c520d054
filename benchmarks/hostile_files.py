"""Pictures that somebody made to take much memory or time, or to lead a decoder astray.

All are a few kilobytes, at most a few hundred. ``hostile_pictures`` gives them with their names;
the tests read a few of them, ``hostile.py`` runs over all.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator, Sequence

import cv2
import imagecodecs
import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image

Data = bytes | bytearray
Picture = tuple[str, Data]
"""Name, with a suffix, and content."""

_SIDE = 14_142  # its square is just below the usual bound of 200 million pixels
_FORMATS = {1: "B", 2: "B", 3: "H", 4: "I", 16: "Q"}


def hostile_pictures() -> Iterator[Picture]:
    """All of them, 200 and more; the same ones each time."""
    for make in (false_headers, _bombs, _streams_in_tiff, _extras_in_png, _blank, _mutants):
        yield from make()


def false_headers() -> Iterator[Picture]:
    """Those that are quickly made: headers that claim or imply more than is there."""
    for make in (_tiffs, _pngs, _jpegs, _jpeg_2000, _others):
        yield from make()


def tiff(
    tags: dict[int, tuple[int, Sequence[int]]],
    data: Data = b"",
    *,
    next_page: int = 0,
    counts: dict[int, int] | None = None,
) -> bytes:
    """A TIFF of one page, little endian, with whatever tags.

    Args:
        tags: code -> type and values; ``-1`` stands for where ``data`` begins.
        data: what follows the tags.
        next_page: offset of the next page; 8 is this page.
        counts: code -> how many values the tag claims, if not those it has.
    """
    size = 8 + 2 + 12 * len(tags) + 4
    lengths = [len(values) * struct.calcsize(_FORMATS[kind]) for kind, values in tags.values()]
    data_at = size + sum(length for length in lengths if length > 4)
    entries, values_behind = b"", b""
    for code, (kind, values) in sorted(tags.items()):
        known = [data_at if value == -1 else value for value in values]
        packed = struct.pack(f"<{len(values)}{_FORMATS[kind]}", *known)
        place = packed.ljust(4, b"\0")
        if len(packed) > 4:
            place = struct.pack("<I", size + len(values_behind))
            values_behind += packed
        count = (counts or {}).get(code, len(values))
        entries += struct.pack("<HHI", code, kind, count) + place
    head = b"II*\0" + struct.pack("<IH", 8, len(tags))
    return head + entries + struct.pack("<I", next_page) + values_behind + data


def gray_tiff(
    width: int, height: int, data: Data, compression: int = 1, **changes: tuple[int, Sequence[int]]
) -> bytes:
    """A gray TIFF of 8 bits in one strip; ``changes`` are tags such as ``t278=(4, [1])``."""
    tags: dict[int, tuple[int, Sequence[int]]] = {
        256: (4, [width]),
        257: (4, [height]),
        258: (3, [8]),
        259: (3, [compression]),
        262: (3, [1]),
        273: (4, [-1]),
        277: (3, [1]),
        278: (4, [height]),
        279: (4, [len(data)]),
        **{int(name[1:]): value for name, value in changes.items()},
    }
    if 322 in tags:
        tags = {code: value for code, value in tags.items() if code not in {273, 278, 279}}
    return tiff(tags, data)


def _tiled(side: int, tile: int, data: bytes, compression: int = 1, tiles: int = 1) -> bytes:
    shape: dict[str, tuple[int, Sequence[int]]] = {"t322": (4, [tile]), "t323": (4, [tile])}
    places: dict[str, tuple[int, Sequence[int]]] = {
        "t324": (4, [-1] * tiles),
        "t325": (4, [len(data)] * tiles),
    }
    return gray_tiff(side, side, data, compression, **shape, **places)


def _tiffs() -> Iterator[Picture]:
    """Headers that imply more than is there."""
    for compression in (1, 5, 8, 32773, 50000):
        for tile in (1, 2, 16):
            data = _tiled(_SIDE, tile, b"\0\0", compression)
            yield f"tiles_{tile}_{compression}.tif", data
        for rows in (0, 1):
            data = gray_tiff(_SIDE, _SIDE, b"\0\0", compression, t278=(4, [rows]))
            yield f"rows_{rows}_{compression}.tif", data
    for tile in (2**16, 2**20, 2**31):
        yield f"tile_{tile}.tif", _tiled(64, tile, bytes(64), 8)
    yield "tile_0.tif", _tiled(64, 0, bytes(64), 8)
    yield "overlapping.tif", _tiled(4096, 16, bytes(200_000), tiles=65_536)
    for samples in (5, 1000, 65_535):
        for bits in (8, 16, 64):
            yield (
                f"channels_{samples}_{bits}.tif",
                gray_tiff(3000, 3000, bytes(9), 8, t277=(3, [samples]), t258=(3, [bits])),
            )
    yield "deep.tif", gray_tiff(512, 512, bytes(9), 8, t32997=(4, [2**31 - 1]))
    yield "loop.tif", tiff({256: (4, [1])}, next_page=8)
    for code in (270, 305, 273, 320, 330, 33628, 33629, 34665, 34853, 50838, 50839, 65000):
        for kind in (1, 2, 4, 16):
            tags: dict[int, tuple[int, Sequence[int]]] = {256: (4, [64]), 257: (4, [64])}
            tags |= {273: (4, [-1]), 279: (4, [4096]), code: (kind, [8, 8, 8, 8, 8])}
            yield (
                f"tag_{code}_{kind}.tif",
                tiff(tags, bytes(4096), counts={code: 2**31 - 1}),
            )


def png(
    side: int, bits: int, color: int, packed: bytes, *, more: bytes = b"", interlaced: int = 0
) -> bytes:
    """A square PNG of pixel data that are packed already, and chunks before these."""
    header = struct.pack(">IIBBBBB", side, side, bits, color, 0, 0, interlaced)
    before = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + more
    return before + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _bombs() -> Iterator[Picture]:
    """Strips that unpack to as many zeros as the page claims, or to many more."""
    zeros = bytes(_SIDE * _SIDE)
    packed = {8: zlib.compress(zeros, 9), 50000: bytes(imagecodecs.zstd_encode(zeros))}
    packed[34925] = bytes(imagecodecs.lzma_encode(zeros[: len(zeros) // 8], level=0))
    for compression, data in packed.items():
        yield f"bomb_{compression}.tif", gray_tiff(_SIDE, _SIDE, data, compression)
        yield f"bomb_small_{compression}.tif", gray_tiff(64, 64, data, compression)


def _streams_in_tiff() -> Iterator[Picture]:
    """Strips that are pictures of their own, larger than the page they are in."""
    large = np.zeros((6000, 6000), np.uint8)
    streams = {
        7: imagecodecs.jpeg8_encode(large),
        33003: _claims(imagecodecs.jpeg2k_encode(large[:64, :64], codecformat="j2k"), "j2k"),
        34887: imagecodecs.lerc_encode(large),
        34933: imagecodecs.png_encode(large),
        34934: imagecodecs.jpegxr_encode(large),
        50001: imagecodecs.webp_encode(np.zeros((6000, 6000, 3), np.uint8), lossless=True),
        50002: imagecodecs.jpegxl_encode(large, effort=1),
    }
    for compression, stream in streams.items():
        yield f"stream_{compression}.tif", gray_tiff(64, 64, stream, compression)
        yield f"stream_claimed_{compression}.tif", gray_tiff(_SIDE, _SIDE, stream, compression)


def _pngs() -> Iterator[Picture]:
    for bits, color in ((8, 0), (8, 2), (16, 2), (16, 6), (1, 0), (8, 3)):
        row = 1 + _SIDE * bits * {2: 3, 6: 4}.get(color, 1) // 8
        some = zlib.compress(bytes(row * 100), 9)
        more = _chunk(b"PLTE", bytes(6)) if color == 3 else b""
        for interlaced in (0, 1):
            data = png(_SIDE, bits, color, some, more=more, interlaced=interlaced)
            yield f"some_{bits}_{color}_{interlaced}.png", data
            data = png(_SIDE, bits, color, some[:50], more=more, interlaced=interlaced)
            yield f"few_{bits}_{color}_{interlaced}.png", data
    small = zlib.compress(bytes(65 * 64))
    yield "chunks.png", png(64, 8, 0, small, more=_chunk(b"teXt", b"") * 20_000)


def _extras_in_png() -> Iterator[Picture]:
    """Texts and profiles that unpack to much, and more pixels than the header says."""
    bomb, small = zlib.compress(bytes(2**28), 9), zlib.compress(bytes(65 * 64))
    for number, (kind, head) in enumerate(
        (
            (b"zTXt", b"a\0\0"),
            (b"iCCP", b"a\0\0"),
            (b"iTXt", b"Raw profile type exif\0\1\0\0\0"),
            (b"zTXt", b"Raw profile type exif\0\0"),
        )
    ):
        yield f"extra_{number}.png", png(64, 8, 0, small, more=_chunk(kind, head + bomb))
    yield "longer.png", png(64, 8, 0, bomb)


def _blank() -> Iterator[Picture]:
    """Whole pictures of one colour in a few kilobytes."""
    for side in (5700, 9000, _SIDE):  # the first is about as large as such a picture may be
        zeros = zlib.compress(bytes((side * 3 + 1) * side), 9)
        yield f"blank_{side}.png", png(side, 8, 2, zeros)
        indices = zlib.compress(bytes((side + 1) * side), 9)
        yield f"palette_{side}.png", png(side, 8, 3, indices, more=_chunk(b"PLTE", bytes(6)))
    for side in (5700, 9000):
        pixels = np.zeros((side, side, 3), np.uint8)
        gray = pixels[..., 0]
        yield f"blank_{side}.jp2", imagecodecs.jpeg2k_encode(gray, codecformat="jp2")
        yield f"blank_{side}.jxl", imagecodecs.jpegxl_encode(pixels, effort=3)
        yield f"blank_{side}.webp", _pillow(pixels, "WEBP", lossless=True)
        yield f"blank_{side}.gif", _pillow(gray, "GIF")
    yield "blank_5700.avif", _pillow(pixels[:5700, :5700], "AVIF", speed=10)


def _jpegs() -> Iterator[Picture]:
    blank = np.full((1200, 1200, 3), 128, np.uint8)
    sizes = ((14_000, 14_000), (65_500, 3000), (3000, 65_500), (65_535, 65_535))
    for progressive in (0, 1):
        options = [cv2.IMWRITE_JPEG_PROGRESSIVE, progressive]
        data = bytearray(cv2.imencode(".jpg", blank, options)[1].tobytes())
        frame = data.find(b"\xff\xc2" if progressive else b"\xff\xc0")
        for width, height in sizes:
            data[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
            yield f"claims_{width}_{height}_{progressive}.jpg", bytes(data)
        data[frame + 5 : frame + 9] = struct.pack(">HH", 5000, 5000)
        scan = data.rfind(b"\xff\xda")
        scans = bytes(data[scan : scan + 40]) * 5000
        yield f"scans_{progressive}.jpg", bytes(data[:-2]) + scans + b"\xff\xd9"


def _jpeg_2000() -> Iterator[Picture]:
    for codec in ("j2k", "jp2"):
        stream = imagecodecs.jpeg2k_encode(np.zeros((64, 64, 3), np.uint8), codecformat=codec)
        claims, size = _claims(stream, "j2k"), stream.find(b"\xff\x51")
        yield f"claims.{codec}", claims
        for tile in (1, 2, 16):
            yield f"tiles_{tile}.{codec}", _changed(claims, size + 22, ">II", tile, tile)
        yield f"channels.{codec}", _changed(stream, size + 38, ">H", 16_384)
        yield f"blocks.{codec}", _changed(claims, stream.find(b"\xff\x52") + 9, ">BBB", 5, 0, 0)


def _others() -> Iterator[Picture]:
    """JPEG XL, AVIF, WebP, GIF, BMP and PNM."""
    yield "huge.jxl", b"\xff\x0a" + struct.pack("<Q", 0x7FFF_FFFF_FFFF_FFFF)
    tiny = np.zeros((64, 64), np.uint8)
    for kind in ("avif", "webp", "gif", "bmp"):
        yield f"claims.{kind}", _claims(_pillow(tiny, kind), kind)
    yield "run_length.bmp", _changed(_claims(_pillow(tiny, "BMP"), "bmp"), 30, "<I", 1)
    frames = [Image.fromarray(np.full((64, 64), gray, np.uint8)) for gray in range(200)]
    for kind in ("webp", "gif", "png", "tiff"):
        stream = io.BytesIO()
        frames[0].save(stream, kind, save_all=True, append_images=frames[1:])
        yield f"frames.{kind}", stream.getvalue()
    for number in range(1, 7):
        size, peak = b"%d %d\n" % (_SIDE, _SIDE), b"" if number in {1, 4} else b"255\n"
        yield f"claims_{number}.ppm", b"P%d\n" % number + size + peak + bytes(9)
        yield f"deep_{number}.ppm", b"P%d\n" % number + size + b"65535\n" + bytes(9)
        yield f"long_{number}.ppm", b"P%d\n" % number + b"9" * 100_000


def _mutants() -> Iterator[Picture]:
    """Whole pictures in which a few bytes were changed."""
    random = np.random.default_rng(0)
    waves = np.add.outer(np.arange(96), np.arange(96)).astype(np.uint8)
    photo = np.stack([waves, 2 * waves, 255 - waves], axis=2)
    stream = io.BytesIO()
    tifffile.imwrite(stream, photo, photometric="rgb", compression="lzw", tile=(32, 32))
    whole = {"tif": stream.getvalue(), "jp2": imagecodecs.jpeg2k_encode(photo)}
    whole["jxl"] = imagecodecs.jpegxl_encode(photo)
    for suffix in ("png", "jpeg", "gif", "bmp", "webp", "avif", "ppm"):
        whole[suffix] = _pillow(photo, suffix)
    for suffix, data in whole.items():
        for number in range(6):
            changed = np.frombuffer(data, np.uint8).copy()
            places = random.integers(0, min(len(data), 400), 8)
            changed[places] = random.integers(0, 256, 8)
            yield f"mutant_{number}.{suffix}", changed.tobytes()


def _claims(data: Data, kind: str) -> bytes:
    """A picture whose header is changed to claim 14142 x 14142 pixels."""
    if kind == "gif":
        data = _changed(data, 6, "<HH", _SIDE, _SIDE)
    place, form = {
        "j2k": (data.find(b"\xff\x51") + 6, ">II"),
        "gif": (data.find(b",") + 5, "<HH"),
        "bmp": (18, "<ii"),
        "avif": (data.find(b"ispe") + 8, ">II"),
        "webp": (26, "<HH"),
    }[kind]
    return _changed(data, place, form, _SIDE, _SIDE)


def _changed(data: Data, place: int, form: str, *values: int) -> bytes:
    packed = struct.pack(form, *values)
    return bytes(data[:place] + packed + data[place + len(packed) :])


def _pillow(pixels: npt.NDArray[np.uint8], kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **options)
    return stream.getvalue()
