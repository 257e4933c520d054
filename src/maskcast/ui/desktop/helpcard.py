"""The card that shows all keys, drawn with Pillow."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from maskcast.drawing.fonts import font_for
from maskcast.types import RgbImage
from maskcast.ui.controls import Control, Group, Where, controls_of

_TITLES = {
    Group.PROMPTS: "Box and points",
    Group.BRUSH: "Brush",
    Group.OBJECTS: "Objects and changes",
    Group.VIEW: "View",
}
_COLUMNS = ((Group.PROMPTS, Group.OBJECTS), (Group.BRUSH, Group.VIEW))
_LINE, _FIRST, _TITLE_ROOM, _FOOT = 25, 28, 34, 48
_INDENT, _COLUMN, _EDGE_ROOM = 146, 440, 24
_BACK = (32, 34, 38)
_EDGE = (76, 154, 255)
_TEXT = (232, 234, 237)
_FAINT = (154, 160, 170)
_KEY = (255, 214, 102)


def _lines(group: Group) -> list[Control]:
    return [control for control in controls_of(Where.WINDOW) if control.group == group]


def _height(groups: tuple[Group, ...]) -> int:
    return sum(_TITLE_ROOM + _LINE * len(_lines(group)) for group in groups) + 20 * len(groups)


_SIZE = 2 * _COLUMN + _EDGE_ROOM, _FIRST + max(map(_height, _COLUMNS)) + _FOOT - 20


def draw_help(room: tuple[int, int], scale: float) -> RgbImage:
    """All keys and what the mouse does.

    Args:
        room: (width, height) in pixels that the card must fit into.
        scale: pixels per unit, 1 on a 96 dpi screen; less is taken where there is little room.

    Returns:
        uint8 (h, w, 3) RGB.
    """
    card = _Card(min(scale, room[0] / _SIZE[0], room[1] / _SIZE[1]))
    for column, groups in enumerate(_COLUMNS):
        x, y = _EDGE_ROOM + column * _COLUMN, _FIRST
        for group in groups:
            card.write(x, y, _TITLES[group], _TEXT, 16)
            y += _TITLE_ROOM
            for control in _lines(group):
                shown = "  ".join((*control.captions, *control.how))
                card.line(x, _INDENT, y, shown, control.does)
                y += _LINE
            y += 20
    ending = "Everything is saved at once. Any key closes this."
    card.write(_EDGE_ROOM, _SIZE[1] - 24, ending, _FAINT, 12.5)
    return np.asarray(card.picture)


class _Card:
    def __init__(self, scale: float) -> None:
        self._scale = scale
        size = max(1, int(_SIZE[0] * scale)), max(1, int(_SIZE[1] * scale))
        self.picture = Image.new("RGB", size, _BACK)
        self._pen = ImageDraw.Draw(self.picture)
        corners = (0, 0, size[0] - 1, size[1] - 1)
        self._pen.rectangle(corners, outline=_EDGE, width=max(1, round(scale)))

    def line(self, x: float, indent: float, y: float, key: str, does: str) -> None:
        self.write(x, y, key, _KEY, 13)
        self.write(x + indent, y, does, _TEXT, 13)

    def write(
        self, x: float, y: float, text: str, color: tuple[int, int, int], size: float
    ) -> None:
        font = font_for(text, max(6, round(size * self._scale)))
        if font is not None:
            self._pen.text((x * self._scale, y * self._scale), text, color, font, anchor="lm")
