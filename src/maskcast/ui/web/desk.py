"""One browser tab at work: its session, and which of its edits have arrived."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from maskcast.project.annotations import Annotation, ObjectAnnotation, StoredMask
from maskcast.ui.edits import UNKNOWN
from maskcast.ui.session import Segmenter, Session
from maskcast.ui.suggesting import Suggester, fill_in

_PATIENCE: Final = 5.0
"""Seconds that a preview waits for the edit it belongs to, which travels beside it."""

_Drawn = ObjectAnnotation | StoredMask


@dataclass(frozen=True)
class Snapshot:
    """What a desk holds at one moment.

    Attributes:
        revision: grows with every snapshot, so that a page tells a newer one from a stale one.
        annotation: of the reference in hand.
        keys: object id, or ``UNKNOWN`` -> a number that changes whenever its pixels do.
        object_id: the chosen object, or ``UNKNOWN``.
        can_undo: whether there is a change to take back.
        can_redo: whether a change was taken back.
    """

    revision: int
    annotation: Annotation
    keys: Mapping[int, int]
    object_id: int
    can_undo: bool
    can_redo: bool


class Desk:
    """A session as a browser uses it: calls may overlap and come in any order.

    Attributes:
        name: known to one page only.
        session: the reference in hand and its edits.
    """

    def __init__(self, name: str, session: Session) -> None:
        """Begin without an image."""
        self.name = name
        self.session = session
        self._arrived = threading.Condition(threading.RLock())
        self._is_open = False
        self._applied = 0
        self._revision = 0
        self._keys: dict[int, tuple[_Drawn, int]] = {}
        self._next_key = 1

    @property
    def is_open(self) -> bool:
        """Whether a reference is in hand."""
        return self._is_open

    @property
    def applied(self) -> int:
        """Number of the last change that was done."""
        return self._applied

    def open(self, image_id: str) -> None:
        """Take a reference in hand, and save what could not be saved before; see ``Session``."""
        with self._arrived:
            self.session.open(image_id)
            self._is_open = True
            self.session.save()

    def change(
        self, number: int, image_id: str, steps: Iterable[Callable[[Session], object]]
    ) -> None:
        """Do what a person did to the reference in hand, and save it.

        Args:
            number: of this change, from 1; one that was done already is not done again, so that
                a page may repeat a call whose answer was lost.
            image_id: of the reference it was done to; nothing is done if another one is in hand.
            steps: applied in order.

        Raises:
            ConflictError, AnnotationError, StorageError: as in ``Session.save``.
        """
        with self._arrived:
            if number <= self._applied or image_id != self.session.annotation.image_id:
                return
            try:
                for step in steps:
                    step(self.session)
                self.session.save()
            finally:
                self._applied = number
                self._arrived.notify_all()

    def refresh(self) -> bool:
        """Take in hand what somebody else saved; whether anything changed."""
        with self._arrived:
            return self.session.refresh()

    def await_change(self, number: int) -> bool:
        """Wait for change ``number``, which travels beside what belongs to it.

        Returns:
            False if it has not come in five seconds.
        """
        with self._arrived:
            return self._arrived.wait_for(lambda: self._applied >= number, _PATIENCE)

    def preview(self, segmenter: Segmenter) -> None:
        """Have the masks computed that are missing.

        Raises:
            EngineError: if the engine cannot do it.
            ConflictError, AnnotationError, StorageError: as in ``Session.save``.
        """
        with self._arrived:
            request = self.session.request()
        while request is not None:
            mask = segmenter.segment(request)
            with self._arrived:
                if self.session.accept(request, mask):
                    self.session.save()
                request = self.session.request()

    def suggest(self, image_id: str, suggester: Suggester) -> None:
        """Fill in a reference that has nothing on it from those that are annotated, and save it.

        Raises:
            AnnotationError: if something is on it, no other is annotated, or nothing is found.
            ConflictError, StorageError: as in ``Session.save``.
            EngineError: if the engine cannot do it.
        """
        fill_in(self.session, image_id, suggester)
        with self._arrived:
            self.session.save()

    def snapshot(self) -> Snapshot:
        """What is in hand now."""
        with self._arrived:
            session = self.session
            drawn: dict[int, _Drawn] = {**session.annotation.objects}
            if session.annotation.unknown is not None:
                drawn[UNKNOWN] = session.annotation.unknown
            self._keys = {
                object_id: self._keyed(object_id, entry) for object_id, entry in drawn.items()
            }
            self._revision += 1
            return Snapshot(
                self._revision,
                session.annotation,
                {object_id: key for object_id, (_, key) in self._keys.items()},
                session.object_id,
                session.can_undo,
                session.can_redo,
            )

    def _keyed(self, object_id: int, entry: _Drawn) -> tuple[_Drawn, int]:
        """The entry with its key; entries never change, so the same one keeps its key."""
        known = self._keys.get(object_id)
        if known is not None and known[0] is entry:
            return known
        self._next_key += 1
        return entry, self._next_key
