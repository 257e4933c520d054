"""Defect or not: the verdict on a whole picture, from what was found on it.

Bayes' rule with even odds beforehand. How often defects are missed and clean pictures raise an
alarm is taken from references that were left out; a score above what is usual there counts for,
one below against. Nothing is known here that the references do not show: where they are few, rates
are pulled towards what is usual, which is set by hand.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from maskcast.quality.prior import log_odds
from maskcast.quality.trials import Trial

Verdict = Literal["defect", "ok", "undecided"]
VERDICTS: Final[tuple[Verdict, ...]] = get_args(Verdict)

_MISSES: Final = (1.0, 1.0)
_ALARMS: Final = (0.5, 2.0)
"""Beta priors of both rates: times it happened, times it did not, before the first reference."""

_USUAL: Final = 0.5
_SURE: Final = 0.7


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
class Decider:
    """Gives verdicts.

    Attributes:
        miss: probability that nothing is found on a defective picture.
        alarm: probability that something is found on a clean one.
        usual: score of what is found on defective references.
        ok_below: probability below which a picture is ok.
        defect_from: probability from which it is a defect.
        notes: what the references cannot tell.
    """

    miss: float
    alarm: float
    usual: float
    ok_below: float = 1 - _SURE
    defect_from: float = _SURE
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, trials: Sequence[Trial], goal: Goal | None = None) -> Decider:
        """By references that were left out; without any, by what is usual."""
        best = _best_scores(trials)
        defective = [best[key] for key in best if key in _shown(trials)]
        clean = [best[key] for key in best if key not in _shown(trials)]
        scores = [score for score in defective if score > 0]
        miss, alarm = len(defective) - len(scores), sum(score > 0 for score in clean)
        plain = cls(
            (miss + _MISSES[0]) / (len(defective) + sum(_MISSES)),
            (alarm + _ALARMS[0]) / (len(clean) + sum(_ALARMS)),
            sum(scores) / len(scores) if scores else _USUAL,
        )
        return plain._aimed(goal or Goal(), defective, clean)

    def probability(self, score: float) -> float:
        """That a picture is defective, by the highest score on it; 0 = nothing was found."""
        if score <= 0:
            return self.miss / (self.miss + 1 - self.alarm)
        surprise = float(log_odds(score) - log_odds(self.usual))
        return float(1 / (1 + self.alarm / (1 - self.miss) * math.exp(-surprise)))

    def verdict(self, score: float) -> Verdict:
        """On a picture, by the highest score on it."""
        likely = self.probability(score)
        if likely >= self.defect_from:
            return "defect"
        return "ok" if likely < self.ok_below else "undecided"

    def _aimed(self, goal: Goal, defective: list[float], clean: list[float]) -> Decider:
        if goal == Goal():
            return self
        notes: list[str] = []
        low = high = None
        if goal.max_miss is not None:
            low = self._limit(sorted(map(self.probability, defective)), goal.max_miss)
            notes += _cannot_tell(len(defective), goal.max_miss, "defective", "--max-miss")
        if goal.max_false_alarm is not None:
            ranked = sorted(1 - self.probability(score) for score in clean)
            limit = self._limit(ranked, goal.max_false_alarm)
            high = None if limit is None else 1 - limit + 1e-9
            notes += _cannot_tell(len(clean), goal.max_false_alarm, "clean", "--max-false-alarm")
        high = high if high is not None else low if low is not None else self.defect_from
        low = low if low is not None else high
        return Decider(self.miss, self.alarm, self.usual, low, max(low, high), tuple(notes))

    @staticmethod
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


def _shown(trials: Sequence[Trial]) -> set[str]:
    return {trial.image_id for trial in trials if trial.is_shown}


def _best_scores(trials: Sequence[Trial]) -> Mapping[str, float]:
    best: dict[str, float] = {}
    for trial in trials:
        found = trial.score if trial.area else 0.0
        best[trial.image_id] = max(found, best.get(trial.image_id, 0.0))
    return best
