"""Boxes: how JPEG 2000, JPEG XL, AVIF and HEIC files are divided (ISO/IEC 14496-12, 4.2)."""

from __future__ import annotations

from collections.abc import Iterator

_MOST_BOXES = 1000


def find_box(data: bytes, *path: bytes) -> tuple[int, int] | None:
    """Where the content of the first box of that kind begins and ends, or None.

    Args:
        data: a file of boxes.
        path: kinds of box, each inside the one before.
    """
    start, end = 0, len(data)
    for kind in path:
        found = next((box for box in _boxes(data, start, end) if box[0] == kind), None)
        if found is None:
            return None
        _, start, end = found
    return start, end


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, begin and end of the content of each box."""
    for _ in range(_MOST_BOXES):
        if start + 8 > end:
            return
        size, kind, head = int.from_bytes(data[start : start + 4]), data[start + 4 : start + 8], 8
        if size == 1:
            size, head = int.from_bytes(data[start + 8 : start + 16]), 16
        elif size == 0:
            size = end - start
        if size < head:
            return
        yield kind, start + head, min(start + size, end)
        start += size
