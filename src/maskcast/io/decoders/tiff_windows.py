"""Parts of a TIFF, decoded segment by segment, so that a page may be larger than the memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from cachetools import LRUCache
from tifffile import TiffFile, TiffPage

from maskcast.io.decoders.raster import Limits, Raster, RefusedError, damage_note
from maskcast.io.decoders.tiff import (
    Block,
    SegmentReader,
    as_rows,
    check_agreement,
    choose_page,
    interpret,
    orientation_of,
)
from maskcast.io.decoders.tiff_layout import TiffLayout, check_page, check_tags

_KEPT_BYTES = 64 * 2**20
"""Of decoded segments, which neighbouring windows need again."""


class WindowedTiff:
    """An open page of a TIFF. Several threads may read it.

    Attributes:
        height: rows of the page as it is stored.
        width: columns.
        orientation: EXIF orientation 1..8, that is still to be applied to windows.
    """

    def __init__(self, file: BinaryIO, limits: Limits, times: int) -> None:
        """Check a page and get ready to read it.

        Args:
            file: the whole file, which stays open until windows are not needed any more.
            limits: what may be decoded at once.
            times: how many times that bound of pixels the whole page may have.

        Raises:
            RefusedError: if it claims too much, is damaged or of a kind that is not supported.
        """
        layout = TiffLayout(file, limits.file_size)
        page, self._notes = choose_page(layout, limits.options.page)
        segments = check_page(layout, page, _of_page(limits, times))
        if page.index > 0:
            check_tags(next(layout.pages()), limits)
        file.seek(0)
        self._tiff = TiffFile(file, is_lsm=False, is_ndpi=False, is_scanimage=False)
        opened = self._tiff.pages[page.index]
        if not isinstance(opened, TiffPage) or opened.dtype is None or opened.imagedepth != 1:
            raise RefusedError("its kind of pixels is not supported; save it as 8 or 16 bits")
        check_agreement(opened, layout, page)
        # Pixels that lie in the file as they are, in one piece, are read row by row.
        self._is_row_by_row = opened.is_contiguous and opened.bitspersample in {8, 16, 32, 64}
        most = limits.options.max_pixels
        if segments.width * segments.height > most and not self._is_row_by_row:
            raise RefusedError(
                f"its strips or tiles have {segments.width} x {segments.height} pixels and the "
                f"bound is {most}; save it with smaller ones or raise max_pixels"
            )
        self._page = opened
        self._reader = SegmentReader(opened, segments, limits)
        self._reader.check_compression()
        self._step = segments.height, segments.width
        self._lock = threading.Lock()
        self._kept: LRUCache[int, Block | None] = LRUCache(_KEPT_BYTES, _bytes_of)
        self.height, self.width = int(opened.imagelength), int(opened.imagewidth)
        self.orientation = orientation_of(layout, page)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out, and what is known so far to be damaged."""
        damage = self._reader.damage
        told = () if damage is None else (damage_note(f"a strip or tile: {damage}"),)
        return self._notes + told

    def read(self, top: int, left: int, bottom: int, right: int) -> Raster:
        """Decode what lies in a window of the page as it is stored.

        Raises:
            RefusedError: if it is damaged, unless damaged files are accepted.
        """
        page = self._page
        if self._is_row_by_row:
            laid = self._rows(top, bottom)[:, :, left:right]
        else:
            planes, channels = page.shaped[0], page.shaped[-1]
            laid = np.zeros((planes, bottom - top, right - left, channels), page.dtype)
            for index in self._touched(top, left, bottom, right):
                self._lay(index, laid, top, left)
        samples = laid[0] if len(laid) == 1 else laid[..., 0]
        if len(laid) == samples.shape[-1] == 1:
            samples = samples[..., 0]
        return interpret(page, np.ascontiguousarray(as_rows(page, samples)))

    def close(self) -> None:
        """Let go of the file, which stays open."""
        self._tiff.close()

    def _rows(self, top: int, bottom: int) -> npt.NDArray[Any]:
        """Whole rows (planes, h, W, C) of pixels that lie in the file as they are."""
        page = self._page
        planes, _, height, width, channels = page.shaped
        stored = np.dtype(page.dtype).newbyteorder(page.parent.byteorder)
        row_bytes = width * channels * stored.itemsize
        starts = (
            page.dataoffsets[0] + (plane * height + top) * row_bytes for plane in range(planes)
        )
        content = b"".join(self._bytes(start, (bottom - top) * row_bytes) for start in starts)
        laid = np.frombuffer(content, stored).reshape(planes, bottom - top, width, channels)
        return laid.astype(page.dtype, copy=False)

    def _bytes(self, offset: int, count: int) -> bytes:
        with self._lock:
            self._page.parent.filehandle.seek(offset)
            content: bytes = self._page.parent.filehandle.read(count)
        if len(content) < count:
            raise RefusedError("it is damaged or cut off; copy or export it again")
        return content

    def _touched(self, top: int, left: int, bottom: int, right: int) -> Iterator[int]:
        """Numbers of the segments that a window touches, plane by plane."""
        down, across = self._step
        columns = -(-self.width // across)
        each = columns * -(-self.height // down)
        for plane in range(self._page.shaped[0]):
            for row in range(top // down, -(-bottom // down)):
                for column in range(left // across, -(-right // across)):
                    yield plane * each + row * columns + column

    def _lay(self, index: int, laid: npt.NDArray[Any], top: int, left: int) -> None:
        """Put what a segment holds into a window (planes, h, w, C) that begins at top, left."""
        found = self._decoded(index)
        if found is None:
            return
        block, (plane, _, block_top, block_left) = found
        block = block[0]
        height, width = laid.shape[1:3]
        first, start = block_top - top, block_left - left
        block = block[max(0, -first) : height - first, max(0, -start) : width - start]
        first, start = max(0, first), max(0, start)
        laid[plane, first : first + block.shape[0], start : start + block.shape[1]] = block

    def _decoded(self, index: int) -> Block | None:
        with self._lock:
            if index in self._kept:
                return self._kept[index]
            content = self._reader.content(index)
        found = self._reader.decode(content, index)
        with self._lock:
            if _bytes_of(found) <= _KEPT_BYTES:
                self._kept[index] = found
        return found


def _bytes_of(found: Block | None) -> int:
    return 1 if found is None else int(found[0].nbytes)


def _of_page(limits: Limits, times: int) -> Limits:
    """The limits of a whole page of which only windows are decoded."""
    options = replace(limits.options, max_pixels=limits.options.max_pixels * times)
    return replace(limits, options=options)
