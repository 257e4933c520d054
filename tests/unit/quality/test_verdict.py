"""Defect or not, by Bayes' rule and references that were left out."""

from __future__ import annotations

import pytest

from maskcast.quality.trials import Trial
from maskcast.quality.verdict import Decider, Goal


def defective(name: str, score: float) -> Trial:
    return Trial(name, 1, True, score, 9 if score else 0, score)


def clean(name: str, score: float = 0.0) -> Trial:
    return Trial(name, 1, False, 0.0, 9 if score else 0, score)


FIVE = [
    *(defective(f"d{i}", score) for i, score in enumerate((0.5, 0.6, 0.7, 0.8, 0.0))),
    *(clean(f"c{i}") for i in range(4)),
    clean("c4", 0.2),
]


def test_a_probability_is_a_worked_case_of_bayes_rule() -> None:
    """Misses (1 + 1) / (5 + 2), alarms (1 + 0.5) / (5 + 2.5); even odds beforehand."""
    decider = Decider.of(FIVE)
    assert decider.miss == pytest.approx(2 / 7)
    assert decider.alarm == pytest.approx(0.2)
    assert decider.probability(0.0) == pytest.approx((2 / 7) / (2 / 7 + 0.8))
    odds = (5 / 7) / 0.2
    assert decider.usual == pytest.approx(0.65)
    assert decider.probability(0.65) == pytest.approx(odds / (1 + odds))


def test_a_higher_score_is_more_likely_a_defect() -> None:
    decider = Decider.of(FIVE)
    likely = [decider.probability(score) for score in (0.0, 0.1, 0.4, 0.65, 0.9)]
    assert likely[1:] == sorted(likely[1:])
    assert decider.verdict(0.9) == "defect"
    assert decider.verdict(0.0) == "ok"


def test_in_between_nothing_is_decided() -> None:
    decider = Decider.of(FIVE)
    assert {decider.verdict(score / 100) for score in range(1, 100)} == {
        "ok",
        "undecided",
        "defect",
    }


def test_a_goal_leaves_nothing_undecided_and_is_kept_on_the_references() -> None:
    decider = Decider.of(FIVE, Goal(max_miss=0.2))
    scores = [0.5, 0.6, 0.7, 0.8, 0.0]
    assert sum(decider.verdict(score) == "ok" for score in scores) <= 1
    assert "undecided" not in {decider.verdict(score / 100) for score in range(100)}
    assert decider.notes == ()


def test_false_alarms_can_be_bounded() -> None:
    decider = Decider.of(FIVE, Goal(max_false_alarm=0.2))
    assert sum(decider.verdict(score) == "defect" for score in (0, 0, 0, 0, 0.2)) <= 1


def test_what_references_cannot_tell_is_said() -> None:
    (told,) = Decider.of(FIVE, Goal(max_miss=0.02)).notes
    assert told.startswith("--max-miss 0.02 cannot be told from 5 defective references")
    assert "it takes 49" in told
    (never,) = Decider.of(FIVE, Goal(max_miss=0)).notes
    assert "no number tells it" in never


def test_without_references_left_out_it_still_decides() -> None:
    decider = Decider.of(())
    assert decider.probability(0.0) < 0.5 < decider.probability(0.6)
