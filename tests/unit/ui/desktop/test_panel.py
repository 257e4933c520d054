"""The panel: sixteen slots a page, everything inside, Korean names, no overlap on low screens."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest

from maskcast.drawing import fonts
from maskcast.drawing.palette import default_color
from maskcast.types import ObjectSpec
from maskcast.ui.controls import Command, Tool
from maskcast.ui.desktop.keys import Action
from maskcast.ui.desktop.panel import PanelState, Spot, draw_panel, page_of
from maskcast.ui.desktop.view import Rect
from maskcast.ui.thumbnails import ObjectSummary

STATE = PanelState("a.png", 1, 3, (512, 512), False, Tool.BOX, 9.0, 1, 1)
SIZES = [(380, 800, 1.0), (380, 560, 1.0), (396, 833, 1.04), (760, 1600, 2.0), (380, 300, 1.0)]


def spots(state: PanelState, size: tuple[int, int] = (380, 800), scale: float = 1.0) -> list[Spot]:
    return draw_panel(state, size, scale)[1]


def slot(state: PanelState, object_id: int) -> Rect:
    wanted = Action(Command.SELECT, object_id)
    return next(spot.rect for spot in spots(state) if spot.action == wanted)


@pytest.mark.parametrize(("width", "height", "scale"), SIZES)
def test_everything_is_inside_and_apart(width: int, height: int, scale: float) -> None:
    picture, found = draw_panel(STATE, (width, height), scale)
    assert picture.shape == (height, width, 3)
    for spot in found:
        assert 0 <= spot.rect.left < spot.rect.right <= width
        assert spot.rect.width > 0
    for one, other in combinations(found, 2):
        common = one.rect.within(other.rect)
        assert not (common.width and common.height), (one, other)


@pytest.mark.parametrize(("width", "height", "scale"), SIZES[:4])
def test_no_slot_is_cut_off(width: int, height: int, scale: float) -> None:
    found = spots(STATE, (width, height), scale)
    slots = [spot.rect for spot in found if spot.action.command == Command.SELECT]
    assert len(slots) == 16
    assert max(rect.bottom for rect in slots) <= height


@pytest.mark.parametrize("scale", [0.55, 0.7, 1.04])
def test_lines_and_cards_are_never_thinner_than_a_pixel(scale: float) -> None:
    for height in range(200, 230):
        picture, _ = draw_panel(STATE, (round(380 * scale), height), scale)
        assert picture.shape == (height, round(380 * scale), 3)


def test_slots_are_four_by_four() -> None:
    rects = [slot(STATE, object_id) for object_id in range(1, 17)]
    assert len({rect.left for rect in rects}) == 4
    assert len({rect.top for rect in rects}) == 4
    assert [(rect.top, rect.left) for rect in rects] == sorted(
        (rect.top, rect.left) for rect in rects
    )


@pytest.mark.parametrize(
    ("object_id", "first"),
    [(1, 1), (16, 1), (17, 17), (32, 17), (240, 225), (241, 241), (255, 241)],
)
def test_every_id_is_on_its_page(object_id: int, first: int) -> None:
    assert page_of(object_id) == first
    shown = [
        spot.action.object_id
        for spot in spots(replace(STATE, first_id=first))
        if spot.action.command == Command.SELECT
    ]
    assert shown == list(range(first, min(first + 16, 256)))


def test_a_page_without_the_chosen_id_names_it() -> None:
    chosen, other = (
        draw_panel(replace(STATE, first_id=17, object_id=object_id), (380, 800), 1.0)[0]
        for object_id in (2, 255)
    )
    changed = np.argwhere((chosen != other).any(axis=2))
    head = slot(replace(STATE, first_id=17), 17).top
    assert head - 24 <= changed[:, 0].min() <= changed[:, 0].max() < head


def test_a_slot_shows_the_thumbnail_and_the_colour() -> None:
    thumbnail = np.full((96, 96, 3), (10, 200, 30), np.uint8)
    summary = ObjectSummary(ObjectSpec(2, "scratch", (250, 0, 250)), 3, thumbnail)
    picture, _ = draw_panel(replace(STATE, summaries={2: summary}), (380, 800), 1.0)
    pixels = picture[slot(STATE, 2).slices]
    assert (pixels == (10, 200, 30)).all(axis=2).mean() > 0.5
    assert (pixels == (250, 0, 250)).all(axis=2).any()


def test_a_slot_counts_the_references() -> None:
    pictures = []
    for count in (0, 3, 12):
        summary = ObjectSummary(ObjectSpec(2, "scratch", (250, 0, 250)), count, None)
        state = replace(STATE, summaries={2: summary}, object_id=2)
        pictures.append(draw_panel(state, (380, 800), 1.0)[0])
    for one, other in combinations(pictures, 2):
        changed = np.argwhere((one != other).any(axis=2))
        rect = slot(STATE, 2)
        assert rect.holds(*changed.min(axis=0)[::-1])
        assert rect.holds(*changed.max(axis=0)[::-1])


def test_the_chosen_slot_is_framed_in_its_colour() -> None:
    picture, _ = draw_panel(replace(STATE, object_id=5), (380, 800), 1.0)
    rect = slot(STATE, 5)
    assert tuple(picture[(rect.top + rect.bottom) // 2, rect.left]) == default_color(5)


def test_korean_names_are_drawn() -> None:
    if fonts.font_for("이물", 11) is None:
        pytest.skip("no font with Hangul here")
    pictures = []
    for name in ("이물", "긁힘", "??"):
        summary = ObjectSummary(ObjectSpec(1, name, (250, 0, 250)), 1, None)
        pictures.append(draw_panel(replace(STATE, summaries={1: summary}), (380, 800), 1.0)[0])
    for one, other in combinations(pictures, 2):
        assert (one != other).any()


def test_a_machine_without_any_font_for_a_name_shows_question_marks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fonts, "_system_fonts", tuple)
    fonts._source_for.cache_clear()
    try:
        unknown, question, other = (
            _named(name) for name in ("\N{EGYPTIAN HIEROGLYPH A001} x", "? x", "x")
        )
    finally:
        fonts._source_for.cache_clear()
    assert np.array_equal(unknown, question)
    assert not np.array_equal(unknown, other)


def _named(name: str) -> npt.NDArray[np.uint8]:
    """The panel with an object of this name."""
    summary = ObjectSummary(ObjectSpec(1, name, (9, 9, 9)), 1, None)
    return draw_panel(replace(STATE, summaries={1: summary}), (380, 800), 1.0)[0]


@pytest.mark.parametrize("length", [1, 12, 90, 4000])
def test_long_texts_stay_in_their_places(length: int) -> None:
    name = "x" * length
    summary = ObjectSummary(ObjectSpec(1, name, (250, 0, 250)), 300, None)
    state = replace(
        STATE, image_id=name, message=name, alarm=True, summaries={1: summary}, clean=True
    )
    picture, _ = draw_panel(state, (380, 800), 1.0)
    assert (picture[:60, :8] == picture[0, 0]).all()
    assert (picture[740:, -8:] == picture[0, 0]).all()


def test_a_message_replaces_nothing_but_the_status() -> None:
    calm, _ = draw_panel(STATE, (380, 800), 1.0)
    alarmed, _ = draw_panel(replace(STATE, message="it failed", alarm=True), (380, 800), 1.0)
    rows = np.flatnonzero((calm != alarmed).any(axis=(1, 2)))
    assert rows.min() > 700
