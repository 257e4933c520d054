"""Undo and redo of one reference: states of its annotation, packed small.

Masks are kept as bits of the rectangle they reach, so that hundreds of strokes on a 12-megapixel
image fit in memory. Objects that an edit leaves alone are shared between the states.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from maskcast.masks import bounding_box
from maskcast.project.annotations import Annotation, ObjectAnnotation
from maskcast.types import Mask

_DEPTH = 200


@dataclass(frozen=True)
class _Packed:
    """A mask as bits of its bounding box."""

    shape: tuple[int, int]
    corner: tuple[int, int]
    size: tuple[int, int]
    bits: bytes

    @classmethod
    def of(cls, mask: Mask) -> _Packed:
        xmin, ymin, xmax, ymax = bounding_box(mask) or (0, 0, 0, 0)
        crop = mask[ymin:ymax, xmin:xmax]
        shape = (mask.shape[0], mask.shape[1])
        return cls(shape, (ymin, xmin), (ymax - ymin, xmax - xmin), np.packbits(crop).tobytes())

    def mask(self) -> Mask:
        height, width = self.size
        bits = np.unpackbits(np.frombuffer(self.bits, np.uint8), count=height * width)
        mask = np.zeros(self.shape, np.bool_)
        row, column = self.corner
        mask[row : row + height, column : column + width] = bits.reshape(height, width)
        return mask


@dataclass(frozen=True)
class _Thin:
    """An object with its pixels packed; ``whole`` leaves them out."""

    whole: ObjectAnnotation
    paint: _Packed | None
    erase: _Packed | None
    mask: _Packed | None

    @classmethod
    def of(cls, entry: ObjectAnnotation) -> _Thin:
        prompts = entry.prompts
        return cls(
            ObjectAnnotation(replace(prompts, paint=None, erase=None)),
            _pack(prompts.paint),
            _pack(prompts.erase),
            _pack(entry.mask),
        )

    def entry(self) -> ObjectAnnotation:
        prompts = replace(self.whole.prompts, paint=_unpack(self.paint), erase=_unpack(self.erase))
        return ObjectAnnotation(prompts, _unpack(self.mask))


@dataclass(frozen=True)
class _State:
    clean: bool
    objects: Mapping[int, _Thin]


@dataclass
class History:
    """States before the current one, and those that undo left behind."""

    _past: list[_State] = field(default_factory=list)
    _future: list[_State] = field(default_factory=list)
    _packed: dict[int, tuple[ObjectAnnotation, _Thin]] = field(default_factory=dict)

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
        self._past.append(self._state(annotation))
        del self._past[:-_DEPTH]
        self._future.clear()

    def undo(self, annotation: Annotation) -> Annotation:
        """The state before the last change, with everything else of ``annotation``.

        Raises:
            IndexError: if there is none.
        """
        state = self._past.pop()
        self._future.append(self._state(annotation))
        return _restored(annotation, state)

    def redo(self, annotation: Annotation) -> Annotation:
        """The state that the last undo left behind.

        Raises:
            IndexError: if there is none.
        """
        state = self._future.pop()
        self._past.append(self._state(annotation))
        return _restored(annotation, state)

    def _state(self, annotation: Annotation) -> _State:
        objects = annotation.objects.items()
        self._packed = {
            object_id: (entry, self._thin(object_id, entry)) for object_id, entry in objects
        }
        thin = {object_id: packed for object_id, (_, packed) in self._packed.items()}
        return _State(annotation.clean, thin)

    def _thin(self, object_id: int, entry: ObjectAnnotation) -> _Thin:
        """An object packed; entries never change, so the same one is packed once."""
        known = self._packed.get(object_id)
        return known[1] if known is not None and known[0] is entry else _Thin.of(entry)


def _restored(annotation: Annotation, state: _State) -> Annotation:
    objects = {object_id: thin.entry() for object_id, thin in state.objects.items()}
    return replace(annotation, clean=state.clean, objects=objects)


def _pack(mask: Mask | None) -> _Packed | None:
    return None if mask is None else _Packed.of(mask)


def _unpack(packed: _Packed | None) -> Mask | None:
    return None if packed is None else packed.mask()
