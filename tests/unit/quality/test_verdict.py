"""Defect or not, by Bayes' rule and references that were left out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from maskcast.quality.trials import Trial
from maskcast.quality.verdict import Decider, Goal, Signs


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
    assert decider.by_score.miss == pytest.approx(2 / 7)
    assert decider.by_score.alarm == pytest.approx(0.2)
    assert decider.probability(Signs(0.0)) == pytest.approx((2 / 7) / (2 / 7 + 0.8))
    odds = (5 / 7) / 0.2
    assert decider.by_score.usual == pytest.approx(0.65)
    assert decider.probability(Signs(0.65)) == pytest.approx(odds / (1 + odds))


def test_a_higher_score_is_more_likely_a_defect() -> None:
    decider = Decider.of(FIVE)
    likely = [decider.probability(Signs(score)) for score in (0.0, 0.1, 0.4, 0.65, 0.9)]
    assert likely[1:] == sorted(likely[1:])
    assert decider.verdict(Signs(0.9)) == "defect"
    assert decider.verdict(Signs(0.0)) == "ok"


def test_in_between_nothing_is_decided() -> None:
    decider = Decider.of(FIVE)
    assert {decider.verdict(Signs(score / 100)) for score in range(1, 100)} == {
        "ok",
        "undecided",
        "defect",
    }


def test_a_goal_leaves_nothing_undecided_and_is_kept_on_the_references() -> None:
    decider = Decider.of(FIVE, Goal(max_miss=0.2))
    scores = [0.5, 0.6, 0.7, 0.8, 0.0]
    assert sum(decider.verdict(Signs(score)) == "ok" for score in scores) <= 1
    assert "undecided" not in {decider.verdict(Signs(score / 100)) for score in range(100)}
    assert decider.notes == ()


def test_false_alarms_can_be_bounded() -> None:
    decider = Decider.of(FIVE, Goal(max_false_alarm=0.2))
    assert sum(decider.verdict(Signs(score)) == "defect" for score in (0, 0, 0, 0, 0.2)) <= 1


def test_what_references_cannot_tell_is_said() -> None:
    (told,) = Decider.of(FIVE, Goal(max_miss=0.02)).notes
    assert told.startswith("--max-miss 0.02 cannot be told from 5 defective references")
    assert "it takes 49" in told
    (never,) = Decider.of(FIVE, Goal(max_miss=0)).notes
    assert "no number tells it" in never


def test_without_references_left_out_it_still_decides() -> None:
    decider = Decider.of(())
    assert decider.probability(Signs(0.0)) < 0.5 < decider.probability(Signs(0.6))


def evident(name: str, evidence: float, *, is_shown: bool) -> Trial:
    return Trial(name, 1, is_shown, 0.5, 9, 0.5, 0.5, evidence)


APART = [
    *(evident(f"d{i}", evidence, is_shown=True) for i, evidence in enumerate((6.0, 5.0, 1.0))),
    *(evident(f"c{i}", evidence, is_shown=False) for i, evidence in enumerate((0.0, -1.0))),
]


def test_evidence_is_weighed_by_two_normal_distributions() -> None:
    """Means (12 + 4 * 4) / 7 and (-1 - 4 * 2) / 6; squares 4 + 1 + 9, 2.25 + 0.25 and 4 * 6.25."""
    variance = (4 + 1 + 9 + 2.25 + 0.25 + 25) / 9
    odds = [
        norm.logpdf(evidence, 4, np.sqrt(variance)) - norm.logpdf(evidence, -1.5, np.sqrt(variance))
        for evidence in (-3.0, 0.7, 5.0)
    ]
    decider = Decider.of(APART)
    likely = [decider.probability(Signs(0.9, evidence)) for evidence in (-3.0, 0.7, 5.0)]
    assert likely == pytest.approx([1 / (1 + np.exp(-each)) for each in odds])


def test_what_is_evident_counts_although_nothing_was_found() -> None:
    decider = Decider.of(APART)
    assert decider.verdict(Signs(0.0, 8.0)) == "defect"
    assert decider.verdict(Signs(0.9, -4.0)) == "ok"
    assert decider.verdict(Signs(0.9)) == "defect"  # of which nothing but the score is known


def test_one_reference_without_evidence_leaves_scores() -> None:
    decider = Decider.of([*APART, clean("old")])
    assert decider.by_evidence is None
    assert decider.probability(Signs(0.0, 8.0)) == decider.probability(Signs(0.0))


def test_references_the_wrong_way_round_do_not_turn_the_meaning_of_evidence() -> None:
    swapped = [evident(f"{i}", 9.0 * i, is_shown=i < 8) for i in range(-8, 24)]
    decider = Decider.of(swapped)
    likely = [decider.probability(Signs(0.0, evidence)) for evidence in (-9.0, 0.0, 9.0)]
    assert likely == sorted(likely)
    assert likely[0] < likely[-1]


def test_a_goal_holds_for_evidence_as_well() -> None:
    decider = Decider.of(APART, Goal(max_miss=0.25))
    verdicts = [decider.verdict(Signs(0.5, evidence)) for evidence in (6.0, 5.0, 1.0)]
    assert verdicts == ["defect"] * 3
    assert decider.verdict(Signs(0.5, 0.9)) == "ok"
