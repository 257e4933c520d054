"""The references of a project: which there are, how they look, what they teach.

``ReferencePictures`` is the one reader: what a person annotates is, byte for byte, what the engine
sees, because both look through it.
"""

from __future__ import annotations

import hashlib
import threading
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from maskcast.engines.base import Engine, segment_things
from maskcast.errors import AnnotationError, SettingsError
from maskcast.io.images import DecodedImage, IntensityWindow, measure_window, read_image
from maskcast.io.listing import ImageStream
from maskcast.io.rasters import may_be_deep
from maskcast.io.stamps import FileStamp, stamp_of
from maskcast.masks import apply_brush
from maskcast.project.annotations import Annotation, AnnotationFile, StoredMask, read_annotations
from maskcast.project.folder import ANNOTATIONS_NAME, BIN_NAME, ProjectFolder
from maskcast.types import Mask, Reference, RgbImage

_MOST_MEASURED = 50
"""Pictures that a window is measured on, so that a folder of thousands opens as quickly."""

_MOST_NAMED = 5

FROM_TARGETS = "targets: "
"""Before the image ids of references that are targets."""

_Known = tuple[str, FileStamp | None]
"""Image id and stamp of a picture."""


class ReferencePictures:
    """Reads the references of a project; safe to share between threads.

    Pictures of more than 8 bits are seen through one intensity window: as it is set, else measured
    on the pictures in the references folder, annotated or not, so that annotating never changes it
    (ADR 0007). Of more than 50, those are measured whose names have the lowest hashes, so that
    another picture seldom changes which.
    """

    def __init__(self, project: ProjectFolder) -> None:
        """Read the references of ``project``; nothing is read yet."""
        self._place = project.references_place
        self._removed = project.root / BIN_NAME
        self._settings = project.settings.images
        self._lock = threading.Lock()
        self._deep: dict[_Known, bool] = {}
        self._measured: tuple[frozenset[_Known], IntensityWindow | None] | None = None

    def image_ids(self) -> list[str]:
        """All pictures in the references folder, ascending; none if there is no folder.

        Raises:
            SettingsError, StorageError: if the references are in a store and cannot be listed.
        """
        if isinstance(self._place, Path) and not self._place.is_dir():
            return []
        groups = ImageStream(self._place, [self._removed]).groups()
        return sorted(key for group in groups for images in group for key in images.image_ids())

    def present(self, image_ids: Iterable[str]) -> set[str]:
        """Those of some image ids whose pictures are there, whether they can be read or not.

        Raises:
            SettingsError, StorageError: as in ``image_ids``.
        """
        if isinstance(self._place, Path):
            return {image_id for image_id in image_ids if not _is_gone(self._place / image_id)}
        return set(image_ids) & set(self.image_ids())

    def window(self) -> IntensityWindow | None:
        """The window of all pictures of more than 8 bits; None if it is not set and there is none.

        Measured again when such a picture was added, changed or taken away.

        Raises:
            SettingsError, StorageError: as in ``image_ids``.
        """
        if self._settings.intensity_window is not None:
            return self._settings.intensity_window
        pictures = {(key, stamp_of(self._place / key)) for key in self.image_ids()}
        with self._lock:
            self._deep = {picture: self._is_deep(picture) for picture in pictures}
            deep = frozenset(picture for picture, is_deep in self._deep.items() if is_deep)
            if self._measured is None or self._measured[0] != deep:
                self._measured = deep, self._measure([image_id for image_id, _ in deep])
            return self._measured[1]

    def identity(self, image_id: str) -> Hashable:
        """Stays equal as long as ``read`` gives the same picture; for who keeps it.

        Raises:
            SettingsError, StorageError: as in ``image_ids``.
        """
        return image_id, stamp_of(self._place / image_id), self.window()

    def read(self, image_id: str) -> DecodedImage:
        """The picture as everybody sees it, and what is to be known of how it was read.

        Raises:
            ImageError: if it cannot be read.
            SettingsError, StorageError: as in ``image_ids``.
        """
        return next(self.read_all([image_id]))

    def read_all(self, image_ids: Iterable[str]) -> Iterator[DecodedImage]:
        """Several pictures, one at a time, all through the window of this moment; see ``read``."""
        window, options = self.window(), self._settings.read_options
        for image_id in image_ids:
            yield read_image(self._place / image_id, window=window, options=options)

    def _is_deep(self, picture: _Known) -> bool:
        """Whether a picture has a say in the window, so that photographs are not decoded for it."""
        known = self._deep.get(picture)
        path = self._place / picture[0]
        if known is None:  # what is in a store is read whole either way
            return may_be_deep(path) if isinstance(path, Path) else True
        return known

    def _measure(self, image_ids: Sequence[str]) -> IntensityWindow | None:
        chosen = sorted(image_ids, key=_hash)[:_MOST_MEASURED]
        places = [self._place / image_id for image_id in sorted(chosen)]
        return measure_window(places, self._settings.read_options)


@dataclass(frozen=True)
class LoadedReferences:
    """What a project teaches an engine.

    Attributes:
        references: ascending by image id.
        window: that pictures of more than 8 bits were seen through.
        notes: sentences for the user.
    """

    references: tuple[Reference, ...]
    window: IntensityWindow | None
    notes: tuple[str, ...]


def load_references(
    project: ProjectFolder, engine: Engine, taught: AnnotationFile | None = None
) -> LoadedReferences:
    """Read the annotated references and resolve their prompts to masks.

    An annotated reference whose picture is gone is named in the notes and left out.

    Args:
        project: whose references they are.
        engine: resolves annotations that hold prompts but no mask yet.
        taught: annotations of targets that are references, too; None = there are none.

    Raises:
        AnnotationError: if nothing is annotated, or an annotation does not fit its picture.
        ImageError: if a reference is there and cannot be read.
        SettingsError: if there is no references folder.
        EngineError: if prompts must be resolved and the engine cannot.
    """
    file = read_annotations(project.references_place / ANNOTATIONS_NAME)
    annotated = [known for _, known in sorted(file.annotations.items()) if known.teaches]
    _check_something_annotated(project, file)
    pictures = ReferencePictures(project)
    present = pictures.present(annotation.image_id for annotation in annotated)
    gone = [known.image_id for known in annotated if known.image_id not in present]
    kept = [known for known in annotated if known.image_id in present]
    references, noted = [], defaultdict(list)
    images = pictures.read_all(known.image_id for known in kept)
    for annotation, decoded in zip(kept, images, strict=True):
        references.append(_reference(project, engine, annotation, decoded.rgb))
        for note in decoded.notes:
            noted[note].append(annotation.image_id)
    _check_something_shown(project, references, gone)
    window = pictures.window()
    references += _from_targets(project, engine, taught or AnnotationFile(), window)
    read = tuple(f"{some_names(names)}: {note}" for note, names in noted.items())
    return LoadedReferences(tuple(references), window, _notes(project, window, gone) + read)


def _from_targets(
    project: ProjectFolder,
    engine: Engine,
    taught: AnnotationFile,
    window: IntensityWindow | None,
) -> Iterator[Reference]:
    """Targets as references, where they lie; their image ids say where that is."""
    options = project.settings.images.read_options
    for image_id, annotation in sorted(taught.annotations.items()):
        image = read_image(project.targets_place / image_id, window=window, options=options).rgb
        reference = _reference(project, engine, annotation, image)
        yield replace(reference, image_id=f"{FROM_TARGETS}{image_id}")


def _reference(
    project: ProjectFolder, engine: Engine, annotation: Annotation, image: RgbImage
) -> Reference:
    folder = project.references_place
    if image.shape[:2] != (annotation.height, annotation.width):
        raise AnnotationError(
            f"{folder / annotation.image_id} is {image.shape[1]} x {image.shape[0]} pixels but was "
            f"annotated as {annotation.width} x {annotation.height} in "
            f"{folder / ANNOTATIONS_NAME}; restore the image or annotate it again"
        )
    masks = _resolve(engine, image, annotation)
    return Reference(annotation.image_id, image, masks, _pixels(annotation.unknown))


def _resolve(engine: Engine, image: RgbImage, annotation: Annotation) -> dict[int, Mask]:
    """Masks of one annotation: kept where it has them, else segmented from the prompts."""
    objects = annotation.objects.items()
    masks = {key: entry.stored.pixels for key, entry in objects if entry.stored is not None}
    for key, entry in objects:
        if not entry.is_resolved:
            prompts = entry.prompts
            found = segment_things(engine, image, prompts)
            masks[key] = apply_brush(found, prompts.paint, prompts.erase)
    return dict(sorted(masks.items()))


def _pixels(stored: StoredMask | None) -> Mask | None:
    return None if stored is None else stored.pixels


def _check_something_annotated(project: ProjectFolder, file: AnnotationFile) -> None:
    place = project.references_place
    if isinstance(place, Path) and not place.is_dir():
        raise SettingsError(
            f"the references folder {place} does not exist; "
            "put a few images there and annotate them, or give --references"
        )
    if not file.annotations:
        raise AnnotationError(
            f"no reference is annotated yet in {place / ANNOTATIONS_NAME}; annotate with maskcast "
            f"annotate {project.root} or maskcast serve {project.root}, or bring masks in with "
            f"maskcast import masks FOLDER --project {project.root}"
        )


def _check_something_shown(
    project: ProjectFolder, references: Iterable[Reference], gone: Sequence[str]
) -> None:
    if not all(reference.is_clean for reference in references):
        return
    path = project.references_place / ANNOTATIONS_NAME
    if gone:
        raise AnnotationError(
            f"no reference that shows an object is left: the pictures of {some_names(gone)}, "
            f"annotated in {path}, are gone; put them back, or tell where they have other names "
            "now with maskcast references rename OLD NEW"
        )
    raise AnnotationError(
        f"every reference in {path} is clean; annotate at least one that shows an object"
    )


def _notes(
    project: ProjectFolder, window: IntensityWindow | None, gone: Sequence[str]
) -> tuple[str, ...]:
    notes = []
    if gone:
        pictures = "picture is" if len(gone) == 1 else "pictures are"
        notes.append(
            f"{some_names(gone)}: annotated, but the {pictures} gone from "
            f"{project.references_place}, so left out; put back what is missing, or use maskcast "
            "references rename OLD NEW or maskcast references drop NAME"
        )
    if window is not None and project.settings.images.window is None:
        notes.append(
            f"pictures of more than 8 bits: {window.low:g} is black and {window.high:g} white, as "
            f"measured on {project.references_place}; [images] window in maskcast.toml sets it"
        )
    return tuple(notes)


def some_names(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _is_gone(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:  # reading it will tell
        return False
    return False


def _hash(image_id: str) -> bytes:
    return hashlib.sha256(image_id.encode()).digest()
