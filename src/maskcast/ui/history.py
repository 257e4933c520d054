"""Undo and redo of one reference: states of its annotation, kept as run-length codes.

Pixels are let go when a state is remembered, so that hundreds of strokes on a 12-megapixel image
fit in memory. Objects that an edit leaves alone are shared between the states.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from maskcast.project.annotations import Annotation, ObjectAnnotation, StoredMask

_DEPTH = 200


@dataclass(frozen=True)
class _State:
    clean: bool
    objects: Mapping[int, ObjectAnnotation]
    unknown: StoredMask | None

    @classmethod
    def of(cls, annotation: Annotation) -> _State:
        annotation.encode()
        return cls(annotation.clean, annotation.objects, annotation.unknown)

    def within(self, annotation: Annotation) -> Annotation:
        """The state, with everything else of ``annotation``."""
        return replace(annotation, clean=self.clean, objects=self.objects, unknown=self.unknown)


@dataclass
class History:
    """States before the current one, and those that undo left behind."""

    _past: list[_State] = field(default_factory=list)
    _future: list[_State] = field(default_factory=list)

    @property
    def can_undo(self) -> bool:
        """Whether there is a state to go back to."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether undo left a state behind."""
        return bool(self._future)

    def push(self, annotation: Annotation) -> None:
        """Remember the state before a change; what undo left behind is forgotten."""
        self._past.append(_State.of(annotation))
        del self._past[:-_DEPTH]
        self._future.clear()

    def undo(self, annotation: Annotation) -> Annotation:
        """The state before the last change, with everything else of ``annotation``.

        Raises:
            IndexError: if there is none.
        """
        state = self._past.pop()
        self._future.append(_State.of(annotation))
        return state.within(annotation)

    def redo(self, annotation: Annotation) -> Annotation:
        """The state that the last undo left behind.

        Raises:
            IndexError: if there is none.
        """
        state = self._future.pop()
        self._past.append(_State.of(annotation))
        return state.within(annotation)
