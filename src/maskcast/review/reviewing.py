"""A review: who decides, of which targets, and what is left."""

from __future__ import annotations

import getpass
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from maskcast.errors import ReviewError
from maskcast.project.annotations import Annotation
from maskcast.project.folder import ProjectFolder
from maskcast.review.applying import Applied, apply_decisions
from maskcast.review.decisions import DECISIONS, Decided, Decision, DecisionLog
from maskcast.review.queue import Queued, QueueOrder, queued
from maskcast.runs.copies import opened_ledger
from maskcast.runs.ledger import Ledger
from maskcast.runs.ledger_rows import TargetRow


@dataclass(frozen=True)
class ReviewCounts:
    """How far a review is.

    Attributes:
        decided: how many targets there are of each decision.
        left: targets with results that nobody decided.
        stale: decisions of targets that are other pictures now, or that are not done.
    """

    decided: dict[Decision, int]
    left: int
    stale: int

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        counts = {str(decision): count for decision, count in self.decided.items()}
        return {**counts, "left": self.left, "stale": self.stale}


def default_reviewer() -> str:
    """The name of whoever uses this account."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # an account without a name
        return "somebody"


def decide(
    project: ProjectFolder,
    names: Sequence[str],
    decision: Decision,
    who: str,
    *,
    objects: Sequence[int] = (),
    correction: Annotation | None = None,
    seen: bool = True,
) -> Applied:
    """Decide on targets, and let their results show it.

    Args:
        project: whose results they are.
        names: image ids, or names of results.
        decision: what is said of each.
        who: says it.
        objects: the rejected ones; empty = all of a target.
        correction: what is on the target, of a single corrected one.
        seen: whether the person looked at each; not so where many are accepted by score.

    Raises:
        ReviewError: if a target has no result; then nothing is decided.
        StorageError: if the log or the results cannot be written. What is in the log by then holds
            and is shown the next time.
    """
    with results_to_review(project) as ledger:
        rows = [_row(ledger, name) for name in dict.fromkeys(names)]
        run = ledger.run_id
    with DecisionLog.open(project.review_folder) as log:
        for row in rows:
            log.record(
                row.image_id,
                decision,
                who,
                digest=row.digest,
                objects=objects,
                correction=correction,
                seen=seen,
                run=run,
            )
    return apply_decisions(project, [row.image_id for row in rows])


def take_back(
    project: ProjectFolder, who: str, names: Collection[str] = ()
) -> tuple[list[Decided], Applied]:
    """Take back the last decision of each of these targets, or the last one of this person.

    Raises:
        ReviewError: if there is none.
        StorageError: if the log or the results cannot be written.
    """
    taken: list[Decided] = []
    with DecisionLog.open(project.review_folder) as log:
        for image_id in _image_ids(project, names) if names else [None]:
            last = log.take_back(who, image_id)
            if last is None:
                raise ReviewError(
                    f"{who} decided nothing that could be taken back"
                    if image_id is None
                    else f"nothing was decided of {image_id}"
                )
            taken.append(last)
    return taken, apply_decisions(project, [decided.image_id for decided in taken])


def waiting(
    project: ProjectFolder, order: QueueOrder = "useful", *, again: bool = False
) -> list[Queued]:
    """The targets that nobody decided yet, in the order to look at them.

    Args:
        project: whose results they are.
        order: see ``queue``.
        again: whether those that are undecided come again.

    Raises:
        ReviewError: if there are no results.
    """
    with results_to_review(project) as ledger:
        decided = standing(project, ledger)
        settled = {
            image_id
            for image_id, decision in decided.items()
            if not (again and decision == "undecided")
        }
        found = (row for row in ledger.found_scores() if row.image_id not in settled)
        return queued(found, order)


def above(project: ProjectFolder, score: float) -> list[str]:
    """Targets nobody decided on which something was found, all of it with at least this score.

    Raises:
        ReviewError: if there are no results.
    """
    with results_to_review(project) as ledger:
        decided = standing(project, ledger)
        lowest: dict[str, float] = {}
        for row in ledger.found_scores():
            if row.score is not None and row.image_id not in decided:
                lowest[row.image_id] = min(row.score, lowest.get(row.image_id, 1.0))
    return [image_id for image_id, least in lowest.items() if least >= score]


def count_review(project: ProjectFolder) -> ReviewCounts:
    """How far the review of a project is.

    Raises:
        ReviewError: if there are no results.
    """
    with results_to_review(project) as ledger, ExitStack() as opened:
        log = DecisionLog.read(project.review_folder)
        current = [] if log is None else list(opened.enter_context(log).all_current())
        valid = standing(project, ledger)
        counts = Counter(valid.values())
        left = ledger.counts().done - len(valid)
        by_decision: dict[Decision, int] = {decision: counts[decision] for decision in DECISIONS}
        return ReviewCounts(by_decision, left, len(current) - len(valid))


def standing(project: ProjectFolder, ledger: Ledger) -> dict[str, Decision]:
    """The decision of each target that is done and is the picture that was decided on."""
    log = DecisionLog.read(project.review_folder)
    if log is None:
        return {}
    with log:
        digests = ledger.digests()
        return {
            decided.image_id: decided.decision
            for decided in log.all_current()
            if decided.image_id in digests and decided.holds_for(digests[decided.image_id])
        }


@contextmanager
def results_to_review(project: ProjectFolder) -> Iterator[Ledger]:
    """The ledger, to be read.

    Raises:
        ReviewError: if there are no results.
    """
    with opened_ledger(project) as ledger:
        if ledger is None:
            raise ReviewError(
                f"there are no results in {project.output_place} to review; run maskcast run first"
            )
        yield ledger


def _image_ids(project: ProjectFolder, names: Collection[str]) -> list[str]:
    with results_to_review(project) as ledger:
        return [ledger.image_id_of(name) or name for name in names]


def _row(ledger: Ledger, name: str) -> TargetRow:
    image_id = name if ledger.row(name) is not None else ledger.image_id_of(name) or name
    row = ledger.row(image_id)
    if row is None or row.state != "done":
        raise ReviewError(
            f"there is no result of {name!r} to decide on; name targets as maskcast review list "
            "does"
        )
    return row
