"""An audit: a random sample is looked at, and says how many of all that nobody saw are right.

A target is right if a person who saw it blind accepted it as it was: all its masks are right and
nothing is missing. Whatever else was said, undecided included, counts as not right; only to reject
a target on which nothing was found says the same as the engine. The answers are decisions like any
other, made after the draw by somebody who looked, of the results that were drawn from.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from maskcast.errors import ReviewError
from maskcast.project.folder import ProjectFolder
from maskcast.review.audit_log import Audit, AuditLog, AuditPlan, Covered, Drawn
from maskcast.review.audit_sample import BLOCK, Candidate, Stratum, draw_sample
from maskcast.review.decisions import Decided, DecisionLog
from maskcast.review.intervals import Anytime, Bounds, fixed_bounds, size_to_prove
from maskcast.review.reviewing import results_to_review
from maskcast.runs.ledger import Ledger
from maskcast.runs.ledger_rows import FoundScore

CONFIDENCE: Final = 0.95
_SEEDS: Final = 2**32
_MARGIN: Final = 2
"""A score is proposed above which so many times fewer are expected to be wrong than may be: the
closer the two are, the larger the sample that tells them apart."""


@dataclass(frozen=True)
class Statement:
    """What a sample proves.

    Attributes:
        count: places of the sample that were answered.
        right: of these.
        bounds: of the share of right ones among all that the audit speaks of.
        is_proven: whether fewer are wrong than may be; None if that was not asked or is not clear.
    """

    count: int
    right: int
    bounds: Bounds
    is_proven: bool | None = None


@dataclass(frozen=True)
class AuditState:
    """An audit and what was answered so far.

    Attributes:
        audit: the sample.
        answers: image id -> what was said of it.
        is_current: whether the results are still those that were drawn from. If not, only what was
            answered before counts.
    """

    audit: Audit
    answers: Mapping[str, Decided]
    is_current: bool

    @cached_property
    def statement(self) -> Statement | None:
        """What the answers prove.

        None as long as the sample is not answered or, of one that may stop early, its first block.
        """
        aim = self.audit.plan.aim
        return self._of_all() if aim is None else self._in_blocks(aim)

    @property
    def left(self) -> list[str]:
        """Image ids still to be looked at, in this order."""
        known = self.statement
        if not self.is_current or (known is not None and known.is_proven is not None):
            return []
        drawn = dict.fromkeys(drawn.image_id for drawn in self.audit.sample)
        return [image_id for image_id in drawn if image_id not in self.answers]

    @property
    def names(self) -> list[str]:
        """Of the people who answered."""
        return sorted({decided.who for decided in self.answers.values()})

    def is_right(self, drawn: Drawn) -> bool | None:
        """Whether a target of the sample is right; None as long as nobody answered."""
        decided = self.answers.get(drawn.image_id)
        if decided is None:
            return None
        same = decided.decision == "rejected" and drawn.is_empty and not decided.objects
        return decided.decision == "accepted" or same

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        audit, plan, known = self.audit, self.audit.plan, self.statement
        return {
            "audit": audit.number,
            "who": audit.who,
            "drawn": audit.moment.isoformat(),
            **vars(plan),
            "size": len(audit.sample),
            "current": self.is_current,
            "statement": None
            if known is None
            else {
                "count": known.count,
                "right": known.right,
                "low": known.bounds.low,
                "high": known.bounds.high,
                "proven": known.is_proven,
            },
            "left": self.left,
            "sample": [
                {
                    "image": drawn.image_id,
                    "right": self.is_right(drawn),
                    "who": decided and decided.who,
                    "when": decided and decided.moment.isoformat(),
                }
                for drawn, decided in self.answered()
            ],
        }

    def answered(self) -> Iterator[tuple[Drawn, Decided | None]]:
        """Each place of the sample and what was said of it."""
        return ((drawn, self.answers.get(drawn.image_id)) for drawn in self.audit.sample)

    def _of_all(self) -> Statement | None:
        right, count = self._counted(self.audit.sample)
        if right is None:
            return None
        plan = self.audit.plan
        if len({drawn.image_id for drawn in self.audit.sample}) == plan.population:
            return Statement(count, right, Bounds(right / count, right / count))
        return Statement(count, right, fixed_bounds(right, count, plan.confidence))

    def _in_blocks(self, aim: float) -> Statement | None:
        sample, known = self.audit.sample, None
        anytime = Anytime(aim, self.audit.plan.confidence)
        for end in range(BLOCK, len(sample) + 1, BLOCK):
            right, count = self._counted(sample[:end])
            if right is None:
                break
            wrong = anytime.bounds(count - right, count)
            proven = True if wrong.high < aim else False if wrong.low > aim else None
            known = Statement(count, right, Bounds(1 - wrong.high, 1 - wrong.low), proven)
            if proven is not None:
                break
        return known

    def _counted(self, sample: Sequence[Drawn]) -> tuple[int | None, int]:
        """How many of a sample are right, None if one is not answered; and how many there are."""
        judged = [self.is_right(drawn) for drawn in sample]
        return (None if None in judged else sum(map(bool, judged))), len(judged)


@dataclass(frozen=True)
class Proposal:
    """A score above which targets may be accepted unseen, if their scores keep what they say.

    Attributes:
        score: ``--score-above`` it.
        count: targets that nobody looked at, on which all has at least this score.
        expected: share of these that is expected to be wrong.
        size: of the sample after which it is likely proven that fewer are wrong than may be; None
            if looking at all of them is less work.
    """

    score: float
    count: int
    expected: float
    size: int | None


def draw_audit(
    project: ProjectFolder,
    who: str,
    *,
    size: int,
    strata: Sequence[Stratum] = (),
    seed: int | None = None,
    score_above: float | None = None,
    aim: float | None = None,
    confidence: float = CONFIDENCE,
) -> AuditState:
    """Draw the sample of a new audit; what audits drew before stays in the log.

    Args:
        project: whose results they are.
        who: draws it.
        size: of the sample.
        strata: what it is spread over; see ``audit_sample``.
        seed: of the draw; None = a new one.
        score_above: of targets that nobody looked at, all of it with at least this score; None =
            of those accepted unseen if there are any, or of all that nobody looked at.
        aim: the share in (0, 1) of wrong ones that it is to be told from; the sample may then stop
            early, and its size is rounded up to whole blocks.
        confidence: in (0, 1), of the statement.

    Raises:
        ReviewError: if there are no results, or no targets to draw from.
        StorageError: if the log of audits cannot be written.
    """
    with results_to_review(project) as ledger:
        covered, candidates = _covered(project, ledger, score_above)
        run = ledger.run_id
    if not candidates:
        raise ReviewError("there is nothing to audit: no such target was left unseen")
    chosen = secrets.randbelow(_SEEDS) if seed is None else seed
    sample = draw_sample(candidates, size, chosen, strata, blocks=aim is not None)
    plan = AuditPlan(covered, score_above, len(candidates), tuple(strata), chosen, confidence, aim)
    decided = _last_decision(project)
    with AuditLog.open(project.review_folder) as log:
        return AuditState(log.record(plan, sample, who, run, decided), {}, is_current=True)


def read_audit(project: ProjectFolder) -> AuditState | None:
    """The last audit and its answers; None if none was drawn.

    Raises:
        ReviewError: if there are no results, or a log cannot be read.
    """
    log = AuditLog.read(project.review_folder)
    if log is None:
        return None
    with log:
        audit = log.last()
    if audit is None:
        return None
    with results_to_review(project) as ledger:
        is_current = ledger.run_id == audit.run
    return AuditState(audit, _answers(project, audit), is_current)


def propose_score(project: ProjectFolder, aim: float, confidence: float = CONFIDENCE) -> Proposal:
    """The score above which most targets may be accepted unseen, by what the scores promise.

    Args:
        project: whose results they are.
        aim: share in (0, 1) of these that may be wrong.
        confidence: in (0, 1), of the proof.

    Raises:
        ReviewError: if there are no results, or too many are expected to be wrong at every score.
    """
    with results_to_review(project) as ledger:
        unseen = _unseen(project, ledger)
        found = [rows for rows in _by_target(ledger) if rows[0].image_id in unseen]
    ranked = sorted(
        ((least, 1 - _trust(rows)) for rows in found if (least := _least_score(rows)) is not None),
        reverse=True,
    )
    best, doubts = None, 0.0
    for count, (score, doubt) in enumerate(ranked, start=1):
        doubts += doubt
        is_last_of_score = count == len(ranked) or ranked[count][0] < score
        if is_last_of_score and doubts / count <= aim / _MARGIN:
            best = math.floor(1e4 * score) / 1e4, count, doubts / count
    if best is None:
        raise ReviewError(
            f"at no score are few enough expected to be wrong for {aim:g}; review and correct "
            "some first (maskcast review next), and let them teach (maskcast run --update)"
        )
    score, count, expected = best
    size = size_to_prove(expected, Anytime(aim, confidence), step=BLOCK, most=count)
    return Proposal(score, count, expected, size)


def _covered(
    project: ProjectFolder, ledger: Ledger, score_above: float | None
) -> tuple[Covered, list[Candidate]]:
    unseen = _unseen(project, ledger)
    accepted = {image_id for image_id, is_accepted in unseen.items() if is_accepted}
    digests = ledger.digests()
    chosen = unseen.keys() if score_above is not None or not accepted else accepted
    candidates = []
    for rows in _by_target(ledger):
        least = _least_score(rows)
        if rows[0].image_id not in chosen:
            continue
        if score_above is not None and (least is None or least < score_above):
            continue
        ids = tuple(row.object_id for row in rows if row.object_id is not None)
        image_id = rows[0].image_id
        candidates.append(Candidate(image_id, _trust(rows), ids, digests[image_id]))
    if score_above is not None:
        return "scored", candidates
    return ("accepted unseen" if accepted else "unseen"), candidates


def _unseen(project: ProjectFolder, ledger: Ledger) -> dict[str, bool]:
    """Targets that are done and nobody looked at -> whether they were accepted like that."""
    digests = ledger.digests()
    unseen = dict.fromkeys(digests, False)
    log = DecisionLog.read(project.review_folder)
    if log is None:
        return unseen
    with log:
        for decided in log.all_current():
            known = decided.image_id in digests
            if not known or not decided.holds_for(digests[decided.image_id]):
                continue
            if decided.seen:
                del unseen[decided.image_id]
            else:
                unseen[decided.image_id] = decided.decision == "accepted"
    return unseen


def _answers(project: ProjectFolder, audit: Audit) -> dict[str, Decided]:
    log = DecisionLog.read(project.review_folder)
    if log is None:
        return {}
    digests = {drawn.image_id: drawn.digest for drawn in audit.sample}
    with log:
        return {
            decided.image_id: decided
            for decided in log.all_current()
            if decided.number > audit.decided
            and decided.seen
            and decided.run == audit.run
            and decided.image_id in digests
            and decided.holds_for(digests[decided.image_id])
        }


def _last_decision(project: ProjectFolder) -> int:
    log = DecisionLog.read(project.review_folder)
    if log is None:
        return 0
    with log:
        return log.last_number()


def _by_target(ledger: Ledger) -> Iterator[list[FoundScore]]:
    """What was found in each target, ascending by image id."""
    rows: list[FoundScore] = []
    for row in ledger.found_scores():
        if rows and rows[0].image_id != row.image_id:
            yield rows
            rows = []
        rows.append(row)
    if rows:
        yield rows


def _trust(rows: Sequence[FoundScore]) -> float:
    return min((row.trust for row in rows if row.trust is not None), default=0.0)


def _least_score(rows: Sequence[FoundScore]) -> float | None:
    """Of what was found; None if nothing was."""
    return min((row.score for row in rows if row.score is not None), default=None)
