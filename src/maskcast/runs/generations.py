"""Generations: what another memory bank makes of the same targets, beside what was there.

An update is a run into a new output, in which the results that a person settled are there already.
When it is done it takes the place of the output, which stays whole beside it, so that going back is
moving two folders. Until then the output is as it was, whatever happens to the update.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from maskcast.errors import (
    FingerprintError,
    MaskcastError,
    RunError,
    SettingsError,
    StorageError,
)
from maskcast.project.annotations import AnnotationFile
from maskcast.project.folder import LEDGER_NAME, ProjectFolder
from maskcast.runs.differences import (
    CHANGES_NAME,
    Change,
    ChangedTarget,
    changed_targets,
    changes_between,
    write_changes,
)
from maskcast.runs.executor import Executor
from maskcast.runs.identity import check_identity
from maskcast.runs.ledger import Ledger, holds_ledger
from maskcast.runs.lock import RunLock
from maskcast.runs.outputs import OutputFolders
from maskcast.runs.run import Renewal, run_project
from maskcast.runs.settling import settle_results
from maskcast.runs.summary import RunObserver, RunSummary
from maskcast.runs.swapping import finish_swap, generations_folder, swap

NEXT: Final = "next"
"""Name of an output that is being made."""
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
        changed: the targets that they are in.
    """

    run: RunSummary
    generation: int
    is_complete: bool
    taught: int
    kept: int
    changes: tuple[Change, ...]
    changed: tuple[ChangedTarget, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            **self.run.to_json(),
            "generation": self.generation,
            "complete": self.is_complete,
            "taught": self.taught,
            "kept": self.kept,
            "changed": {
                "targets": len(self.changed),
                "newly_empty": sum(target.is_newly_empty for target in self.changed),
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
    output = checked_output(project)
    finish_swap(project)
    coming = _project_of(project, generations_folder(output) / NEXT)
    with RunLock(project), opened_results(project) as old:
        kept = {image_id for image_id in update.kept if old.row(image_id) is not None}
        number = old.generation + 1
        renewal = _Renewal(old, OutputFolders(output), coming.output_folder, update, kept, number)
        _set_aside_another(coming, renewal)
        run = partial(run_project, coming, observer, stop=stop, executor=executor, renewal=renewal)
        try:
            summary = run()
        except FingerprintError:  # references or settings are others than when it was begun
            set_aside(coming.output_folder)
            summary = run()
        complete = not summary.pending and not summary.stopped
        done = _Done((), ())
        if complete:
            done = _compare(output, old, coming, kept)
            put_in_place(output, coming.output_folder, old.generation)
            summary = replace(summary, output=output)
    taught = len(update.taught.annotations)
    return UpdateSummary(summary, number, complete, taught, len(kept), done.changes, done.targets)


def put_in_place(output: Path, coming: Path, generation: int) -> None:
    """Let a finished output take the place of the one before, of that generation, which is kept.

    Raises:
        StorageError: if the folders cannot be moved.
    """
    earlier = earlier_folder(output, generation)
    if earlier.exists():  # of a generation that was left by going back
        earlier.rename(free_path(earlier))
    swap(output, coming, earlier)


@dataclass(frozen=True)
class _Done:
    """What a finished generation changed."""

    changes: tuple[Change, ...]
    targets: tuple[ChangedTarget, ...]


def _compare(output: Path, old: Ledger, coming: ProjectFolder, kept: Set[str]) -> _Done:
    with Ledger.read(coming.ledger_path) as new:
        changes = tuple(changes_between(output, old, coming.output_folder, new, kept))
        targets = tuple(changed_targets(changes, new))
    write_changes(coming.output_folder / CHANGES_NAME, changes)
    return _Done(changes, targets)


def earlier_results(project: ProjectFolder, ledger: Ledger) -> ProjectFolder | None:
    """The project with the results of the generation before as its output; None if there are none.

    Args:
        project: whose results they are.
        ledger: of its output as it is now, open to be read.
    """
    output = project.output_place
    if ledger.generation < 2 or not isinstance(output, Path):
        return None
    earlier = _project_of(project, earlier_folder(output, ledger.generation - 1))
    return earlier if holds_ledger(earlier.ledger_path) else None


def keeps_generations(project: ProjectFolder) -> bool:
    """Whether there are results that can be kept beside those that ``run_update`` makes."""
    try:
        checked_output(project)
        opened_results(project).close()
    except MaskcastError:
        return False
    return True


def is_renewed_halfway(project: ProjectFolder) -> bool:
    """Whether a next generation was begun and is not done."""
    output = project.output_place
    if not isinstance(output, Path) or not output.name:  # a root has nothing beside it
        return False
    return holds_ledger(generations_folder(output) / NEXT / LEDGER_NAME)


def go_back(project: ProjectFolder) -> int:
    """Put the generation before in the place of the output; what was there is kept, too.

    Where the same was begun and killed, it is finished, and no further generation taken back.

    Returns:
        The generation that the output is of now.

    Raises:
        RunError: if there is no generation before.
        SettingsError, StorageError: see ``run_update``.
    """
    output = checked_output(project)
    came = finish_swap(project)
    with RunLock(project), opened_results(project) as ledger:
        number = ledger.generation
        if came not in {None, NEXT}:
            return number
        before = earlier_folder(output, number - 1)
        if not holds_ledger(before / LEDGER_NAME):
            raise RunError(
                f"there is no generation before {number} in {before.parent} to go back to"
            )
        swap(output, before, free_path(earlier_folder(output, number)))
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
                carry_over_files(self._folders.files(row.name), self._folders.root, self._target)
            settle_results(self._target, rows)
            ledger.record_all(rows)
            for row in rows:
                ledger.show_decision(row.image_id, self._old.shown_decision(row.image_id))


def carry_over_files(paths: Iterable[Path], output: Path, target: Path) -> None:
    """Let another output have files of an output, too; they are the same ones where that can be.

    Raises:
        StorageError: if the disk is full or not writable.
    """
    for path in paths:
        linked = target / path.relative_to(output)
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


def checked_output(project: ProjectFolder) -> Path:
    """The output, if generations of it can be kept.

    Raises:
        SettingsError: if they cannot.
    """
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


def opened_results(project: ProjectFolder) -> Ledger:
    """The ledger of results that can be kept as a generation, open to be read.

    Raises:
        RunError, IdentityError, SettingsError: if there are none, or they cannot.
    """
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
        set_aside(coming.output_folder)


def set_aside(output: Path) -> None:
    """Move an output away that was begun and never finished."""
    output.rename(free_path(output.with_name(f"begun-{datetime.now():%Y%m%d-%H%M%S}")))


def earlier_folder(output: Path, generation: int) -> Path:
    """Where an output lies that is not the last generation."""
    return generations_folder(output) / str(generation)


def free_path(path: Path) -> Path:
    """The path, or one like it that nothing has yet."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.name}-{number}")
    return free


def _mean(scores: Sequence[float | None]) -> float | None:
    """Of those that were found; None if none was."""
    found = [score for score in scores if score is not None]
    return round(sum(found) / len(found), 4) if found else None


def _shown(score: float | None) -> str:
    return "-" if score is None else f"{score:.2f}"
