"""Gestures: a click is not a tiny drag, one gesture at a time, handles, strokes, deletion."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskcast.ui.desktop.gestures import (
    HANDLES,
    Band,
    Button,
    Gestures,
    Piece,
    Place,
    Situation,
    Tool,
    handle_at,
)
from maskcast.ui.edits import AddPoint, DeleteNearest, Edit, SetBox, Stroke

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


@pytest.mark.parametrize(
    ("button", "tool", "places", "expected"),
    [
        (Button.LEFT, Tool.BOX, [(5, 6)], AddPoint(5, 6, positive=True)),
        (Button.LEFT, Tool.BOX, [(5, 6), (8, 8)], AddPoint(5, 6, positive=True)),  # trembling
        (Button.LEFT, Tool.BOX, [(5, 6), (50, 9)], SetBox(5, 6, 50, 9)),
        (Button.LEFT, Tool.BOX, [(50, 9), (5, 60)], SetBox(5, 9, 50, 60)),  # to the left
        (Button.LEFT, Tool.BOX, [(5, 6), (50, 60), (5, 6)], SetBox(5, 6, 5, 6)),  # came back
        (Button.RIGHT, Tool.BOX, [(5, 6)], AddPoint(5, 6, positive=False)),
        (Button.RIGHT, Tool.BOX, [(5, 6), (50, 9)], AddPoint(5, 6, positive=False)),
        (Button.MIDDLE, Tool.BOX, [(5, 6)], DeleteNearest(5, 6, reach=24)),
        (Button.MIDDLE, Tool.BRUSH, [(5, 6)], DeleteNearest(5, 6, reach=24)),
        (Button.LEFT, Tool.BRUSH, [(5, 6)], Stroke(((5, 6),), 7.0)),
        (Button.LEFT, Tool.BRUSH, [(5, 6), (5, 7), (9, 9)], Stroke(((5, 6), (5, 7), (9, 9)), 7.0)),
        (Button.RIGHT, Tool.BRUSH, [(5, 6), (9, 9)], Stroke(((5, 6), (9, 9)), 7.0, erase=True)),
        (Button.LEFT, Tool.PAN, [(5, 6), (50, 9)], None),
        (Button.RIGHT, Tool.PAN, [(5, 6)], None),
        (Button.MIDDLE, Tool.ZOOM, [(5, 6)], None),
        (Button.LEFT, Tool.ZOOM, [(5, 6)], None),
    ],
)
def test_what_a_gesture_draws(
    button: Button, tool: Tool, places: list[Place], expected: Edit | None
) -> None:
    assert drawn(button, situation(tool), *places) == expected


@pytest.mark.parametrize(("scale", "is_box"), [(0.1, False), (1.0, True), (10.0, True)])
def test_a_click_is_judged_by_screen_pixels(scale: float, is_box: bool) -> None:
    edit = drawn(Button.LEFT, situation(scale=scale), (50, 50), (60, 60))
    assert isinstance(edit, SetBox) == is_box


def test_what_is_near_is_judged_by_screen_pixels() -> None:
    assert drawn(Button.MIDDLE, situation(scale=0.5), (5, 6)) == DeleteNearest(5, 6, reach=48)


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


@pytest.mark.parametrize(
    ("pressed", "expected"),
    [
        ((10, 20), (15, 27, 110, 220)),
        ((60, 20), (10, 27, 110, 220)),
        ((110, 20), (10, 27, 115, 220)),
        ((110, 120), (10, 20, 115, 220)),
        ((110, 220), (10, 20, 115, 227)),
        ((60, 220), (10, 20, 110, 227)),
        ((10, 220), (15, 20, 110, 227)),
        ((10, 120), (15, 20, 110, 220)),
    ],
)
def test_each_handle_moves_its_sides(
    pressed: Place, expected: tuple[float, float, float, float]
) -> None:
    moved = pressed[0] + 5, pressed[1] + 7
    assert drawn(Button.LEFT, situation(box=BOX), pressed, moved) == SetBox(*expected)


def test_a_handle_dragged_past_the_other_side_turns_the_box_over() -> None:
    edit = drawn(Button.LEFT, situation(box=BOX), (10, 120), (150, 120))
    assert edit == SetBox(110, 20, 150, 220)


def test_a_click_on_a_handle_does_nothing() -> None:
    assert drawn(Button.LEFT, situation(box=BOX), (10, 20), (11, 21)) is None


def test_the_grip_beside_a_handle_does_not_make_the_box_jump() -> None:
    edit = drawn(Button.LEFT, situation(box=BOX), (13, 22), (33, 22))
    assert edit == SetBox(30, 20, 110, 220)


def test_inside_a_box_a_new_one_is_drawn() -> None:
    edit = drawn(Button.LEFT, situation(box=BOX), (50, 90), (70, 150))
    assert edit == SetBox(50, 90, 70, 150)


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
