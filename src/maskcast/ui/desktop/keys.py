"""The keys of the desktop labeler: one table for what they do and for what the help shows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


class Command(Enum):
    """What a key or a button of the panel can ask for."""

    BOX = auto()
    BRUSH = auto()
    PAN = auto()
    ZOOM = auto()
    FIT = auto()
    HIDE = auto()
    CLOSER = auto()
    AWAY = auto()
    THICKER = auto()
    THINNER = auto()
    SELECT = auto()
    NEXT_OBJECT = auto()
    PAGE_UP = auto()
    PAGE_DOWN = auto()
    UNDO = auto()
    REDO = auto()
    DELETE = auto()
    CLEAN = auto()
    PREVIOUS_IMAGE = auto()
    NEXT_IMAGE = auto()
    SAVE = auto()
    HELP = auto()
    CANCEL = auto()
    QUIT = auto()


@dataclass(frozen=True)
class Action:
    """A command; ``object_id`` is what SELECT selects."""

    command: Command
    object_id: int = 0


@dataclass(frozen=True)
class Binding:
    """Keys of one command.

    Attributes:
        keys: as ``normalized`` gives them.
        shown: the keys as the help shows them.
        does: what they do; empty if the help leaves them out.
    """

    command: Command
    keys: tuple[str, ...]
    shown: str
    does: str


BINDINGS = (
    Binding(Command.BRUSH, ("b",), "B", "brush or box"),
    Binding(Command.THINNER, ("[",), "[ ]  wheel", "radius of the brush"),
    Binding(Command.THICKER, ("]",), "", ""),
    Binding(Command.DELETE, ("d", "delete", "backspace"), "D", "delete the nearest prompt"),
    Binding(Command.UNDO, ("ctrl+z",), "Ctrl-Z", "undo"),
    Binding(Command.REDO, ("ctrl+shift+z", "ctrl+y"), "Ctrl-Shift-Z", "redo"),
    Binding(Command.NEXT_OBJECT, ("n",), "N", "next object"),
    Binding(Command.PAGE_DOWN, ("pagedown",), "PgUp  PgDn", "objects above 16"),
    Binding(Command.PAGE_UP, ("pageup",), "", ""),
    Binding(
        Command.NEXT_IMAGE,
        ("right", "."),
        "\N{LEFTWARDS ARROW} \N{RIGHTWARDS ARROW}  , .",
        "previous, next image",
    ),
    Binding(Command.PREVIOUS_IMAGE, ("left", ","), "", ""),
    Binding(Command.CLEAN, ("c",), "C", "nothing is on this image"),
    Binding(Command.SAVE, ("s", "ctrl+s"), "S", "save (done all the time)"),
    Binding(Command.PAN, ("p",), "P", "pan: drag the image"),
    Binding(Command.ZOOM, ("z",), "Z", "zoom: drag a rectangle"),
    Binding(Command.CLOSER, ("+", "="), "+ -  Ctrl-wheel", "closer, further away"),
    Binding(Command.AWAY, ("-",), "", ""),
    Binding(Command.FIT, ("f", "home", "0"), "F", "the whole image"),
    Binding(Command.HIDE, ("v",), "V", "hide masks and prompts, or show"),
    Binding(Command.HELP, ("?", "f1"), "?", "these keys"),
    Binding(Command.CANCEL, ("escape",), "Esc", "break off"),
    Binding(Command.QUIT, ("q", "ctrl+q", "ctrl+w"), "Q", "finish; all is saved"),
)
"""Every key but the digits, in the order of the help."""

MOUSE = {
    "Box": (
        ("drag", "a box; its handles adjust it"),
        ("left click", "a point on the object"),
        ("right click", "a point beside it"),
        ("middle click", "delete the nearest prompt"),
        ("wheel", "zoom"),
    ),
    "Brush": (
        ("left drag", "paint"),
        ("right drag", "erase"),
        ("wheel", "radius"),
        ("Ctrl-wheel", "zoom"),
    ),
}
"""What the mouse does in each tool, for the help."""

# The keys of the Korean keyboard's two sets, as they arrive while Hangul is typed.
_HANGUL = str.maketrans(
    "ㅂㅈㄷㄱㅅㅛㅕㅑㅐㅔㅁㄴㅇㄹㅎㅗㅓㅏㅣㅋㅌㅊㅍㅠㅜㅡ", "qwertyuiopasdfghjklzxcvbnm"
)

_BY_KEY = {key: binding.command for binding in BINDINGS for key in binding.keys}


def action_of(key: str) -> Action | None:
    """What a key of a matplotlib event asks for; None if nothing."""
    name = normalized(key)
    if len(name) == 1 and name in "123456789":
        return Action(Command.SELECT, int(name))
    command = _BY_KEY.get(name)
    return None if command is None else Action(command)


def normalized(key: str) -> str:
    """One spelling of a key for all backends: ``ctrl+Z`` and ``cmd+shift+z`` -> ``ctrl+shift+z``.

    Letters without Ctrl are the same with shift or caps lock; with Alt a key is nobody's, but for
    brackets: many keyboards have them on AltGr, which arrives as Ctrl and Alt.
    """
    name = "+" if key.endswith("+") else key.rpartition("+")[2]
    held = set(key.removesuffix(name).split("+"))
    name = name.translate(_HANGUL)
    if held & {"alt", "altgr"}:
        return name if name in ("[", "]") else ""
    shift = "shift" in held or (len(name) == 1 and name.isupper())
    if held & {"ctrl", "control", "cmd", "super"}:
        return f"ctrl+{'shift+' if shift else ''}{name.lower()}"
    return name.lower() if len(name) == 1 else name
