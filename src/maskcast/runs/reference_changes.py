"""Which references are others than those that results were made from, told without an engine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from typing import Any, Final

from maskcast.engines.base import reference_digest
from maskcast.project.annotations import Annotation
from maskcast.project.folder import ProjectFolder
from maskcast.project.references import FROM_TARGETS, ReferencePictures
from maskcast.project.store import AnnotationStore
from maskcast.runs.fingerprint import Fingerprint
from maskcast.types import Reference

_UNTOLD: Final = "untold"
"""In the place of a digest: only an engine could tell the masks."""


@dataclass(frozen=True)
class ReferenceChanges:
    """References, by image id, that are not as they were.

    Attributes:
        changed: whose picture or masks are others.
        added: that were not there.
        removed: that are not there, or teach nothing, any more.
    """

    changed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.changed or self.added or self.removed)

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)


class ReferenceWatch:
    """Compares the references of a project with a fingerprint, again and again; thread-safe.

    A picture is decoded again only after it, its annotation or the intensity window changed.
    """

    def __init__(
        self,
        project: ProjectFolder,
        store: AnnotationStore | None = None,
        turn: Callable[[str], AbstractContextManager[None]] | None = None,
    ) -> None:
        """Nothing is read yet.

        Args:
            project: whose references are watched.
            store: of its annotations, if somebody reads them already.
            turn: of whoever decodes a reference, by image id; None = nobody waits for another.
        """
        self._turn = turn or (lambda _: nullcontext())
        self._store = store or AnnotationStore(project.annotations_path)
        self._pictures = ReferencePictures(project)
        self._lock = threading.Lock()
        self._digests: dict[str, tuple[Hashable, Annotation, str]] = {}

    def compare(self, fingerprint: Fingerprint) -> ReferenceChanges:
        """What differs from the references that results were made from.

        Raises:
            AnnotationError, ImageError: if annotations or a picture cannot be read.
        """
        before: Mapping[str, Any] = {
            image_id: digest
            for image_id, digest in fingerprint.get("references", {}).items()
            if not image_id.startswith(FROM_TARGETS)
        }
        with self._lock:
            now = self._current()
        return ReferenceChanges(
            tuple(
                sorted(k for k in before.keys() & now.keys() if now[k] not in {before[k], _UNTOLD})
            ),
            tuple(sorted(now.keys() - before.keys())),
            tuple(sorted(before.keys() - now.keys())),
        )

    def _current(self) -> dict[str, str]:
        annotations = self._store.read().annotations
        teaching = {key: known for key, known in annotations.items() if known.teaches}
        present = self._pictures.present(teaching)
        self._digests = {
            image_id: self._digested(image_id, annotation)
            for image_id, annotation in teaching.items()
            if image_id in present
        }
        return {image_id: digest for image_id, (_, _, digest) in self._digests.items()}

    def _digested(self, image_id: str, annotation: Annotation) -> tuple[Hashable, Annotation, str]:
        identity = self._pictures.identity(image_id)
        known = self._digests.get(image_id)
        if known is not None and known[0] == identity and _same(known[1], annotation):
            return known
        return identity, annotation, self._digest(image_id, annotation)

    def _digest(self, image_id: str, annotation: Annotation) -> str:
        if not all(entry.is_resolved for entry in annotation.objects.values()):
            return _UNTOLD
        masks = {
            key: entry.stored.pixels
            for key, entry in annotation.objects.items()
            if entry.stored is not None
        }
        unknown = None if annotation.unknown is None else annotation.unknown.pixels
        try:
            with self._turn(image_id):
                image = self._pictures.read(image_id).rgb
                return reference_digest(Reference(image_id, image, masks, unknown))
        except ValueError:  # of another size than what was annotated: a run will say so
            return ""


def _same(before: Annotation, now: Annotation) -> bool:
    return before is now or before == now
