"""The panel beside the image: tools, the sixteen object slots and the status, drawn with Pillow."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

from maskcast.drawing.fonts import Font, font_for
from maskcast.drawing.palette import Color, default_spec
from maskcast.types import MAX_OBJECT_ID, RgbImage
from maskcast.ui.controls import Command, Tool
from maskcast.ui.desktop.keys import Action
from maskcast.ui.desktop.view import Rect
from maskcast.ui.edits import UNKNOWN
from maskcast.ui.thumbnails import ObjectSummary

PANEL_WIDTH = 380
"""In units of a 96 dpi screen."""

SLOTS = 16
_ROW = 4

_BACK: Color = (32, 34, 38)
_CARD: Color = (45, 48, 54)
_CARD_ON: Color = (58, 62, 70)
_EDGE: Color = (64, 68, 76)
_TEXT: Color = (232, 234, 237)
_FAINT: Color = (154, 160, 170)
_ACCENT: Color = (76, 154, 255)
_ALARM: Color = (255, 138, 128)
_GOOD: Color = (129, 201, 149)

_GAP = 8
_PAD = 14
_BUTTON = 32
_NAME = 18
_STATUS = 84
_LONGEST_TEXT = 300
_SPACE = 0.28

_TOOLS = (
    (Command.BOX, {Tool.BOX: "Box", Tool.MINUS: "Beside"}),
    (Command.BRUSH, {Tool.BRUSH: "Brush", Tool.ERASER: "Eraser"}),
    (Command.PAN, {Tool.PAN: "Pan"}),
    (Command.ZOOM, {Tool.ZOOM: "Zoom"}),
)
"""What each button of the tools asks for, and what it is called when one of its tools is in hand;
the first is its name otherwise."""


@dataclass(frozen=True)
class PanelState:
    """What the panel shows.

    Attributes:
        image_id: of the reference in hand.
        place: of it among the references, from 1.
        count: of references.
        size: (width, height) of the image.
        clean: whether it is marked clean.
        tool: in hand.
        radius: of the brush, image pixels.
        object_id: the chosen one, or ``UNKNOWN``.
        first_id: of the page of slots.
        summaries: what is known of the ids.
        message: for the person.
        alarm: whether the message is of something that went wrong.
        busy: whether masks are being computed.
        can_undo, can_redo: whether there is something to take back or do again.
    """

    image_id: str
    place: int
    count: int
    size: tuple[int, int]
    clean: bool
    tool: Tool
    radius: float
    object_id: int
    first_id: int
    summaries: Mapping[int, ObjectSummary] = field(default_factory=dict)
    message: str = ""
    alarm: bool = False
    busy: bool = False
    can_undo: bool = False
    can_redo: bool = False


@dataclass(frozen=True)
class Spot:
    """A part of the panel that can be clicked."""

    rect: Rect
    action: Action


def page_of(object_id: int) -> int:
    """First id of the page that shows an object id; of what is unknown, the first page."""
    return max(0, object_id - 1) // SLOTS * SLOTS + 1


def draw_panel(
    state: PanelState, size: tuple[int, int], scale: float
) -> tuple[RgbImage, list[Spot]]:
    """Draw the panel.

    Args:
        state: what it shows.
        size: (width, height) in pixels.
        scale: pixels per unit, 1 on a 96 dpi screen.

    Returns:
        uint8 (height, width, 3) RGB, and what can be clicked in it.
    """
    panel = _Panel(size, scale)
    y = _draw_title(panel, state)
    y = _draw_tools(panel, state, y)
    y = _draw_slots(panel, state, y)
    _draw_status(panel, state, max(y, panel.height - _STATUS))
    return np.asarray(panel.picture), panel.spots


@dataclass(frozen=True, eq=False)
class _Letters:
    """A line of text, drawn once.

    Attributes:
        ink: how much of each pixel is covered, mode L.
        left, top: of ``ink``, from the middle of the line's left end.
        length: of the line in pixels.
    """

    ink: Image.Image
    left: int
    top: int
    length: float


@lru_cache(maxsize=4096)
def _cut(text: str, pixels: int, room: float) -> str:
    """As much of a text as fits."""
    text = _drawable(text[:_LONGEST_TEXT], pixels)
    font = font_for(text, pixels)
    if font is None or _length(text, font) <= room:
        return text
    ellipsis = _drawable("\N{HORIZONTAL ELLIPSIS}", pixels)
    while len(text) > 1 and _length(text, font) + pixels > room:
        text = text[:-1].rstrip()
    return text + ellipsis


def _drawable(text: str, pixels: int) -> str:
    """With question marks for letters that no font of this machine has."""
    if font_for(text, pixels) is not None:
        return text
    known = "".join(char if font_for(char, pixels) else "?" for char in text)
    # Scripts that no one font has together: only Latin is kept.
    whole = font_for(known, pixels) is not None
    return known if whole else "".join(char if char.isascii() else "?" for char in known)


@lru_cache(maxsize=4096)
def _letters(text: str, pixels: int) -> _Letters:
    text = _drawable(text, pixels)
    font = font_for(text, pixels)
    if font is None or not text:
        return _Letters(Image.new("L", (1, 1)), 0, 0, 0.0)
    length = _length(text, font)
    ink = Image.new("L", (math.ceil(length) + 2 * pixels, 3 * pixels))
    pen, x = ImageDraw.Draw(ink), float(pixels)
    for word in text.split(" "):
        pen.text((x, 1.5 * pixels), word, 255, font, anchor="lm")
        x += font.getlength(word) + _SPACE * font.size
    return _Letters(ink, -pixels, round(-1.5 * pixels), length)


def _length(text: str, font: Font) -> float:
    """In pixels. Words stand apart by themselves: Pillow's own font kerns "of 7" to "of7"."""
    words = text.split(" ")
    return sum(map(font.getlength, words)) + (len(words) - 1) * _SPACE * font.size


class _Panel:
    """A picture drawn in units that do not depend on the screen."""

    def __init__(self, size: tuple[int, int], scale: float) -> None:
        self.scale = scale
        self.width, self.height = size[0] / scale, size[1] / scale
        self.picture = Image.new("RGB", size, _BACK)
        self.spots: list[Spot] = []
        self._pen = ImageDraw.Draw(self.picture)

    def pixels(self, left: float, top: float, width: float, height: float) -> Rect:
        """At least one pixel, so that thin lines are seen on coarse screens too."""
        x, y = round(left * self.scale), round(top * self.scale)
        right, bottom = round((left + width) * self.scale), round((top + height) * self.scale)
        return Rect(x, y, max(x + 1, right), max(y + 1, bottom))

    def card(self, rect: Rect, fill: Color, edge: Color | None = None, line: float = 1) -> None:
        corners = (rect.left, rect.top, rect.right - 1, rect.bottom - 1)
        radius = round(5 * self.scale)
        width = max(1, round(line * self.scale))
        self._pen.rounded_rectangle(corners, radius, fill, edge, width if edge else 0)

    def text(
        self,
        place: tuple[float, float],
        text: str,
        color: Color = _TEXT,
        size: float = 13,
        anchor: str = "lm",
        width: float = 1e9,
    ) -> None:
        """One line, cut to ``width``; ``place`` is the middle of its left, centre or right."""
        pixels = max(6, round(size * self.scale))
        letters = _letters(_cut(text, pixels, width * self.scale), pixels)
        back = {"l": 0.0, "m": letters.length / 2, "r": letters.length}[anchor[0]]
        x = round(place[0] * self.scale - back) + letters.left
        self._pen.bitmap((x, round(place[1] * self.scale) + letters.top), letters.ink, color)

    def length(self, text: str, size: float) -> float:
        return _letters(text, max(6, round(size * self.scale))).length / self.scale

    def paste(self, picture: RgbImage, rect: Rect) -> None:
        scaled = Image.fromarray(picture).resize(
            (rect.width, rect.height), Image.Resampling.LANCZOS
        )
        self.picture.paste(scaled, (rect.left, rect.top))

    def dot(self, x: float, y: float, radius: float, color: Color) -> None:
        corners = [(x - radius) * self.scale, (y - radius) * self.scale]
        self._pen.ellipse([*corners, (x + radius) * self.scale, (y + radius) * self.scale], color)

    def button(
        self,
        place: tuple[float, float],
        width: float,
        label: str,
        action: Action,
        *,
        on: bool = False,
        usable: bool = True,
        on_color: Color = _ACCENT,
    ) -> None:
        rect = self.pixels(*place, width, _BUTTON)
        self.card(rect, on_color if on else _CARD, None if on else _EDGE)
        ink = (16, 18, 22) if on else _TEXT if usable else (98, 103, 112)
        middle = place[0] + width / 2, place[1] + _BUTTON / 2
        self.text(middle, label, ink, 12.5, "mm", width - 2)
        self.spots.append(Spot(rect, action))

    def row(
        self, y: float, buttons: list[tuple[str, Command, bool, bool]], height: float = _BUTTON
    ) -> float:
        """Buttons of one width: label, command, on, usable. Returns where the next row begins."""
        width = (self.width - 2 * _PAD - (len(buttons) - 1) * _GAP) / len(buttons)
        for number, (label, command, on, usable) in enumerate(buttons):
            place = _PAD + number * (width + _GAP), y
            self.button(place, width, label, Action(command), on=on, usable=usable)
        return y + height + _GAP


def _draw_title(panel: _Panel, state: PanelState) -> float:
    right = panel.width - _PAD - 2 * 36 - _GAP
    panel.text((_PAD, 24), state.image_id, size=16, width=right - _PAD - _GAP)
    about = f"{state.place} of {state.count}  ·  {state.size[0]} x {state.size[1]} px"
    panel.text((_PAD, 47), about, _FAINT, 12)
    if state.clean:
        panel.text((_PAD + panel.length(about, 12) + 14, 47), "clean", _GOOD, 12)
    for number, (arrow, command, usable) in enumerate(
        (
            ("\N{LEFTWARDS ARROW}", Command.PREVIOUS_IMAGE, state.place > 1),
            ("\N{RIGHTWARDS ARROW}", Command.NEXT_IMAGE, state.place < state.count),
        )
    ):
        place = right + number * (36 + _GAP), 18
        panel.button(place, 36, arrow, Action(command), usable=usable)
    return 70


def _draw_tools(panel: _Panel, state: PanelState, y: float) -> float:
    tools = [
        (names.get(state.tool, next(iter(names.values()))), command, state.tool in names, True)
        for command, names in _TOOLS
    ]
    y = panel.row(y, [*tools, ("Fit", Command.FIT, False, True)])
    y = panel.row(
        y,
        [
            ("Undo", Command.UNDO, False, state.can_undo),
            ("Redo", Command.REDO, False, state.can_redo),
            ("Clean", Command.CLEAN, state.clean, True),
            ("Unknown", Command.UNKNOWN, state.object_id == UNKNOWN, True),
            ("Keys  ?", Command.HELP, False, True),
        ],
    )
    middle = y + 11
    panel.text((_PAD, middle), "Brush size", _FAINT, 12)
    panel.text((_PAD + 84, middle), f"{max(1, round(2 * state.radius))} px", size=12)
    for number, (sign, command) in enumerate((("-", Command.THINNER), ("+", Command.THICKER))):
        rect = panel.pixels(_PAD + 140 + number * 34, y, 28, 22)
        panel.card(rect, _CARD, _EDGE)
        panel.text((_PAD + 154 + number * 34, middle), sign, size=13, anchor="mm")
        panel.spots.append(Spot(rect, Action(command)))
    wide = 68
    for number, (label, command) in enumerate(
        (("Name  F2", Command.RENAME), ("Colour  K", Command.RECOLOR))
    ):
        left = panel.width - _PAD - (2 - number) * wide - (1 - number) * 6
        rect = panel.pixels(left, y, wide, 22)
        panel.card(rect, _CARD, _EDGE)
        panel.text((left + wide / 2, middle), label, size=11, anchor="mm", width=wide - 4)
        panel.spots.append(Spot(rect, Action(command)))
    return y + 22 + 12


def _draw_slots(panel: _Panel, state: PanelState, y: float) -> float:
    _draw_pages(panel, state, y + 9)
    y += 24
    # Slots shrink on low screens, so that the status below them is never covered.
    room = panel.height - y - _STATUS - (_ROW - 1) * _GAP
    wide = (panel.width - 2 * _PAD - (_ROW - 1) * _GAP) / _ROW
    high = min(wide + _NAME + 4, max(24.0, room / _ROW))
    for number in range(SLOTS):
        object_id = state.first_id + number
        if object_id > MAX_OBJECT_ID:
            break
        left = _PAD + number % _ROW * (wide + _GAP)
        _draw_slot(
            panel, state, object_id, (left, y + number // _ROW * (high + _GAP)), (wide, high)
        )
    return y + _ROW * (high + _GAP)


def _draw_pages(panel: _Panel, state: PanelState, middle: float) -> None:
    last = min(state.first_id + SLOTS - 1, MAX_OBJECT_ID)
    panel.text((_PAD, middle), "Objects", size=13)
    page = f"{state.first_id} .. {last}"
    if state.object_id == UNKNOWN:
        page += "  ·  unknown is painted"
    elif page_of(state.object_id) != state.first_id:
        page += f"  ·  {state.object_id} is chosen"
    panel.text((_PAD + 58, middle), page, _FAINT, 12)
    right = panel.width - _PAD
    for number, (label, command, usable) in enumerate(
        (
            ("PgUp", Command.PAGE_UP, state.first_id > 1),
            ("PgDn", Command.PAGE_DOWN, last < MAX_OBJECT_ID),
        )
    ):
        left = right - (2 - number) * 48 - (1 - number) * 4
        rect = panel.pixels(left, middle - 10, 48, 20)
        panel.card(rect, _CARD, _EDGE)
        panel.text((left + 24, middle), label, _TEXT if usable else (98, 103, 112), 11, "mm")
        panel.spots.append(Spot(rect, Action(command)))


def _draw_slot(
    panel: _Panel,
    state: PanelState,
    object_id: int,
    place: tuple[float, float],
    size: tuple[float, float],
) -> None:
    (left, top), (wide, high) = place, size
    summary = state.summaries.get(object_id)
    spec = summary.spec if summary is not None else default_spec(object_id)
    chosen = object_id == state.object_id
    rect = panel.pixels(left, top, wide, high)
    panel.card(
        rect, _CARD_ON if chosen else _CARD, spec.color if chosen else _EDGE, 2 if chosen else 1
    )
    panel.spots.append(Spot(rect, Action(Command.SELECT, object_id)))
    edge = 4.0
    side = high - _NAME - 2 * edge
    used = summary is not None and summary.references > 0
    if side > 12:
        inner = panel.pixels(left + edge, top + edge, wide - 2 * edge, side)
        if summary is not None and summary.thumbnail is not None:
            panel.paste(_cropped(summary.thumbnail, inner), inner)
            wide_id = panel.length(str(object_id), 11) + 8
            panel.card(panel.pixels(left + edge, top + edge, wide_id, 15), _BACK)
            panel.text((left + edge + 4, top + edge + 7.5), str(object_id), size=11)
        else:
            panel.card(inner, (38, 40, 45))
            panel.text(
                (left + wide / 2, top + edge + side / 2), str(object_id), (84, 89, 98), 20, "mm"
            )
    bottom = top + high - _NAME / 2 - 2
    panel.dot(left + 10, bottom, 4.5, spec.color)
    count = str(summary.references) if summary is not None and used else ""
    right = left + wide - 7
    panel.text((right, bottom), count, _FAINT, 11, "rm")
    room = wide - 18 - 7 - (panel.length(count, 11) + 4 if count else 0)
    panel.text((left + 18, bottom), spec.name, _TEXT if used or chosen else _FAINT, 11, width=room)


def _cropped(thumbnail: RgbImage, shape: Rect) -> RgbImage:
    """The middle of a square picture, in the shape of a slot."""
    height, width = thumbnail.shape[:2]
    if shape.width >= shape.height:
        keep = max(1, round(width * shape.height / shape.width))
        start = (height - keep) // 2
        return thumbnail[start : start + keep]
    keep = max(1, round(height * shape.width / shape.height))
    start = (width - keep) // 2
    return thumbnail[:, start : start + keep]


def _draw_status(panel: _Panel, state: PanelState, y: float) -> None:
    panel.card(panel.pixels(0, y, panel.width, 1), _EDGE)
    if state.busy and not state.alarm:
        panel.dot(_PAD + 4, y + 20, 4, _ACCENT)
        panel.text((_PAD + 16, y + 20), "computing masks", _FAINT, 12.5)
        return
    color = _ALARM if state.alarm else _FAINT
    room = panel.width - 2 * _PAD
    for number, line in enumerate(_wrapped(panel, state.message, room)[:4]):
        panel.text((_PAD, y + 18 + 17 * number), line, color, 12.5, width=room)


def _wrapped(panel: _Panel, text: str, room: float) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and panel.length(longer, 12.5) > room:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
