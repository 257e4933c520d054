"""What is made of the measures of a mask."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit

from maskcast.quality.judge import Judge, compactness
from maskcast.quality.prior import Prior, log_odds
from maskcast.quality.trials import Trial, trials_of
from maskcast.types import Reference, Segmentation


def found(steadiness: float, certainty: float = 0.9) -> Segmentation:
    mask = np.zeros((12, 16), np.bool_)
    mask[2:10, 2:12] = True
    signals = {"steadiness": steadiness, "certainty": certainty}
    return Segmentation(
        np.array([1]),
        mask[None],
        np.array([0.4], np.float32),
        signals={name: np.array([value], np.float32) for name, value in signals.items()},
    )


def trial(iou: float, *, is_shown: bool = True) -> Trial:
    return Trial("r.png", 1, is_shown, iou, 10, 0.5, 0.8)


def test_a_prior_is_a_logistic_map_of_log_odds() -> None:
    prior = Prior(("a", "b"), score=(0.5, 2.0, -1.0), right=(0.0, 1.0, 0.0))
    measured = {"a": np.array([0.8], np.float32), "b": np.array([0.3], np.float32)}
    scores, right = prior.apply(measured)
    assert scores[0] == pytest.approx(expit(0.5 + 2 * logit(0.8) - logit(0.3)), rel=1e-5)
    assert right[0] == pytest.approx(0.8, rel=1e-5)


def test_log_odds_of_certain_things_are_finite() -> None:
    assert np.isfinite(log_odds([0.0, 1.0])).all()
    assert log_odds(0.7) == pytest.approx(logit(0.7))


def test_a_steadier_mask_has_a_higher_score_and_is_more_likely_right() -> None:
    judge = Judge.of([trial(0.7)])
    low, high = judge.judge(found(0.1)), judge.judge(found(0.8))
    assert low.right is not None
    assert high.right is not None
    assert low.scores[0] < high.scores[0]
    assert low.right[0] < high.right[0]


def test_what_was_reached_on_references_left_out_moves_scores() -> None:
    poor, good = (Judge.of([trial(iou)] * 5).judge(found(0.5)) for iou in (0.1, 0.9))
    assert poor.scores[0] < good.scores[0] - 0.2


def test_references_that_do_not_show_an_object_say_nothing_of_its_masks() -> None:
    silent = trial(0.0, is_shown=False)
    assert Judge.of([trial(0.9), silent]) == Judge.of([trial(0.9)])


def test_few_references_pull_less() -> None:
    few, many = (Judge.of([trial(0.9)] * count).records[1].reached for count in (1, 9))
    assert few == pytest.approx(0.7)
    assert many == pytest.approx(0.86)


def test_an_engine_without_margins_keeps_its_scores() -> None:
    plain = Segmentation(np.array([1]), found(0.5).masks, np.array([0.4], np.float32))
    judged = Judge().judge(plain)
    assert judged.scores[0] == pytest.approx(0.4, abs=1e-6)
    assert judged.right is not None
    assert 0 < judged.right[0] < 0.4


def test_nothing_found_is_judged_without_fuss() -> None:
    judged = Judge().judge(Segmentation.empty(5, 6))
    assert judged.right is not None
    assert judged.right.shape == judged.scores.shape == (0,)


def test_crumbs_are_less_compact_than_a_disc() -> None:
    solid = np.zeros((40, 40), np.bool_)
    solid[10:30, 10:30] = True
    crumbs = np.zeros_like(solid)
    crumbs[10:30:2, 10:30:2] = True
    assert compactness(solid) == 1
    assert compactness(crumbs) < 0.5
    assert compactness(np.zeros((4, 4), np.bool_)) == 0


def test_trials_tell_what_became_of_each_reference() -> None:
    image, mask = np.zeros((12, 16, 3), np.uint8), found(0.8).masks[0]
    half = mask.copy()
    half[:, 7:] = False
    references = [
        Reference("found.png", image, {1: half}),
        Reference("missed.png", image, {1: mask}),
        Reference("alarm.png", image, {}),
        Reference("silent.png", image, {}),
    ]
    nothing = Segmentation.empty(12, 16)
    trials = trials_of(references, [found(0.8), nothing, found(0.8), nothing])
    assert [known.outcome for known in trials] == ["found", "missed", "false alarm", "silent"]
    assert trials[0].iou == pytest.approx(0.5)
    assert trials[0].steadiness == pytest.approx(0.8)


def test_unknown_pixels_of_a_reference_are_no_false_alarm() -> None:
    image, mask = np.zeros((12, 16, 3), np.uint8), found(0.8).masks[0]
    shown = Reference("a.png", image, {1: ~mask})
    blurred = Reference("b.png", image, {}, unknown=mask)
    trials = trials_of([shown, blurred], [Segmentation.empty(12, 16), found(0.8)])
    assert trials[1].outcome == "silent"
