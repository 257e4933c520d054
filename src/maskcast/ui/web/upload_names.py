"""Names of uploaded files, made harmless."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from maskcast.errors import UploadError
from maskcast.io.images import IMAGE_SUFFIXES, is_image_name

_MOST_PARTS: Final = 8
_MOST_BYTES_IN_NAME: Final = 180
_FORBIDDEN: Final = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\/\u2028\u2029\u200e\u200f\u202a-\u202e]')
_RESERVED: Final = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)


def clean_name(name: str) -> str:
    """A name from a browser as a harmless POSIX path, relative and without ``..``.

    Folders of a dropped folder are kept. Letters of any script are; control and reserved
    characters become ``_``, hidden names lose their dot, names too long lose their middle.

    Raises:
        UploadError: if no picture's name is left.
    """
    parts = [part for part in re.split(r"[/\\]", unicodedata.normalize("NFC", name)) if part]
    cleaned = [part for part in map(_clean_part, parts[-_MOST_PARTS:]) if part]
    if not cleaned or not is_image_name(cleaned[-1]):
        shown = name[-80:]
        raise UploadError(
            f"{shown!r} is not a picture's name; files end in "
            f"{', '.join(sorted(suffix[1:] for suffix in IMAGE_SUFFIXES))}"
        )
    return "/".join(cleaned)


def _clean_part(part: str) -> str:
    cleaned = _FORBIDDEN.sub("_", part).strip().lstrip(".").rstrip(". ")
    cleaned = cleaned.encode("utf-8", "ignore").decode("utf-8")
    stem, dot, suffix = cleaned.rpartition(".")
    if not dot:
        stem, suffix = cleaned, ""
    if _RESERVED.fullmatch(stem):
        stem = f"{stem}_"
    while len(f"{stem}{dot}{suffix}".encode()) > _MOST_BYTES_IN_NAME:
        middle = len(stem) // 2
        stem, suffix = stem[:middle] + stem[middle + 1 :], suffix[:20]
    return f"{stem}{dot}{suffix}"
