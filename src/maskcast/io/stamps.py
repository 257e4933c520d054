"""Telling whether a file is still the same one, without reading it."""

from __future__ import annotations

from pathlib import Path

from maskcast.io.storage import Place

FileStamp = tuple[int, int]
"""When a file was last written, in nanoseconds, and its bytes."""


def stamp_of(place: Place | None) -> FileStamp | None:
    """The stamp of a file; None if there is none, or in a store, where it is not told."""
    if not isinstance(place, Path):
        return None
    try:
        status = place.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
