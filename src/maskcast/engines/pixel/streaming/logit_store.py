"""Logits of a large picture, of which nearly all is background, packed in a temporary file."""

from __future__ import annotations

import zlib
from typing import BinaryIO

import cv2
import numpy as np

from maskcast.engines.pixel.filters import Plane
from maskcast.engines.pixel.learning.snapping import around

NOWHERE = np.float32(-100.0)
"""Stands for every logit that no result depends on."""

_REACH = 2 * (around(16, 17, 33).stop - 17) + 1


class LogitStore:
    """Keeps the logits of objects around pixels above a floor, rows of tiles by rows of tiles."""

    def __init__(self, file: BinaryIO) -> None:
        """Write to an empty file, that is open to be read as well."""
        self._file = file
        self._places: dict[tuple[int, int], tuple[int, int, tuple[int, int]]] = {}
        self._end = 0
        self._last: tuple[tuple[int, int], Plane] | None = None

    def put(self, row: int, index: int, logits: Plane, floor: float) -> None:
        """Keep what is needed of an object's logits.

        Args:
            row: of tiles.
            index: of the object.
            logits: float32 (h, W).
            floor: pixels above it, what filters reach from them, and the edges of these rows, which
                other rows may reach, stay as they are.
        """
        above = (logits > floor).view(np.uint8)
        needed = cv2.dilate(above, np.ones((_REACH, _REACH), np.uint8)).view(np.bool_)
        edge = _REACH // 2
        needed[:edge] = needed[-edge:] = True
        kept = np.where(needed, logits, NOWHERE)
        data = zlib.compress(kept.view(np.uint8).reshape(-1, 4).T.tobytes(), 1)
        self._file.seek(self._end)
        self._file.write(data)
        self._places[row, index] = self._end, len(data), (logits.shape[0], logits.shape[1])
        self._end += len(data)

    def rows(self, row: int, index: int) -> Plane:
        """What was kept, float32 (h, W); ``NOWHERE`` elsewhere."""
        if self._last is not None and self._last[0] == (row, index):
            return self._last[1]
        start, size, shape = self._places[row, index]
        self._file.seek(start)
        data = np.frombuffer(zlib.decompress(self._file.read(size)), np.uint8)
        plane = np.ascontiguousarray(data.reshape(4, -1).T).view(np.float32).reshape(shape)
        self._last = (row, index), plane
        return plane
