"""Putting pictures into an export."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

from PIL import Image, ImageOps

from maskcast.errors import ImageError
from maskcast.interchange.formats.writing import count
from maskcast.interchange.options import PictureMode
from maskcast.io.atomic import raise_if_storage, write_atomically
from maskcast.io.storage import Place

_ORIENTATION = 0x0112
_QUALITY: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"lossless": True}}
)


class Placer:
    """Copies or links pictures and remembers what to tell about them."""

    def __init__(self, mode: PictureMode, folder: Path) -> None:
        """Place pictures into ``folder``."""
        self._mode = mode
        self._folder = folder
        self._counts: Counter[str] = Counter()

    def place(self, original: Place, relative: str) -> None:
        """Put one picture to ``relative``; one that is missing or damaged is counted."""
        try:
            self._place(original, self._folder / relative)
        except FileNotFoundError:
            self._counts["missing"] += 1
        except (ImageError, OSError) as error:
            if isinstance(error, OSError):
                raise_if_storage(error, self._folder)
            self._counts["unreadable"] += 1

    def _place(self, original: Place, target: Path) -> None:
        if self._mode == "copy":
            data = original.read_bytes()
            turned = orientation(BytesIO(data)) != 1
            write_atomically(target, _turned(data) if turned else data)
        elif isinstance(original, Path):  # a store is not asked for what is not needed
            with original.open("rb") as file:
                turned = orientation(file) != 1
            if self._mode == "link":
                target.parent.mkdir(parents=True, exist_ok=True)
                target.symlink_to(original.resolve())
        else:
            return
        self._counts["turned"] += turned

    def remarks(self) -> list[str]:
        """What to tell the user."""
        told = []
        if self._counts["missing"] and self._mode != "none":
            told.append(
                f"{count(self._counts['missing'], 'picture')} not in the targets folder any more "
                "and missing in the export"
            )
        if self._counts["unreadable"] and self._mode != "none":
            did = "copied" if self._mode == "copy" else "linked"
            told.append(f"{count(self._counts['unreadable'], 'picture')} could not be {did}")
        turned = self._counts["turned"]
        if turned and self._mode == "copy":
            told.append(f"{count(turned, 'picture')} turned by EXIF: the copies are stored upright")
        elif turned:
            told.append(
                f"{count(turned, 'picture')} turned by EXIF: masks fit them upright, so tools that "
                "ignore EXIF show them askew; --copy-images stores them upright"
            )
        return told


def orientation(file: BinaryIO) -> int:
    """The EXIF orientation 1..8 of a picture, from its header; 1 if it has none."""
    # A picture that cannot be opened failed in the run already.
    with contextlib.suppress(Exception), Image.open(file) as image:
        if image.format == "PNG" and not {"exif", "Raw profile type exif"} & image.info.keys():
            return 1  # asking further would decode all pixels
        value = image.getexif().get(_ORIENTATION, 1)
        return value if value in range(1, 9) else 1
    return 1


def _turned(data: bytes) -> bytes:
    """The picture stored upright, in its own format; JPEG loses next to nothing."""
    stream = BytesIO()
    try:
        with Image.open(BytesIO(data)) as image:
            # Cameras call a JPEG with a preview in it MPO; the preview is left out.
            kind = "JPEG" if image.format == "MPO" else image.format
            profile = image.info.get("icc_profile")
            quality = _QUALITY.get(kind or "", {})
            ImageOps.exif_transpose(image).save(stream, kind, icc_profile=profile, **quality)
    except (OSError, ValueError, SyntaxError) as error:  # what Pillow raises for damaged files
        raise ImageError(f"the picture cannot be turned ({error})") from error
    return stream.getvalue()
