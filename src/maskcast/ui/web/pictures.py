"""Targets and overlays as a browser shows them: found through the ledger, never by a path."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from maskcast.errors import ImageError, MaskcastError
from maskcast.io.images import IntensityWindow, encode_jpeg, read_image
from maskcast.io.storage import Readable
from maskcast.project.folder import ProjectFolder
from maskcast.project.references import ReferencePictures
from maskcast.results.files import ResultFiles, file_behind
from maskcast.runs.copies import opened_ledger
from maskcast.runs.ledger import TargetRow
from maskcast.types import RgbImage
from maskcast.ui.web.fence import Fence

THUMBNAIL_SIDE: Final = 320
_LARGE_SIDE: Final = 4096
_KEPT_BYTES: Final = 48_000_000
_AT_ONCE: Final = 2

_Stamp = tuple[int, int]


class TargetPictures:
    """JPEGs of targets and overlays; safe to use from any thread."""

    def __init__(self, project: ProjectFolder) -> None:
        """Nothing is read yet."""
        self._project = project
        self._files = ResultFiles(project.output_place)
        self._kept = _ByteCache(_KEPT_BYTES)
        # Decoding large pictures takes memory: not many at once, however fast somebody scrolls.
        self._turns = threading.Semaphore(_AT_ONCE)
        self._references = ReferencePictures(project)

    def row(self, image_id: str) -> TargetRow | None:
        """What the ledger says of a target; None if it does not know it."""
        with opened_ledger(self._project) as ledger:
            return None if ledger is None else ledger.row(image_id)

    def overlay(self, image_id: str) -> bytes | None:
        """The overlay of a target that is done, a JPEG; None if there is none to be shown.

        Raises:
            ImageError: if it cannot be read, as when its shard is missing.
        """
        found = self._overlay(image_id)
        try:
            return None if found is None else found.read_bytes()
        except FileNotFoundError as error:
            raise ImageError(f"{found} is missing; put it back, or run with --fresh") from error
        except OSError as error:
            raise ImageError(f"{found} cannot be read ({error.strerror or error})") from error

    def thumbnail(self, image_id: str) -> bytes | None:
        """A small JPEG of the overlay, else of the target; None if there is nothing to be shown."""
        of_overlay = self._encoded(self._overlay(image_id), THUMBNAIL_SIDE)
        return of_overlay or self._encoded(self._target(image_id), THUMBNAIL_SIDE)

    def original(self, image_id: str) -> bytes | None:
        """The target as a JPEG of at most 4096 pixels a side; None if it cannot be shown."""
        return self._encoded(self._target(image_id), _LARGE_SIDE)

    def _overlay(self, image_id: str) -> Readable | None:
        row = self.row(image_id)
        if row is None or row.state != "done":
            return None
        found = self._files.overlay(row)
        file = file_behind(found)
        if file is None or not file.exists():  # reading it will tell
            return found
        return found if Fence(self._project.output_folder).admits(file) else None

    def _target(self, image_id: str) -> Path | None:
        if self.row(image_id) is None:
            return None
        path = self._project.targets_folder / image_id
        return path if Fence(self._project.targets_folder).admits(path) else None

    def _encoded(self, picture: Readable | None, side: int) -> bytes | None:
        if picture is None:
            return None
        key = str(picture), _stamp(file_behind(picture)), side
        found = self._kept.get(key)
        if found is None:
            with self._turns:
                try:
                    found = encode_jpeg(_fitted(self._read(picture), side), quality=85)
                except MaskcastError:
                    return None
            self._kept.put(key, found)
        return found

    def _read(self, picture: Readable) -> RgbImage:
        settings = self._project.settings.images
        window = self._intensity_window()
        return read_image(picture, window=window, options=settings.read_options).rgb

    def _intensity_window(self) -> IntensityWindow | None:
        return self._references.window()


class _ByteCache:
    """The byte strings used last, up to so many bytes in all."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._size = 0
        self._lock = threading.Lock()
        self._kept: OrderedDict[object, bytes] = OrderedDict()

    def get(self, key: object) -> bytes | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: object, value: bytes) -> None:
        with self._lock:
            self._size += len(value) - len(self._kept.pop(key, b""))
            self._kept[key] = value
            while self._size > self._bound:
                self._size -= len(self._kept.popitem(last=False)[1])


def _fitted(image: RgbImage, side: int) -> RgbImage:
    height, width = image.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return image
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _stamp(path: Path | None) -> _Stamp | None:
    """Tells whether a file is still the same one; None if there is none."""
    if path is None:
        return None
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
