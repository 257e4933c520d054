"""What every decoder gives, asks and raises."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from maskcast.io.read_options import ReadOptions

FIRST_PICTURE = "the file holds several pictures; the first one is used"
FIRST_PAGE = "the file holds several pages; the first is used, and [images] page chooses another"
SEVERAL = frozenset({FIRST_PICTURE, FIRST_PAGE})
"""The notes of a file that holds more than one picture."""

LOSSY = "this format does not keep pixel values exactly"
AMBIGUOUS_GRAY = "gray pixels of 2 or 4 bits can be read in two ways"

_EXIF_ORIENTATION = 0x0112
_ALWAYS_SHARE = 6
_PIXELS_PER_BYTE = 128


@dataclass(frozen=True)
class Raster:
    """The samples of one picture, without alpha.

    Attributes:
        samples: (H, W, C) of the file's own integer or float type and byte order, C >= 1.
        full_range: the samples that stand for black and white; None for floats.
        palette: uint8 (N, 3) colours that ``samples`` (C = 1) point into, or None.
        orientation: EXIF orientation 1..8 that is still to be applied; 1 once read.
        notes: sentences for the user about what was left out.
        not_labels: why pixel values cannot be taken as object ids, or None if they can.
    """

    samples: npt.NDArray[Any]
    full_range: tuple[float, float] | None = (0.0, 255.0)
    palette: npt.NDArray[np.uint8] | None = None
    orientation: int = 1
    notes: tuple[str, ...] = ()
    not_labels: str | None = None


class RefusedError(Exception):
    """A reason, still without the file's name, why the file is not taken."""


class DamagedError(RefusedError):
    """What is wrong with a file of which something could be decoded all the same."""


@dataclass(frozen=True)
class Limits:
    """What a decoder may spend on a file, whatever its header claims.

    Attributes:
        options: what the reader was told.
        file_size: bytes.
        advice: for a person whose picture has more pixels than the bound, after the usual.
    """

    options: ReadOptions
    file_size: int
    advice: str = ""

    def check(self, width: int, height: int, layers: int = 1) -> None:
        """Refuse a picture before it is decoded if it is too large.

        Above a sixth of the bound a file must also have a byte for 128 pixels more: photographs
        have ten times that, while a header and a few bytes can stand for any number of equal
        pixels.

        Args:
            width: pixels.
            height: pixels.
            layers: how many times the samples of a pixel fill four bytes, rounded up.

        Raises:
            RefusedError: if it has no pixels or too many.
        """
        if width < 1 or height < 1:
            raise RefusedError(f"its size is {width} x {height} pixels")
        bound = self.options.max_pixels
        if width * height > bound:
            raise RefusedError(
                f"it has {width} x {height} pixels and the bound is {bound}; "
                f"raise max_pixels if the file is to be trusted{self.advice}"
            )
        beyond = width * height * layers - _PIXELS_PER_BYTE * self.file_size
        if beyond > bound // _ALWAYS_SHARE and not self.options.trust_small_files:
            raise RefusedError(
                f"it claims {width} x {height} pixels in {self.file_size} bytes, as nearly empty "
                f"pictures and attacks do; raise max_pixels to {beyond * _ALWAYS_SHARE} if the "
                "file is to be trusted"
            )


Decoder = Callable[[bytes, Limits], Raster]
"""Decodes the whole content of a file.

Raises ``RefusedError``, or whatever a library raises for a file that is damaged.
"""


def damage_note(reason: str) -> str:
    """The note of a damaged picture that was taken all the same."""
    return f"it is damaged ({reason}); what could be decoded of it is used"


def with_channels(samples: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(H, W) or (H, W, C) as (H, W, C)."""
    return samples[..., None] if samples.ndim == 2 else samples


def padded_palette(colors: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """(N, 3) as (at least 256, 3): black where the file names no colour, so any index is valid."""
    return np.pad(colors, ((0, max(0, 256 - len(colors))), (0, 0)))


def from_pillow(image: Image.Image) -> Raster:
    """Decode what a Pillow plugin has opened."""
    if image.mode == "1":
        return Raster(with_channels(np.array(image, np.uint8)), (0.0, 1.0))
    if image.mode == "L":
        return Raster(with_channels(np.array(image)))
    if image.mode == "P":
        indices = with_channels(np.array(image))
        colors = np.asarray(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
        return Raster(indices, palette=padded_palette(colors))
    return Raster(np.array(image.convert("RGB")))


def exif_orientation(image: Image.Image) -> int:
    """1..8; 1 where the file says nothing that can be understood."""
    with contextlib.suppress(Exception):  # a damaged EXIF block does not spoil the picture
        orientation = image.getexif().get(_EXIF_ORIENTATION, 1)
        return orientation if orientation in range(1, 9) else 1
    return 1


def animation_notes(image: Image.Image) -> tuple[str, ...]:
    """A note if only the first of several frames is used."""
    return (FIRST_PICTURE,) if getattr(image, "is_animated", False) else ()
