"""Imported annotations beside those a project has: nothing is lost unless the user says so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

import numpy as np

from maskcast.errors import AnnotationError
from maskcast.project.annotations import Annotation, AnnotationFile, ObjectAnnotation
from maskcast.types import Mask

Conflict = Literal["refuse", "merge", "replace"]
"""What to do about references that are annotated differently already."""

_MOST_NAMED = 5


def with_annotations(
    file: AnnotationFile, imported: Iterable[Annotation], conflict: Conflict = "refuse"
) -> AnnotationFile:
    """The file with imported annotations added; ``file`` itself is unchanged.

    An imported mask equals one that is there, whatever it was drawn with, so importing twice
    changes nothing and prompts stay.

    Args:
        file: annotations so far.
        imported: annotations whose version is ignored.
        conflict: ``refuse`` raises; ``merge`` adds objects that are missing and keeps the others;
            ``replace`` takes what is imported.

    Raises:
        AnnotationError: if references are annotated differently and ``conflict`` is ``refuse``,
            or have another size and it is ``merge``.
    """
    changed: dict[str, Annotation] = {}
    conflicts = []
    for annotation in imported:
        current = file.annotations.get(annotation.image_id)
        annotated = current is not None and (current.clean or bool(current.objects))
        wanted = annotation
        if current is not None and annotated:
            if _says_the_same(current, annotation):
                continue
            if conflict == "merge":
                wanted = _merged(current, annotation)
            else:
                conflicts.append(annotation.image_id)
        if wanted is not current:
            version = 1 if current is None else current.version + 1
            changed[annotation.image_id] = replace(wanted, version=version)
    if conflicts and conflict == "refuse":
        raise AnnotationError(
            f"{_some(conflicts)} already annotated differently; pass --merge to add what is "
            "missing, --replace to overwrite, or leave them out"
        )
    if not changed:
        return file
    return AnnotationFile(file.objects, {**file.annotations, **changed})


def differing_objects(file: AnnotationFile, imported: Iterable[Annotation]) -> int:
    """How many imported objects the file has with another mask or other prompts."""
    pairs = [
        (current.objects.get(object_id), entry)
        for annotation in imported
        if (current := file.annotations.get(annotation.image_id)) is not None
        for object_id, entry in annotation.objects.items()
    ]
    return sum(there is not None and not _same_object(there, entry) for there, entry in pairs)


def _merged(current: Annotation, imported: Annotation) -> Annotation:
    """What both have; where both have it, the current one. ``current`` itself if nothing is new."""
    if (current.height, current.width) != (imported.height, imported.width):
        raise AnnotationError(
            f"{current.image_id} was annotated as {current.width} x {current.height} pixels and is "
            f"{imported.width} x {imported.height} now, so nothing can be merged; pass --replace"
        )
    is_told = current.unknown is not None or imported.unknown is None
    if imported.objects.keys() <= current.objects.keys() and is_told:
        return current
    objects = dict(sorted({**imported.objects, **current.objects}.items()))
    unknown = imported.unknown if current.unknown is None else current.unknown
    return replace(imported, clean=not objects, objects=objects, unknown=unknown)


def _says_the_same(current: Annotation, imported: Annotation) -> bool:
    return (
        (current.height, current.width) == (imported.height, imported.width)
        and current.objects.keys() == imported.objects.keys()
        and _same_unknown(current.unknown, imported.unknown)
        and all(
            _same_object(entry, imported.objects[object_id])
            for object_id, entry in current.objects.items()
        )
    )


def _same_unknown(current: Mask | None, imported: Mask | None) -> bool:
    if current is None or imported is None:
        return current is imported
    return np.array_equal(current, imported)


def _same_object(current: ObjectAnnotation, imported: ObjectAnnotation) -> bool:
    if imported.mask is None:
        return current == replace(imported, mask=current.mask)
    return current.mask is not None and np.array_equal(current.mask, imported.mask)


def _some(image_ids: Iterable[str]) -> str:
    """Names of images for a sentence, with the verb."""
    names = sorted(image_ids)
    listed = ", ".join(names[:_MOST_NAMED])
    if len(names) > _MOST_NAMED:
        listed += f" and {len(names) - _MOST_NAMED} more"
    return f"{listed} {'is' if len(names) == 1 else 'are'}"
