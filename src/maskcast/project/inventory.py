"""Which references a project has, and taking one out of the annotation file or renaming it there.

Pictures are never touched, and what the annotation file held is kept beside it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from maskcast.errors import AnnotationError
from maskcast.project.annotations import Annotation, AnnotationFile, read_annotations
from maskcast.project.folder import ANNOTATIONS_NAME, ProjectFolder
from maskcast.project.references import ReferencePictures, some_names
from maskcast.project.store import AnnotationStore


class ReferenceState(StrEnum):
    """What there is of a reference."""

    ANNOTATED = "annotated"
    CLEAN = "clean"
    OPEN = "open"
    GONE = "gone"


@dataclass(frozen=True)
class ReferenceEntry:
    """A reference in the list of them.

    Attributes:
        image_id: POSIX path relative to the references folder, suffix kept.
        state: annotated with objects, marked clean, not annotated yet, or in the annotation file
            while its picture is gone.
        object_ids: annotated on it, ascending.
    """

    image_id: str
    state: ReferenceState
    object_ids: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "image_id": self.image_id,
            "state": self.state.value,
            "object_ids": list(self.object_ids),
        }


@dataclass(frozen=True)
class FileChange:
    """What was taken out of the annotation file or renamed in it.

    Attributes:
        image_ids: those concerned, as they were called before, ascending.
        backup: what the file held before; None if nothing changed.
    """

    image_ids: tuple[str, ...]
    backup: Path | None


def list_references(project: ProjectFolder) -> list[ReferenceEntry]:
    """All references that are in the folder or in the annotation file, ascending by image id.

    Raises:
        AnnotationError: if the annotation file cannot be read.
        SettingsError, StorageError: if the references are in a store and cannot be listed.
    """
    annotations = read_annotations(project.references_place / ANNOTATIONS_NAME).annotations
    pictures = ReferencePictures(project)
    listed = set(pictures.image_ids())
    present = listed | pictures.present(annotations.keys() - listed)
    return [
        _entry(image_id, annotations.get(image_id), is_gone=image_id not in present)
        for image_id in sorted(listed | annotations.keys())
    ]


def drop_references(project: ProjectFolder, image_ids: Iterable[str]) -> FileChange:
    """Take references out of the annotation file; their pictures stay where they are.

    Raises:
        AnnotationError: if one of them is not in it, and then none is taken out; or if the file
            cannot be read or written.
        SettingsError: if the references are in a store.
        StorageError: if the disk is full or the like.
    """
    names = tuple(sorted(set(image_ids)))

    def without(file: AnnotationFile) -> AnnotationFile:
        for name in names:
            _annotated(file, name, project)
        left = {key: known for key, known in file.annotations.items() if key not in names}
        return replace(file, annotations=left)

    update = AnnotationStore(project.annotations_path).update(without, keep=True)
    return FileChange(names, update.backup)


def drop_gone_references(project: ProjectFolder) -> FileChange:
    """Take all references out of the annotation file whose pictures are gone.

    Raises:
        AnnotationError, SettingsError, StorageError: as in ``drop_references``.
    """
    entries = list_references(project)
    gone = [entry.image_id for entry in entries if entry.state is ReferenceState.GONE]
    return drop_references(project, gone)


def rename_reference(project: ProjectFolder, old: str, new: str) -> FileChange:
    """Give the annotation of one picture to another, which is the same one under another name.

    Raises:
        AnnotationError: if ``old`` is not annotated, ``new`` is, or is no picture of the same size
            in the references folder; or if the file cannot be read or written.
        ImageError: if the picture ``new`` cannot be read.
        SettingsError: if the references are in a store.
        StorageError: if the disk is full or the like.
    """
    store = AnnotationStore(project.annotations_path)
    _check_fits(project, _annotated(store.read(), old, project), new)

    def renamed(file: AnnotationFile) -> AnnotationFile:
        annotation = _annotated(file, old, project)
        version = annotation.version
        if (taken := file.annotations.get(new)) is not None:
            if taken.clean or taken.objects:
                raise AnnotationError(
                    f"{new} is annotated already in {project.annotations_path}; drop one of the "
                    f"two, or leave {old} as it is"
                )
            version = max(version, taken.version) + 1  # for whoever has the empty one in hand
        others = {key: known for key, known in file.annotations.items() if key not in {old, new}}
        moved = replace(annotation, image_id=new, version=version)
        return replace(file, annotations={**others, new: moved})

    return FileChange((old,), store.update(renamed, keep=True).backup)


def _entry(image_id: str, annotation: Annotation | None, *, is_gone: bool) -> ReferenceEntry:
    objects: Mapping[int, object] = {} if annotation is None else annotation.objects
    if is_gone:
        state = ReferenceState.GONE
    elif objects:
        state = ReferenceState.ANNOTATED
    elif annotation is not None and annotation.clean:
        state = ReferenceState.CLEAN
    else:
        state = ReferenceState.OPEN
    return ReferenceEntry(image_id, state, tuple(sorted(objects)))


def _annotated(file: AnnotationFile, image_id: str, project: ProjectFolder) -> Annotation:
    """The annotation of an image id, or an error that names what it may be meant for."""
    found = file.annotations.get(image_id)
    if found is not None:
        return found
    near = difflib.get_close_matches(image_id, file.annotations, n=3, cutoff=0.7)
    meant = f"did you mean {some_names(near)}?" if near else "maskcast references list shows all"
    raise AnnotationError(f"{image_id} is not in {project.annotations_path}; {meant}")


def _check_fits(project: ProjectFolder, annotation: Annotation, image_id: str) -> None:
    pictures = ReferencePictures(project)
    if image_id not in pictures.image_ids():
        raise AnnotationError(
            f"there is no picture {image_id} in {project.references_folder}; rename the picture "
            "first, then its annotation"
        )
    height, width = pictures.read(image_id).rgb.shape[:2]
    if (height, width) != (annotation.height, annotation.width):
        raise AnnotationError(
            f"{image_id} is {width} x {height} pixels but {annotation.image_id} was annotated as "
            f"{annotation.width} x {annotation.height}; it is another picture"
        )
