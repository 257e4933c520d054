"""What an audit says, in English and Korean."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from maskcast.io.printable import printable
from maskcast.languages import Language, Wording, spoken
from maskcast.review.auditing import AuditState

WORDS: Final[Wording] = {
    "accepted unseen": ("targets accepted unseen", "보지 않고 맞다고 한 대상"),
    "unseen": ("targets that nobody looked at", "아무도 보지 않은 대상"),
    "scored": (
        "targets that nobody looked at, with scores of at least {score:g},",
        "아무도 보지 않은, 점수 {score:g} 이상인 대상",
    ),
    "states": (
        "of the {population:,} {covered} between {low} % and {high} % are right",
        "{covered} {population:,}장 가운데 {low} %에서 {high} %가 맞습니다",
    ),
    "states_all": (
        "of the {population:,} {covered} {low} % are right; all were looked at",
        "{covered} {population:,}장을 모두 보았고 {low} %가 맞습니다",
    ),
    "proven": (
        "it is shown that fewer than {aim:g} % are wrong",
        "틀린 것이 {aim:g} %보다 적다는 것이 확인되었습니다",
    ),
    "refuted": (
        "it is shown that more than {aim:g} % are wrong",
        "틀린 것이 {aim:g} %보다 많다는 것이 확인되었습니다",
    ),
    "open": (
        "whether fewer than {aim:g} % are wrong is not clear",
        "틀린 것이 {aim:g} %보다 적은지는 아직 알 수 없습니다",
    ),
    "rests_on": (
        ("{right} of {count} were right that {names} looked at ({confidence:g} % confidence)"),
        (
            "확인한 {count}장 가운데 {right}장이 맞았습니다(확인: {names}, "
            "신뢰 수준 {confidence:g} %)"
        ),
    ),
    "drawn": (
        "audit {number}, drawn at random on {moment} by {who}: {size} places, seed {seed}{strata}",
        "감사 {number}: {moment} {who} 무작위로 {size}장 뽑음, 시드 {seed}{strata}",
    ),
    "strata": (", spread over {strata}", ", 고르게 나눈 기준: {strata}"),
    "progress": (
        "{left} of the {size} targets of the sample are still to be looked at",
        "표본 {size}장 가운데 {left}장을 더 확인해야 합니다",
    ),
    "outdated": (
        "the results are others than those it was drawn from; draw a new sample",
        "표본을 뽑은 뒤 결과가 바뀌었습니다. 표본을 다시 뽑으세요",
    ),
}


def told_audit(state: AuditState, lang: Language = "en") -> list[str]:
    """Sentences for a person: the statement, or how far it is, and what it rests on."""
    return _Words(lang).sentences(state)


@dataclass(frozen=True)
class _Words:
    """Speaks of audits in a language."""

    lang: Language

    def sentences(self, state: AuditState) -> list[str]:
        audit, plan, known = state.audit, state.audit.plan, state.statement
        told = []
        if known is not None:
            told.append(self._states(state))
            if plan.aim is not None:
                verdict = {True: "proven", False: "refuted", None: "open"}[known.is_proven]
                told.append(self._word(verdict, aim=100 * plan.aim))
            told.append(
                self._word(
                    "rests_on",
                    right=known.right,
                    count=known.count,
                    names=printable(", ".join(state.names)),
                    confidence=100 * plan.confidence,
                )
            )
        if state.left:
            size = len({drawn.image_id for drawn in audit.sample})
            told.append(self._word("progress", left=len(state.left), size=size))
        elif not state.is_current and known is None:
            told.append(self._word("outdated"))
        told.append(self._drawn(state))
        return told

    def _covered(self, state: AuditState) -> str:
        return self._word(state.audit.plan.covered, score=state.audit.plan.score_above)

    def _states(self, state: AuditState) -> str:
        known, plan = state.statement, state.audit.plan
        assert known is not None  # noqa: S101
        low, high = known.bounds.low, known.bounds.high
        return self._word(
            "states_all" if low == high else "states",
            population=plan.population,
            covered=self._covered(state),
            low=f"{math.floor(1000 * low) / 10:g}",
            high=f"{math.ceil(1000 * high) / 10:g}",
        )

    def _drawn(self, state: AuditState) -> str:
        audit, plan = state.audit, state.audit.plan
        strata = self._word("strata", strata=", ".join(plan.strata)) if plan.strata else ""
        return self._word(
            "drawn",
            number=audit.number,
            moment=f"{audit.moment.astimezone():%Y-%m-%d %H:%M}",
            who=printable(audit.who),
            size=len(audit.sample),
            seed=plan.seed,
            strata=strata,
        )

    def _word(self, key: str, **values: object) -> str:
        return spoken(WORDS, key, self.lang, **values)
