"""What a TIFF claims about its pages, strips and tiles, looked at before anything is decoded.

A header of a hundred bytes can claim millions of tiles, tags that fill the memory, or a list of
pages without an end. tifffile believes it, so this is read first, by the TIFF 6.0 and BigTIFF
specifications, and compared with the file that is there.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from maskcast.io.decoders.raster import DamagedError, Limits, RefusedError

SIGNATURES = frozenset({b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"})

SIZE_TAGS = ((256, 0), (257, 0), (32997, 1), (277, 1))
"""Codes of width, height, depth and samples of a pixel, and what counts where they are missing."""

_MOST_PAGES = 100_000
_MOST_TAGS = 4096
_FREE_SEGMENTS = 65_536
_SAMPLES_PER_SEGMENT = 256
_FREE_BYTES = 64 * 2**20
_REDUCED, _MASK = 1, 4  # bits of NewSubfileType
_METAMORPH = 33628
_MOST_METAMORPH = 512
_SIZES = dict(zip((*range(1, 14), 16, 17, 18), map(int, "1124811248484888"), strict=True))
"""Bytes of each type of value."""

_INTEGERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}


class _Tag(NamedTuple):
    kind: int
    length: int  # how many values
    place: int  # where they are

    @property
    def size(self) -> int:
        return self.length * _SIZES.get(self.kind, 0)


@dataclass(frozen=True)
class Page:
    """An image file directory.

    Attributes:
        index: its place in the file's list of pages, from 0.
        tags: code -> tag; of a code that occurs twice the first.
        tag_bytes: bytes of all values together, twice where a code occurs twice.
    """

    index: int
    tags: Mapping[int, _Tag]
    tag_bytes: int


class TiffLayout:
    """The list of pages of a file."""

    def __init__(self, file: BinaryIO, file_size: int) -> None:
        """Read the header.

        Args:
            file: the whole file.
            file_size: bytes.

        Raises:
            RefusedError: if it has no pages.
        """
        self._file = file
        self._file_size = file_size
        head = self._read(0, 16)
        self._order = "<" if head[:1] == b"I" else ">"
        self._is_big = head[2:4] in {b"+\0", b"\0+"}
        self._offset_format = self._order + ("Q" if self._is_big else "I")
        first = 8 if self._is_big else 4
        self._first = self._offset(head[first : first + struct.calcsize(self._offset_format)])

    def pages(self) -> Iterator[Page]:
        """The pages that are pictures of their own: no thumbnails, pyramid levels or masks.

        The first page counts as one whatever it says.

        Raises:
            RefusedError: if the list runs in a circle or does not end.
        """
        offset, seen = self._first, set[int]()
        while offset and offset < self._file_size:
            if offset in seen or len(seen) == _MOST_PAGES:
                raise RefusedError("its list of pages does not end; save it again")
            seen.add(offset)
            page, offset = self._page(len(seen) - 1, offset)
            kind = self.number(page, 254, 0)
            if page.index == 0 or not kind & (_REDUCED | _MASK):
                yield page

    def number(self, page: Page, code: int, default: int) -> int:
        """The first value of a tag that holds whole numbers."""
        tag = page.tags.get(code)
        if tag is None or tag.kind not in _INTEGERS or tag.length < 1:
            return default
        content = self._read(tag.place, _SIZES[tag.kind])
        if len(content) < _SIZES[tag.kind]:
            return default
        return int(struct.unpack(self._order + _INTEGERS[tag.kind], content)[0])

    def text(self, page: Page, code: int, longest: int) -> bytes:
        """The beginning of a tag's value."""
        tag = page.tags.get(code)
        return b"" if tag is None else self._read(tag.place, min(tag.size, longest))

    def numbers(self, page: Page, code: int, count: int) -> list[int]:
        """At most ``count`` values of a tag that holds whole numbers."""
        tag = page.tags.get(code)
        if tag is None or tag.kind not in _INTEGERS:
            return []
        count = min(count, tag.length)
        content = self._read(tag.place, count * _SIZES[tag.kind])
        count = len(content) // _SIZES[tag.kind]
        return list(
            struct.unpack_from(f"{self._order}{count}{_INTEGERS[tag.kind]}", content),
        )

    def _page(self, index: int, offset: int) -> tuple[Page, int]:
        """A page and the offset of the next."""
        count_size, entry_size = (8, 20) if self._is_big else (2, 12)
        content = self._read(offset, count_size)
        if len(content) < count_size:
            return Page(index, {}, 0), 0
        count = int.from_bytes(content, "little" if self._order == "<" else "big")
        if count > _MOST_TAGS:
            raise RefusedError(f"a page of it has {count} tags; save it again")
        offset_size = struct.calcsize(self._offset_format)
        entries = self._read(offset + count_size, count * entry_size + offset_size)
        tags: dict[int, _Tag] = {}
        tag_bytes = 0
        end = min(count * entry_size, len(entries) - entry_size + 1)
        for position in range(0, end, entry_size):
            code, tag = self._tag(
                entries[position : position + entry_size], offset + count_size + position
            )
            tags.setdefault(code, tag)
            is_inside = tag.place + tag.size <= self._file_size
            tag_bytes += tag.size if is_inside else 0
        return Page(index, tags, tag_bytes), self._offset(entries[count * entry_size :])

    def _tag(self, entry: bytes, position: int) -> tuple[int, _Tag]:
        code, kind = struct.unpack_from(self._order + "HH", entry)
        (length,) = struct.unpack_from(self._offset_format, entry, 4)
        offset_size = struct.calcsize(self._offset_format)
        tag = _Tag(kind, length, position + 4 + offset_size)
        if tag.size > offset_size:
            tag = tag._replace(place=self._offset(entry[4 + offset_size :]))
        return code, tag

    def _offset(self, content: bytes) -> int:
        if len(content) < struct.calcsize(self._offset_format):
            return 0
        return int(struct.unpack_from(self._offset_format, content)[0])

    def _read(self, offset: int, size: int) -> bytes:
        if offset >= self._file_size:
            return b""
        self._file.seek(offset)
        return self._file.read(min(size, self._file_size - offset))


@dataclass(frozen=True)
class Segments:
    """How a page is cut into strips or tiles.

    Attributes:
        count: how many there must be.
        missing: how many of these are not there or not whole.
        width: of a tile or strip, pixels.
        height: of a tile or strip, pixels.
    """

    count: int
    missing: int
    width: int
    height: int


def check_page(layout: TiffLayout, page: Page, limits: Limits) -> Segments:
    """Compare what a page claims with ``limits`` and with what is in the file.

    Raises:
        RefusedError: if it claims too much.
        DamagedError: if strips or tiles are missing, unless damaged files are accepted.
    """
    check_tags(page, limits)
    width, height, depth, samples = (
        layout.number(page, code, default) for code, default in SIZE_TAGS
    )
    bits = layout.number(page, 258, 1)
    limits.check(width, height * max(1, depth), -(-samples * bits // 32))
    if samples > 4:  # many channels need as much memory as many pixels
        limits.check(width, height * -(-samples // 4))
    segments = _cut(layout, page, width, height, max(1, depth), samples)
    total = width * height * max(1, depth) * samples
    most = _FREE_SEGMENTS + total // _SAMPLES_PER_SEGMENT
    available = max(_tag_count(page, 324, 273), _tag_count(page, 325, 279))
    if max(segments.count, available) > most:
        raise RefusedError(
            f"it is cut into {max(segments.count, available)} strips or tiles; save it with larger "
            "ones"
        )
    scratch = segments.width * segments.height * samples * max(8, bits) // 8
    if scratch > max(_FREE_BYTES, 2 * total * max(8, bits) // 8):
        raise RefusedError(
            f"its strips or tiles of {segments.width} x {segments.height} pixels are larger than "
            "the picture; save it again"
        )
    raw_size = -(-width * samples * bits // 8) * height * max(1, depth)
    segments = _find_missing(layout, page, segments, raw_size, limits)
    if segments.missing and not limits.options.accept_damaged:
        raise DamagedError(
            f"{segments.missing} of its {segments.count} strips or tiles are missing"
        )
    return segments


def check_tags(page: Page, limits: Limits) -> None:
    """Raise ``RefusedError`` if the tags of a page need more than the size of the file."""
    metamorph = page.tags.get(_METAMORPH)
    if page.tag_bytes > limits.file_size or (
        metamorph is not None and metamorph.length > _MOST_METAMORPH
    ):
        raise RefusedError("its tags claim more than is in the file; save it again")


def _cut(
    layout: TiffLayout, page: Page, width: int, height: int, depth: int, samples: int
) -> Segments:
    planes = samples if layout.number(page, 284, 1) == 2 else 1
    if 322 in page.tags:
        across, down, deep = (
            layout.number(page, code, default) for code, default in ((322, 0), (323, 0), (32998, 1))
        )
        if min(across, down, deep) < 1:
            raise RefusedError(f"its tiles are {across} x {down} pixels; save it again")
        count = -(-width // across) * -(-height // down) * -(-depth // deep)
        return Segments(count * planes, 0, across, down * deep)
    rows = page.tags.get(278)
    per_strip = layout.number(page, 278, height) if rows and rows.length == 1 else height
    if per_strip < 1:
        raise RefusedError(f"its strips have {per_strip} rows; save it again")
    per_strip = min(per_strip, height)
    return Segments(-(-height // per_strip) * depth * planes, 0, width, per_strip)


def _tag_count(page: Page, *codes: int) -> int:
    return next((page.tags[code].length for code in codes if code in page.tags), 0)


def _find_missing(
    layout: TiffLayout, page: Page, segments: Segments, raw_size: int, limits: Limits
) -> Segments:
    """Count segments that are not in the file.

    Raises:
        RefusedError: if they overlap so much that reading them takes more than the file's size.
    """
    codes = (324, 325) if 324 in page.tags else (273, 279) if 273 in page.tags else (513, 514)
    offsets, sizes = (layout.numbers(page, code, segments.count) for code in codes)
    is_plain = layout.number(page, 259, 1) == 1
    if segments.count == 1 and offsets and (is_plain or not sizes or sizes[0] == 0):
        # Some writers leave out the size of a single strip, or get it wrong.
        sizes = [raw_size if is_plain else max(0, limits.file_size - offsets[0])]
    whole = sum(
        offset > 0 and size > 0 and offset + size <= limits.file_size
        for offset, size in zip(offsets, sizes, strict=False)
    )
    if sum(sizes) > 2 * limits.file_size + _FREE_BYTES // 4:
        raise RefusedError("its strips or tiles overlap; save it again")
    return Segments(segments.count, segments.count - whole, segments.width, segments.height)
