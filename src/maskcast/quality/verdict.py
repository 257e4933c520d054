"""Defect or not: the verdict on a whole picture, from what references that were left out look like.

Bayes' rule with even odds beforehand. What speaks for a defect is the picture's evidence where the
engine tells it, and else the highest score of what was found. Either is weighed by what it is on
defective and on clean references; nothing is known here that these do not show: where they are few,
what is usual is mixed in.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Self, get_args

from maskcast.quality.prior import log_odds
from maskcast.quality.trials import Trial

Verdict = Literal["defect", "ok", "undecided"]
VERDICTS: Final[tuple[Verdict, ...]] = get_args(Verdict)

_MISSES: Final = (1.0, 1.0)
_ALARMS: Final = (0.5, 2.0)
"""Beta priors of both rates: times it happened, times it did not, before the first reference."""

_USUAL: Final = 0.5
_SURE: Final = 0.7

_CLEAN: Final = -2.0
_DEFECTIVE: Final = 4.0
_SPREAD: Final = 2.5
_WORTH: Final = 4.0
"""Usual evidence of clean and of defective pictures, its standard deviation among either, and how
many references what is usual is worth. Set by hand, in round numbers, with the draws in view that
``benchmarks/verdicts.py`` measures: no other pack has clean pictures."""

_LEAST_GAP: Final = 0.5
"""Evidence by which defective pictures are above clean ones at least, whatever references say."""


@dataclass(frozen=True)
class Signs:
    """What speaks for a defect on a picture.

    Attributes:
        score: the highest of what was found; 0 = nothing was.
        evidence: see ``Segmentation``; None where it is not known.
    """

    score: float
    evidence: float | None = None


@dataclass(frozen=True)
class Goal:
    """How sensitive verdicts are to be; None = as likely as not, with an undecided middle.

    Attributes:
        max_miss: share of defective pictures that may be called ok.
        max_false_alarm: share of clean pictures that may be called a defect.
    """

    max_miss: float | None = None
    max_false_alarm: float | None = None


@dataclass(frozen=True)
class ByScore:
    """How probable a defect is by the highest score.

    Attributes:
        miss: probability that nothing is found on a defective picture.
        alarm: probability that something is found on a clean one.
        usual: score of what is found on defective references.
    """

    miss: float
    alarm: float
    usual: float

    @classmethod
    def of(cls, defective: Sequence[Signs], clean: Sequence[Signs]) -> Self:
        """By references."""
        scores = [signs.score for signs in defective if signs.score > 0]
        miss, alarm = len(defective) - len(scores), sum(signs.score > 0 for signs in clean)
        return cls(
            (miss + _MISSES[0]) / (len(defective) + sum(_MISSES)),
            (alarm + _ALARMS[0]) / (len(clean) + sum(_ALARMS)),
            sum(scores) / len(scores) if scores else _USUAL,
        )

    def probability(self, score: float) -> float:
        """That a picture is defective; a score above what is usual counts for it."""
        if score <= 0:
            return self.miss / (self.miss + 1 - self.alarm)
        surprise = float(log_odds(score) - log_odds(self.usual))
        return float(1 / (1 + self.alarm / (1 - self.miss) * math.exp(-surprise)))


@dataclass(frozen=True)
class ByEvidence:
    """How probable a defect is by the evidence: two normal distributions of one variance.

    Attributes:
        middle: evidence at which a defect is as probable as none.
        slope: log odds for each unit of evidence.
    """

    middle: float
    slope: float

    @classmethod
    def of(cls, defective: Sequence[float], clean: Sequence[float]) -> Self:
        """By the evidence of references; what is usual counts as a few more of either."""
        groups = (defective, _DEFECTIVE), (clean, _CLEAN)
        high, low = (
            (sum(group) + _WORTH * usual) / (len(group) + _WORTH) for group, usual in groups
        )
        squares = sum((value - high) ** 2 for value in defective)
        squares += sum((value - low) ** 2 for value in clean)
        count = len(defective) + len(clean) + _WORTH
        variance = (squares + _WORTH * _SPREAD**2) / count
        return cls((high + low) / 2, max(high - low, _LEAST_GAP) / variance)

    def probability(self, evidence: float) -> float:
        """That a picture is defective."""
        return 0.5 + 0.5 * math.tanh(self.slope * (evidence - self.middle) / 2)


@dataclass(frozen=True)
class Decider:
    """Gives verdicts.

    Attributes:
        by_score: for pictures of which no evidence is known.
        by_evidence: for the others; None where that of the references is not known.
        ok_below: probability below which a picture is ok.
        defect_from: probability from which it is a defect.
        notes: what the references cannot tell.
    """

    by_score: ByScore
    by_evidence: ByEvidence | None
    ok_below: float = 1 - _SURE
    defect_from: float = _SURE
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, trials: Sequence[Trial], goal: Goal | None = None) -> Decider:
        """By references that were left out; without any, by what is usual."""
        shown = {trial.image_id for trial in trials if trial.is_shown}
        others = {trial.image_id for trial in trials} - shown
        defective, clean = _signs_of(trials, shown), _signs_of(trials, others)
        high, low = _all_known(defective), _all_known(clean)
        by_evidence = None if high is None or low is None else ByEvidence.of(high, low)
        plain = cls(ByScore.of(defective, clean), by_evidence)
        return plain._aimed(goal or Goal(), defective, clean)

    def probability(self, signs: Signs) -> float:
        """That a picture is defective."""
        if self.by_evidence is None or signs.evidence is None:
            return self.by_score.probability(signs.score)
        return self.by_evidence.probability(signs.evidence)

    def verdict(self, signs: Signs) -> Verdict:
        """On a picture."""
        likely = self.probability(signs)
        if likely >= self.defect_from:
            return "defect"
        return "ok" if likely < self.ok_below else "undecided"

    def _aimed(self, goal: Goal, defective: Sequence[Signs], clean: Sequence[Signs]) -> Decider:
        if goal == Goal():
            return self
        notes: list[str] = []
        low = high = None
        if goal.max_miss is not None:
            low = _limit(sorted(map(self.probability, defective)), goal.max_miss)
            notes += _cannot_tell(len(defective), goal.max_miss, "defective", "--max-miss")
        if goal.max_false_alarm is not None:
            ranked = sorted(1 - self.probability(signs) for signs in clean)
            limit = _limit(ranked, goal.max_false_alarm)
            high = None if limit is None else 1 - limit + 1e-9
            notes += _cannot_tell(len(clean), goal.max_false_alarm, "clean", "--max-false-alarm")
        high = high if high is not None else low if low is not None else self.defect_from
        low = low if low is not None else high
        return Decider(self.by_score, self.by_evidence, low, max(low, high), tuple(notes))


def _limit(ranked: Sequence[float], share: float) -> float | None:
    """Value below which at most a share of others like these lies (split conformal)."""
    if not ranked:
        return None
    return ranked[max(0, int(share * (len(ranked) + 1)) - 1)]


def _cannot_tell(count: int, share: float, kind: str, flag: str) -> list[str]:
    if share * (count + 1) >= 1:
        return []
    enough = f"it takes {math.ceil(1 / share - 1e-9) - 1}" if share else "no number tells it"
    told = f"{flag} {share:g} cannot be told from {count} {kind} references ({enough})"
    return [f"{told}; verdicts are as strict as these references allow"]


def _signs_of(trials: Sequence[Trial], image_ids: Iterable[str]) -> list[Signs]:
    """Of each of these references, all objects together."""
    found: dict[str, Signs] = {}
    for trial in trials:
        score = trial.score if trial.area else 0.0
        known = found.get(trial.image_id)
        highest = score if known is None else max(score, known.score)
        found[trial.image_id] = Signs(highest, trial.evidence)
    return [found[image_id] for image_id in sorted(image_ids)]


def _all_known(pictures: Sequence[Signs]) -> list[float] | None:
    """Their evidence; None if that of any is not known."""
    known = [signs.evidence for signs in pictures if signs.evidence is not None]
    return known if len(known) == len(pictures) else None
