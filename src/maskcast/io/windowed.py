"""Pictures that are read by windows: their size is known, and any part of them can be had.

A TIFF is opened and decoded strip by strip or tile by tile as windows ask for it, so it may be
much larger than the memory. What its format does not let anybody cut is decoded once, within the
bound of ``read_image``, and kept as it is stored. A window looks exactly as the same part of
``read_image``'s result.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Final, Protocol, Self

import numpy as np

from maskcast.io.decoders.raster import Limits, Raster
from maskcast.io.decoders.tiff_layout import SIGNATURES
from maskcast.io.decoders.tiff_windows import WindowedTiff
from maskcast.io.images import IntensityWindow, show
from maskcast.io.rasters import opened, orient, read_raster, unreadable_if_it_fails
from maskcast.io.read_options import DEFAULT_OPTIONS, ReadOptions
from maskcast.io.storage import Readable
from maskcast.types import RgbImage

MOST_WINDOWS: Final = 50
"""Times as many pixels as may be decoded at once that a picture read by windows may have."""

Span = tuple[int, int, int, int]
"""``top, left, bottom, right`` of a window, pixels, bottom and right exclusive."""


class Picture(Protocol):
    """Something with a size that is read by windows; several threads may."""

    @property
    def height(self) -> int:
        """Rows."""

    @property
    def width(self) -> int:
        """Columns."""

    def read(self, top: int, left: int, bottom: int, right: int) -> RgbImage:
        """The pixels of a window, uint8 (bottom - top, right - left, 3) RGB.

        The window lies in the picture and has at least one pixel.

        Raises:
            ImageError: if that part cannot be decoded.
        """


@dataclass(frozen=True)
class WholePicture:
    """A decoded picture, as a ``Picture``.

    Attributes:
        rgb: uint8 (H, W, 3).
    """

    rgb: RgbImage

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.rgb.shape[0])

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.rgb.shape[1])

    def read(self, top: int, left: int, bottom: int, right: int) -> RgbImage:
        """See ``Picture``."""
        return self.rgb[top:bottom, left:right]


class _Source(Protocol):
    """Samples of a picture as they are stored, by windows; see ``WindowedTiff``."""

    @property
    def height(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def orientation(self) -> int: ...
    @property
    def notes(self) -> tuple[str, ...]: ...
    def read(self, top: int, left: int, bottom: int, right: int) -> Raster: ...


class OpenedPicture:
    """A picture file; see ``open_picture``.

    Attributes:
        height: rows, oriented.
        width: columns, oriented.
    """

    def __init__(
        self,
        path: Readable,
        source: _Source,
        window: IntensityWindow | None,
        options: ReadOptions,
        held: ExitStack | None = None,
    ) -> None:
        self._held = held or ExitStack()
        self._path, self._source, self._window, self._options = path, source, window, options
        size = source.height, source.width
        self.height, self.width = size[::-1] if source.orientation >= 5 else size
        try:
            with unreadable_if_it_fails(path, options):
                corner = source.read(0, 0, 1, 1)
            shown = show(path, corner, window=window, options=options)
        except BaseException:
            self.close()
            raise
        self._assumed = tuple(note for note in shown.notes if note not in source.notes)

    def read(self, top: int, left: int, bottom: int, right: int) -> RgbImage:
        """See ``Picture``."""
        orientation = self._source.orientation
        with unreadable_if_it_fails(self._path, self._options):
            stored = self._source.read(*self._as_stored((top, left, bottom, right)))
        turned = np.ascontiguousarray(orient(stored.samples, orientation))
        raster = replace(stored, samples=turned)
        return show(self._path, raster, window=self._window, options=self._options).rgb

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out or assumed, in words for the user; what is damaged, as far as read."""
        return self._source.notes + self._assumed

    def close(self) -> None:
        """Close the file."""
        self._held.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _as_stored(self, span: Span) -> Span:
        """A window of the oriented frame in that of the file; see ``rasters.orient``."""
        top, left, bottom, right = span
        orientation = self._source.orientation
        if orientation in {3, 4, 7, 8}:
            top, bottom = self.height - bottom, self.height - top
        if orientation in {2, 3, 6, 7}:
            left, right = self.width - right, self.width - left
        return (left, top, right, bottom) if orientation >= 5 else (top, left, bottom, right)


@dataclass(frozen=True)
class _Decoded:
    """A picture that was decoded whole, as it is stored."""

    raster: Raster
    orientation: int = 1

    @property
    def height(self) -> int:
        return int(self.raster.samples.shape[0])

    @property
    def width(self) -> int:
        return int(self.raster.samples.shape[1])

    @property
    def notes(self) -> tuple[str, ...]:
        return self.raster.notes

    def read(self, top: int, left: int, bottom: int, right: int) -> Raster:
        return replace(self.raster, samples=self.raster.samples[top:bottom, left:right])


def open_picture(
    path: Readable,
    *,
    window: IntensityWindow | None = None,
    options: ReadOptions = DEFAULT_OPTIONS,
    times: int = MOST_WINDOWS,
) -> OpenedPicture:
    """Open a picture to read it by windows, see ``read_image`` for how it looks.

    All but TIFFs are decoded whole, and have the bound of pixels.

    Args:
        path: of the picture.
        window: see ``read_image``.
        options: see ``read_image``.
        times: how many times the bound of pixels a TIFF may have, of which a strip or tile that is
            packed in one piece may have the bound.

    Returns:
        It, to be closed.

    Raises:
        ImageError: as ``read_image`` does; damage may only be found where a window meets it.
    """
    if not is_tiff(path):
        return OpenedPicture(path, _Decoded(read_raster(path, options)), window, options)
    with ExitStack() as stack:
        with unreadable_if_it_fails(path, options):
            file = stack.enter_context(opened(path))
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            source = WindowedTiff(file, Limits(options, size), times)
            stack.callback(source.close)
        held = stack.pop_all()
    return OpenedPicture(path, source, window, options, held)


def is_tiff(path: Readable) -> bool:
    """Whether a file can be read by windows without being decoded whole.

    Raises:
        ImageError: if it cannot be opened.
    """
    with unreadable_if_it_fails(path), opened(path) as file:
        return file.read(4) in SIGNATURES
