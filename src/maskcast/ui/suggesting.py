"""Suggesting: what the references that are annotated would put on one that is not yet."""

from __future__ import annotations

import threading

from maskcast.engines.base import Engine
from maskcast.errors import AnnotationError
from maskcast.project.folder import ProjectFolder
from maskcast.project.references import load_references
from maskcast.project.store import AnnotationStore
from maskcast.types import Mask, RgbImage
from maskcast.ui.quick_learning import QuicklyLearned, learn_quickly
from maskcast.ui.session import Session


def fill_in(session: Session, image_id: str, suggester: Suggester) -> None:
    """Put on the reference in hand what others show; one step that undo takes back.

    Args:
        session: has the reference in hand; nothing is done if it has another one by now.
        image_id: of the reference.
        suggester: has learned, or learns, of the others.

    Raises:
        AnnotationError: if something is on it, no other is annotated, or nothing is found.
        EngineError, SettingsError: if the engine cannot be made, or cannot do it.
        ImageError: if a reference cannot be read.
    """
    if session.annotation.image_id != image_id:
        return
    image = session.blank()
    if image is None:
        raise AnnotationError(f"{image_id} is annotated already; what is suggested fills in others")
    masks = suggester.suggest(image)
    if not masks:
        raise AnnotationError(f"nothing of what the other references show was found on {image_id}")
    session.fill_in(image_id, masks)


class Suggester:
    """Fills in references from those that are annotated; safe to use from any thread.

    What was learned is kept until another annotation is saved.
    """

    def __init__(self, project: ProjectFolder, store: AnnotationStore) -> None:
        """Nothing is learned, and no engine is made, before the first suggestion."""
        self._project = project
        self._store = store
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._learned: QuicklyLearned | None = None
        self._taught: tuple[tuple[str, int], ...] = ()

    def suggest(self, image: RgbImage) -> dict[int, Mask]:
        """What is on a picture, as far as the references tell.

        Args:
            image: uint8 (H, W, 3) RGB of a reference that is not annotated.

        Returns:
            Object id -> bool (H, W), of the objects that were found.

        Raises:
            AnnotationError: if no reference is annotated yet.
            EngineError, SettingsError: if the engine cannot be made, or cannot do it.
            ImageError: if a reference cannot be read.
        """
        with self._lock:
            found = self._learn().find(image)
        return dict(zip((int(key) for key in found.object_ids), found.masks, strict=True))

    def close(self) -> None:
        """Close the engine, if there is one."""
        with self._lock:
            if self._engine is not None:
                self._engine.close()
            self._engine = self._learned = None

    def _learn(self) -> QuicklyLearned:
        """What is known of the references as they are saved now."""
        annotations = self._store.read().annotations
        taught = tuple(
            (image_id, known.version) for image_id, known in annotations.items() if known.teaches
        )
        if self._learned is None or taught != self._taught:
            if self._engine is None:
                self._engine = self._project.create_engine()
            loaded = load_references(self._project, self._engine)
            self._learned = learn_quickly(self._project, self._engine, loaded)
            self._taught = taught
        return self._learned
