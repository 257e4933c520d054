"""How much a picture will take to decode, by its header alone."""

from __future__ import annotations

import math
from pathlib import Path
from typing import BinaryIO, Final

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    WebPImagePlugin,
)
from tifffile import TiffFile, TiffPage

from maskcast.io.decoders import jpeg2000, jpegxl
from maskcast.io.rasters import may_be_deep
from maskcast.io.read_options import ReadOptions

_PLUGINS: Final = {
    b"\x89PNG": PngImagePlugin.PngImageFile,
    b"\xff\xd8": JpegImagePlugin.JpegImageFile,
    b"GIF8": GifImagePlugin.GifImageFile,
    b"BM": BmpImagePlugin.BmpImageFile,
    b"RIFF": WebPImagePlugin.WebPImageFile,
    b"P": PpmImagePlugin.PpmImageFile,
}
_SIZES: Final = {
    jpeg2000.read_size: (jpeg2000.CONTAINER, jpeg2000.CODESTREAM),
    jpegxl.read_size: (jpegxl.CONTAINER, jpegxl.CODESTREAM),
}
_HEAD: Final = 4096
_DEEP: Final = 4
"""Times the memory of 8 bits that pixels take which may be deeper, until they are RGB."""


def pixels_in(path: Path, options: ReadOptions) -> int:
    """The pixels of 8-bit RGB that take as much memory to decode as the picture in a file.

    About 11 bytes each while ``read_image`` is at work.

    Args:
        path: of the file.
        options: that it will be read with.

    Returns:
        1 to a few times ``options.max_pixels``, beyond which nothing is decoded; that itself if
        the header cannot be read.
    """
    try:
        with path.open("rb") as file:
            height, width, layers = _claimed(file, options.page or 1)
            claimed = height * width * layers
    except Exception:  # noqa: BLE001  # whatever is wrong with it, reading it will tell
        return options.max_pixels
    depth = _DEEP if may_be_deep(path) else 1
    return max(1, min(claimed, options.max_pixels)) * depth


def picture_size(path: Path, options: ReadOptions) -> tuple[int, int] | None:
    """Height and width that a picture's header claims, as it is stored; None if it cannot be read.

    Args:
        path: of the file.
        options: that it will be read with.
    """
    try:
        with path.open("rb") as file:
            height, width, _ = _claimed(file, options.page or 1)
    except Exception:  # noqa: BLE001  # as above
        return None
    return height, width


def _claimed(file: BinaryIO, page_number: int) -> tuple[int, int, int]:
    """Height, width, and how many times as much as one layer of them is decoded."""
    head = file.read(_HEAD)
    file.seek(0)
    for read_size, magics in _SIZES.items():
        if head.startswith(magics):
            width, height = read_size(head)
            return height, width, 1
    if head[:2] in {b"II", b"MM"}:
        with TiffFile(file) as tiff:
            page = tiff.pages[page_number - 1]
            if not isinstance(page, TiffPage):
                raise TypeError("a frame has no size of its own")
            layers = page.imagedepth * math.ceil(page.samplesperpixel / 4)
            return int(page.imagelength), int(page.imagewidth), int(layers)
    plugin = next((plugin for magic, plugin in _PLUGINS.items() if head.startswith(magic)), None)
    # What is neither is refused by the plugin.
    image = plugin(file) if plugin is not None else AvifImagePlugin.AvifImageFile(file)
    return int(image.height), int(image.width), 1
