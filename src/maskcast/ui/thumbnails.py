"""What a labeler shows of each object id: name, colour, count of references, latest thumbnail."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from maskcast.drawing.palette import default_spec
from maskcast.errors import ImageError
from maskcast.masks import Box, components
from maskcast.project.annotations import AnnotationFile, ObjectAnnotation
from maskcast.project.folder import ProjectFolder
from maskcast.project.store import AnnotationStore
from maskcast.types import Mask, ObjectSpec, RgbImage
from maskcast.ui.shown_references import ReferenceImages

THUMBNAIL_SIDE = 96
"""Height and width of a thumbnail in pixels, unless asked otherwise."""

_ROOM = 1.3
"""Side of the crop per longest side of the object."""

_SMALLEST_CROP = 24
"""A speck is shown with this many pixels of its surroundings, not as one coloured square."""

_DIMMED = 0.4
"""Brightness that is left outside the mask."""


@dataclass(frozen=True, eq=False)
class ObjectSummary:
    """One object id over all references.

    Attributes:
        spec: its id, name and colour.
        references: in how many of them it is annotated.
        thumbnail: uint8 (side, side, 3) RGB of its latest annotation with a mask; None if it has
            none yet, or the picture cannot be read.
    """

    spec: ObjectSpec
    references: int
    thumbnail: RgbImage | None


@dataclass(frozen=True)
class _Shown:
    """An object in a reference.

    Attributes:
        entry: its annotation.
        changed: grows from change to change that was seen.
        box: of its mask; None if that has no pixel or is not resolved.
    """

    entry: ObjectAnnotation
    changed: int
    box: Box | None

    @classmethod
    def of(cls, entry: ObjectAnnotation, changed: int) -> _Shown:
        return cls(entry, changed, None if entry.stored is None else entry.stored.code.box)

    @property
    def counts(self) -> bool:
        return not self.entry.is_resolved or self.box is not None


class ObjectGallery:
    """Summaries of object ids as saved; safe to share between threads.

    The latest annotation is the one saved last since this gallery was made; before any is saved,
    the one in the last reference by name.
    """

    def __init__(
        self,
        project: ProjectFolder,
        store: AnnotationStore,
        images: ReferenceImages,
        side: int = THUMBNAIL_SIDE,
    ) -> None:
        """Show the annotations in ``store``; nothing is read yet."""
        self._project = project
        self._store = store
        self._images = images
        self._side = side
        self._lock = threading.Lock()
        self._file: AnnotationFile | None = None
        self._changes = 0
        self._shown: dict[int, dict[str, _Shown]] = {}
        self._thumbnails: dict[int, tuple[ObjectAnnotation, RgbImage | None]] = {}

    def known_ids(self) -> list[int]:
        """Ids that are annotated or have a name of their own, ascending.

        Raises:
            AnnotationError: if the annotation file cannot be read.
        """
        with self._lock:
            file = self._current()
            return list(self._project.object_specs(self._shown, file))

    def summaries(self, object_ids: Iterable[int]) -> dict[int, ObjectSummary]:
        """Object id -> its summary, in the order asked for.

        Pictures are decoded for ids whose latest annotation changed: not for an event thread.

        Raises:
            AnnotationError: if the annotation file cannot be read.
        """
        wanted = list(object_ids)
        with self._lock:
            specs = self._project.object_specs(wanted, self._current())
            return {
                object_id: ObjectSummary(
                    specs.get(object_id) or default_spec(object_id),
                    sum(shown.counts for shown in self._shown.get(object_id, {}).values()),
                    self._thumbnail(object_id),
                )
                for object_id in wanted
            }

    def _current(self) -> AnnotationFile:
        """The file, looked through again if it changed."""
        file = self._store.read()
        if file is not self._file:
            self._changes += 1
            shown: dict[int, dict[str, _Shown]] = {}
            for image_id, annotation in sorted(file.annotations.items()):
                for object_id, entry in annotation.objects.items():
                    known = self._shown.get(object_id, {}).get(image_id)
                    if known is None or not (known.entry is entry or known.entry == entry):
                        known = _Shown.of(entry, self._changes)
                    shown.setdefault(object_id, {})[image_id] = known
            self._shown, self._file = shown, file
        return file

    def _thumbnail(self, object_id: int) -> RgbImage | None:
        masked = [
            (shown.changed, image_id)
            for image_id, shown in self._shown.get(object_id, {}).items()
            if shown.box is not None
        ]
        if not masked:
            return None
        _, image_id = max(masked)
        shown = self._shown[object_id][image_id]
        known = self._thumbnails.get(object_id)
        if known is None or known[0] is not shown.entry:
            known = shown.entry, self._crop(image_id, shown)
            self._thumbnails[object_id] = known
        return known[1]

    def _crop(self, image_id: str, shown: _Shown) -> RgbImage | None:
        stored = shown.entry.stored
        try:
            image = self._images.load(image_id)
        except ImageError:
            return None
        if stored is None or stored.shape != image.shape[:2]:
            return None
        return draw_thumbnail(image, stored.pixels, self._side)


def draw_thumbnail(image: RgbImage, mask: Mask, side: int = THUMBNAIL_SIDE) -> RgbImage:
    """A square crop round the largest part of a mask, everything outside the mask dimmed.

    Args:
        image: uint8 (H, W, 3) RGB.
        mask: bool (H, W); without a pixel, the whole image is shown dimmed.
        side: of the thumbnail in pixels, above 0.

    Returns:
        uint8 (side, side, 3) RGB; black where the crop reaches beyond the image.
    """
    height, width = mask.shape
    parts = components(mask)
    largest = max(parts, key=lambda part: part.area).box if parts else (0, 0, width, height)
    xmin, ymin, xmax, ymax = largest
    length = max(_SMALLEST_CROP, round(_ROOM * max(xmax - xmin, ymax - ymin)))
    x, y = _start(xmin, xmax, length, width), _start(ymin, ymax, length, height)
    rows, columns = (slice(max(0, y), y + length), slice(max(0, x), x + length))
    before, after = (max(0, -y), max(0, -x)), (rows.stop - height, columns.stop - width)
    edges = before[0], max(0, after[0]), before[1], max(0, after[1])
    how = cv2.INTER_AREA if length > side else cv2.INTER_LINEAR
    crop, inside = (
        cv2.resize(
            cv2.copyMakeBorder(pixels[rows, columns], *edges, cv2.BORDER_CONSTANT),
            (side, side),
            interpolation=how,
        ).astype(np.float32)
        for pixels in (image, mask.astype(np.uint8) * 255)
    )
    brightness = _DIMMED + (1 - _DIMMED) * inside[..., None] / 255
    return np.rint(crop * brightness).astype(np.uint8)


def _start(low: int, high: int, length: int, size: int) -> int:
    """Where a crop of ``length`` round [low, high) begins: inside the image if it fits."""
    start = (low + high - length) // 2
    return (size - length) // 2 if length >= size else min(max(0, start), size - length)
