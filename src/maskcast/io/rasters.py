"""Picture files to sample arrays: what is in the file, before any decision on how it looks.

``images`` is the module to use; this one is its lower half. A file is told by its first bytes,
never by its suffix, and only the decoders named here can be reached. What a header claims is
compared with the bound and with the file before anything is decoded. All decoders release the
interpreter lock while they work.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from maskcast.errors import ImageError
from maskcast.io.decoders import jpeg, jpeg2000, jpegxl, plugins, png, tiff
from maskcast.io.decoders.raster import DamagedError, Decoder, Limits, Raster, RefusedError
from maskcast.io.decoders.tiff_layout import SIGNATURES
from maskcast.io.read_options import DEFAULT_OPTIONS, ReadOptions
from maskcast.io.storage import Readable

_DECODERS: dict[bytes, Decoder] = {
    b"\x89PNG\r\n\x1a\n": png.decode,
    b"\xff\xd8\xff": jpeg.decode,
    b"GIF8": plugins.decode_gif,
    b"BM": plugins.decode_bmp,
    jpeg2000.CONTAINER: jpeg2000.decode,
    jpeg2000.CODESTREAM: jpeg2000.decode,
    jpegxl.CONTAINER: jpegxl.decode,
    jpegxl.CODESTREAM: jpegxl.decode,
    **{b"P%d" % kind: plugins.decode_pnm for kind in range(1, 7)},
}
_DAMAGED = "it is damaged or cut off ({}); copy or export it again"
_DEEP = (
    *(b"II", b"MM", b"P"),
    *(jpeg2000.CONTAINER, jpeg2000.CODESTREAM),
    *(jpegxl.CONTAINER, jpegxl.CODESTREAM),
)
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_MOST_BRANDS = 256


def unreadable(path: Readable, reason: str) -> ImageError:
    """The error for a picture that cannot be read, naming the file."""
    return ImageError(f"{path} cannot be read: {reason}")


def read_raster(path: Readable, options: ReadOptions) -> Raster:
    """Decode a picture in the file: the first, or the page that the options ask for.

    Returns:
        It in its oriented frame.

    Raises:
        ImageError: if there is no such file, it cannot be decoded whole and damaged files are not
            accepted, or it has more pixels than the bound or than its size makes likely.
    """
    with unreadable_if_it_fails(path, options):
        with opened(path) as file:
            raster = _decode(file, options)
        samples = np.ascontiguousarray(orient(raster.samples, raster.orientation))
        return replace(raster, samples=samples, orientation=1)


@contextmanager
def unreadable_if_it_fails(
    path: Readable, options: ReadOptions = DEFAULT_OPTIONS
) -> Iterator[None]:
    """Turn whatever decoding a picture raises into an ``ImageError`` that names the file."""
    try:
        yield
    except DamagedError as damage:
        advice = "" if options.accept_damaged else ", or accept it with --accept-damaged"
        raise unreadable(path, _DAMAGED.format(damage) + advice) from damage
    except RefusedError as refusal:
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
        raise unreadable(path, _DAMAGED.format(detail)) from error


def read_alpha(path: Readable) -> npt.NDArray[np.uint8] | None:
    """The transparency of a PNG that ``read_raster`` has read.

    Returns:
        uint8 (H, W) in the oriented frame, 0 = transparent; None if all of it is opaque or the
        file is no PNG.

    Raises:
        ImageError: if it cannot be decoded.
    """
    try:
        with opened(path) as file:
            data = file.read()
        alpha = png.decode_alpha(data) if data.startswith(b"\x89PNG") else None
    except Exception as error:  # as above
        raise unreadable(path, _DAMAGED.format(" ".join(str(error).split()))) from error
    if alpha is None:
        return None
    return np.ascontiguousarray(orient(alpha.samples, alpha.orientation)[..., 0])


def may_be_deep(path: Readable) -> bool:
    """Whether a picture may have more than 8 bits per sample, by its first bytes alone.

    Returns:
        False for what only 8 bits can be in, and for what cannot be opened.
    """
    try:
        with opened(path) as file:
            head = file.read(32)
    except (OSError, RefusedError):
        return False
    if head.startswith(b"\x89PNG"):
        return head[24:25] > b"\x08"  # the bit depth in its header
    return head.startswith(_DEEP)


def opened(path: Readable) -> BinaryIO:
    """The file or object, to be read.

    Raises:
        RefusedError: if it is no regular file, or the store does not give it.
        OSError: if it cannot be opened.
    """
    if isinstance(path, Path):
        _check_regular(path)
        return path.open("rb")
    try:
        return BytesIO(path.read_bytes())
    except FileNotFoundError:
        raise
    except OSError as error:
        raise RefusedError(f"the store does not give it ({error})") from error


def _check_regular(path: Path) -> None:
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise RefusedError("it is a folder")
    if not stat.S_ISREG(mode):  # reading a pipe would wait for ever
        raise RefusedError("it is not a regular file")


def _decode(file: BinaryIO, options: ReadOptions) -> Raster:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    limits = Limits(options, size)
    head = file.read(_MOST_BRANDS)
    file.seek(0)
    if not head:
        raise RefusedError("it is empty (zero bytes); copy or export it again")
    if head[:4] in SIGNATURES:
        return tiff.decode(file, limits)
    return _decoder(head)(file.read(), limits)


def _decoder(head: bytes) -> Decoder:
    """Of a file that is no TIFF.

    Raises:
        RefusedError: if no decoder reads such files.
    """
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return plugins.decode_webp
    if head[4:8] == b"ftyp":
        end = min(len(head), int.from_bytes(head[:4]))
        brands = {head[at : at + 4] for at in range(8, end - 3, 4)}
        if brands & _AVIF_BRANDS:
            return plugins.decode_avif
        raise RefusedError("it is a HEIC picture or a film, which is not read; save it as PNG")
    for magic, decoder in _DECODERS.items():
        if head.startswith(magic):
            return decoder
    raise RefusedError(
        "it is not a PNG, JPEG, TIFF, BMP, GIF, WebP, PNM, AVIF, JPEG 2000 or JPEG XL picture"
    )


def orient(samples: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    """Turn (H, W, C) as EXIF asks; odd orientations of 5..8 swap height and width."""
    if orientation in {5, 6, 7, 8}:
        samples = samples.swapaxes(0, 1)
    if orientation in {2, 3, 6, 7}:
        samples = samples[:, ::-1]
    if orientation in {3, 4, 7, 8}:
        samples = samples[::-1]
    return samples
