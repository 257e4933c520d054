"""TIFF, by tifffile and imagecodecs, strip by strip or tile by tile."""

from __future__ import annotations

import logging
import re
import struct
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from tifffile import TiffFile, TiffPage

from maskcast.io.decoders import jpeg, jpeg2000, jpegxl, plugins, png
from maskcast.io.decoders.raster import (
    AMBIGUOUS_GRAY,
    FIRST_PAGE,
    FIRST_PICTURE,
    LOSSY,
    DamagedError,
    Limits,
    Raster,
    RefusedError,
    damage_note,
    padded_palette,
    with_channels,
)
from maskcast.io.decoders.tiff_layout import (
    SIZE_TAGS,
    Page,
    Segments,
    TiffLayout,
    check_page,
    check_tags,
)

_AMBIGUOUS_WHITE = "its zero means white"
_STACK = re.compile(rb"^ImageJ=.*^images=(\d+)", re.DOTALL | re.MULTILINE)
_DESCRIPTION = 270
_LONGEST_DESCRIPTION = 4096

_JPEG = frozenset({6, 7, 34892})
_JPEG_2000 = frozenset({33003, 33004, 33005, 34712})
_PLAIN = frozenset({1, 2, 3, 4, 5, 8, 32773, 32946, 34925, 34926, 50000, 50013})
"""Compressions whose output is as long as tifffile asks for, whatever the data say."""

_JPEG_XR = re.compile(rb"WMPHOTO\0")
_DECODER_ERRORS = (ArithmeticError, LookupError, OSError, RuntimeError, TypeError, ValueError)

logging.getLogger("tifffile").addHandler(logging.NullHandler())  # what counts is said in words


def decode(file: BinaryIO, limits: Limits) -> Raster:
    """Decode the page that the options ask for.

    Args:
        file: the whole file.
        limits: what may be spent on it.

    Raises:
        RefusedError: if it claims too much, is damaged or of a kind that is not supported.
    """
    limits = replace(limits, advice="; a target can be masked by tiles: maskcast run --tile auto")
    layout = TiffLayout(file, limits.file_size)
    page, notes = choose_page(layout, limits.options.page)
    segments = check_page(layout, page, limits)
    if page.index > 0:  # tifffile reads the first one in any case
        check_tags(next(layout.pages()), limits)
    file.seek(0)
    # Kinds with lists of their own, which tifffile follows anywhere, are not read as such.
    with TiffFile(file, is_lsm=False, is_ndpi=False, is_scanimage=False) as tiff:
        opened = tiff.pages[page.index]
        if not isinstance(opened, TiffPage) or opened.dtype is None:
            raise RefusedError("its kind of pixels is not supported; save it as 8 or 16 bits")
        check_agreement(opened, layout, page)
        samples, damage = SegmentReader(opened, segments, limits).read()
        raster = interpret(opened, as_rows(opened, samples))
    notes += () if damage is None else (damage_note(damage),)
    return replace(raster, orientation=orientation_of(layout, page), notes=notes)


def check_agreement(opened: TiffPage, layout: TiffLayout, page: Page) -> None:
    """Raise ``RefusedError`` if tifffile takes a page for another size than what was checked.

    It passes over tags that it takes for damaged.
    """
    checked = tuple(layout.number(page, code, default) for code, default in SIZE_TAGS)
    taken = (opened.imagewidth, opened.imagelength, opened.imagedepth, opened.samplesperpixel)
    if checked != taken:
        raise RefusedError("it is damaged (its size can be read in two ways); save it again")


def choose_page(layout: TiffLayout, wanted: int | None) -> tuple[Page, tuple[str, ...]]:
    """The page to read, and a note if there was a choice that nobody made."""
    pages = list(islice(layout.pages(), max(2, wanted or 0)))
    if not pages:
        raise RefusedError("it is damaged or cut off (no pages); copy or export it again")
    if wanted is None or len(pages) == 1:
        note = FIRST_PAGE if len(pages) > 1 else None
        if note is None and _is_stack(layout, pages[0]):
            note = FIRST_PICTURE
        return pages[0], () if note is None else (note,)
    if wanted > len(pages):
        raise RefusedError(f"it has {len(pages)} pages and [images] page is {wanted}")
    return pages[wanted - 1], ()


def _is_stack(layout: TiffLayout, page: Page) -> bool:
    """Whether ImageJ wrote more pictures behind this one without listing them."""
    found = _STACK.search(layout.text(page, _DESCRIPTION, _LONGEST_DESCRIPTION))
    return found is not None and int(found[1]) > 1


def orientation_of(layout: TiffLayout, page: Page) -> int:
    """EXIF orientation 1..8; 1 where the page says nothing that can be understood."""
    orientation = layout.number(page, 274, 1)
    return orientation if orientation in range(1, 9) else 1


Block = tuple[npt.NDArray[Any], tuple[int, int, int, int]]
"""Decoded samples (depth, h, w, C), and where they belong: plane, depth, top and left."""


class SegmentReader:
    """Decodes the segments of a page, one by one or into one array."""

    def __init__(self, page: TiffPage, segments: Segments, limits: Limits) -> None:
        self._page = page
        self._segments = segments
        self._limits = limits
        self._damaged: list[str] = []

    def read(self) -> tuple[npt.NDArray[Any], str | None]:
        """The samples in the page's own shape, and what is wrong with them.

        Raises:
            DamagedError: if anything is wrong, unless damaged files are accepted.
        """
        page, segments = self._page, self._segments
        if page.is_contiguous and not segments.missing:
            return page.asarray(maxworkers=1), None
        self.check_compression()
        samples = np.zeros(page.shaped, page.dtype)
        for index in range(segments.count):
            if (found := self.decode(self.content(index), index)) is not None:
                block, (plane, depth, top, left) = found
                deep, down, across = block.shape[:3]
                samples[plane, depth : depth + deep, top : top + down, left : left + across] = block
        samples = samples.reshape(page.shape)
        if not self._damaged:
            return samples, None
        count = f"{len(self._damaged)} of its {segments.count} strips or tiles"
        return samples, f"{count}; {self._damaged[0]}"

    @property
    def damage(self) -> str | None:
        """What was wrong first with a segment that was decoded all the same; None if nothing."""
        return self._damaged[0] if self._damaged else None

    def check_compression(self) -> None:
        """Raise ``RefusedError`` if segments are packed in a way that is not supported."""
        compression = self._page.compression
        if compression not in _PLAIN | _JPEG | _STREAM_SIZES.keys():
            raise RefusedError(
                f"its kind of compression ({int(compression)}) is not supported; save it with LZW "
                "or deflate"
            )

    def content(self, index: int) -> bytes:
        """The bytes of a segment; empty if they are not in the file."""
        page = self._page
        if index >= min(len(page.dataoffsets), len(page.databytecounts)):
            return b""
        offset, size = page.dataoffsets[index], page.databytecounts[index]
        if not 0 < offset < self._limits.file_size or size < 1:
            return b""
        page.parent.filehandle.seek(offset)
        return page.parent.filehandle.read(min(size, self._limits.file_size - offset))

    def decode(self, content: bytes, index: int) -> Block | None:
        """Decode a segment; None if nothing of it could be.

        Args:
            content: of the segment.
            index: which it is.

        Returns:
            What of it lies on the page.

        Raises:
            DamagedError: if anything is wrong, unless damaged files are accepted.
        """
        page = self._page
        if not content:
            self._report("missing")
            return None
        try:
            warning = self._check_stream(content)
            block, (plane, depth, top, left, _), shape = page.decode(
                self._filled(content, index),
                index,
                jpegtables=page.jpegtables,
                jpegheader=page.jpegheader,
            )
        except RefusedError:
            raise
        except _DECODER_ERRORS as error:
            self._report(" ".join(str(error).split()) or type(error).__name__)
            return None
        if warning is not None:
            self._report(warning)
        if block is None:
            return None
        deep, down, across = shape[:3]
        block = block[:deep, :down, :across]
        rest = page.imagedepth - depth, page.imagelength - top, page.imagewidth - left
        return block[: rest[0], : rest[1], : rest[2]], (plane, depth, top, left)

    def _report(self, reason: str) -> None:
        if not self._limits.options.accept_damaged:
            raise DamagedError(f"a strip or tile: {reason}")
        self._damaged.append(reason)

    def _check_stream(self, content: bytes) -> str | None:
        """What a decoder warns of in a segment that is a picture of its own kind.

        Raises:
            RefusedError: if that claims to be larger than the segment.
        """
        compression, segments = self._page.compression, self._segments
        if compression in _JPEG:
            header = jpeg.read_header(content)
            size = header.width, header.height
            jpeg.check_scans(content, header)
        elif compression in _STREAM_SIZES:
            size = _STREAM_SIZES[compression](content)
        else:
            return None
        if size[0] > segments.width or size[1] > segments.height:
            raise RefusedError(
                f"a strip or tile of {segments.width} x {segments.height} pixels holds a picture "
                f"of {size[0]} x {size[1]}; save it again"
            )
        if compression in _JPEG_2000:
            jpeg2000.check(content, self._limits)
        return jpeg.find_damage(content, self._page.jpegtables) if compression in _JPEG else None

    def _filled(self, content: bytes, index: int) -> bytes:
        """A segment that is not compressed, with zeros for what is missing at its end."""
        page = self._page
        if page.compression != 1 or not self._limits.options.accept_damaged:
            return content
        _, _, (depth, rows, columns, samples) = page.decode(None, index)
        row_bytes = -(-columns * samples * page.bitspersample // 8)
        missing = depth * rows * row_bytes - len(content)
        if missing > 0:
            self._report("cut off")
        return content + bytes(max(0, missing))


def _lerc_size(content: bytes) -> tuple[int, int]:
    """Width and height in the header of a LERC blob, version 3 or later."""
    if content[:6] != b"Lerc2 " or len(content) < 22:
        raise RefusedError("its kind of LERC compression is not supported; save it with deflate")
    height, width = struct.unpack_from("<ii", content, 14)
    return width, height


def _jpeg_xr_size(content: bytes) -> tuple[int, int]:
    """Width and height in the header of a JPEG XR codestream (ISO/IEC 29199-2, 8.3).

    The largest, if bytes that look like one occur elsewhere, too.
    """
    heads = [
        content[found.start() + 10 :][:10].ljust(10, b"\0") for found in _JPEG_XR.finditer(content)
    ]
    forms = [">2xHH" if head[0] & 0x80 else ">2xII" for head in heads]
    sizes = [struct.unpack_from(form, head) for form, head in zip(forms, heads, strict=True)]
    if not sizes:
        raise RefusedError("its kind of JPEG XR compression is not supported; save it with deflate")
    return 1 + max(width for width, _ in sizes), 1 + max(height for _, height in sizes)


_STREAM_SIZES: dict[int, Callable[[bytes], tuple[int, int]]] = {
    **dict.fromkeys(_JPEG_2000, jpeg2000.read_size),
    **dict.fromkeys((50002, 52546), jpegxl.read_size),
    **dict.fromkeys((34927, 50001), plugins.read_webp_size),
    34887: _lerc_size,
    34933: png.read_size,
    **dict.fromkeys((22610, 34934), _jpeg_xr_size),
}
"""Compressions that are pictures of their own kind -> reader of width and height."""


def as_rows(page: TiffPage, samples: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(H, W, C), without alpha."""
    if samples.dtype == np.bool_:
        samples = samples.astype(np.uint8)
    if samples.dtype.kind not in "uif":
        raise RefusedError(f"pixels of type {samples.dtype} are not supported; save real numbers")
    if samples.ndim == 3 and page.planarconfig == 2:
        samples = np.moveaxis(samples, 0, -1)
    samples = with_channels(samples)
    if samples.ndim != 3:
        raise RefusedError(f"its axes {page.axes} are not those of a flat picture")
    # Extra samples come last; 1 and 2 are alpha.
    for kind in reversed(page.extrasamples):
        if int(kind) not in {1, 2} or samples.shape[2] == 1:
            break
        samples = samples[..., :-1]
    return samples


def interpret(page: TiffPage, samples: npt.NDArray[Any]) -> Raster:
    """What samples (H, W, C) of a page, or of a part of it, stand for; each pixel by itself."""
    bits = page.bitspersample if isinstance(page.bitspersample, int) else samples.itemsize * 8
    full_range = _full_range(samples.dtype, bits)
    photometric = int(page.photometric)
    if photometric == 3 and page.colormap is not None:
        return Raster(samples, full_range, _palette(page.colormap))
    if photometric == 0 and full_range is not None:
        low, high = (samples.dtype.type(bound) for bound in full_range)
        return Raster(high - (samples - low), full_range, not_labels=_AMBIGUOUS_WHITE)
    if photometric == 5 and full_range is not None and samples.shape[2] >= 4:
        return Raster(_cmyk_to_rgb(samples, full_range[1]), full_range, not_labels="it is CMYK")
    compressed_color = photometric == 6 and samples.shape[2] == 3 and page.compression != 1
    if photometric not in {0, 1, 2} and not compressed_color:
        raise RefusedError("its colour space is not supported; save it as gray or RGB")
    not_labels = LOSSY if compressed_color else AMBIGUOUS_GRAY if bits in {2, 4} else None
    return Raster(samples, full_range, not_labels=not_labels)


def _full_range(dtype: np.dtype[Any], bits: int) -> tuple[float, float] | None:
    if dtype.kind == "f":
        return None
    if dtype.kind == "u":
        return 0.0, float(2**bits - 1)
    return float(-(2 ** (bits - 1))), float(2 ** (bits - 1) - 1)


def _palette(colormap: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint8]:
    """(N, 3) from TIFF's (3, N) of 16 bits; some writers store 8-bit values there."""
    colors = colormap.T if colormap.max(initial=0) <= 255 else colormap.T >> 8
    return padded_palette(colors.astype(np.uint8))


def _cmyk_to_rgb(samples: npt.NDArray[Any], high: float) -> npt.NDArray[Any]:
    ink = samples[..., :4].astype(np.float64) / high
    color = (1 - ink[..., :3]) * (1 - ink[..., 3:])
    return np.rint(color * high).astype(samples.dtype)
