"""Picture files to sample arrays: what is in the file, before any decision on how it looks.

``images`` is the module to use; this one is its lower half. A file is told by its first bytes,
never by its suffix, and only the decoders named here can be reached. Sizes are checked from the
header before anything is decoded. All decoders release the interpreter lock while they work.
"""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Callable
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import imagecodecs
import numpy as np
import numpy.typing as npt
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    WebPImagePlugin,
)
from tifffile import TiffFile, TiffPage

from maskcast.errors import ImageError
from maskcast.io.read_options import ReadOptions
from maskcast.io.storage import Readable

_EXIF_ORIENTATION = 0x0112
_FIRST_PICTURE = "the file holds several pictures; the first one is used"
_LOSSY = "this format does not keep pixel values exactly"
_AMBIGUOUS_GRAY = "gray pixels of 2 or 4 bits can be read in two ways"
_AMBIGUOUS_WHITE = "its zero means white"


@dataclass(frozen=True)
class Raster:
    """The samples of one picture, in its oriented frame, without alpha.

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


class _RefusedError(Exception):
    """A reason, still without the file's name, why the file is not taken."""


def unreadable(path: Readable, reason: str) -> ImageError:
    """The error for a picture that cannot be read, naming the file."""
    return ImageError(f"{path} cannot be read: {reason}")


def read_raster(path: Readable, options: ReadOptions) -> Raster:
    """Decode the first picture in the file.

    Raises:
        ImageError: if there is no such file or it cannot be decoded whole, or if it has more
            pixels than the bound.
    """
    try:
        with _opened(path) as file:
            raster = _decode(file, options.max_pixels)
        samples = np.ascontiguousarray(_orient(raster.samples, raster.orientation))
        return replace(raster, samples=samples, orientation=1)
    except _RefusedError as refusal:
        raise unreadable(path, str(refusal)) from refusal
    except ImageError:  # of a place that says itself why
        raise
    except FileNotFoundError as error:
        raise unreadable(path, "there is no such file") from error
    except PermissionError as error:
        raise unreadable(path, "permission is denied; change the file's permissions") from error
    except MemoryError as error:
        raise unreadable(path, "there is not enough memory; lower max_pixels") from error
    except Exception as error:  # decoders fail in many ways, and one bad file is never a crash
        detail = " ".join(str(error).split()) or type(error).__name__
        raise unreadable(
            path, f"it is damaged or cut off ({detail}); copy or export it again"
        ) from error


def may_be_deep(path: Readable) -> bool:
    """Whether a picture may have more than 8 bits per sample, by its first bytes alone.

    Returns:
        False for what only 8 bits can be in, and for what cannot be opened.
    """
    try:
        with _opened(path) as file:
            head = file.read(32)
    except (OSError, _RefusedError):
        return False
    if head.startswith(b"\x89PNG"):
        return head[24:25] > b"\x08"  # the bit depth in its header
    return head.startswith((b"II", b"MM", b"P"))  # TIFF and PNM


def _opened(path: Readable) -> BinaryIO:
    if isinstance(path, Path):
        _check_regular(path)
        return path.open("rb")
    try:
        return BytesIO(path.read_bytes())
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _RefusedError(f"the store does not give it ({error})") from error


def _check_regular(path: Path) -> None:
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise _RefusedError("it is a folder")
    if not stat.S_ISREG(mode):  # reading a pipe would wait for ever
        raise _RefusedError("it is not a regular file")


def _decode(file: BinaryIO, max_pixels: int) -> Raster:
    head = file.read(16)
    file.seek(0)
    if not head:
        raise _RefusedError("it is empty (zero bytes); copy or export it again")
    if head[:4] in {b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"}:
        return _decode_tiff(file, max_pixels)
    for magic, decoder in _DECODERS.items():
        if head.startswith(magic) and (magic != b"RIFF" or head[8:12] == b"WEBP"):
            return decoder(file.read(), max_pixels)
    raise _RefusedError("it is not a PNG, JPEG, TIFF, BMP, GIF, WebP or PNM picture")


def _check_size(width: int, height: int, max_pixels: int) -> None:
    if width < 1 or height < 1:
        raise _RefusedError(f"its size is {width} x {height} pixels")
    if width * height > max_pixels:
        raise _RefusedError(
            f"it has {width} x {height} pixels and the bound is {max_pixels}; "
            "raise max_pixels if the file is to be trusted"
        )


def _decode_jpeg(data: bytes, max_pixels: int) -> Raster:
    image = JpegImagePlugin.JpegImageFile(BytesIO(data))
    _check_size(*image.size, max_pixels)
    if not _has_jpeg_end(data):
        raise _RefusedError("it is cut off (no end marker); copy or export it again")
    if image.mode in {"L", "RGB"}:
        samples = _with_channels(imagecodecs.jpeg8_decode(data))
    else:  # Pillow knows that Adobe's CMYK is inverted
        samples = np.array(image.convert("RGB"))
    return Raster(samples, orientation=_exif_orientation(image), not_labels=_LOSSY)


def _has_jpeg_end(data: bytes) -> bool:
    """Whether an end marker follows the first scan.

    libjpeg fills what is missing with gray and only warns. An end marker cannot occur by chance
    in scan data, where every 0xFF is followed by 0x00; before the scan there may be the end
    marker of an embedded thumbnail, so segments are skipped by their length.
    """
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xDA:
            return data.find(b"\xff\xd9", position) >= 0
        if marker == 0xFF:  # padding
            position += 1
        else:
            position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return False


def _decode_png(data: bytes, max_pixels: int) -> Raster:
    image = PngImagePlugin.PngImageFile(BytesIO(data))
    _check_size(*image.size, max_pixels)
    depth, color_type = data[24], data[25]
    if color_type == 3 or depth < 8:
        raster = _from_pillow(image)
        if image.mode == "L":
            raster = replace(raster, not_labels=_AMBIGUOUS_GRAY)
    else:  # faster than Pillow, and keeps 16 bits in colour
        samples = _with_channels(imagecodecs.png_decode(data))
        color_channels = 3 if color_type in {2, 6} else 1
        raster = Raster(samples[..., :color_channels], (0.0, float(2**depth - 1)))
    # Asking Pillow for EXIF that may follow the pixels makes it decode them all.
    if b"eXIf" in data or b"Raw profile type exif" in data:
        raster = replace(raster, orientation=_exif_orientation(image))
    return replace(raster, notes=_animation_notes(image))


def _decode_pnm(data: bytes, max_pixels: int) -> Raster:
    image = PpmImagePlugin.PpmImageFile(BytesIO(data))
    _check_size(*image.size, max_pixels)
    codec, args = image.tile[0].codec_name, image.tile[0].args
    peak = 65535 if image.mode == "I" else 255
    if codec.startswith("ppm") and isinstance(args, tuple):  # its peak is not a usual one
        peak = int(args[1])
    raster = _from_pillow(image)  # raises where data is missing
    if peak <= 255:
        return raster
    deep = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if deep is None:
        raise _RefusedError("its pixels of more than 8 bits cannot be decoded; save it as PNG")
    return Raster(_with_channels(deep)[..., ::-1], (0.0, float(peak)))


def _decode_with(
    plugin: Callable[[BytesIO], Image.Image], not_labels: str | None = None
) -> Callable[[bytes, int], Raster]:
    """A decoder around a Pillow plugin.

    Plugins are called directly because ``Image.open`` has a size bound of its own, which is a
    global setting.
    """

    def decode(data: bytes, max_pixels: int) -> Raster:
        image = plugin(BytesIO(data))
        _check_size(*image.size, max_pixels)
        return replace(
            _from_pillow(image),
            orientation=_exif_orientation(image),
            notes=_animation_notes(image),
            not_labels=not_labels,
        )

    return decode


def _from_pillow(image: Image.Image) -> Raster:
    if image.mode == "1":
        return Raster(_with_channels(np.array(image, np.uint8)), (0.0, 1.0))
    if image.mode == "L":
        return Raster(_with_channels(np.array(image)))
    if image.mode == "P":
        indices = _with_channels(np.array(image))
        colors = np.asarray(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
        return Raster(indices, palette=_padded(colors, 256))
    return Raster(np.array(image.convert("RGB")))


def _exif_orientation(image: Image.Image) -> int:
    with contextlib.suppress(Exception):  # a damaged EXIF block does not spoil the picture
        orientation = image.getexif().get(_EXIF_ORIENTATION, 1)
        return orientation if orientation in range(1, 9) else 1
    return 1


def _animation_notes(image: Image.Image) -> tuple[str, ...]:
    return (_FIRST_PICTURE,) if getattr(image, "is_animated", False) else ()


def _decode_tiff(file: BinaryIO, max_pixels: int) -> Raster:
    with TiffFile(file) as tiff:
        page = tiff.pages[0]
        if not isinstance(page, TiffPage) or page.dtype is None:
            raise _RefusedError("its kind of pixels is not supported; save it as 8 or 16 bits")
        _check_size(page.imagewidth, page.imagelength * page.imagedepth, max_pixels)
        if page.samplesperpixel > 4:  # many channels need as much memory as many pixels
            layers = -(-page.samplesperpixel // 4)
            _check_size(page.imagewidth, page.imagelength * layers, max_pixels)
        raster = _interpret_tiff(page, _tiff_samples(page))
        tag = page.tags.get(274)
        orientation = int(tag.value) if tag is not None and tag.value in range(1, 9) else 1
        notes = (_FIRST_PICTURE,) if len(tiff.pages) > 1 else ()
    return replace(raster, orientation=orientation, notes=notes)


def _tiff_samples(page: TiffPage) -> npt.NDArray[Any]:
    """(H, W, C), without alpha."""
    samples = page.asarray(maxworkers=1)
    if samples.dtype == np.bool_:
        samples = samples.astype(np.uint8)
    if samples.dtype.kind not in "uif":
        raise _RefusedError(f"pixels of type {samples.dtype} are not supported; save real numbers")
    if samples.ndim == 3 and page.planarconfig == 2:
        samples = np.moveaxis(samples, 0, -1)
    samples = _with_channels(samples)
    if samples.ndim != 3:
        raise _RefusedError(f"its axes {page.axes} are not those of a flat picture")
    # Extra samples come last; 1 and 2 are alpha.
    for kind in reversed(page.extrasamples):
        if int(kind) not in {1, 2} or samples.shape[2] == 1:
            break
        samples = samples[..., :-1]
    return samples


def _interpret_tiff(page: TiffPage, samples: npt.NDArray[Any]) -> Raster:
    bits = page.bitspersample if isinstance(page.bitspersample, int) else samples.itemsize * 8
    full_range = _full_range(samples.dtype, bits)
    photometric = int(page.photometric)
    if photometric == 3 and page.colormap is not None:
        return Raster(samples, full_range, _tiff_palette(page.colormap))
    if photometric == 0 and full_range is not None:
        low, high = (samples.dtype.type(bound) for bound in full_range)
        return Raster(high - (samples - low), full_range, not_labels=_AMBIGUOUS_WHITE)
    if photometric == 5 and full_range is not None and samples.shape[2] >= 4:
        return Raster(_cmyk_to_rgb(samples, full_range[1]), full_range, not_labels="it is CMYK")
    compressed_color = photometric == 6 and samples.shape[2] == 3 and page.compression != 1
    if photometric not in {0, 1, 2} and not compressed_color:
        raise _RefusedError("its colour space is not supported; save it as gray or RGB")
    not_labels = _LOSSY if compressed_color else _AMBIGUOUS_GRAY if bits in {2, 4} else None
    return Raster(samples, full_range, not_labels=not_labels)


def _full_range(dtype: np.dtype[Any], bits: int) -> tuple[float, float] | None:
    if dtype.kind == "f":
        return None
    if dtype.kind == "u":
        return 0.0, float(2**bits - 1)
    return float(-(2 ** (bits - 1))), float(2 ** (bits - 1) - 1)


def _tiff_palette(colormap: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint8]:
    """(N, 3) from TIFF's (3, N) of 16 bits; some writers store 8-bit values there."""
    colors = colormap.T if colormap.max(initial=0) <= 255 else colormap.T >> 8
    return _padded(colors.astype(np.uint8), 256)


def _cmyk_to_rgb(samples: npt.NDArray[Any], high: float) -> npt.NDArray[Any]:
    ink = samples[..., :4].astype(np.float64) / high
    color = (1 - ink[..., :3]) * (1 - ink[..., 3:])
    return np.rint(color * high).astype(samples.dtype)


def _padded(colors: npt.NDArray[np.uint8], count: int) -> npt.NDArray[np.uint8]:
    """At least ``count`` colours, black where the file names none, so that any index is valid."""
    return np.pad(colors, ((0, max(0, count - len(colors))), (0, 0)))


def _with_channels(samples: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return samples[..., None] if samples.ndim == 2 else samples


def _orient(samples: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    """Turn (H, W, C) as EXIF asks; odd orientations of 5..8 swap height and width."""
    if orientation in {5, 6, 7, 8}:
        samples = samples.swapaxes(0, 1)
    if orientation in {2, 3, 6, 7}:
        samples = samples[:, ::-1]
    if orientation in {3, 4, 7, 8}:
        samples = samples[::-1]
    return samples


_DECODERS: dict[bytes, Callable[[bytes, int], Raster]] = {
    b"\x89PNG\r\n\x1a\n": _decode_png,
    b"\xff\xd8\xff": _decode_jpeg,
    b"GIF8": _decode_with(GifImagePlugin.GifImageFile),
    b"BM": _decode_with(BmpImagePlugin.BmpImageFile),
    b"RIFF": _decode_with(WebPImagePlugin.WebPImageFile, _LOSSY),
    **{b"P%d" % kind: _decode_pnm for kind in range(1, 7)},
}
