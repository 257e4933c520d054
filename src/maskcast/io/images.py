"""The only decoder and encoder of pictures.

``read_image`` turns any picture file into uint8 RGB in the oriented frame: EXIF orientation is
applied, so that every mask, box and point of maskcast is in the frame a person sees. Alpha is
left out: a transparent pixel keeps the colour that is stored under it. Of several pages or
frames the first is read. ``Raster`` in ``rasters.py`` is what a file holds; here it is decided
how that looks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import PurePosixPath
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from maskcast.errors import ImageError
from maskcast.io.decoders.raster import Raster
from maskcast.io.rasters import read_raster, unreadable
from maskcast.io.read_options import DEFAULT_OPTIONS, ReadOptions
from maskcast.io.storage import Place, Readable
from maskcast.types import LabelMap, Mask, RgbImage

MAX_JPEG_SIDE = 65_500
"""Longest side that libjpeg writes, pixels."""

IMAGE_SUFFIXES = frozenset(
    {".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm"}
    | {".tif", ".tiff", ".webp"}
    | {".avif", ".j2c", ".j2k", ".jp2", ".jpc", ".jpf", ".jpx", ".jxl"}
)
"""Suffixes of picture files that are read, lower case, with the dot."""

UNREAD_SUFFIXES = frozenset(
    {".heic", ".heif", ".jxr", ".psd", ".tga", ".exr", ".hdr", ".dcm", ".svg", ".eps", ".ico"}
    | {".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".raf", ".rw2", ".raw"}
    | {".czi", ".lif", ".nd2", ".oib", ".oif", ".mrc", ".dm3", ".dm4"}
)
"""Suffixes of pictures of kinds that are not read, of which a person is told."""

_WINDOW_TAILS = (0.1, 99.9)
_WINDOW_SAMPLES_PER_IMAGE = 4_000_000
_WINDOW_SAMPLES = 8 * _WINDOW_SAMPLES_PER_IMAGE
_SET_WINDOW = "set [images] window in maskcast.toml or use references of the same depth"


@dataclass(frozen=True)
class IntensityWindow:
    """The intensities shown as black and white, for pictures of more than 8 bits.

    One window serves a whole project, so that references and targets are seen alike.

    Attributes:
        low: this value and anything below become 0.
        high: this value and anything above become 255.

    Raises:
        ValueError: unless both are finite and ``low < high``.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (np.isfinite([self.low, self.high]).all() and self.low < self.high):
            raise ValueError(f"window: expected finite low < high, got {self.low}, {self.high}")


@dataclass(frozen=True)
class DecodedImage:
    """A picture as maskcast sees it.

    Attributes:
        rgb: uint8 (H, W, 3) in the oriented frame.
        notes: what was left out or assumed, in words for the user; usually empty.
    """

    rgb: RgbImage
    notes: tuple[str, ...]


def is_image_name(name: str) -> bool:
    """Whether the file name has a suffix of ``IMAGE_SUFFIXES``, in any case."""
    return PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES


def is_unread_picture(name: str) -> bool:
    """Whether the file name has a suffix of ``UNREAD_SUFFIXES``, in any case."""
    return PurePosixPath(name).suffix.lower() in UNREAD_SUFFIXES


def read_image(
    path: Readable,
    *,
    window: IntensityWindow | None = None,
    options: ReadOptions = DEFAULT_OPTIONS,
) -> DecodedImage:
    """Read a picture as uint8 RGB.

    Pictures of up to 8 bits are never windowed. Deeper ones are mapped linearly from ``window``
    to 0..255; without a window, integers from the full range of their type and floats from
    0..1, with a note. NaN counts as black. Of two channels the first is taken as gray, of four
    or more (that are not alpha or CMYK) the first three as RGB, both with a note.

    Raises:
        ImageError: if the file cannot be decoded whole, has more pixels than the bound, or
            holds floats outside 0..1 and there is no window. The message names the file.
    """
    return show(path, read_raster(path, options), window=window, options=options)


def show(
    path: Readable,
    raster: Raster,
    *,
    window: IntensityWindow | None = None,
    options: ReadOptions = DEFAULT_OPTIONS,
) -> DecodedImage:
    """How the samples of a picture, or of a part of it, look; see ``read_image``.

    Each pixel is shown by itself, so that a part looks as it does in the whole.

    Raises:
        ImageError: if it holds floats outside 0..1 and there is no window.
    """
    if raster.palette is not None:
        return DecodedImage(raster.palette[raster.samples[..., 0]], raster.notes)
    channels = _visible_channels(path, raster.samples, options.channel)
    channel_notes = channel_notes_of(raster, options)
    bounds, range_notes = _black_and_white(path, channels, raster, window)
    shown = _stretch(channels, bounds)
    rgb = cv2.cvtColor(shown, cv2.COLOR_GRAY2RGB) if shown.shape[2] == 1 else shown
    rgb = np.ascontiguousarray(rgb, np.uint8)
    return DecodedImage(rgb, raster.notes + channel_notes + range_notes)


def channel_notes_of(raster: Raster, options: ReadOptions) -> tuple[str, ...]:
    """A note if some channels of a picture are not shown and nobody chose."""
    count = raster.samples.shape[2]
    if count in {1, 3} or raster.palette is not None or options.channel is not None:
        return ()
    used = "the first of 2 channels is used, as gray"
    if count > 3:
        used = f"the first 3 of {count} channels are used, as RGB"
    return (f"only {used}; [images] channel shows another one",)


def measure_window(
    paths: Sequence[Place], options: ReadOptions = DEFAULT_OPTIONS
) -> IntensityWindow | None:
    """One window for all pictures of more than 8 bits among ``paths``.

    From the 0.1 to the 99.9 percentile of their finite samples, pooled (of very large pictures,
    4 million evenly spaced ones, and fewer of more than 8). If nearly all samples are equal the
    window spans all of them, and if all are, it has width 1. A picture that cannot be read has no
    say: who needs it is told when reading it.

    Returns:
        None if no picture has more than 8 bits.
    """
    most = min(_WINDOW_SAMPLES_PER_IMAGE, _WINDOW_SAMPLES // max(1, len(paths)))
    pools = [
        samples for path in paths if (samples := _window_samples(path, options, most)) is not None
    ]
    pooled = np.concatenate(pools) if pools else np.zeros(0)
    if pooled.size == 0:
        return None
    bounds = np.percentile(pooled, _WINDOW_TAILS, overwrite_input=True)
    low, high = (float(bound) for bound in bounds)
    if low == high:
        low, high = float(pooled.min()), float(pooled.max())
    if low == high:
        high = max(low + 1.0, float(np.nextafter(low, np.inf)))
    return IntensityWindow(low, high)


def _window_samples(path: Place, options: ReadOptions, most: int) -> npt.NDArray[Any] | None:
    """Some finite samples of a picture; None of one that has 8 bits or cannot be read."""
    try:
        raster = read_raster(path, options)
    except ImageError:
        return None
    if raster.palette is not None or raster.samples.itemsize == 1:
        return None
    values = _visible_channels(path, raster.samples, options.channel).ravel()
    samples = values[:: -(-values.size // most)]
    # Integers need less memory as they are; floats are measured as exactly as they can be.
    return _finite(samples).astype(np.float64) if samples.dtype.kind == "f" else samples.copy()


def encode_mask_png(mask: Mask) -> bytes:
    """Bool (H, W) as an 8-bit gray PNG of 0 and 255; the same mask gives the same bytes."""
    options = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY]
    # Rows are runs of two values: filtering them costs five times as much and packs no better.
    options += [cv2.IMWRITE_PNG_STRATEGY_RLE, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE]
    pixels = np.where(mask, np.uint8(255), np.uint8(0))
    _, encoded = cv2.imencode(".png", pixels, options)
    return encoded.tobytes()


def encode_label_png(label_map: LabelMap, colors: Mapping[int, tuple[int, int, int]]) -> bytes:
    """uint8 (H, W) as a palette PNG whose indices are the object ids.

    Its palette is ``palette_of(colors)``.
    """
    height, width = label_map.shape
    pixels = np.ascontiguousarray(label_map)
    image = Image.frombuffer("P", (width, height), pixels, "raw", "P", 0, 1)
    image.putpalette(palette_of(colors).tobytes())
    stream = BytesIO()
    image.save(stream, "PNG", compress_level=3)
    return stream.getvalue()


def palette_of(colors: Mapping[int, tuple[int, int, int]]) -> npt.NDArray[np.uint8]:
    """All 256 colours of label maps, uint8 (256, 3): black for 0, gray for ids without a colour."""
    palette = np.full((256, 3), 128, np.uint8)
    palette[0] = 0
    for object_id, color in colors.items():
        palette[object_id] = color
    return palette


def encode_gray_png(pixels: npt.NDArray[np.uint16]) -> bytes:
    """uint16 (H, W) as a gray PNG of 16 bits."""
    # Maps of a few numbers pack into next to nothing as they are; filtering rows costs time.
    options = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE]
    _, encoded = cv2.imencode(".png", pixels, options)
    return encoded.tobytes()


def encode_jpeg(rgb: RgbImage, quality: int = 90) -> bytes:
    """uint8 (H, W, 3) as JPEG.

    Raises:
        ImageError: if a side is longer than ``MAX_JPEG_SIDE``.
    """
    height, width = rgb.shape[:2]
    if max(height, width) > MAX_JPEG_SIDE:
        raise ImageError(
            f"a picture of {width} x {height} pixels cannot be a JPEG, whose sides end at "
            f"{MAX_JPEG_SIDE}; cut it into tiles"
        )
    bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    _, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return encoded.tobytes()


def _visible_channels(
    path: Readable, samples: npt.NDArray[Any], channel: int | None
) -> npt.NDArray[Any]:
    """The one or three channels of (H, W, C) that are shown."""
    count = samples.shape[2]
    if channel is not None and count > 1:
        if channel > count:
            raise unreadable(path, f"it has {count} channels and [images] channel is {channel}")
        return samples[..., channel - 1 : channel]
    return samples[..., : 1 if count == 2 else 3]


def _black_and_white(
    path: Readable, samples: npt.NDArray[Any], raster: Raster, window: IntensityWindow | None
) -> tuple[tuple[float, float], tuple[str, ...]]:
    """The samples that become 0 and 255, and a note if they were assumed."""
    full_range = raster.full_range
    if full_range is not None and samples.itemsize == 1:
        return full_range, ()
    if window is not None:
        return (window.low, window.high), ()
    if full_range is not None:
        low, high = full_range
        return full_range, (f"no intensity window; {low:.0f} to {high:.0f} is black to white",)
    finite = _finite(samples)
    if finite.size and (finite.min() < 0 or finite.max() > 1):
        span = f"{finite.min():.6g} to {finite.max():.6g}"
        raise unreadable(path, f"its floats go from {span} and not from 0 to 1; {_SET_WINDOW}")
    return (0.0, 1.0), ("no intensity window; 0 to 1 is black to white",)


def _stretch(samples: npt.NDArray[Any], bounds: tuple[float, float]) -> npt.NDArray[np.uint8]:
    """Map ``bounds`` linearly to 0..255, rounded; same shape as ``samples``."""
    if samples.dtype == np.uint8 and bounds == (0.0, 255.0):
        return samples
    if samples.itemsize > 2 or samples.dtype.kind == "f":
        return _scale(samples, bounds)
    # One division per value instead of one per pixel. Negative values index from the end, where
    # the cast to a signed type puts them.
    every_value = np.arange(2 ** (8 * samples.itemsize)).astype(samples.dtype)
    shown: npt.NDArray[np.uint8] = _scale(every_value, bounds)[samples]
    return shown


def _scale(samples: npt.NDArray[Any], bounds: tuple[float, float]) -> npt.NDArray[np.uint8]:
    low, high = bounds
    level = samples.astype(np.float64)  # in place from here on: large pictures need the memory
    level -= low
    level *= 255 / (high - low)
    np.clip(level, 0, 255, out=level)
    np.nan_to_num(level, copy=False, nan=0.0)
    return np.rint(level, out=level).astype(np.uint8)


def _finite(samples: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return samples[np.isfinite(samples)] if samples.dtype.kind == "f" else samples
