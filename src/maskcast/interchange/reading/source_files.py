"""Files of other tools: regular ones only, and texts in the encodings that tools write."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterable
from pathlib import Path

from maskcast.errors import AnnotationError
from maskcast.io.jsonfile import Node


def files_of(found: Iterable[Path]) -> list[Path]:
    """These paths in order, without what macOS puts beside each file in archives and on sticks."""
    return sorted(
        path for path in found if not (path.name.startswith("._") or "__MACOSX" in path.parts)
    )


def read_text_file(path: Path) -> str:
    """The text of a file in UTF-8, or in UTF-16 or UTF-32 as some tools on Windows write it.

    Raises:
        AnnotationError: if it cannot be read or is in another encoding.
    """
    data = read_file(path)
    try:
        # Two zero bytes of four tell UTF-16 and UTF-32, whatever the text is.
        return data.decode(json.detect_encoding(data[:4]) if data else "utf-8")
    except UnicodeDecodeError as error:
        raise AnnotationError(
            f"{path} is not a text in UTF-8; save it as such or leave it out"
        ) from error


def read_json_file(path: Path) -> Node:
    """The whole of a JSON file.

    Raises:
        AnnotationError: if it cannot be read or is not JSON.
    """
    text = read_text_file(path)
    try:
        return Node(json.loads(text), "", path)
    except (ValueError, RecursionError) as error:
        raise AnnotationError(f"{path} is not JSON ({error}); correct the file") from error


def read_file(path: Path) -> bytes:
    """All bytes of a regular file; reading a pipe or a device would wait or go on for ever.

    Raises:
        AnnotationError: if it cannot be read.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise AnnotationError(f"{path} is not a regular file; give one or leave it out")
        return path.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise AnnotationError(f"{path} cannot be read ({reason}); correct that") from error
