"""The card that shows all keys, drawn with Pillow."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from maskcast.drawing.fonts import font_for
from maskcast.types import RgbImage
from maskcast.ui.desktop.keys import BINDINGS, MOUSE

_LINES = tuple(binding for binding in BINDINGS if binding.does)
_LINE, _FIRST = 25, 62
_SIZE = (700, _FIRST + _LINE * len(_LINES) + 28)
_BACK = (32, 34, 38)
_EDGE = (76, 154, 255)
_TEXT = (232, 234, 237)
_FAINT = (154, 160, 170)
_KEY = (255, 214, 102)


def draw_help(room: tuple[int, int], scale: float) -> RgbImage:
    """All keys and what the mouse does.

    Args:
        room: (width, height) in pixels that the card must fit into.
        scale: pixels per unit, 1 on a 96 dpi screen; less is taken where there is little room.

    Returns:
        uint8 (h, w, 3) RGB.
    """
    card = _Card(min(scale, room[0] / _SIZE[0], room[1] / _SIZE[1]))
    card.write(24, 28, "Keys", _TEXT, 16)
    for number, binding in enumerate(_LINES):
        card.line(24, 126, _FIRST + _LINE * number, binding.shown, binding.does)
    y = 28
    for title, lines in MOUSE.items():
        card.write(392, y, f"Mouse: {title}", _TEXT, 16)
        for number, (what, does) in enumerate(lines):
            card.line(392, 104, y + 34 + _LINE * number, what, does)
        y += 34 + _LINE * len(lines) + 20
    card.write(392, y, "Object ids", _TEXT, 16)
    card.line(392, 104, y + 34, "1 .. 9", "choose the object")
    card.line(392, 104, y + 34 + _LINE, "click a slot", "the same, for every id")
    card.write(24, _SIZE[1] - 24, "Everything is saved at once. Any key closes this.", _FAINT, 12.5)
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
