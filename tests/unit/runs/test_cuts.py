"""Masks that a person cuts out of kept probability planes."""

from __future__ import annotations

import numpy as np
import pytest

from maskcast.engines.planes import HIGHEST, Calibration, level_of, levels_of, probability_of
from maskcast.errors import SettingsError
from maskcast.runs.cuts import Cut, Cuts, cut_mask, recut
from maskcast.types import Plane

EVEN = level_of(0.5)


def plane(*rows: str) -> Plane:
    """Each digit is a probability in tenths."""
    tenths = np.array([[int(digit) for digit in row] for row in rows], np.float32)
    odds = np.log(tenths.clip(0.1, 9.9) / (10 - tenths.clip(0.1, 9.9)))
    return levels_of(np.asarray(odds, np.float32))


def test_levels_are_even_steps_of_the_odds() -> None:
    for probability in (0.01, 0.3, 0.5, 0.9):
        assert probability_of(level_of(probability)) == pytest.approx(probability, rel=0.04)
    assert level_of(1e-9) == 0
    assert level_of(1 - 1e-9) == HIGHEST
    assert levels_of(np.array([[-99.0, 0.0, 99.0]], np.float32)).tolist() == [[0, EVEN, HIGHEST]]


def test_a_lower_threshold_adds_and_a_higher_one_takes_away() -> None:
    drawn = plane("013", "379", "168")
    assert np.array_equal(cut_mask(drawn, EVEN, Cut()), [[0, 0, 0], [0, 1, 1], [0, 1, 1]])
    assert np.array_equal(cut_mask(drawn, EVEN, Cut(0.25)), [[0, 0, 1], [1, 1, 1], [0, 1, 1]])
    assert np.array_equal(cut_mask(drawn, EVEN, Cut(0.75)), [[0, 0, 0], [0, 0, 1], [0, 0, 1]])


def test_small_parts_go_and_small_holes_are_filled() -> None:
    drawn = plane("9000000", "0099990", "0090990", "0099990", "0000000")
    mask = cut_mask(drawn, EVEN, Cut())
    assert mask[0, 0]
    assert not mask[2, 3]
    assert not cut_mask(drawn, EVEN, Cut(smallest=2))[0, 0]
    assert cut_mask(drawn, EVEN, Cut(smallest=2)).sum() == mask.sum() - 1
    assert cut_mask(drawn, EVEN, Cut(holes=1)).sum() == mask.sum() + 1
    assert not cut_mask(drawn, EVEN, Cut(smallest=12)).any()


def test_a_hole_that_reaches_round_a_corner_is_none_and_larger_ones_stay() -> None:
    drawn = plane("9999", "9009", "9999")
    assert not cut_mask(drawn, EVEN, Cut(holes=1))[1].all()
    assert cut_mask(drawn, EVEN, Cut(holes=2)).all()


def test_smoothing_takes_a_thorn_and_keeps_the_body() -> None:
    drawn = np.zeros((40, 40), np.uint8)
    drawn[10:30, 10:30] = HIGHEST
    drawn[20, 30:36] = HIGHEST
    mask = cut_mask(drawn, EVEN, Cut(smooth=4))
    assert not mask[20, 33:].any()
    assert mask[13:27, 13:27].all()
    assert abs(int(mask.sum()) - 400) < 30


def calibration(*, exclusive: bool) -> Calibration:
    return Calibration({1: EVEN, 2: EVEN}, {1: 0.8, 2: 0.8}, exclusive)


def test_what_is_not_chosen_is_the_engines_own_to_the_figure() -> None:
    planes = {1: plane("99", "10"), 2: plane("00", "19")}
    own = {1: (0.7, 0.9), 2: (0.6, 0.5)}
    found = recut(planes, own, calibration(exclusive=True), Cuts({}))
    assert found.object_ids.tolist() == [1, 2]
    assert found.scores.tolist() == pytest.approx([0.7, 0.6])
    assert found.right is not None
    assert found.right.tolist() == pytest.approx([0.9, 0.5])


def test_a_changed_mask_has_a_score_by_its_pixels_and_nobody_judged_it() -> None:
    planes = {1: plane("996", "103")}
    own = {1: (0.7, 0.9)}
    wider = recut(planes, own, calibration(exclusive=False), Cuts({1: Cut(0.25)}))
    assert wider.masks.sum() == 4
    assert 0.5 < wider.scores[0] < 0.7
    assert wider.right is None
    surer = recut(planes, own, calibration(exclusive=False), Cuts({1: Cut(0.8)}))
    assert 0.7 < surer.scores[0] < 0.85
    new = recut({1: plane("33")}, {}, calibration(exclusive=False), Cuts({1: Cut(0.2)}))
    assert 0.2 < new.scores[0] < 0.3  # 0.8 x 0.3
    none = recut(planes, own, calibration(exclusive=False), Cuts({1: Cut(smallest=9)}))
    assert none.masks.shape == (0, 2, 3)


def test_what_two_objects_claim_goes_to_the_one_farther_above_its_threshold() -> None:
    planes = {1: plane("940"), 2: plane("039")}
    cuts = Cuts({1: Cut(0.2), 2: Cut(0.2)})
    alone = recut(planes, {}, calibration(exclusive=True), cuts)
    assert alone.masks.tolist() == [[[True, True, False]], [[False, False, True]]]
    both = recut(planes, {}, calibration(exclusive=False), cuts)
    assert both.masks.tolist() == [[[True, True, False]], [[False, True, True]]]


def test_no_choice_for_one_object_takes_what_is_anothers() -> None:
    planes = {1: plane("960"), 2: plane("044")}
    wide = Cuts({2: Cut(0.1)})
    found = recut(planes, {1: (0.7, 0.9)}, calibration(exclusive=True), wide)
    assert found.masks.tolist() == [[[True, True, False]], [[False, False, True]]]
    assert found.scores[0] == pytest.approx(0.7)


def test_cuts_are_told_and_read_again() -> None:
    cuts = Cuts({3: Cut(0.4, smallest=5), 1: Cut()})
    assert cuts.to_json() == {"3": {"threshold": 0.4, "smallest": 5}}
    assert Cuts.from_json(cuts.to_json()).of(3) == cuts.of(3)
    assert cuts
    assert not Cuts({1: Cut()})


@pytest.mark.parametrize(
    "content",
    [
        [],
        {"x": {}},
        {"0": {}},
        {"1": []},
        {"1": {"threshold": 1.0}},
        {"1": {"threshold": "0.5"}},
        {"1": {"threshold": float("nan")}},
        {"1": {"smallest": -1}},
        {"1": {"smallest": 2.5}},
        {"1": {"smallest": True}},
        {"1": {"holes": 10**9}},
        {"1": {"smooth": 21}},
        {"1": {"other": 1}},
    ],
)
def test_what_is_no_cut_is_refused(content: object) -> None:
    with pytest.raises(SettingsError):
        Cuts.from_json(content)
