"""Logits of a large picture, of which nearly all is background and left out, in a file.

The file says what it belongs to and can be gone on with: a header, then a record for each object of
each row of tiles, from the top down: which logits are kept, as packed bits, and these. What a kill
left half written is cut off.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import BinaryIO, Final

import cv2
import numpy as np

from maskcast.engines.pixel.filters import Plane
from maskcast.engines.pixel.learning.snapping import around

NOWHERE: Final = np.float32(-100.0)
"""Stands for every logit that no result depends on."""

_REACH: Final = 2 * (around(16, 17, 33).stop - 17) + 1
_MAGIC: Final = b"maskcast logits 2\n"
_RECORD: Final = struct.Struct("<IIIIQQI")
"""Row of tiles, object, height, width, bytes of the bits and of the logits, CRC-32 of both."""


@dataclass(frozen=True)
class _Place:
    """Where in the file the logits of an object in a row of tiles are.

    Attributes:
        start: of the bits; the logits follow.
        bits: bytes of them, packed.
        logits: bytes of them, float32.
        shape: of the row of tiles.
    """

    start: int
    bits: int
    logits: int
    shape: tuple[int, int]

    @property
    def end(self) -> int:
        return self.start + self.bits + self.logits


class LogitStore:
    """Keeps the logits of objects around pixels above a floor, rows of tiles by rows of tiles."""

    def __init__(self, file: BinaryIO, identity: str, objects: int) -> None:
        """Go on with what a file holds, if it belongs to the same picture, model and tiles.

        Args:
            file: open to be read and written.
            identity: another one if the logits would be others.
            objects: how many a row of tiles has.
        """
        self._file, self._objects = file, objects
        self._places: dict[tuple[int, int], _Place] = {}
        self._last: tuple[tuple[int, int], Plane] | None = None
        head = _MAGIC + zlib.crc32(identity.encode()).to_bytes(4, "little") + identity.encode()
        file.seek(0)
        if file.read(len(head)) == head:
            self._end = self._find_records(len(head))
        else:
            self._end = len(head)
            file.seek(0)
            file.write(head)
        file.truncate(self._end)

    @property
    def rows_kept(self) -> int:
        """Rows of tiles that are there whole, from the top down."""
        return len(self._places) // self._objects

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
        bits = zlib.compress(np.packbits(needed).tobytes(), 1)
        kept = logits[needed].tobytes()
        check = zlib.crc32(kept, zlib.crc32(bits))
        place = _Place(self._end + _RECORD.size, len(bits), len(kept), logits.shape)
        self._file.seek(self._end)
        self._file.write(_RECORD.pack(row, index, *logits.shape, len(bits), len(kept), check))
        self._file.write(bits)
        self._file.write(kept)
        self._file.flush()
        self._places[row, index] = place
        self._end = place.end

    def rows(self, row: int, index: int) -> Plane:
        """What was kept, float32 (h, W); ``NOWHERE`` elsewhere."""
        if self._last is not None and self._last[0] == (row, index):
            return self._last[1]
        place = self._places[row, index]
        self._file.seek(place.start)
        bits = np.frombuffer(zlib.decompress(self._file.read(place.bits)), np.uint8)
        kept = np.frombuffer(self._file.read(place.logits), np.float32)
        plane = np.full(place.shape, NOWHERE)
        needed = np.unpackbits(bits, count=plane.size).view(np.bool_).reshape(place.shape)
        plane[needed] = kept
        self._last = (row, index), plane
        return plane

    def _find_records(self, at: int) -> int:
        """Note the records from ``at`` on; returns where the last whole row of tiles ends."""
        end, number = at, 0
        while True:
            self._file.seek(at)
            head = self._file.read(_RECORD.size)
            if len(head) < _RECORD.size:
                break
            row, index, height, width, bits, logits, check = _RECORD.unpack(head)
            place = _Place(at + _RECORD.size, bits, logits, (height, width))
            data = self._file.read(bits + logits)
            is_next = (row, index) == divmod(number, self._objects)
            if not is_next or len(data) < bits + logits or zlib.crc32(data) != check:
                break
            self._places[row, index] = place
            at = place.end
            number += 1
            if number % self._objects == 0:
                end = at
        whole = number // self._objects
        self._places = {key: place for key, place in self._places.items() if key[0] < whole}
        return end
