"""Generations: what another memory bank makes of the same targets, beside what was there.

An update is a run into a new output, in which the results that a person settled are there already.
When it is done it takes the place of the output, which stays whole beside it, so that going back is
moving two folders. Until then the output is as it was, whatever happens to the update.
"""

from __future__ import annotations

import csv
import io
import os
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from maskcast.errors import MaskcastError, RunError, SettingsError, StorageError
from maskcast.io.atomic import write_atomically
from maskcast.project.annotations import AnnotationFile
from maskcast.project.folder import LEDGER_NAME, ProjectFolder
from maskcast.runs.executor import Executor
from maskcast.runs.identity import check_identity
from maskcast.runs.ledger import Ledger, TargetRow, holds_ledger
from maskcast.runs.lock import RunLock
from maskcast.runs.outputs import OutputFolders, read_id_mask
from maskcast.runs.run import Renewal, run_project
from maskcast.runs.settling import settle_results
from maskcast.runs.summary import RunObserver, RunSummary
from maskcast.runs.swapping import finish_swap, generations_folder, swap
from maskcast.types import Mask

_NEXT: Final = "next"
CHANGES_NAME: Final = "changes.csv"
CHANGE_COLUMNS: Final = (
    "image",
    "object",
    "area_before",
    "area_after",
    "gained",
    "lost",
    "score_before",
    "score_after",
)
"""Header of ``changes.csv``; areas in pixels, empty scores where the object was not found."""

_AT_ONCE: Final = 500


@dataclass(frozen=True)
class Update:
    """What makes the next generation.

    Attributes:
        taught: annotations of targets that are references from now on.
        kept: image ids of targets whose results are carried over.
        doubt: image id -> how soon the target is done again, the largest first.
    """

    taught: AnnotationFile
    kept: Set[str]
    doubt: Mapping[str, float]


@dataclass(frozen=True)
class Change:
    """What an update did to an object in a target.

    Attributes:
        image_id: of the target.
        object_id: 1..255.
        before: area in pixels before, and now: ``after``.
        gained: pixels that are the object now and were not.
        lost: pixels that were the object and are not now.
        score_before: None if it was not found.
        score_after: None if it is not found.
    """

    image_id: str
    object_id: int
    before: int
    after: int
    gained: int
    lost: int
    score_before: float | None
    score_after: float | None


@dataclass(frozen=True)
class UpdateSummary:
    """What an update came to.

    Attributes:
        run: of the targets done again.
        generation: that the output is of now.
        is_complete: whether the new generation took the place of the old one; if not, the same
            command goes on.
        taught: references that came from targets.
        kept: targets carried over.
        changes: of all objects that changed in any pixel.
    """

    run: RunSummary
    generation: int
    is_complete: bool
    taught: int
    kept: int
    changes: tuple[Change, ...]

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        targets = {change.image_id for change in self.changes}
        return {
            **self.run.to_json(),
            "generation": self.generation,
            "complete": self.is_complete,
            "taught": self.taught,
            "kept": self.kept,
            "changed": {
                "targets": len(targets),
                "newly_empty": len(self._newly_empty()),
                "gained": sum(change.gained for change in self.changes),
                "lost": sum(change.lost for change in self.changes),
                "score_before": _mean([c.score_before for c in self.changes]),
                "score_after": _mean([c.score_after for c in self.changes]),
            },
        }

    def describe(self) -> str:
        """A few sentences for a person."""
        if not self.is_complete:
            return (
                f"{self.run.describe()}\nthe update is not complete, and the output is as it was; "
                "start the same command again to go on"
            )
        told = self.to_json()["changed"]
        return (
            f"generation {self.generation}: {self.taught} targets teach, {self.kept} settled ones "
            f"kept, {self.run.finished_now} done again\n"
            f"{told['targets']} targets changed ({told['newly_empty']} newly empty): "
            f"{told['gained']} pixels gained, {told['lost']} lost; mean score of what changed "
            f"{_shown(told['score_before'])} -> {_shown(told['score_after'])} ({CHANGES_NAME} in "
            "the output lists them)\n"
            "maskcast run --back returns to the generation before"
        )

    def _newly_empty(self) -> set[str]:
        found = {change.image_id for change in self.changes if change.after}
        had = {change.image_id for change in self.changes if change.before}
        return had - found


def run_update(
    project: ProjectFolder,
    observer: RunObserver,
    update: Update,
    *,
    stop: threading.Event | None = None,
    executor: Executor | None = None,
) -> UpdateSummary:
    """Make the next generation and put it in the place of the output.

    Args:
        project: whose results are in a folder of this machine, with the ledger in it.
        observer: is told how it goes.
        update: what the generation is made from.
        stop: set it to finish what is in flight and return; the same call goes on.
        executor: where to compute; None = threads of this process.

    Raises:
        SettingsError: if the results are in a store or in shards, or the ledger lies elsewhere.
        RunError: if there are no results, or the run cannot start; see ``run.run_project``.
        StorageError: if the disk is full or the folders cannot be moved.
    """
    output = _checked_output(project)
    finish_swap(project)
    coming = _project_of(project, generations_folder(output) / _NEXT)
    with RunLock(project), _opened(project) as old:
        kept = {image_id for image_id in update.kept if old.row(image_id) is not None}
        number = old.generation + 1
        renewal = _Renewal(old, OutputFolders(output), coming.output_folder, update, kept, number)
        _set_aside_another(coming, renewal)
        summary = run_project(coming, observer, stop=stop, executor=executor, renewal=renewal)
        complete = not summary.pending and not summary.stopped
        changes = tuple(_changes(output, old, coming, kept)) if complete else ()
        if complete:
            _write_changes(coming.output_folder / CHANGES_NAME, changes)
            folder = generations_folder(output)
            swap(output, coming.output_folder, _free(folder / str(old.generation)))
            summary = replace(summary, output=output)
    taught = len(update.taught.annotations)
    return UpdateSummary(summary, number, complete, taught, len(kept), changes)


def go_back(project: ProjectFolder) -> int:
    """Put the generation before in the place of the output; what was there is kept, too.

    Returns:
        The generation that the output is of now.

    Raises:
        RunError: if there is no generation before.
        SettingsError, StorageError: see ``run_update``.
    """
    output = _checked_output(project)
    finish_swap(project)
    folder = generations_folder(output)
    with RunLock(project), _opened(project) as ledger:
        number = ledger.generation
        before = folder / str(number - 1)
        if not holds_ledger(before / LEDGER_NAME):
            raise RunError(f"there is no generation before {number} in {folder} to go back to")
        swap(output, before, _free(folder / str(number)))
    return number - 1


class _Renewal(Renewal):
    """Carries settled results over into a new output, and says what comes first."""

    def __init__(
        self,
        old: Ledger,
        folders: OutputFolders,
        target: Path,
        update: Update,
        kept: Set[str],
        generation: int,
    ) -> None:
        super().__init__(update.taught, update.doubt, generation)
        self._old = old
        self._folders = folders
        self._target = target
        self._kept = sorted(kept)

    def carry_over(self, ledger: Ledger) -> None:
        """See ``Renewal``."""
        for start in range(0, len(self._kept), _AT_ONCE):
            rows = [
                row
                for image_id in self._kept[start : start + _AT_ONCE]
                if ledger.row(image_id) is None
                and (row := self._old.row(image_id)) is not None
                and row.state == "done"
            ]
            for row in rows:
                self._link(row)
            settle_results(self._target, rows)
            ledger.record_all(rows)
            for row in rows:
                ledger.show_decision(row.image_id, self._old.shown_decision(row.image_id))

    def _link(self, row: TargetRow) -> None:
        for path in self._folders.files(row.name):
            linked = self._target / path.relative_to(self._folders.root)
            linked.parent.mkdir(parents=True, exist_ok=True)
            linked.unlink(missing_ok=True)
            try:
                os.link(path, linked)  # files are replaced and never written into
            except OSError:
                try:
                    shutil.copy2(path, linked)
                except OSError as error:
                    raise StorageError(
                        f"{path} cannot be carried over to {linked} ({error.strerror})"
                    ) from error


def _checked_output(project: ProjectFolder) -> Path:
    output = project.output_place
    if not isinstance(output, Path):
        raise SettingsError(
            f"{output} is in a store, where no generations can be kept; give an --output of this "
            "machine"
        )
    if project.settings.paths.ledger is not None:
        raise SettingsError(
            "generations need the ledger in the output; leave --ledger out for an update"
        )
    return output


def _project_of(project: ProjectFolder, output: Path) -> ProjectFolder:
    paths = project.settings.paths.model_copy(update={"output": output.absolute()})
    return replace(project, settings=project.settings.model_copy(update={"paths": paths}))


def _opened(project: ProjectFolder) -> Ledger:
    if not holds_ledger(project.ledger_path):
        raise RunError(
            f"there are no results in {project.output_place} to update; run maskcast run first"
        )
    ledger = Ledger.read(project.ledger_path)
    try:
        check_identity(project.output_place, ledger)
        if ledger.fingerprint.get("layout") == "shards":
            raise SettingsError("results in shards cannot be updated; run without --shards")
    except MaskcastError:
        ledger.close()
        raise
    return ledger


def _set_aside_another(coming: ProjectFolder, renewal: _Renewal) -> None:
    """Move an update away that was begun from other corrections and never finished."""
    if not holds_ledger(coming.ledger_path):
        return
    with Ledger.read(coming.ledger_path) as begun:
        same = begun.generation == renewal.generation and renewal.is_taught_in(coming)
    if not same:
        output = coming.output_folder
        output.rename(_free(output.with_name(f"begun-{datetime.now():%Y%m%d-%H%M%S}")))


def _free(path: Path) -> Path:
    """The path, or one like it that nothing has yet."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.name}-{number}")
    return free


def _changes(output: Path, old: Ledger, coming: ProjectFolder, kept: Set[str]) -> Iterator[Change]:
    before, after = OutputFolders(output), OutputFolders(coming.output_folder)
    with Ledger.read(coming.ledger_path) as new:
        for row in new.rows():
            was = old.row(row.image_id)
            if row.image_id in kept or row.state != "done" or was is None or was.state != "done":
                continue
            scores = [{found.object_id: found.score for found in r.objects} for r in (was, row)]
            for object_id in sorted(scores[0].keys() | scores[1].keys()):
                then = _mask(before, was, object_id)
                now = _mask(after, row, object_id)
                change = _compared(row.image_id, object_id, then, now)
                if change is not None:
                    yield replace(
                        change,
                        score_before=scores[0].get(object_id),
                        score_after=scores[1].get(object_id),
                    )


def _mask(folders: OutputFolders, row: TargetRow, object_id: int) -> Mask:
    if row.size is None or object_id not in {found.object_id for found in row.objects}:
        return np.zeros(row.size or (1, 1), np.bool_)
    return read_id_mask(folders.id_mask(row.name, object_id))


def _compared(image_id: str, object_id: int, then: Mask, now: Mask) -> Change | None:
    if then.shape != now.shape or np.array_equal(then, now):
        return None
    gained = int(np.count_nonzero(now & ~then))
    lost = int(np.count_nonzero(then & ~now))
    areas = int(np.count_nonzero(then)), int(np.count_nonzero(now))
    return Change(image_id, object_id, *areas, gained, lost, None, None)


def _write_changes(path: Path, changes: Sequence[Change]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CHANGE_COLUMNS)
    for change in changes:
        scores = [
            "" if score is None else f"{score:.4f}"
            for score in (change.score_before, change.score_after)
        ]
        areas = change.before, change.after, change.gained, change.lost
        writer.writerow((change.image_id, change.object_id, *areas, *scores))
    write_atomically(path, text.getvalue().encode("utf-8"))


def _mean(scores: Sequence[float | None]) -> float | None:
    """Of those that were found; None if none was."""
    found = [score for score in scores if score is not None]
    return round(sum(found) / len(found), 4) if found else None


def _shown(score: float | None) -> str:
    return "-" if score is None else f"{score:.2f}"
