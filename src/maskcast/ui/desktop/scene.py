"""The masks of the reference in hand as they are shown: settled, awaited or being painted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from maskcast.drawing.overlay import FILL_OPACITY
from maskcast.drawing.palette import Color
from maskcast.project.annotations import Annotation
from maskcast.types import Mask
from maskcast.ui.brush import Window, stamp
from maskcast.ui.desktop.gestures import Piece
from maskcast.ui.desktop.view import Layer
from maskcast.ui.edits import UNKNOWN

_OTHERS_OPACITY = 0.22
_AWAITED_OPACITY = 0.16
_UNKNOWN_OPACITY = 0.5

UNKNOWN_COLOR: Color = (216, 216, 216)
"""Of stripes on what is unknown."""


class Scene:
    """Keeps the last known mask of each object, so that nothing flickers while one is computed."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._known: dict[int, Mask] = {}
        self._live: Mask | None = None
        self._stroke: Mask | None = None

    def forget(self) -> None:
        """Another reference is in hand."""
        self._known.clear()
        self._live = self._stroke = None

    def layers(
        self, annotation: Annotation, object_id: int, color_of: Callable[[int], Color]
    ) -> list[Layer]:
        """What to draw: the chosen object over the others, and what is unknown over all.

        Args:
            annotation: of the reference in hand.
            object_id: the chosen one, or ``UNKNOWN``.
            color_of: colour of an object id.
        """
        objects = annotation.objects
        masks = {key: entry.mask for key, entry in objects.items()}
        if annotation.unknown is not None:
            masks[UNKNOWN] = annotation.unknown.pixels
        self._known = {
            key: self._known[key] if mask is None else mask
            for key, mask in masks.items()
            if mask is not None or key in self._known
        }
        layers = [
            Layer(mask, color_of(key), _OTHERS_OPACITY, 1)
            for key, mask in sorted(self._known.items())
            if key not in (object_id, UNKNOWN)
        ]
        chosen = self._known.get(object_id) if self._live is None else self._live
        if chosen is not None and object_id != UNKNOWN:
            awaited = object_id in objects and not objects[object_id].is_resolved
            layers.append(
                Layer(
                    chosen,
                    color_of(object_id),
                    _AWAITED_OPACITY if awaited and self._live is None else FILL_OPACITY,
                    2,
                )
            )
        unknown = chosen if object_id == UNKNOWN else self._known.get(UNKNOWN)
        if unknown is not None:
            layers.append(Layer(unknown, UNKNOWN_COLOR, _UNKNOWN_OPACITY, 2, is_hatched=True))
        return layers

    def paint(self, piece: Piece, object_id: int, shape: tuple[int, int]) -> Window | None:
        """Add a piece of a stroke to what is shown; rows and columns that changed, if any."""
        if self._live is None or self._stroke is None:
            known = self._known.get(object_id)
            self._live = np.zeros(shape, np.bool_) if known is None else known.copy()
            self._stroke = np.zeros(shape, np.bool_)
        start, end = np.array(piece.start, np.float32), np.array(piece.end, np.float32)
        window = stamp(self._stroke, start, end, piece.radius)
        if window is not None and piece.erase:
            self._live[window] &= ~self._stroke[window]
        elif window is not None:
            self._live[window] |= self._stroke[window]
        return window

    def end_stroke(self, object_id: int) -> None:
        """The stroke is an edit now; until its mask comes, what was painted is shown."""
        if self._live is not None:
            self._known[object_id] = self._live
        self._live = self._stroke = None

    def drop_stroke(self) -> None:
        """The stroke was broken off."""
        self._live = self._stroke = None
