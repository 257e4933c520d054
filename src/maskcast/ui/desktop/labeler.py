"""The desktop labeler: what a person asks for goes to the session, what it holds to the stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from maskcast.drawing.palette import Color, default_color, default_spec
from maskcast.errors import AnnotationError, ConflictError, ImageError, MaskcastError
from maskcast.project.bin import Bin
from maskcast.types import MAX_OBJECT_ID, ObjectSpec, Prompts
from maskcast.ui.controls import FEEL, Command, Tool, first_radius, next_radius
from maskcast.ui.desktop.gestures import (
    Band,
    Piece,
    Place,
    Preview,
    Shift,
    Situation,
    delete_at,
)
from maskcast.ui.desktop.helpcard import draw_help
from maskcast.ui.desktop.keys import Action
from maskcast.ui.desktop.panel import SLOTS, PanelState, Spot, draw_panel, page_of
from maskcast.ui.desktop.scene import UNKNOWN_COLOR, Scene
from maskcast.ui.desktop.stage import Stage
from maskcast.ui.desktop.view import View
from maskcast.ui.desktop.windows import Window
from maskcast.ui.desktop.worker import Failed, Gallery, Saved, Worker
from maskcast.ui.edits import UNKNOWN, AddPoint, Clear, DeleteNearest, Edit, Stroke
from maskcast.ui.naming import ObjectNames
from maskcast.ui.session import Session
from maskcast.ui.thumbnails import ObjectSummary

_DRAWING = (Tool.BOX, Tool.MINUS, Tool.BRUSH, Tool.ERASER)

_HINTS = {
    Tool.BOX: "Drag a box, or click: left on the object, right beside it. ? shows all keys.",
    Tool.MINUS: "Click beside the object. M ends it.",
    Tool.BRUSH: "Left paints, right erases, the wheel changes the size. ? shows all keys.",
    Tool.ERASER: "Left erases, right paints, the wheel changes the size. E ends it.",
    Tool.PAN: "Drag the image. P ends it.",
    Tool.ZOOM: "Drag a rectangle to look at. Z ends it, F shows the whole image.",
}

_UNKNOWN_HINT = "Paint what counts neither as object nor as background; right erases. U ends it."


class Labeler:
    """One window on the references of a project."""

    def __init__(
        self,
        window: Window,
        session: Session,
        worker: Worker,
        image_ids: Sequence[str],
        removed: Bin,
        names: ObjectNames,
    ) -> None:
        """Show ``image_ids`` in ``window``; the session has the first one to show in hand."""
        self._bin = removed
        self._names = names
        self._window = window
        self._session = session
        self._worker = worker
        self._image_ids = list(image_ids)
        self._scene = Scene()
        self._drawing = Tool.BOX
        self._radius = first_radius(*session.image.shape[:2])
        self._first_id = page_of(session.object_id)
        self._before_unknown = session.object_id, Tool.BOX
        self._summaries: Mapping[int, ObjectSummary] = {}
        self._message, self._alarm = "", False
        self._busy = False
        self._leaving = False
        self._spots: list[Spot] = []
        self._commands = self._command_table()
        self.stage = Stage(window.canvas)
        self.tool = Tool.BOX
        self.shows_help = False
        self._hides = False
        self.pointer: Place | None = None
        """Where the mouse is on the screen, while it is on the part that shows the image."""

    @property
    def mouse(self) -> Place | None:
        """Where the mouse is, in image coordinates."""
        return None if self.pointer is None else self.stage.view.to_image(*self.pointer)

    def take_news(self, *, held: bool) -> None:
        """Take what the worker has to tell; while a drag is ``held``, only the panel changes."""
        redraw, panel = False, False
        for news in self._worker.news():
            if isinstance(news, Failed):
                self._message, self._alarm, panel = news.sentence, True, True
            elif isinstance(news, Saved):
                self._take_saved(news.problem)
                panel = True
            elif isinstance(news, Gallery):
                self._summaries, redraw = {**self._summaries, **news.summaries}, True
            else:
                redraw = True
        is_asked = self._worker.suggests or self._session.request() is not None
        busy = self._worker.busy and is_asked
        if busy != self._busy:
            self._busy, panel = busy, True
        if redraw and not held:
            self.redraw()
        elif panel:
            self._draw_panel()
            self.stage.show_panel()

    # What a person asks for ---------------------------------------------------------------------

    def _command_table(self) -> dict[Command, Callable[[], None]]:
        return {
            Command.BOX: partial(self._take, Tool.BOX),
            Command.MINUS: partial(self._toggle, Tool.MINUS),
            Command.BRUSH: partial(self._toggle, Tool.BRUSH),
            Command.ERASER: partial(self._toggle, Tool.ERASER),
            Command.PAN: partial(self._toggle, Tool.PAN),
            Command.ZOOM: partial(self._toggle, Tool.ZOOM),
            Command.FIT: self._fit,
            Command.HIDE: self._hide,
            Command.CLOSER: partial(self._zoom, FEEL.zoom_step),
            Command.AWAY: partial(self._zoom, 1 / FEEL.zoom_step),
            Command.THICKER: partial(self._change_radius, 1),
            Command.THINNER: partial(self._change_radius, -1),
            Command.NEXT_OBJECT: self._next_object,
            Command.PAGE_UP: partial(self._turn_page, -SLOTS),
            Command.PAGE_DOWN: partial(self._turn_page, SLOTS),
            Command.UNDO: self._undo,
            Command.REDO: self._redo,
            Command.DELETE: self._delete,
            Command.CLEAR: self._clear,
            Command.CLEAN: self._clean,
            Command.UNKNOWN: self._toggle_unknown,
            Command.RENAME: self._rename,
            Command.RECOLOR: self._recolor,
            Command.PREVIOUS_IMAGE: partial(self._go, -1),
            Command.NEXT_IMAGE: partial(self._go, 1),
            Command.REMOVE: self._remove,
            Command.PUT_BACK: self._put_back,
            Command.SUGGEST: self._suggest,
            Command.SAVE: self._save,
            Command.HELP: self._toggle_help,
            Command.CANCEL: partial(self._take, Tool.BOX),
            Command.QUIT: self._finish,
        }

    def do(self, action: Action) -> None:
        """Do what a key or a button of the panel asks for."""
        self._message, self._alarm = "", False
        if action.command == Command.SELECT:
            self._select(action.object_id)
        else:
            self._commands[action.command]()

    def apply(self, edit: Edit) -> None:
        """Do what the mouse drew."""
        self._message, self._alarm = "", False
        if isinstance(edit, Stroke):
            self._scene.end_stroke(self._session.object_id)
        missed = "no prompt is near" if isinstance(edit, DeleteNearest) else ""
        if isinstance(edit, AddPoint) and self._session.object_id == UNKNOWN:
            missed = "unknown pixels are painted, or dragged as a box; U goes back to the object"
        self._after(changed=self._session.apply(edit), otherwise=missed)

    def _undo(self) -> None:
        self._after(changed=self._session.undo(), otherwise="there is nothing to take back")

    def _redo(self) -> None:
        self._after(changed=self._session.redo(), otherwise="there is nothing to do again")

    def _delete(self) -> None:
        if self.mouse is None:
            self.say("point at a prompt first, then press D")
            return
        self.apply(delete_at(self.mouse, self.situation().scale))

    def _clear(self) -> None:
        self._after(changed=self._session.apply(Clear()), otherwise="there is nothing to clear")

    def _clean(self) -> None:
        gone = len(self._session.annotation.objects)
        now = not self._session.annotation.clean
        self._after(changed=self._session.mark_clean(now))
        if now and gone:
            taken = "1 object was" if gone == 1 else f"{gone} objects were"
            self.say(f"clean: {taken} taken away; Ctrl-Z takes that back")

    def _after(self, *, changed: bool, otherwise: str = "") -> None:
        """Save, compute and show what changed."""
        self._hides = False
        if changed:
            self._wake()
        else:
            self._message = otherwise
        self.redraw()

    def _save(self) -> None:
        self._leaving = False
        self._worker.save()
        self.say("saving")

    def _finish(self) -> None:
        """Save and close the window, unless somebody else saved meanwhile: that is shown first."""
        self._save()
        self._leaving = True

    def _take_saved(self, problem: MaskcastError | None) -> None:
        """Saving is done. A problem is told by the worker, and again at the end."""
        if self._leaving and not isinstance(problem, ConflictError):
            self._window.close()
        elif problem is None:
            self._message, self._alarm = "saved", False
        self._leaving = False

    def _select(self, object_id: int) -> None:
        self._session.select(object_id)
        self._first_id = page_of(object_id)
        self._wake()
        self.redraw()

    def _toggle_unknown(self) -> None:
        """Paint what is unknown; or go back to the object and the tool before."""
        if self._session.object_id == UNKNOWN:
            object_id, self.tool = self._before_unknown
        else:
            self._before_unknown = self._session.object_id, self._drawing
            object_id, self.tool = UNKNOWN, Tool.BRUSH
        self._drawing = self.tool
        self._select(object_id)

    def _rename(self) -> None:
        spec = self._spec_to_change()
        if spec is None:
            return
        name = self._window.ask_text(f"Name of object {spec.object_id}", spec.name)
        if name is not None and name.strip():
            self._give(replace(spec, name=name.strip()))

    def _recolor(self) -> None:
        spec = self._spec_to_change()
        if spec is None:
            return
        color = self._window.ask_color(f"Colour of object {spec.object_id}", spec.color)
        if color is not None:
            self._give(replace(spec, color=color))

    def _give(self, spec: ObjectSpec) -> None:
        """Name and colour an object; until that is saved, or refused, it is shown as if it were."""
        known = self._summaries.get(spec.object_id) or ObjectSummary(spec, 0, None)
        self._summaries = {**self._summaries, spec.object_id: replace(known, spec=spec)}
        self._worker.name(spec)
        self.redraw()

    def _spec_to_change(self) -> ObjectSpec | None:
        """Name and colour of the chosen object; None, which is said, if they stay as they are."""
        object_id = self._session.object_id
        if object_id == UNKNOWN:
            self.say("unknown pixels have no name; choose an object first")
            return None
        if self._names.is_fixed(object_id):
            self.say(f"maskcast.toml names object {object_id}; change it there")
            return None
        summary = self._summaries.get(object_id)
        return default_spec(object_id) if summary is None else summary.spec

    def _next_object(self) -> None:
        self._select(self._session.object_id % MAX_OBJECT_ID + 1)

    def _turn_page(self, by: int) -> None:
        self._first_id = min(max(1, self._first_id + by), page_of(MAX_OBJECT_ID))
        self._wake()
        self.redraw()

    def _go(self, step: int) -> None:
        """Open the next reference in a direction that can be opened."""
        number = self._image_ids.index(self._session.annotation.image_id) + step
        problem = ""
        while 0 <= number < len(self._image_ids):
            try:
                self._session.open(self._image_ids[number])
            except (AnnotationError, ImageError) as error:
                problem = str(error)
                number += step
                continue
            self.show_image()
            break
        else:
            problem = problem or f"this is the {'last' if step > 0 else 'first'} image"
        if problem:
            self.say(problem, alarm=True)

    def _suggest(self) -> None:
        """The reference in hand is filled in from the others; the worker tells how it went."""
        self._worker.suggest(self._session.annotation.image_id)

    def _remove(self) -> None:
        """The reference in hand goes into the bin, and the next one is shown."""
        image_id = self._session.annotation.image_id
        number = self._image_ids.index(image_id)
        if len(self._image_ids) == 1:
            self.say("this is the only reference, and one has to be shown", alarm=True)
            return
        try:
            self._session.save()
            self._bin.remove("references", image_id)
        except MaskcastError as error:
            self.say(str(error), alarm=True)
            return
        self._go(1 if number + 1 < len(self._image_ids) else -1)
        if self._session.annotation.image_id == image_id:  # no other can be opened
            return
        self._image_ids.remove(image_id)
        self.redraw()
        self.say(f"{image_id} is in the bin with its annotation; Ctrl+Backspace puts it back")

    def _put_back(self) -> None:
        """The reference that was removed last."""
        try:
            entries = [entry for entry in self._bin.entries() if entry.kind == "references"]
            if not entries:
                self.say("no reference is in the bin")
                return
            entry = self._bin.put_back(entries[0].name)
            self._image_ids = sorted({*self._image_ids, entry.image_id})
            self._session.open(entry.image_id)
        except MaskcastError as error:
            self.say(str(error), alarm=True)
            return
        self.show_image()
        self.say(f"{entry.image_id} is back")

    def _take(self, tool: Tool) -> None:
        self.tool = tool
        if tool in _DRAWING:
            self._drawing = tool
        self.redraw()

    def _toggle(self, tool: Tool) -> None:
        """Take a tool; or lay it down, for the one that drew last if it changes the view."""
        other = Tool.BOX if tool in _DRAWING else self._drawing
        self._take(other if self.tool == tool else tool)

    def _change_radius(self, direction: int) -> None:
        self._radius = next_radius(self._radius, direction)
        self._draw_panel()
        self.stage.show_panel()
        self.show_ring()

    def _fit(self) -> None:
        self.stage.fit()
        self.redraw()

    def _hide(self) -> None:
        self._hides = not self._hides
        self.redraw()
        if self._hides:
            self.say("masks and prompts are hidden; V shows them")

    def _zoom(self, factor: float) -> None:
        view = self.stage.view
        fixed = self.pointer or (view.size[0] / 2, view.size[1] / 2)
        self.look(view.zoomed(factor, *fixed))

    def _toggle_help(self) -> None:
        self.shows_help = not self.shows_help
        self._place_help()
        self.redraw()

    def _place_help(self) -> None:
        room = self.stage.panel_area.right, self.stage.panel_area.bottom
        self.stage.set_cover(draw_help(room, self.stage.ratio) if self.shows_help else None)

    def break_off(self) -> None:
        """Forget what is being drawn."""
        self._scene.drop_stroke()
        self.redraw()

    # What is shown ------------------------------------------------------------------------------

    def show_image(self) -> None:
        """Show the reference that the session has in hand."""
        self._scene.forget()
        self._hides = False
        self.stage.show_image(self._session.image)
        self._window.set_title(f"{self._session.annotation.image_id} - maskcast")
        self._wake()
        self.redraw()

    def _wake(self) -> None:
        self._worker.wake(range(self._first_id, min(self._first_id + SLOTS, MAX_OBJECT_ID + 1)))

    def say(self, message: str, *, alarm: bool = False) -> None:
        """Tell the person something."""
        self._message, self._alarm = message, alarm
        self._draw_panel()
        self.stage.show_panel()

    def redraw(self) -> None:
        """Everything anew: after an edit, a change of view or of size, never at a mouse move."""
        self._draw_image()
        self._draw_panel()
        self.stage.show()

    def resize(self) -> None:
        """Fit everything into a window that changed its size."""
        self.stage.resize()
        self._place_help()
        self.redraw()

    def look(self, view: View) -> None:
        """Show another part of the image."""
        self.stage.look(view)
        self._draw_image()
        self.stage.show_image_area()

    def _draw_image(self) -> None:
        annotation = self._session.annotation
        object_id = self._session.object_id
        layers = self._scene.layers(annotation, object_id, self._color)
        shown = [] if self._hides else layers
        self.stage.draw(shown, self._prompts(), self._color(object_id))
        self.stage.place_ring(self._ring())

    def show_ring(self) -> None:
        """Show what the brush would touch."""
        self.stage.point(ring=self._ring())

    def preview(self, preview: Preview | None) -> None:
        """Show what is being drawn."""
        if isinstance(preview, Shift):
            self.look(self.stage.view.moved(preview.x, preview.y))
            return
        if preview is not None and self._hides:
            self._hides = False
            self.redraw()
        if isinstance(preview, Band):
            self.stage.point(band=preview.box)
        elif isinstance(preview, Piece):
            shape = self._session.image.shape[0], self._session.image.shape[1]
            object_id = self._session.object_id
            window = self._scene.paint(preview, object_id, shape)
            changed = None
            if window is not None:
                layers = self._scene.layers(self._session.annotation, object_id, self._color)
                changed = self.stage.draw_part(window, layers)
            self.stage.point(ring=self._ring(), changed=changed)

    def spot_at(self, x: float, y: float) -> Action | None:
        """What a click at a place of the canvas asks for, if the panel has something there."""
        area = self.stage.panel_area
        for spot in self._spots:
            if spot.rect.holds(x - area.left, y - area.top):
                return spot.action
        return None

    def _draw_panel(self) -> None:
        session, annotation = self._session, self._session.annotation
        area = self.stage.panel_area
        state = PanelState(
            image_id=annotation.image_id,
            place=self._image_ids.index(annotation.image_id) + 1,
            count=len(self._image_ids),
            size=(annotation.width, annotation.height),
            clean=annotation.clean,
            tool=self.tool,
            radius=self._radius,
            object_id=session.object_id,
            first_id=self._first_id,
            summaries=self._summaries,
            message=self._message or self._hint(),
            alarm=self._alarm,
            busy=self._busy,
            can_undo=session.can_undo,
            can_redo=session.can_redo,
        )
        picture, self._spots = draw_panel(state, (area.width, area.height), self.stage.panel_scale)
        self.stage.set_panel(picture)

    def _hint(self) -> str:
        is_unknown = self._session.object_id == UNKNOWN
        return _UNKNOWN_HINT if is_unknown and self.has_brush else _HINTS[self.tool]

    def situation(self) -> Situation:
        """What a press of the mouse would meet."""
        prompts = self._prompts()
        box = None if prompts is None or prompts.box is None else tuple(prompts.box.tolist())
        # What is near is judged by the eye: by pixels of a 96 dpi screen.
        scale = self.stage.view.scale / self.stage.ratio
        return Situation(self.tool, scale, self._radius, box)

    def _prompts(self) -> Prompts | None:
        """Box and points that are shown, and so can be caught."""
        if self._hides:
            return None
        entry = self._session.annotation.objects.get(self._session.object_id)
        return None if entry is None else entry.marks

    @property
    def has_brush(self) -> bool:
        """Whether the brush or the eraser is in hand."""
        return self.tool in (Tool.BRUSH, Tool.ERASER)

    def _ring(self) -> tuple[Place, float] | None:
        if not self.has_brush or self.mouse is None or self.shows_help:
            return None
        return self.mouse, self._radius

    def _color(self, object_id: int) -> Color:
        if object_id == UNKNOWN:
            return UNKNOWN_COLOR
        summary = self._summaries.get(object_id)
        return default_color(object_id) if summary is None else summary.spec.color
