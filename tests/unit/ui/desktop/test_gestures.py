"""Gestures: one at a time, what they show meanwhile, any scale; what they draw: test_feel.py."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskcast.ui.controls import Tool
from maskcast.ui.desktop.gestures import (
    HANDLES,
    Band,
    Button,
    Gestures,
    Piece,
    Place,
    Shift,
    Situation,
    handle_at,
)
from maskcast.ui.edits import Edit, SetBox

BOX = (10.0, 20.0, 110.0, 220.0)


def situation(
    tool: Tool = Tool.BOX,
    scale: float = 1.0,
    box: tuple[float, float, float, float] | None = None,
) -> Situation:
    return Situation(tool, scale, 7.0, box)


def drawn(button: Button, meets: Situation, *places: Place) -> Edit | None:
    gestures = Gestures()
    gestures.press(places[0], button, meets)
    for place in places[1:]:
        gestures.move(place)
    edit = gestures.release(places[-1], button)
    assert not gestures.active
    return edit


@pytest.mark.parametrize(("scale", "is_box"), [(0.1, False), (1.0, True), (10.0, True)])
def test_a_click_is_judged_by_screen_pixels(scale: float, is_box: bool) -> None:
    edit = drawn(Button.LEFT, situation(scale=scale), (50, 50), (60, 60))
    assert isinstance(edit, SetBox) == is_box


def test_the_picture_follows_the_middle_button_once_it_moved() -> None:
    gestures = Gestures()
    assert gestures.press((50, 60), Button.MIDDLE, situation(Tool.BRUSH)) is None
    assert gestures.move((52, 61)) is None
    assert gestures.move((40, 90)) == Shift(10, -30)
    # What was pressed is under the mouse again; the next move is seen from there.
    assert gestures.move((51, 60)) == Shift(-1, 0)
    assert gestures.release((50, 60), Button.MIDDLE) is None


def test_another_button_does_not_disturb_a_drag() -> None:
    gestures = Gestures()
    gestures.press((5, 6), Button.LEFT, situation())
    assert gestures.press((9, 9), Button.RIGHT, situation()) is None
    gestures.move((60, 70))
    assert gestures.release((60, 70), Button.RIGHT) is None
    assert gestures.active
    assert gestures.release((60, 70), Button.LEFT) == SetBox(5, 6, 60, 70)


def test_a_gesture_keeps_the_tool_and_radius_of_its_press() -> None:
    gestures = Gestures()
    gestures.press((5, 6), Button.LEFT, situation(Tool.BRUSH))
    assert gestures.move((9, 9)) == Piece((5, 6), (9, 9), 7.0, erase=False)


def test_a_release_without_a_press_is_nothing() -> None:
    assert Gestures().release((5, 6), Button.LEFT) is None
    assert Gestures().move((5, 6)) is None


def test_a_cancelled_gesture_draws_nothing() -> None:
    gestures = Gestures()
    gestures.press((5, 6), Button.LEFT, situation())
    gestures.move((60, 70))
    gestures.cancel()
    assert gestures.release((60, 70), Button.LEFT) is None


def test_a_box_is_shown_while_it_is_drawn_but_not_while_the_hand_trembles() -> None:
    gestures = Gestures()
    assert gestures.press((5, 6), Button.LEFT, situation()) is None
    assert gestures.move((7, 7)) is None
    assert gestures.move((2, 30)) == Band((2, 6, 5, 30))


def test_a_stroke_is_shown_from_the_press_on_and_has_no_gaps() -> None:
    gestures = Gestures()
    pieces = [gestures.press((5, 6), Button.LEFT, situation(Tool.BRUSH))]
    pieces += [gestures.move(place) for place in ((90, 6), (90, 80), (3, 4))]
    ends = [(piece.start, piece.end) for piece in pieces if isinstance(piece, Piece)]
    assert ends == [((5, 6),) * 2, ((5, 6), (90, 6)), ((90, 6), (90, 80)), ((90, 80), (3, 4))]


@given(st.floats(1, 500), st.floats(1, 500), st.floats(0.05, 20))
def test_a_point_can_be_put_into_the_middle_of_any_box(
    width: float, height: float, scale: float
) -> None:
    if min(width, height) * scale >= 8:
        box = (0.0, 0.0, width, height)
        assert handle_at(box, (width / 2, height / 2), scale) is None


@pytest.mark.parametrize("scale", [0.2, 1.0, 8.0])
def test_every_handle_can_be_caught(scale: float) -> None:
    assert [handle_at(BOX, handle.place(BOX), scale) for handle in HANDLES] == list(HANDLES)
    assert len(HANDLES) == 8
    assert handle_at(None, (10, 20), scale) is None
