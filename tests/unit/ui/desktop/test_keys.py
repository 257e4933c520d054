"""Keys: every spelling of the backends, none bound twice, all in the help."""

from __future__ import annotations

import numpy as np
import pytest

from maskcast.ui.controls import Command, Where, commands_of, controls_of
from maskcast.ui.desktop.helpcard import draw_help
from maskcast.ui.desktop.keys import Action, action_of


@pytest.mark.parametrize(
    ("key", "command"),
    [
        ("b", Command.BRUSH),
        ("B", Command.BRUSH),  # caps lock
        ("shift+b", Command.BRUSH),
        ("ctrl+z", Command.UNDO),
        ("cmd+z", Command.UNDO),
        ("ctrl+Z", Command.REDO),
        ("shift+ctrl+z", Command.REDO),
        ("ctrl+shift+z", Command.REDO),
        ("cmd+shift+z", Command.REDO),
        ("ctrl+y", Command.REDO),
        ("shift+?", Command.HELP),
        ("+", Command.CLOSER),
        ("shift++", Command.CLOSER),
        (",", Command.PREVIOUS_IMAGE),
        ("left", Command.PREVIOUS_IMAGE),
        (".", Command.NEXT_IMAGE),
        ("right", Command.NEXT_IMAGE),
        ("pageup", Command.PAGE_UP),
        ("pagedown", Command.PAGE_DOWN),
        ("[", Command.THINNER),
        ("]", Command.THICKER),
        ("n", Command.NEXT_OBJECT),
        ("d", Command.DELETE),
        ("D", Command.DELETE),  # caps lock
        ("shift+D", Command.CLEAR),
        ("shift+ㅇ", Command.CLEAR),
        ("m", Command.MINUS),
        ("e", Command.ERASER),
        ("c", Command.CLEAN),
        ("s", Command.SUGGEST),
        ("ctrl+s", Command.SAVE),
        ("q", Command.QUIT),
        ("v", Command.HIDE),
        ("ㅠ", Command.BRUSH),  # while Hangul is typed
        ("ctrl+ㅋ", Command.UNDO),
        ("ctrl+alt+[", Command.THINNER),  # AltGr-8 on a German keyboard
        ("alt+]", Command.THICKER),
    ],
)
def test_what_a_key_does(key: str, command: Command) -> None:
    assert action_of(key) == Action(command)


@pytest.mark.parametrize("digit", range(1, 10))
def test_a_digit_chooses_an_object(digit: int) -> None:
    assert action_of(str(digit)) == Action(Command.SELECT, digit)


@pytest.mark.parametrize(
    "key", ["", "shift", "control", "alt+b", "ctrl+c", "ctrl+d", "j", "l", "g"]
)
def test_other_keys_do_nothing(key: str) -> None:
    assert action_of(key) is None


def test_every_command_but_those_of_the_mouse_has_a_key() -> None:
    bound = set(commands_of(Where.WINDOW).values())
    assert bound | {Command.SELECT, Command.BOX, Command.TRY} == set(Command)  # the browser's


@pytest.mark.parametrize(
    ("room", "scale", "height"),
    [((1280, 800), 1.0, 614), ((2560, 1600), 2.0, 1228), ((720, 400), 1.0, 400), ((70, 90), 1, 47)],
)
def test_the_help_fits_its_card_and_the_window(
    room: tuple[int, int], scale: float, height: int
) -> None:
    card = draw_help(room, scale)
    assert card.shape[0] == height
    assert card.shape[1] <= room[0]
    if height < 100:
        return  # nobody can read that
    edge = round(4 * scale)
    inner = card[edge:-edge, edge:-edge]
    back = inner[0, 0]
    assert (inner[:, 0] == back).all()
    assert (inner[:, -1] == back).all()
    assert (inner[-1] == back).all()
    assert (inner != back).any()


def test_no_line_of_the_help_covers_another() -> None:
    card = draw_help((2000, 1400), 2.0)
    lines, clear = 0, 0
    for left, right in ((8, 888), (928, 1790)):  # the two columns, and nothing between them
        inked = (card[8:-8, left:right] != card[8, 8]).any(axis=(1, 2))
        lines += int((np.diff(inked.astype(int)) == 1).sum())
        clear += int((card[8:-8, right : right + 8] != card[8, 8]).any())
    assert clear == 0
    assert lines == 4 + len(controls_of(Where.WINDOW)) + 1  # titles, and the last sentence
