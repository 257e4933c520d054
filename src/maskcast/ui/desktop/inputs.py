"""Mouse and keys of a matplotlib canvas, turned into what the labeler is asked for."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from matplotlib.backend_bases import FigureCanvasBase, KeyEvent, MouseEvent, ResizeEvent
from matplotlib.backend_tools import Cursors

from maskcast.errors import MaskcastError
from maskcast.ui.controls import FEEL, Command, Tool
from maskcast.ui.desktop.gestures import Button, CornerBox, Gestures, Place, handle_at
from maskcast.ui.desktop.keys import Action, action_of
from maskcast.ui.desktop.labeler import Labeler
from maskcast.ui.desktop.windows import full_key

_Event = TypeVar("_Event")
_LOG = logging.getLogger(__name__)

_SIDE_CURSORS = {
    (0, 1): Cursors.RESIZE_HORIZONTAL,
    (2, 1): Cursors.RESIZE_HORIZONTAL,
    (1, 0): Cursors.RESIZE_VERTICAL,
    (1, 2): Cursors.RESIZE_VERTICAL,
}


@dataclass(frozen=True)
class _Looking:
    """A drag that changes the view: pan holds a place of the image, zoom spans a rectangle."""

    tool: Tool
    start: Place


class Inputs:
    """One mouse and one keyboard. A drag is either a gesture that draws or one that looks."""

    def __init__(self, canvas: FigureCanvasBase, labeler: Labeler) -> None:
        """Listen to ``canvas`` from now on."""
        self._canvas = canvas
        self._labeler = labeler
        self._stage = labeler.stage
        self._gestures = Gestures()
        self._looking: _Looking | None = None
        mouse = {
            "button_press_event": self._on_press,
            "button_release_event": self._on_release,
            "motion_notify_event": self._on_move,
            "scroll_event": self._on_scroll,
            "figure_leave_event": self._on_leave,
        }
        for name, handler in mouse.items():
            canvas.callbacks.connect(name, self._guarded(handler))
        canvas.mpl_connect("key_press_event", self._guarded(self._on_key))
        canvas.mpl_connect("resize_event", self._guarded(self._on_resize))

    @property
    def held(self) -> bool:
        """Whether a drag is going on."""
        return self._gestures.active or self._looking is not None

    def take_news(self) -> None:
        """Let the labeler take its news; for a timer of the toolkit."""
        self._guarded(lambda _: self._labeler.take_news(held=self.held))(None)

    def _guarded(self, handler: Callable[[_Event], None]) -> Callable[[_Event], None]:
        """A handler whose errors go to the status line."""

        def handle(event: _Event) -> None:
            try:
                handler(event)
            except MaskcastError as error:
                self._labeler.redraw()
                self._labeler.say(str(error), alarm=True)
            except Exception as error:  # noqa: BLE001 - the window lives on
                _LOG.exception("unexpected")
                self._labeler.say(f"unexpected: {type(error).__name__}: {error}", alarm=True)

        return handle

    def _on_press(self, event: MouseEvent) -> None:
        if self._labeler.shows_help:
            self._labeler.do(Action(Command.HELP))
            return
        x, y = self._follow(event)
        if self._stage.panel_area.holds(x, y):
            self._do(self._labeler.spot_at(x, y))
            return
        place, button = self._stage.view.to_image(x, y), _button(event)
        if button == Button.LEFT and self._labeler.tool in (Tool.PAN, Tool.ZOOM):
            self._looking = _Looking(self._labeler.tool, place)
        elif button is not None:
            self._labeler.preview(self._gestures.press(place, button, self._labeler.situation()))

    def _on_move(self, event: MouseEvent) -> None:
        place = self._stage.view.to_image(*self._follow(event))
        if self._looking is not None:
            self._look(self._looking, place)
        elif self._gestures.active:
            self._labeler.preview(self._gestures.move(place))
        elif not self._labeler.shows_help:
            self._canvas.set_cursor(self._cursor(self._labeler.mouse))
            self._labeler.show_ring()

    def _look(self, looking: _Looking, place: Place) -> None:
        if looking.tool == Tool.ZOOM:
            self._stage.point(band=_span(looking.start, place))
            return
        by = looking.start[0] - place[0], looking.start[1] - place[1]
        self._labeler.look(self._stage.view.moved(*by))

    def _on_release(self, event: MouseEvent) -> None:
        place, button = self._stage.view.to_image(*self._screen(event)), _button(event)
        if self._looking is not None and button == Button.LEFT:
            self._end_looking(self._looking, place)
        elif self._gestures.active and button is not None:
            edit = self._gestures.release(place, button)
            if edit is not None:
                self._labeler.apply(edit)
            elif not self._gestures.active:
                self._labeler.redraw()

    def _end_looking(self, looking: _Looking, place: Place) -> None:
        self._looking = None
        box = _span(looking.start, place)
        if looking.tool == Tool.ZOOM and min(box[2] - box[0], box[3] - box[1]) > 1:
            self._stage.look(self._stage.view.showing(box))
        self._labeler.redraw()

    def _on_scroll(self, event: MouseEvent) -> None:
        x, y = self._screen(event)
        if not self._stage.area.holds(x, y) or self._labeler.shows_help:
            return
        if self._labeler.has_brush and "ctrl" not in event.modifiers:
            self._do(Action(Command.THICKER if event.step > 0 else Command.THINNER))
        elif not self.held:
            self._labeler.look(self._stage.view.zoomed(FEEL.zoom_step**event.step, x, y))

    def _on_key(self, event: KeyEvent) -> None:
        action = action_of(full_key(event))
        if self._labeler.shows_help:
            self._labeler.do(Action(Command.HELP))
            if action is None or action.command in (Command.HELP, Command.CANCEL):
                return
        self._do(action)

    def _do(self, action: Action | None) -> None:
        if action is None:
            return
        if not self.held:
            self._labeler.do(action)
        elif action.command == Command.CANCEL:
            self._gestures.cancel()
            self._looking = None
            self._labeler.break_off()

    def _on_leave(self, _: MouseEvent) -> None:
        self._labeler.pointer = None
        if not self.held:
            self._labeler.show_ring()

    def _on_resize(self, _: ResizeEvent) -> None:
        self._labeler.resize()

    def _cursor(self, place: Place | None) -> Cursors:
        if place is None:
            return Cursors.POINTER
        situation = self._labeler.situation()
        handle = handle_at(situation.box, place, situation.scale)
        if situation.tool == Tool.BOX and handle is not None:
            return _SIDE_CURSORS.get((handle.x, handle.y), Cursors.MOVE)
        return Cursors.HAND if situation.tool == Tool.PAN else Cursors.SELECT_REGION

    def _follow(self, event: MouseEvent) -> Place:
        """Where the mouse is on the screen; the labeler knows it too while it is on the image."""
        x, y = self._screen(event)
        self._labeler.pointer = (x, y) if self._stage.area.holds(x, y) else None
        return x, y

    def _screen(self, event: MouseEvent) -> Place:
        """Pixels from the top left of the canvas."""
        height = self._canvas.get_width_height(physical=True)[1]
        return event.x, height - event.y


def _button(event: MouseEvent) -> Button | None:
    """The button of a press or release; None for one that means nothing here."""
    number = event.button if isinstance(event.button, int) else 0
    return Button(number) if number in list(Button) else None


def _span(start: Place, end: Place) -> CornerBox:
    return (
        min(start[0], end[0]),
        min(start[1], end[1]),
        max(start[0], end[0]),
        max(start[1], end[1]),
    )
