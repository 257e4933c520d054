"""Colours of object ids, for people with any colour vision.

Ids 1..7 take the palette of Okabe and Ito ("Color Universal Design", 2008) without its black, in
its published order. Ids 8..16 were searched for on an sRGB grid so that the smallest CIELAB
distance between any two of the sixteen stays as large as possible in three views at once: normal
vision, protanopia and deuteranopia (both simulated with the matrices of Machado, Oliveira and
Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency", 2009), and
so that none looks gray in any of them. More than sixteen colours cannot be told apart reliably;
ids 17..255 walk round the hues by the golden ratio with changing lightness, and are all different.
"""

from __future__ import annotations

import colorsys
import re

from maskcast.types import ObjectSpec, check_object_id

Color = tuple[int, int, int]
"""(red, green, blue), each 0..255."""

_DISTINGUISHABLE: tuple[Color, ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
    (51, 255, 255),
    (136, 17, 17),
    (170, 255, 136),
    (0, 0, 255),
    (119, 119, 255),
    (102, 51, 85),
    (153, 255, 204),
    (68, 34, 187),
    (119, 187, 102),
)
_GOLDEN_RATIO = 0.6180339887498949
_LIGHTNESSES = (0.55, 0.75, 0.35)
_SATURATIONS = (0.9, 0.6)


def default_color(object_id: int) -> Color:
    """The colour of an object id that was given none.

    Raises:
        ValueError: if the id is not in 1..255.
    """
    check_object_id(object_id)
    if object_id <= len(_DISTINGUISHABLE):
        return _DISTINGUISHABLE[object_id - 1]
    step = object_id - len(_DISTINGUISHABLE) - 1
    red, green, blue = colorsys.hls_to_rgb(
        step * _GOLDEN_RATIO % 1.0,
        _LIGHTNESSES[step % len(_LIGHTNESSES)],
        _SATURATIONS[step // len(_LIGHTNESSES) % len(_SATURATIONS)],
    )
    return round(red * 255), round(green * 255), round(blue * 255)


def default_spec(object_id: int) -> ObjectSpec:
    """Name and colour of an object id that ``maskcast.toml`` does not describe.

    Raises:
        ValueError: if the id is not in 1..255.
    """
    return ObjectSpec(object_id, f"object {object_id}", default_color(object_id))


def hex_color(color: Color) -> str:
    """``(230, 159, 0)`` -> ``#e69f00``."""
    return "#{:02x}{:02x}{:02x}".format(*color)


def parse_hex_color(text: str) -> Color:
    """``#e69f00``, ``E69F00`` or the short ``#fa0`` -> (red, green, blue).

    Raises:
        ValueError: if the text is not three or six hexadecimal digits after an optional ``#``.
    """
    digits = text.strip().removeprefix("#")
    if not re.fullmatch(r"[0-9a-fA-F]{3}|[0-9a-fA-F]{6}", digits):
        raise ValueError(f"the colour {text!r} is not written like #e69f00; give six hex digits")
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    return int(digits[0:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)
