"""The references as a labeler shows them."""

from __future__ import annotations

import threading

from cachetools import LRUCache

from maskcast.project.folder import ProjectFolder
from maskcast.project.references import ReferencePictures
from maskcast.types import RgbImage

_KEPT = 4


class ReferenceImages:
    """Keeps the references looked at last; safe to share between threads."""

    def __init__(self, project: ProjectFolder) -> None:
        """Show the references of ``project``; nothing is read yet."""
        self._pictures = ReferencePictures(project)
        self._lock = threading.Lock()
        self._kept: LRUCache[object, RgbImage] = LRUCache(_KEPT)

    def image_ids(self) -> list[str]:
        """See ``ReferencePictures.image_ids``."""
        return self._pictures.image_ids()

    def load(self, image_id: str) -> RgbImage:
        """The picture as uint8 (H, W, 3) RGB, oriented; see ``ReferencePictures.read``.

        It owns its pixels and is not writeable, which tells an engine that it stays as it is.

        Raises:
            ImageError: if it cannot be read.
        """
        key = self._pictures.identity(image_id)
        with self._lock:
            image = self._kept.get(key)
        if image is None:
            image = self._pictures.read(image_id).rgb
            image = image if image.flags.owndata else image.copy()
            image.flags.writeable = False
            with self._lock:
                self._kept[key] = image
        return image
