"""The references as a labeler shows them."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from pathlib import Path

from cachetools import LRUCache

from maskcast.io.sizes import pixels_in
from maskcast.project.folder import ProjectFolder
from maskcast.project.references import ReferencePictures
from maskcast.types import RgbImage
from maskcast.ui.turns import Turns

_KEPT_BYTES = 200_000_000
"""Of pictures; a larger one is kept alone."""


class ReferenceImages:
    """Keeps the references looked at last; safe to share between threads."""

    def __init__(self, project: ProjectFolder, turns: Turns | None = None) -> None:
        """Show the references of ``project``; nothing is read yet, and decoding takes a turn."""
        self._project = project
        self._pictures = ReferencePictures(project)
        self._turns = turns or Turns()
        self._lock = threading.Lock()
        self._kept: LRUCache[object, RgbImage] = LRUCache(
            _KEPT_BYTES, getsizeof=lambda image: min(image.nbytes, _KEPT_BYTES)
        )

    def image_ids(self) -> list[str]:
        """See ``ReferencePictures.image_ids``."""
        return self._pictures.image_ids()

    def load(self, image_id: str) -> RgbImage:
        """The picture as uint8 (H, W, 3) RGB, oriented; see ``ReferencePictures.read``.

        Raises:
            ImageError: if it cannot be read.
        """
        key = self._pictures.identity(image_id)
        with self._lock:
            image = self._kept.get(key)
        if image is None:
            with self.turn(image_id):
                image = self._pictures.read(image_id).rgb
            with self._lock:
                self._kept[key] = image
        return image

    def turn(self, image_id: str) -> AbstractContextManager[None]:
        """Waits for the turn of whoever decodes a picture and holds it; see ``Turns.take``."""
        place = self._project.references_place / image_id
        options = self._project.settings.images.read_options
        if isinstance(place, Path):
            return self._turns.take(pixels_in(place, options))
        return self._turns.take(options.max_pixels)
