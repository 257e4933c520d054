import numpy as np
import pytest

from maskcast.engines.pixel.learning.decision import (
    Decision,
    calibrate,
    decide,
    evidence_of,
    highest_of,
    second_helps,
)


def blobs() -> tuple[np.ndarray, np.ndarray]:
    """Logits with a strong square, a weak square and a strong dot; and where the first is."""
    logits = np.full((40, 60), -6, np.float32)
    logits[5:15, 5:15] = 3
    logits[5:15, 30:40] = 0.5
    logits[30:32, 30:32] = 4
    truth = np.zeros(logits.shape, np.bool_)
    truth[5:15, 5:15] = True
    return logits, truth


def test_a_component_needs_a_high_peak_and_enough_area() -> None:
    logits, truth = blobs()
    plain = [np.zeros(logits.shape, np.float32)]
    mask, score = decide(logits, plain, Decision(0.0, 1.0, 5, snapped=False, reliability=1.0))
    np.testing.assert_array_equal(mask, truth)
    assert 0 < score <= 1
    everything, _ = decide(logits, plain, Decision(0.0, 0.0, 1, snapped=False, reliability=1.0))
    np.testing.assert_array_equal(everything, logits > 0)


def test_a_faint_map_gives_no_mask_and_no_score() -> None:
    logits = np.full((20, 20), -3, np.float32)
    for snapped in (False, True):
        decision = Decision(0.0, 0.0, 1, snapped=snapped, reliability=1.0)
        mask, score = decide(logits, [np.zeros((20, 20), np.float32)], decision)
        assert not mask.any()
        assert score == 0


def test_a_surer_map_scores_higher() -> None:
    logits, _ = blobs()
    plain = [np.zeros(logits.shape, np.float32)]
    decision = Decision(0.0, 0.0, 1, snapped=False, reliability=1.0)
    assert decide(logits + 1, plain, decision)[1] > decide(logits, plain, decision)[1]


def test_evidence_is_the_mean_of_the_highest_logits_wherever_they_are() -> None:
    """Thirty of 40, one of them far; what is far below the threshold counts as 2 below it."""
    decision = Decision(-0.5, 3.0, 9, snapped=False, reliability=1.0)
    logits = np.full((20, 20), -30, np.float32)
    logits[::10, :20] = np.arange(40, dtype=np.float32).reshape(2, 20)
    assert evidence_of(highest_of(logits), decision) == np.mean(np.arange(10, 40)) + 0.5
    logits[logits >= 10] = -30
    assert evidence_of(highest_of(logits), decision) == (45 + 10 * 0.5 + 20 * -2) / 30
    assert evidence_of(highest_of(logits[:1, :2]), decision) == 1.0


@pytest.mark.parametrize("rows", [5, 31, 200])
def test_the_highest_are_found_whether_they_share_rows_or_not(rows: int) -> None:
    logits = np.random.default_rng(rows).normal(size=(rows, 50)).astype(np.float32)
    logits[2, 3:40] += 9
    logits[4:, 7] = 3  # many are equal
    np.testing.assert_array_equal(highest_of(logits), np.sort(logits.ravel())[-30:])


def noisy_references(offset: float) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Logits centred at `offset` + 2 on the object and `offset` - 2 off it, noise 0.5."""
    rng = np.random.default_rng(0)
    truth = np.zeros((60, 60), np.bool_)
    truth[20:40, 20:40] = True
    maps = [
        (np.where(truth, 2, -2) + offset + rng.normal(0, 0.5, truth.shape)).astype(np.float32)
        for _ in range(3)
    ]
    return maps, [truth] * 3


@pytest.mark.parametrize("offset", [-1.5, 0.0, 1.5])
def test_the_threshold_follows_the_maps(offset: float) -> None:
    maps, truths = noisy_references(offset)
    flat = [[np.zeros((60, 60), np.float32)]] * 3
    decision = calibrate(maps, truths, flat, None)
    assert abs(decision.low - offset) < 1.2
    assert decision.reliability > 0.8


def test_small_false_components_are_dropped_when_that_helps() -> None:
    maps, truths = noisy_references(0.0)
    rng = np.random.default_rng(1)
    for logits in maps:
        for row, column in rng.integers(0, 18, (12, 2)):
            logits[row, column : column + 2] = 5
    flat = [[np.zeros((60, 60), np.float32)]] * 3
    assert calibrate(maps, truths, flat, None).area > 2


def test_a_threshold_given_by_the_user_is_kept_exactly() -> None:
    maps, truths = noisy_references(0.0)
    flat = [[np.zeros((60, 60), np.float32)]] * 3
    decision = calibrate(maps, truths, flat, 0.8)
    assert decision.low == pytest.approx(np.log(4))
    assert not decision.snapped


def test_maps_that_say_nothing_leave_the_threshold_at_even_odds() -> None:
    truth = np.zeros((30, 30), np.bool_)
    truth[0, 0] = True
    maps = [np.full((30, 30), -5, np.float32)]
    flat = [[np.zeros((30, 30), np.float32)]]
    assert calibrate(maps, [truth], flat, None).low == 0


def test_a_false_alarm_on_a_clean_reference_is_silenced() -> None:
    maps, truths = noisy_references(0.0)
    alarm = np.full((60, 60), -4, np.float32)
    alarm[10:14, 10:14] = 1
    flat = [[np.zeros((60, 60), np.float32)]] * 4
    decision = calibrate([*maps, alarm], [*truths, np.zeros((60, 60), np.bool_)], flat, None)
    assert not decide(alarm, flat[0], decision)[0].any()
    assert decide(maps[0], flat[0], decision)[0].any()


def test_scores_promise_no_more_than_the_references_reached() -> None:
    """Maps that are sure of the wrong half of the object: their scores must come down."""
    maps, truths = noisy_references(0.0)
    half = np.zeros((60, 60), np.bool_)
    half[20:40, 20:30] = True
    flat = [[np.zeros((60, 60), np.float32)]] * 3
    right = calibrate(maps, truths, flat, None)
    wrong = calibrate(maps, [half] * 3, flat, None)
    assert wrong.reliability < 0.8 < right.reliability
    assert decide(maps[0], flat[0], wrong)[1] < decide(maps[0], flat[0], right)[1]


def test_what_is_unknown_is_no_false_alarm_and_no_hit() -> None:
    """A region with high logits that no truth holds: held against the limits unless unknown."""
    maps, truths = noisy_references(0.0)
    doubtful = np.zeros((60, 60), np.bool_)
    doubtful[:15] = True
    shown = [np.where(doubtful, 8, logits).astype(np.float32) for logits in maps]
    flat = [[np.zeros((60, 60), np.float32)]] * 3
    alarmed = calibrate(shown, truths, flat, None)
    excused = calibrate(shown, truths, flat, None, unknown=[doubtful] * 3)
    assert alarmed.reliability < 0.6
    assert excused.reliability > 0.8
    assert abs(excused.low - calibrate(maps, truths, flat, None).low) < 0.6


def test_a_second_stage_must_not_do_clearly_worse_on_references_that_it_never_saw() -> None:
    maps, truths = noisy_references(0.0)
    hole, gap = ([logits.copy() for logits in maps] for _ in range(2))
    for index in range(3):
        hole[index][22:38, 22:38] = -6  # 256 of 400 pixels
        gap[index][27:33, 27:33] = -6  # 36 of 400
    unknown = [None] * 3
    assert second_helps(hole, maps, truths, unknown)
    assert second_helps(maps, maps, truths, unknown)
    assert second_helps(maps, gap, truths, unknown)
    assert not second_helps(maps, hole, truths, unknown)


def test_what_is_unknown_does_not_count_against_a_second_stage() -> None:
    maps, truths = noisy_references(0.0)
    spilled = [logits.copy() for logits in maps]
    for logits in spilled:
        logits[:10] = 6
    unknown = np.zeros((60, 60), np.bool_)
    unknown[:10] = True
    assert not second_helps(maps, spilled, truths, [None] * 3)
    assert second_helps(maps, spilled, truths, [unknown] * 3)


def test_a_second_stage_that_learned_from_hopeless_maps_does_not_help() -> None:
    maps, truths = noisy_references(0.0)
    hopeless = [np.full((60, 60), -8, np.float32)] * 3
    assert not second_helps(hopeless, maps, truths, [None] * 3)
