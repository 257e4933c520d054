"""References, and targets that are corrected, as a labeler shows them."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from cachetools import LRUCache

from maskcast.io.images import read_image
from maskcast.io.sizes import pixels_in
from maskcast.io.stamps import stamp_of
from maskcast.project.folder import ProjectFolder
from maskcast.project.references import ReferencePictures
from maskcast.types import RgbImage
from maskcast.ui.turns import Turns

_KEPT_BYTES: Final = 200_000_000
"""Of pictures; a larger one is kept alone."""


class ReferenceImages:
    """Keeps the references looked at last; safe to share between threads."""

    def __init__(self, project: ProjectFolder, turns: Turns | None = None) -> None:
        """Show the references of ``project``; nothing is read yet, and decoding takes a turn."""
        self._project = project
        self._place = project.references_place
        self._turns = turns or Turns()
        self._pictures = ReferencePictures(project)
        self._lock = threading.Lock()
        self._kept: LRUCache[object, RgbImage] = LRUCache(
            _KEPT_BYTES, getsizeof=lambda image: min(image.nbytes, _KEPT_BYTES)
        )

    def image_ids(self) -> list[str]:
        """See ``ReferencePictures.image_ids``."""
        return self._pictures.image_ids()

    def load(self, image_id: str) -> RgbImage:
        """The picture as uint8 (H, W, 3) RGB, oriented; see ``ReferencePictures.read``.

        It owns its pixels and is not writeable, which tells an engine that it stays as it is.

        Raises:
            ImageError: if it cannot be read.
        """
        key = self._identity(image_id)
        with self._lock:
            image = self._kept.get(key)
        if image is None:
            with self.turn(image_id):
                image = self._read(image_id)
                image = image if image.flags.owndata else image.copy()
            image.flags.writeable = False
            with self._lock:
                self._kept[key] = image
        return image

    def turn(self, image_id: str) -> AbstractContextManager[None]:
        """The turn of whoever decodes a picture and works with it; see ``Turns.take``.

        A lock that others may want while they have a turn is taken after it, not before.
        """
        place = self._place / image_id
        options = self._project.settings.images.read_options
        pixels = pixels_in(place, options) if isinstance(place, Path) else options.max_pixels
        return self._turns.take(pixels)

    def _identity(self, image_id: str) -> Hashable:
        return self._pictures.identity(image_id)

    def _read(self, image_id: str) -> RgbImage:
        return self._pictures.read(image_id).rgb


class TargetImages(ReferenceImages):
    """The same for targets, which are seen through the window of the references."""

    def __init__(self, project: ProjectFolder, turns: Turns | None = None) -> None:
        """Show the targets of ``project``; nothing is read yet, and decoding takes a turn."""
        super().__init__(project, turns)
        self._place = project.targets_place

    def image_ids(self) -> list[str]:
        """None are listed: there may be millions, and the review knows which is next."""
        return []

    def _identity(self, image_id: str) -> Hashable:
        return image_id, stamp_of(self._place / image_id), self._pictures.window()

    def _read(self, image_id: str) -> RgbImage:
        options = self._project.settings.images.read_options
        return read_image(
            self._place / image_id, window=self._pictures.window(), options=options
        ).rgb
