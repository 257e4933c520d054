"""The references as a labeler shows them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

from maskcast.errors import ImageError
from maskcast.io.images import IntensityWindow, measure_window, read_image
from maskcast.io.listing import find_images
from maskcast.io.rasters import may_be_deep, read_raster
from maskcast.io.read_options import ReadOptions
from maskcast.project.folder import ProjectFolder
from maskcast.types import RgbImage

_KEPT = 4

_Stamp = tuple[int, int]


class ReferenceImages:
    """Reads references and keeps the ones looked at last; safe to share between threads."""

    def __init__(self, project: ProjectFolder) -> None:
        """Show the references of ``project``; nothing is read yet."""
        self._project = project
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, _Stamp], RgbImage] = OrderedDict()
        self._window: tuple[frozenset[tuple[Path, _Stamp]], IntensityWindow | None] | None = None

    def image_ids(self) -> list[str]:
        """All images in the references folder, ascending; empty if there is no folder."""
        folder = self._project.references_folder
        if not folder.is_dir():
            return []
        return [target.image_id for target in find_images(folder).targets]

    def load(self, image_id: str) -> RgbImage:
        """The picture as uint8 (H, W, 3) RGB, oriented; deep ones through the project's window.

        Raises:
            ImageError: if it cannot be read.
        """
        path = self._project.references_folder / image_id
        key = image_id, _stamp(path)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        options = self._project.settings.images.read_options
        image = read_image(path, window=self._intensity_window(), options=options).rgb
        with self._lock:
            self._kept[key] = image
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return image

    def _intensity_window(self) -> IntensityWindow | None:
        """As set, else from all references: before the first is annotated there are no others."""
        settings = self._project.settings.images
        if settings.intensity_window is not None:
            return settings.intensity_window
        paths = [self._project.references_folder / image_id for image_id in self.image_ids()]
        seen = frozenset((path, _stamp(path)) for path in paths)
        with self._lock:
            if self._window is None or self._window[0] != seen:
                self._window = (
                    seen,
                    measure_window(
                        [path for path in paths if _is_deep(path, settings.read_options)],
                        settings.read_options,
                    ),
                )
            return self._window[1]


def _stamp(path: Path) -> _Stamp:
    """Tells whether a file is still the same one."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size


def _is_deep(path: Path, options: ReadOptions) -> bool:
    """Whether a picture has a say in the window.

    Only those are decoded that may have more than 8 bits, so that many photographs open at once;
    a damaged one must not keep the others from being shown.
    """
    if not may_be_deep(path):
        return False
    try:
        read_raster(path, options)
    except ImageError:
        return False
    return True
