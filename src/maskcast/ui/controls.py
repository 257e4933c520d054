"""The hand feel of both labelers in one table: tools, keys, mouse, reaches and step sizes.

The window reads it, the browser is sent it (``page_controls``), and ``docs/labeling.md`` shows it,
so that what a hand has learned in one of them is right in the other. Reaches are in pixels of a
96 dpi screen: what is near is judged by the eye and the hand, not by the size of the image.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import Enum, StrEnum
from itertools import zip_longest
from typing import Any, Final


class Tool(StrEnum):
    """What the left button does."""

    BOX = "box"
    MINUS = "minus"
    BRUSH = "brush"
    ERASER = "eraser"
    PAN = "pan"
    ZOOM = "zoom"


class Command(StrEnum):
    """What a key or a button can ask for."""

    BOX = "box"
    MINUS = "minus"
    BRUSH = "brush"
    ERASER = "eraser"
    PAN = "pan"
    ZOOM = "zoom"
    FIT = "fit"
    HIDE = "hide"
    CLOSER = "closer"
    AWAY = "away"
    THICKER = "thicker"
    THINNER = "thinner"
    SELECT = "select"
    NEXT_OBJECT = "next_object"
    PAGE_UP = "page_up"
    PAGE_DOWN = "page_down"
    UNDO = "undo"
    REDO = "redo"
    DELETE = "delete"
    CLEAR = "clear"
    CLEAN = "clean"
    UNKNOWN = "unknown"
    RENAME = "rename"
    RECOLOR = "recolor"
    PREVIOUS_IMAGE = "previous_image"
    NEXT_IMAGE = "next_image"
    REMOVE = "remove"
    PUT_BACK = "put_back"
    SUGGEST = "suggest"
    TRY = "try"
    SAVE = "save"
    HELP = "help"
    CANCEL = "cancel"
    QUIT = "quit"


class Where(Enum):
    """Which labeler has it."""

    BOTH = "both"
    WINDOW = "window"
    BROWSER = "browser"


class Group(StrEnum):
    """A part of the help."""

    PROMPTS = "prompts"
    BRUSH = "brush"
    OBJECTS = "objects"
    VIEW = "view"
    KEYBOARD = "keyboard"
    LARGE = "large"


def _ladder(smallest: float, largest: float, ratio: float) -> Iterator[float]:
    """Whole numbers in about equal ratios, each at least 1 more than the one before."""
    yield smallest
    radius = 1
    while radius < largest:
        yield float(radius)
        radius = max(radius + 1, int(radius * ratio + 0.5))
    yield largest


@dataclass(frozen=True)
class Feel:
    """Reaches and step sizes, chosen by hand and eye.

    Attributes:
        click_slop: screen pixels that the hand may tremble in a click.
        handle_reach: most screen pixels from which a handle of the box is caught.
        handle_least: screen pixels from which one is caught however small the box is.
        handle_share: of a box's shorter side that its handles reach at most, so that the inside of
            a small box stays free for points.
        delete_reach: screen pixels from which a prompt is deleted.
        finger: how many times farther a finger reaches than a mouse.
        zoom_step: how much closer one step of the wheel or the keys is.
        fit_margin: room beside an image that is shown whole, as a share of it.
        largest_scale: screen pixels per image pixel, at most.
        smallest_share: of the scale that shows the whole image: the least.
        brushes_per_image: the first radius of the brush is this part of the image's shorter side.
        first_radius: in image pixels, at least.
        radii: of the brush in image pixels, from the thinnest on: the steps of wheel and keys.
    """

    click_slop: float = 4.0
    handle_reach: float = 9.0
    handle_least: float = 3.0
    handle_share: float = 0.25
    delete_reach: float = 24.0
    finger: float = 2.0
    zoom_step: float = 1.25
    fit_margin: float = 0.02
    largest_scale: float = 64.0
    smallest_share: float = 0.5
    brushes_per_image: float = 60.0
    first_radius: float = 2.0
    radii: tuple[float, ...] = tuple(_ladder(0.5, 500.0, 1.18))


FEEL: Final = Feel()


@dataclass(frozen=True)
class Keys:
    """Keys of one command, spelled as ``desktop.keys.normalized`` gives them.

    Attributes:
        command: what they ask for.
        shown: those that the help shows.
        also: others that ask for the same.
    """

    command: Command
    shown: tuple[str, ...]
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Control:
    """A line of the help: what a hand does, and what comes of it.

    Attributes:
        name: of the line, which its translations go by.
        group: the part of the help.
        does: what comes of it, in English.
        how: what is done to the mouse or to keys without a command.
        keys: of the commands that do it.
        where: which labeler has it.
    """

    name: str
    group: Group
    does: str
    how: tuple[str, ...] = ()
    keys: tuple[Keys, ...] = ()
    where: Where = Where.BOTH

    @property
    def captions(self) -> tuple[str, ...]:
        """Its keys as the help shows them: the first of each command, the second..."""
        turns = zip_longest(*(keys.shown for keys in self.keys))
        return tuple(key_caption(key) for turn in turns for key in turn if key is not None)


_CAPTIONS: Final = {
    "left": "\N{LEFTWARDS ARROW}",
    "right": "\N{RIGHTWARDS ARROW}",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "escape": "Esc",
}


def key_caption(key: str) -> str:
    """A key as it is shown: ``ctrl+shift+z`` -> ``Ctrl+Shift+Z``."""
    if key in _CAPTIONS:
        return _CAPTIONS[key]
    return "+".join(part.capitalize() for part in key.split("+")) if len(key) > 1 else key.upper()


_LABELING: Final = (
    Control("box", Group.PROMPTS, "a box round the object", ("drag",)),
    Control("adjust", Group.PROMPTS, "adjust the box", ("drag a handle",)),
    Control("plus", Group.PROMPTS, "a point on the object", ("left click",)),
    Control("beside", Group.PROMPTS, "a point beside it", ("right click",)),
    Control(
        "minus",
        Group.PROMPTS,
        "points beside it, or boxes again",
        keys=(Keys(Command.MINUS, ("m",)),),
    ),
    Control(
        "delete",
        Group.PROMPTS,
        "delete the nearest prompt",
        ("middle click",),
        (Keys(Command.DELETE, ("d",), ("delete", "backspace")),),
    ),
    Control(
        "clear",
        Group.PROMPTS,
        "clear this object",
        keys=(Keys(Command.CLEAR, ("shift+d",)),),
    ),
    Control("brush", Group.BRUSH, "brush, or boxes again", keys=(Keys(Command.BRUSH, ("b",)),)),
    Control("eraser", Group.BRUSH, "eraser, or boxes again", keys=(Keys(Command.ERASER, ("e",)),)),
    Control("paint", Group.BRUSH, "paint; the eraser erases", ("drag",)),
    Control("erase", Group.BRUSH, "erase; the eraser paints", ("right drag",)),
    Control(
        "radius",
        Group.BRUSH,
        "size of the brush",
        ("wheel",),
        (Keys(Command.THINNER, ("[",)), Keys(Command.THICKER, ("]",))),
    ),
    Control(
        "unknown",
        Group.BRUSH,
        "paint what is unknown, or the object again",
        keys=(Keys(Command.UNKNOWN, ("u",)),),
    ),
    Control("choose", Group.OBJECTS, "choose the object", ("1 .. 9",)),
    Control("next_object", Group.OBJECTS, "next object", keys=(Keys(Command.NEXT_OBJECT, ("n",)),)),
    Control(
        "pages",
        Group.OBJECTS,
        "objects above 16",
        keys=(Keys(Command.PAGE_UP, ("pageup",)), Keys(Command.PAGE_DOWN, ("pagedown",))),
    ),
    Control(
        "clean", Group.OBJECTS, "nothing is on this image", keys=(Keys(Command.CLEAN, ("c",)),)
    ),
    Control("rename", Group.OBJECTS, "name the object", keys=(Keys(Command.RENAME, ("f2",)),)),
    Control(
        "recolor", Group.OBJECTS, "colour of the object", keys=(Keys(Command.RECOLOR, ("k",)),)
    ),
    Control(
        "suggest",
        Group.OBJECTS,
        "fill in what the other references show",
        keys=(Keys(Command.SUGGEST, ("s",)),),
    ),
    Control("undo", Group.OBJECTS, "undo", keys=(Keys(Command.UNDO, ("ctrl+z",)),)),
    Control(
        "redo", Group.OBJECTS, "redo", keys=(Keys(Command.REDO, ("ctrl+shift+z",), ("ctrl+y",)),)
    ),
    Control(
        "save",
        Group.OBJECTS,
        "save (done all the time)",
        keys=(Keys(Command.SAVE, ("ctrl+s",)),),
        where=Where.WINDOW,
    ),
    Control(
        "zoom",
        Group.VIEW,
        "closer, further away",
        ("wheel", "Ctrl+wheel"),
        (Keys(Command.CLOSER, ("+",), ("=",)), Keys(Command.AWAY, ("-",))),
    ),
    Control("fit", Group.VIEW, "the whole image", keys=(Keys(Command.FIT, ("f",), ("home", "0")),)),
    Control("move", Group.VIEW, "move the image", ("middle drag",)),
    Control("space", Group.VIEW, "move the image", ("Space+drag",), where=Where.BROWSER),
    Control("pan", Group.VIEW, "drag the image, or draw again", keys=(Keys(Command.PAN, ("p",)),)),
    Control(
        "part",
        Group.VIEW,
        "drag a rectangle to look at, or draw again",
        keys=(Keys(Command.ZOOM, ("z",)),),
    ),
    Control(
        "hide", Group.VIEW, "hide masks and prompts, or show", keys=(Keys(Command.HIDE, ("v",)),)
    ),
    Control(
        "images",
        Group.VIEW,
        "previous, next image",
        keys=(
            Keys(Command.PREVIOUS_IMAGE, (",", "left")),
            Keys(Command.NEXT_IMAGE, (".", "right")),
        ),
    ),
    Control(
        "remove",
        Group.VIEW,
        "this image goes into the bin",
        keys=(Keys(Command.REMOVE, ("ctrl+delete",)),),
    ),
    Control(
        "put_back",
        Group.VIEW,
        "the last one comes back from it",
        keys=(Keys(Command.PUT_BACK, ("ctrl+backspace",)),),
    ),
    Control(
        "try",
        Group.VIEW,
        "try the references on six targets",
        keys=(Keys(Command.TRY, ("t",)),),
        where=Where.BROWSER,
    ),
    Control("help", Group.VIEW, "these keys", keys=(Keys(Command.HELP, ("?",), ("f1",)),)),
    Control(
        "cancel",
        Group.VIEW,
        "break off, or boxes again",
        keys=(Keys(Command.CANCEL, ("escape",)),),
    ),
    Control(
        "quit",
        Group.VIEW,
        "finish; all is saved",
        keys=(Keys(Command.QUIT, ("q",), ("ctrl+q", "ctrl+w")),),
        where=Where.WINDOW,
    ),
    Control("canvas", Group.KEYBOARD, "go to the image", ("Tab",), where=Where.BROWSER),
    Control("cursor", Group.KEYBOARD, "move the cursor", ("arrow keys",), where=Where.BROWSER),
    Control("fine", Group.KEYBOARD, "by one pixel", ("Shift+arrow keys",), where=Where.BROWSER),
    Control("enter", Group.KEYBOARD, "a point on the object", ("Enter",), where=Where.BROWSER),
    Control(
        "shift_enter", Group.KEYBOARD, "a point beside it", ("Shift+Enter",), where=Where.BROWSER
    ),
    Control(
        "corner",
        Group.KEYBOARD,
        "first and second corner of a box",
        ("Space",),
        where=Where.BROWSER,
    ),
)


def _seen_large(name: str, does: str) -> Control:
    """A line of the large view of Results, which has the keys of a line of the labelers."""
    known = next(control for control in _LABELING if control.name == name)
    return Control(f"large_{name}", Group.LARGE, does, known.captions, where=Where.BROWSER)


CONTROLS: Final = (
    *_LABELING,
    _seen_large("images", "previous, next target"),
    _seen_large("zoom", "closer, further away"),
    _seen_large("fit", "the whole image"),
    _seen_large("hide", "hide what was found, or show; while held"),
    Control(
        "large_flip",
        Group.LARGE,
        "the original, or what was found on it",
        ("Space",),
        where=Where.BROWSER,
    ),
    Control("large_close", Group.LARGE, "back to the gallery", ("Esc",), where=Where.BROWSER),
)
"""Every line of the help, in its order; digits choose objects without being listed as keys."""


def controls_of(labeler: Where) -> list[Control]:
    """What ``Where.WINDOW`` or ``Where.BROWSER`` has, in the order of the help."""
    return [control for control in CONTROLS if control.where in (Where.BOTH, labeler)]


def commands_of(labeler: Where) -> dict[str, Command]:
    """What the keys of ``Where.WINDOW`` or ``Where.BROWSER`` ask for."""
    return {
        key: keys.command
        for control in controls_of(labeler)
        for keys in control.keys
        for key in (*keys.shown, *keys.also)
    }


def first_radius(height: int, width: int) -> float:
    """Of the brush on an image of this size: the nearest of ``Feel.radii``."""
    wanted = max(FEEL.first_radius, min(height, width) / FEEL.brushes_per_image)
    return min(FEEL.radii, key=lambda radius: abs(radius - wanted))


def next_radius(radius: float, direction: int) -> float:
    """The next thicker radius, or the next thinner one if ``direction`` is below 0."""
    if direction > 0:
        return next((other for other in FEEL.radii if other > radius), FEEL.radii[-1])
    return next((other for other in reversed(FEEL.radii) if other < radius), FEEL.radii[0])


def page_controls() -> dict[str, Any]:
    """What the browser is sent, JSON-able.

    Returns:
        ``feel`` (``Feel`` by its names), ``keys`` (key -> command), ``captions`` (command -> its
        key as shown) and ``help`` (lines with ``name``, ``group``, ``keys`` as shown and ``how``).
    """
    controls = controls_of(Where.BROWSER)
    return {
        "feel": {**asdict(FEEL), "radii": list(FEEL.radii)},
        "keys": {key: command.value for key, command in commands_of(Where.BROWSER).items()},
        "captions": {
            keys.command.value: key_caption(keys.shown[0])
            for entry in controls
            for keys in entry.keys
        },
        "help": [
            {
                "name": control.name,
                "group": control.group.value,
                "keys": list(control.captions),
                "how": list(control.how),
            }
            for control in controls
        ],
    }
