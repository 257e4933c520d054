"""Presses, drags and releases of the mouse become edits; free of any toolkit.

All places are image coordinates; ``Situation.scale`` says how many screen pixels one image pixel
takes, so that what is near is judged by the eye and the hand, not by the size of the image.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

from maskcast.ui.controls import FEEL, Tool
from maskcast.ui.edits import AddPoint, DeleteNearest, Edit, SetBox, Stroke

CornerBox = tuple[float, float, float, float]
"""``xmin, ymin, xmax, ymax``."""

Place = tuple[float, float]
"""``x, y``."""


class Button(IntEnum):
    """Of the mouse."""

    LEFT = 1
    MIDDLE = 2
    RIGHT = 3


@dataclass(frozen=True)
class Situation:
    """What a press of the mouse meets.

    Attributes:
        tool: in hand.
        scale: screen pixels per image pixel.
        radius: of the brush, in image pixels.
        box: of the chosen object; None if it has none.
    """

    tool: Tool
    scale: float
    radius: float
    box: CornerBox | None


@dataclass(frozen=True)
class Handle:
    """A corner or the middle of a side of a box.

    Attributes:
        x: 0 for xmin, 2 for xmax, 1 if neither moves.
        y: 0 for ymin, 2 for ymax, 1 if neither moves.
    """

    x: int
    y: int

    def place(self, box: CornerBox) -> Place:
        """Where it is."""
        middle = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        return (box[0], middle[0], box[2])[self.x], (box[1], middle[1], box[3])[self.y]

    def drag(self, box: CornerBox, by: Place) -> CornerBox:
        """The box with this corner or side moved."""
        xmin, ymin, xmax, ymax = box
        return (
            xmin + by[0] * (self.x == 0),
            ymin + by[1] * (self.y == 0),
            xmax + by[0] * (self.x == 2),
            ymax + by[1] * (self.y == 2),
        )


HANDLES = tuple(Handle(x, y) for y in range(3) for x in range(3) if (x, y) != (1, 1))


def handle_at(box: CornerBox | None, place: Place, scale: float) -> Handle | None:
    """The handle of a box that a press would catch; corners before sides.

    The smaller a box is on the screen, the nearer one must be: its inside stays free for points.
    """
    if box is None:
        return None
    side = min(box[2] - box[0], box[3] - box[1]) * scale
    reach = min(FEEL.handle_reach, max(FEEL.handle_least, side * FEEL.handle_share)) / scale
    near = [
        (handle.x == 1 or handle.y == 1, distance, handle)
        for handle in HANDLES
        if (distance := math.dist(handle.place(box), place)) <= reach
    ]
    return min(near, key=lambda item: item[:2])[2] if near else None


@dataclass(frozen=True)
class Band:
    """A box that is being drawn."""

    box: CornerBox


@dataclass(frozen=True)
class Piece:
    """The newest straight piece of a stroke that is being drawn."""

    start: Place
    end: Place
    radius: float
    erase: bool


@dataclass(frozen=True)
class Shift:
    """The picture follows the mouse: show what is so many image pixels to the right and below."""

    x: float
    y: float


Preview = Band | Piece | Shift
"""What to show while a button is held."""


class _Drag:
    """One press until its release."""

    def __init__(self, button: Button, place: Place, situation: Situation) -> None:
        self.button = button
        self.pressed = self.last = place
        self.situation = situation
        self.moved = False

    def move(self, place: Place) -> Preview | None:
        """Follow the mouse; once it left the place of the press, it is a drag for good."""
        far = math.dist(place, self.pressed) * self.situation.scale > FEEL.click_slop
        self.moved = self.moved or far
        before, self.last = self.last, place
        return self.preview(before) if self.moved else None

    def preview(self, before: Place) -> Preview | None:  # noqa: ARG002 - only strokes need it
        return None

    def edit(self) -> Edit | None:
        return None


class _Beside(_Drag):
    """A negative point, which drags nothing: what counts is where the button was pressed."""

    def edit(self) -> AddPoint:
        return AddPoint(*self.pressed, positive=False)


class _Middle(_Drag):
    """Deletes the nearest prompt, or moves the picture, which then stays under the mouse."""

    def preview(self, before: Place) -> Shift:  # noqa: ARG002
        by = self.pressed[0] - self.last[0], self.pressed[1] - self.last[1]
        self.last = self.pressed
        return Shift(*by)

    def edit(self) -> DeleteNearest | None:
        if self.moved or self.situation.tool in (Tool.PAN, Tool.ZOOM):
            return None
        return delete_at(self.pressed, self.situation.scale)


class _NewBox(_Drag):
    """A box from corner to corner, or a positive point."""

    def preview(self, before: Place) -> Band:  # noqa: ARG002
        return Band(_ordered((*self.pressed, *self.last)))

    def edit(self) -> Edit:
        if self.moved:
            return SetBox(*_ordered((*self.pressed, *self.last)))
        return AddPoint(*self.pressed, positive=True)


class _Adjusted(_Drag):
    """A handle of the box."""

    def __init__(
        self, button: Button, place: Place, situation: Situation, box: CornerBox, handle: Handle
    ) -> None:
        super().__init__(button, place, situation)
        self._box, self._handle = box, handle

    def preview(self, before: Place) -> Band:  # noqa: ARG002
        return Band(self._now())

    def edit(self) -> Edit | None:
        return SetBox(*self._now()) if self.moved else None

    def _now(self) -> CornerBox:
        by = self.last[0] - self.pressed[0], self.last[1] - self.pressed[1]
        return _ordered(self._handle.drag(self._box, by))


class _Painting(_Drag):
    """A stroke of the brush, from the press on."""

    def __init__(self, button: Button, place: Place, situation: Situation, erase: bool) -> None:
        super().__init__(button, place, situation)
        self._erase = erase
        self._path = [place]
        self.moved = True

    def move(self, place: Place) -> Preview | None:
        if place == self.last:
            return None
        self._path.append(place)
        return super().move(place)

    def preview(self, before: Place) -> Piece:
        return Piece(before, self.last, self.situation.radius, self._erase)

    def edit(self) -> Edit:
        return Stroke(tuple(self._path), self.situation.radius, self._erase)


class Gestures:
    """The mouse, one gesture at a time: other buttons are ignored until it ends."""

    def __init__(self) -> None:
        """Begin with no button held."""
        self._drag: _Drag | None = None

    @property
    def active(self) -> bool:
        """Whether a button is held."""
        return self._drag is not None

    def press(self, place: Place, button: Button, situation: Situation) -> Preview | None:
        """A button goes down; what to show. Pan and zoom make and take no prompts."""
        if self._drag is not None:
            return None
        self._drag = _begin(place, button, situation)
        return self._drag.preview(place) if isinstance(self._drag, _Painting) else None

    def move(self, place: Place) -> Preview | None:
        """The mouse moves; what to show."""
        return None if self._drag is None else self._drag.move(place)

    def release(self, place: Place, button: Button) -> Edit | None:
        """A button goes up; the edit that was made, if any."""
        drag = self._drag
        if drag is None or button != drag.button:
            return None
        drag.move(place)
        self._drag = None
        return drag.edit()

    def cancel(self) -> None:
        """Forget the gesture that is going on."""
        self._drag = None


def delete_at(place: Place, scale: float) -> DeleteNearest:
    """Delete the prompt nearest to a place, as near as the eye tells."""
    return DeleteNearest(*place, reach=FEEL.delete_reach / scale)


def _begin(place: Place, button: Button, situation: Situation) -> _Drag | None:
    tool = situation.tool
    if button == Button.MIDDLE:
        return _Middle(button, place, situation)
    if tool in (Tool.PAN, Tool.ZOOM):
        return None
    if tool in (Tool.BRUSH, Tool.ERASER):
        erase = (tool == Tool.ERASER) != (button == Button.RIGHT)
        return _Painting(button, place, situation, erase)
    if tool == Tool.MINUS or button == Button.RIGHT:
        return _Beside(button, place, situation)
    handle = handle_at(situation.box, place, situation.scale)
    if handle is not None and situation.box is not None:
        return _Adjusted(button, place, situation, situation.box, handle)
    return _NewBox(button, place, situation)


def _ordered(box: CornerBox) -> CornerBox:
    x0, y0, x1, y1 = box
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)
