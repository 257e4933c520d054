"""Corrections teach: settled targets become references, and what nobody settled is done again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from maskcast.errors import ReviewError
from maskcast.io.printable import counted
from maskcast.project.annotations import (
    Annotation,
    AnnotationFile,
    ObjectAnnotation,
    read_annotations,
    write_annotations,
)
from maskcast.project.folder import TAUGHT_NAME, ProjectFolder
from maskcast.results.result_files import ResultFiles
from maskcast.results.verdicts import write_verdicts
from maskcast.review.applying import own_from_json, show_decisions
from maskcast.review.decisions import Decision, DecisionLog
from maskcast.review.reviewing import results_to_review, standing
from maskcast.runs.cuts import Cuts
from maskcast.runs.executor import Executor
from maskcast.runs.generations import Update, UpdateSummary, go_back, run_update
from maskcast.runs.ledger import Ledger
from maskcast.runs.ledger_rows import TargetRow
from maskcast.runs.outputs import read_id_mask
from maskcast.runs.rethresholding import CutSummary, rethreshold
from maskcast.runs.summary import RunObserver
from maskcast.types import Mask, Prompts

MOST_TAUGHT: Final = 16
"""Corrections that teach unless a number is given: learning takes longer with each."""

_SETTLED: Final = frozenset({"accepted", "corrected", "rejected"})


@dataclass(frozen=True)
class _Lesson:
    """A settled target that can be a reference.

    Attributes:
        annotation: what is on it.
        usefulness: 1 minus the IoU of what the engine found and what holds, over all objects;
            0 where it was right.
        doubt: of the engine's result.
    """

    annotation: Annotation
    usefulness: float
    doubt: float


def update_project(
    project: ProjectFolder,
    observer: RunObserver,
    *,
    teach: int | None = None,
    stop: threading.Event | None = None,
    executor: Executor | None = None,
) -> UpdateSummary:
    """Let corrections teach, and do again what nobody settled, as the next generation.

    Args:
        project: whose results were reviewed.
        observer: is told how it goes.
        teach: at most so many settled targets teach, those the engine was most wrong about first,
            and then accepted ones it doubted; None = all that were corrected or rejected, up to
            ``MOST_TAUGHT``.
        stop: set it to finish what is in flight and return; the same call goes on.
        executor: where to compute; None = threads of this process.

    Raises:
        ReviewError: if nothing was settled that could teach.
        SettingsError, RunError, StorageError: see ``generations.run_update``.
    """
    update = prepared_update(project, teach)
    observer.note(
        f"{counted(len(update.taught.annotations), 'target')} teach, "
        f"{counted(len(update.kept), 'settled result')} stay as they are"
    )
    project.review_folder.mkdir(parents=True, exist_ok=True)
    write_annotations(project.review_folder / TAUGHT_NAME, update.taught, backup=False)
    summary = run_update(project, observer, update, stop=stop, executor=executor)
    show_decisions(project, observer.note)
    return summary


def run_again(
    project: ProjectFolder,
    observer: RunObserver,
    *,
    stop: threading.Event | None = None,
    executor: Executor | None = None,
) -> UpdateSummary:
    """Do again what nobody settled, with references and settings as they are now.

    The results that are there stay whole as the generation before; what was taught by
    corrections is still taught.

    Raises:
        RunError, SettingsError, StorageError: see ``generations.run_update``.
    """
    with results_to_review(project) as ledger:
        settled = {key for key, word in standing(project, ledger).items() if word in _SETTLED}
    taught = read_annotations(project.output_place / TAUGHT_NAME)
    update = Update(taught, frozenset(settled), {})
    summary = run_update(project, observer, update, stop=stop, executor=executor)
    show_decisions(project, observer.note)
    return summary


def rethreshold_project(
    project: ProjectFolder,
    observer: RunObserver,
    cuts: Cuts,
    *,
    stop: threading.Event | None = None,
) -> CutSummary:
    """Cut the masks anew of all targets that nobody settled; see ``rethresholding.rethreshold``."""
    with results_to_review(project) as ledger:
        settled = {key for key, word in standing(project, ledger).items() if word in _SETTLED}
    summary = rethreshold(project, observer, cuts, settled, stop=stop)
    show_decisions(project, observer.note)
    return summary


def return_to_earlier(project: ProjectFolder, tell: Callable[[str], None]) -> int:
    """Put the generation before in the place of the output; it shows what was decided since.

    Args:
        project: whose results they are.
        tell: is given what a person should know.

    Returns:
        The generation that the output is of now.

    Raises:
        RunError, SettingsError, StorageError: see ``generations.go_back``.
    """
    number = go_back(project)
    show_decisions(project, tell)
    write_verdicts(project)
    return number


def prepared_update(project: ProjectFolder, teach: int | None = None) -> Update:
    """What an update would teach, keep and do again; see ``update_project``.

    Raises:
        ReviewError: if there are no results, or nothing was settled that could teach.
    """
    with results_to_review(project) as ledger:
        decided = standing(project, ledger)
        doubt = _doubts(ledger)
        settled = {key: word for key, word in decided.items() if word in _SETTLED}
        lessons = _lessons(project, ledger, settled, doubt, with_accepted=teach is not None)
    lessons.sort(key=lambda lesson: (-lesson.usefulness, -lesson.doubt))
    chosen = lessons[: MOST_TAUGHT if teach is None else teach]
    if not chosen:
        raise ReviewError(
            "nothing was corrected or rejected that could teach; correct a few targets in the "
            "review first, or let accepted ones teach with --teach N"
        )
    taught = {lesson.annotation.image_id: lesson.annotation for lesson in chosen}
    return Update(AnnotationFile((), taught), frozenset(settled), doubt)


def _doubts(ledger: Ledger) -> dict[str, float]:
    doubt: dict[str, float] = {}
    for row in ledger.found_scores():
        own = 0.0 if row.trust is None else 1 - row.trust
        doubt[row.image_id] = max(own, doubt.get(row.image_id, 0.0))
    return doubt


def _lessons(
    project: ProjectFolder,
    ledger: Ledger,
    settled: dict[str, Decision],
    doubt: dict[str, float],
    *,
    with_accepted: bool,
) -> list[_Lesson]:
    files = ResultFiles(project.output_place)
    log = DecisionLog.read(project.review_folder)
    lessons: list[_Lesson] = []
    if log is None:
        return lessons
    with log:
        for image_id, decision in settled.items():
            row, current = ledger.row(image_id), log.current(image_id)
            if row is None or row.size is None or current is None:
                continue
            if decision == "accepted" and not with_accepted:
                continue
            shown = {
                found.object_id: read_id_mask(files.id_mask(row, found.object_id))
                for found in row.objects
            }
            correction = current.annotation(log.path)
            annotation = correction or _annotation(row, row.size, shown)
            lessons.append(_Lesson(annotation, _wrongness(ledger, row, shown), doubt[image_id]))
    return lessons


def _annotation(row: TargetRow, size: tuple[int, int], shown: dict[int, Mask]) -> Annotation:
    objects = {key: ObjectAnnotation(Prompts(), mask) for key, mask in shown.items()}
    return Annotation(row.image_id, *size, clean=not objects, objects=objects)


def _wrongness(ledger: Ledger, row: TargetRow, shown: dict[int, Mask]) -> float:
    decision = ledger.shown_decision(row.image_id)
    if decision is None or decision.own is None:
        return 0.0
    own = {key: mask for key, (_, _, mask) in own_from_json(decision.own).items()}
    both = own.keys() & shown.keys()
    common = sum(int(np.count_nonzero(own[key] & shown[key])) for key in both)
    areas = sum(int(np.count_nonzero(mask)) for mask in (*own.values(), *shown.values()))
    return 1 - common / (areas - common) if areas else 0.0
