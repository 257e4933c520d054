"""What a review adds to a report: decisions, and what the last audit states, sample and all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from maskcast.languages import Language, Wording, spoken
from maskcast.project.folder import ProjectFolder
from maskcast.results.report import Section
from maskcast.review.audit_words import told_audit
from maskcast.review.auditing import AuditState, read_audit
from maskcast.review.decisions import DecisionLog
from maskcast.review.reviewing import count_review

WORDS: Final[Wording] = {
    "review": ("Review", "검토"),
    "counts": (
        (
            "{accepted:,} targets were accepted, {corrected:,} corrected, {rejected:,} rejected, "
            "{undecided:,} left undecided; nobody decided on {left:,}."
        ),
        (
            "대상 {accepted:,}장이 맞다고 했고, {corrected:,}장을 고쳤고, {rejected:,}장이 없다고 "
            "했고, {undecided:,}장은 모르겠다고 했습니다. {left:,}장은 결정하지 않았습니다."
        ),
    ),
    "audit": ("Audit", "감사"),
    "target": ("target", "대상"),
    "answer": ("right", "맞음"),
    "who": ("looked at by", "확인한 사람"),
    "when": ("when", "때"),
    "yes": ("yes", "예"),
    "no": ("no", "아니요"),
}


def review_sections(project: ProjectFolder, lang: Language = "en") -> list[Section]:
    """What a report is to say of a review; nothing where there was none.

    Raises:
        ReviewError: if there are no results, or a log cannot be read.
    """
    sections = []
    log = DecisionLog.read(project.review_folder)
    if log is not None:
        log.close()
        counts = count_review(project).to_json()
        sections.append(
            Section(spoken(WORDS, "review", lang), [spoken(WORDS, "counts", lang, **counts)])
        )
    state = read_audit(project)
    if state is not None:
        columns = [spoken(WORDS, key, lang) for key in ("target", "answer", "who", "when")]
        heading, told = spoken(WORDS, "audit", lang), told_audit(state, lang)
        sections.append(Section(heading, told, columns, list(_sample(state, lang))))
    return sections


def _sample(state: AuditState, lang: Language) -> Iterator[tuple[str, ...]]:
    for drawn, decided in state.answered():
        if decided is None:
            yield drawn.image_id, "-", "-", "-"
            continue
        answer = spoken(WORDS, "yes" if state.is_right(drawn) else "no", lang)
        when = f"{decided.moment.astimezone():%Y-%m-%d %H:%M}"
        yield drawn.image_id, answer, decided.who, when
