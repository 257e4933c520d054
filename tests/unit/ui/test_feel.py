"""The hand feel of both labelers: the same file of cases for the window here and the browser.

``web/static/feel.test.js`` reads the same cases, so what is expected is written down once and a
labeler that differs fails.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from maskcast.ui.controls import (
    CONTROLS,
    FEEL,
    Command,
    Tool,
    Where,
    commands_of,
    first_radius,
    next_radius,
    page_controls,
)
from maskcast.ui.desktop.gestures import Button, Gestures, Situation
from maskcast.ui.desktop.keys import action_of
from maskcast.ui.desktop.view import View
from maskcast.ui.edits import AddPoint, DeleteNearest, Edit, SetBox, Stroke

CASES = json.loads(Path(__file__).with_name("feel.json").read_text("utf-8"))
RADIUS = 7.0


def edit_of(case: dict[str, Any] | None) -> Edit | None:
    """An edit as the page spells it."""
    if case is None:
        return None
    values = {key: value for key, value in case.items() if key != "kind"}
    if case["kind"] == "stroke":
        values["path"] = tuple(tuple(place) for place in values["path"])
    kinds = {"box": SetBox, "point": AddPoint, "stroke": Stroke, "delete": DeleteNearest}
    edit: Edit = kinds[case["kind"]](**values)
    return edit


@pytest.mark.parametrize("case", CASES["gestures"], ids=lambda case: str(case["tells"]))
def test_what_a_gesture_draws(case: dict[str, Any]) -> None:
    box: Any = None if case["box"] is None else tuple(case["box"])
    places: list[Any] = [tuple(place) for place in case["places"]]
    gestures, button = Gestures(), Button[case["button"].upper()]
    situation = Situation(Tool(case["tool"]), case["scale"], RADIUS, box)
    gestures.press(places[0], button, situation)
    for place in places[1:]:
        gestures.move(place)
    assert gestures.release(places[-1], button) == edit_of(case["edit"])
    assert not gestures.active


@pytest.mark.parametrize("case", CASES["keys"], ids=lambda case: str(case["window"]))
def test_what_a_key_asks_for(case: dict[str, Any]) -> None:
    action = action_of(case["window"])
    assert (None if action is None else action.command) == case["command"]


@pytest.mark.parametrize("case", CASES["radii"]["first"], ids=lambda case: str(case["size"]))
def test_the_first_radius_of_the_brush(case: dict[str, Any]) -> None:
    assert first_radius(*case["size"]) == case["radius"]


@pytest.mark.parametrize(("name", "direction"), [("thicker", 1), ("thinner", -1)])
def test_the_steps_of_the_brush(name: str, direction: int) -> None:
    for radius, expected in CASES["radii"][name]:
        assert next_radius(radius, direction) == expected


@pytest.mark.parametrize("case", CASES["views"], ids=lambda case: str(case["tells"]))
def test_where_the_image_is_on_the_screen(case: dict[str, Any]) -> None:
    view = View.fitted(tuple(case["screen"]), tuple(case["image"]))
    for name, *values in case["do"]:
        match name:
            case "zoom":
                view = view.zoomed(*values)
            case "move":
                view = view.moved(*values)
            case "show":
                view = view.showing(tuple(values))
            case "resize":
                view = view.resized(tuple(values))
    assert view.scale == pytest.approx(case["scale"])
    for screen, image in case["places"]:
        assert view.to_image(*screen) == pytest.approx(image, abs=1e-6)


def test_no_key_asks_for_two_things() -> None:
    keys = [
        (key, control.where)
        for control in CONTROLS
        for of_command in control.keys
        for key in (*of_command.shown, *of_command.also)
    ]
    assert len({key for key, _ in keys}) == len(keys)


def test_keys_mean_the_same_in_both_but_for_trying_saving_and_finishing() -> None:
    window, browser = commands_of(Where.WINDOW), commands_of(Where.BROWSER)
    assert browser.items() - window.items() == {("t", Command.TRY)}
    assert set(window) - set(browser) == {"ctrl+s", "q", "ctrl+q", "ctrl+w"}


def test_the_browser_is_sent_what_the_window_goes_by() -> None:
    sent = page_controls()
    assert json.loads(json.dumps(sent)) == sent
    assert sent["feel"]["delete_reach"] == FEEL.delete_reach == 24
    assert sent["feel"]["radii"][:3] == [0.5, 1, 2]
    assert sent["keys"]["shift+d"] == "clear"
    assert sent["captions"]["redo"] == "Ctrl+Shift+Z"
    assert np.all(np.diff(sent["feel"]["radii"]) > 0)
