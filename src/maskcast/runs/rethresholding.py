"""Other masks out of kept probabilities, without the engine, as the next generation.

What a person chose for each object (``cuts.py``) is laid over the planes that a run kept
(``kept_planes.py``). Targets that people settled, and those of which no planes are kept, stay as
they are. The generation before stays whole beside the new one, as after ``run --update``.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from maskcast.engines.planes import Calibration
from maskcast.errors import MaskcastError, RunError, SettingsError, StorageError
from maskcast.io.printable import counted, printable
from maskcast.project.folder import LEDGER_NAME, TAUGHT_NAME, ProjectFolder
from maskcast.runs.crumbs import areas_in, found_only, without_crumbs
from maskcast.runs.cuts import Cuts, recut
from maskcast.runs.differences import (
    CHANGES_NAME,
    Change,
    ChangedTarget,
    changed_targets,
    compared,
    write_changes,
)
from maskcast.runs.fingerprint import CUTS, SMALLEST, seen_window
from maskcast.runs.generations import (
    NEXT,
    carry_over_files,
    checked_output,
    opened_results,
    put_in_place,
    set_aside,
)
from maskcast.runs.identity import put_identity
from maskcast.runs.kept_planes import (
    calibration_path,
    planes_path,
    read_calibration,
    read_planes,
    write_cuts,
)
from maskcast.runs.ledger import Ledger, new_run_id
from maskcast.runs.ledger_rows import TargetRow
from maskcast.runs.lock import RunLock
from maskcast.runs.outputs import OutputFolders, read_id_mask
from maskcast.runs.pipeline import WorkItem, map_ahead, until
from maskcast.runs.settling import settle_results
from maskcast.runs.sinks import sink_for
from maskcast.runs.stages import RunStage
from maskcast.runs.summary import RunObserver
from maskcast.runs.swapping import finish_swap, generations_folder
from maskcast.runs.work import FileWork
from maskcast.types import Mask, Segmentation

logger = logging.getLogger(__name__)

_AT_ONCE = 100


@dataclass(frozen=True)
class CutSummary:
    """What another choice came to.

    Attributes:
        generation: that the output is of now.
        is_complete: whether the new results took the place of the old ones.
        cut: targets whose masks were cut anew.
        settled: targets that people settled, which stay as they are.
        without_planes: targets that stay as they are because no planes are kept of them.
        left: targets that stay as they are because they cannot be read: image id -> why.
        changes: of all objects that changed in any pixel.
        changed: what became of each target that changed.
        seconds: that it took.
    """

    generation: int
    is_complete: bool
    cut: int
    settled: int
    without_planes: int
    left: dict[str, str]
    changes: tuple[Change, ...]
    changed: tuple[ChangedTarget, ...]
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "generation": self.generation,
            "complete": self.is_complete,
            "cut": self.cut,
            "settled": self.settled,
            "without_planes": self.without_planes,
            "left": self.left,
            "changed": {
                "targets": len(self.changed),
                "newly_empty": sum(target.is_newly_empty for target in self.changed),
                "gained": sum(change.gained for change in self.changes),
                "lost": sum(change.lost for change in self.changes),
            },
            "seconds": round(self.seconds, 3),
        }

    def describe(self) -> str:
        """A few sentences for a person."""
        if not self.is_complete:
            return "stopped; the output is as it was, start the same command again"
        told = self.to_json()["changed"]
        changed = f"{told['targets']} changed ({told['newly_empty']} newly empty)"
        pixels = f"{told['gained']} pixels gained, {told['lost']} lost"
        first = f"generation {self.generation}: {counted(self.cut, 'target')} cut anew, {changed}"
        lines = [f"{first}: {pixels} ({CHANGES_NAME} in the output lists them)"]
        if self.settled:
            lines.append(f"settled by people and left as they are: {self.settled}")
        if self.without_planes:
            lines.append(f"left as they are, no probabilities are kept: {self.without_planes}")
        lines += [f"left as it is: {name}: {reason}" for name, reason in self.left.items()]
        lines.append("maskcast run --back returns to the generation before")
        return "\n".join(map(printable, lines))


def rethreshold(
    project: ProjectFolder,
    observer: RunObserver,
    cuts: Cuts,
    settled: Set[str],
    *,
    stop: threading.Event | None = None,
) -> CutSummary:
    """Cut all masks anew and put the results in the place of the output.

    Args:
        project: whose results are in a folder of this machine, with planes.
        observer: is told how it goes.
        cuts: what was chosen; nothing = as calibrated.
        settled: image ids of targets whose results stay as they are.
        stop: set it to end early; the output is then as it was.

    Raises:
        SettingsError: if results are in a store or in shards, or an object is chosen for that
            there is none of.
        RunError: if no planes are kept.
        StorageError: if the disk is full or the folders cannot be moved.
    """
    began = time.monotonic()
    output = checked_output(project)
    finish_swap(project)
    calibration = read_calibration(output)
    if calibration is None:
        raise RunError(
            f"no probabilities are kept in {output}; run with --keep-probabilities 2GB --fresh, "
            "with the engine pixel or deep"
        )
    unknown = sorted(cuts.chosen.keys() - calibration.levels.keys())
    if unknown:
        known = ", ".join(map(str, calibration.levels))
        raise SettingsError(f"the references show no object {unknown[0]}; they show: {known}")
    observer.stage(RunStage("cutting"))
    coming = generations_folder(output) / NEXT
    with RunLock(project), opened_results(project) as old:
        if coming.exists():
            set_aside(coming)
        with _created(coming, output, old, cuts) as new:
            cutting = _Cutting(project, output, coming, old, new, calibration, cuts, settled)
            cutting.run(observer, stop or threading.Event())
            changed = tuple(changed_targets(cutting.changes, new))
        if cutting.is_complete:
            write_changes(coming / CHANGES_NAME, cutting.changes)
            put_in_place(output, coming, old.generation)
        else:
            set_aside(coming)
        number = old.generation + cutting.is_complete
    return cutting.summary(number, changed, time.monotonic() - began)


@contextmanager
def _created(coming: Path, output: Path, old: Ledger, cuts: Cuts) -> Iterator[Ledger]:
    """The ledger of the new output: that of the same run in all but what was chosen."""
    fingerprint = {key: value for key, value in old.fingerprint.items() if key != CUTS}
    if cuts:
        fingerprint[CUTS] = cuts.to_json()
    run_id = new_run_id()
    coming.mkdir(parents=True)
    beside = [output / TAUGHT_NAME, calibration_path(output)]
    carry_over_files([path for path in beside if path.exists()], output, coming)
    if cuts:
        write_cuts(coming, cuts)
    with Ledger.create(coming / LEDGER_NAME, fingerprint, run_id, old.generation + 1) as ledger:
        put_identity(coming, run_id)
        if (selftest := old.selftest) is not None:
            ledger.keep_selftest(selftest)
        yield ledger


_How = Literal["cut", "settled", "without planes", "left", "failed"]


@dataclass(frozen=True)
class _Done:
    """What became of a target.

    Attributes:
        how: what was done with it.
        row: of its results in the new output, whose files are in place.
        changes: of its objects that changed.
        reason: why it was left as it was; empty unless it had to be.
    """

    how: _How
    row: TargetRow
    changes: tuple[Change, ...] = ()
    reason: str = ""


class _Cutting:
    """Cuts the targets of one output into another."""

    def __init__(
        self,
        project: ProjectFolder,
        output: Path,
        coming: Path,
        old: Ledger,
        new: Ledger,
        calibration: Calibration,
        cuts: Cuts,
        settled: Set[str],
    ) -> None:
        self._project = project
        self._folders = OutputFolders(output)
        self._coming = coming
        self._old, self._new = old, new
        self._calibration, self._cuts = calibration, cuts
        self._settled = settled
        shown = sorted(calibration.levels.keys() | set(old.object_ids()))
        options = project.settings.images.read_options
        sink = sink_for(coming, new.run_id)
        window = seen_window(old.fingerprint)
        least = cuts.without_chosen(areas_in(old.fingerprint.get(SMALLEST)))
        specs = project.object_specs(shown)
        self._work = FileWork(sink, specs, window, options, least=least)
        self.changes: list[Change] = []
        self.is_complete = False
        self._counts: Counter[str] = Counter()
        self._left: dict[str, str] = {}

    def run(self, observer: RunObserver, stop: threading.Event) -> None:
        """Take all targets through; the new ledger holds them in the end."""
        counts = self._old.counts()
        observer.start(counts.done + counts.failed, self._new.counts())
        rows: list[TargetRow] = []
        with ThreadPoolExecutor(self._project.workers, "cut") as threads:
            source = until(stop, self._old.rows())
            ahead = 2 * self._project.workers
            for done in map_ahead(threads, self._one, source, ahead, weigh=_pixels):
                self._counts[done.how] += 1
                self.changes += done.changes
                if done.reason:
                    self._left[done.row.image_id] = done.reason
                rows.append(done.row)
                observer.row(done.row)
                if len(rows) >= _AT_ONCE:
                    self._record(rows)
                    rows = []
        self._record(rows)
        self.is_complete = not stop.is_set()

    def summary(
        self, generation: int, changed: tuple[ChangedTarget, ...], seconds: float
    ) -> CutSummary:
        """What it came to."""
        counts = self._counts["cut"], self._counts["settled"], self._counts["without planes"]
        changes = tuple(self.changes)
        return CutSummary(
            generation, self.is_complete, *counts, self._left, changes, changed, seconds
        )

    def _record(self, rows: list[TargetRow]) -> None:
        settle_results(self._coming, rows)
        self._new.record_all(rows)
        for row in rows:
            if (shown := self._old.shown_decision(row.image_id)) is not None:
                self._new.show_decision(row.image_id, shown)

    def _one(self, row: TargetRow) -> _Done:
        """The new results of a target."""
        if row.state != "done":
            return _Done("failed", row)
        if row.image_id in self._settled:
            return self._carried_over("settled", row)
        if not planes_path(self._folders.root, row.name).exists():
            return self._carried_over("without planes", row)
        try:
            return self._cut_anew(row)
        except StorageError:
            raise
        except (MaskcastError, OSError, ValueError) as error:
            logger.debug("%s cannot be cut anew", printable(row.image_id), exc_info=True)
            return replace(self._carried_over("left", row), reason=str(error))

    def _cut_anew(self, row: TargetRow) -> _Done:
        kept = read_planes(planes_path(self._folders.root, row.name))
        found = recut(kept.planes, kept.own, self._calibration, self._cuts)
        found = found_only(without_crumbs(found, self._work.least))
        if found.masks.shape[1:] != row.size:
            raise RunError("its probabilities are of another picture; do it again with --redo")
        changes = self._compared(row, found)
        if not changes and _judged(row) == _judged_now(found):
            return self._carried_over("cut", row)
        source = self._project.targets_place / row.image_id
        item = WorkItem(row.image_id, source, row.name, row.file_size, row.tag)
        decoded = self._work.read(item)
        if decoded.image.shape[:2] != row.size or row.digest not in {None, decoded.digest}:
            raise RunError("it is another picture than when it was masked; run again")
        # What thresholds a person chooses says nothing of what the picture shows.
        drawn = self._work.write(item, decoded, replace(found, evidence=row.evidence))
        self._carry_over_planes(row)
        drawn = replace(drawn, notes=row.notes, file_size=row.file_size, tag=row.tag)
        return _Done("cut", drawn, changes)

    def _compared(self, row: TargetRow, found: Segmentation) -> tuple[Change, ...]:
        before = {each.object_id: each.score for each in row.objects}
        now = dict(zip(found.object_ids.tolist(), found.masks, strict=True))
        scores = dict(zip(found.object_ids.tolist(), found.scores.tolist(), strict=True))
        nothing = np.zeros(found.masks.shape[1:], np.bool_)
        changes = []
        for key in sorted(before.keys() | now.keys()):
            then: Mask = (
                read_id_mask(self._folders.id_mask(row.name, key)) if key in before else nothing
            )
            change = compared(row.image_id, key, then, now.get(key, nothing))
            if change is not None:
                was, score = before.get(key), scores.get(key)
                changes.append(replace(change, score_before=was, score_after=score))
        return tuple(changes)

    def _carried_over(self, how: _How, row: TargetRow) -> _Done:
        files = self._folders.files(row.name)
        carry_over_files(files, self._folders.root, self._coming)
        self._carry_over_planes(row)
        return _Done(how, row)

    def _carry_over_planes(self, row: TargetRow) -> None:
        planes = planes_path(self._folders.root, row.name)
        if planes.exists():
            carry_over_files([planes], self._folders.root, self._coming)


def _pixels(row: TargetRow) -> int:
    return 0 if row.size is None else row.size[0] * row.size[1]


_Figures = list[tuple[int, float | None, float | None]]


def _judged(row: TargetRow) -> _Figures:
    return [(each.object_id, _rounded(each.score), _rounded(each.right)) for each in row.objects]


def _judged_now(found: Segmentation) -> _Figures:
    right = [None] * len(found.scores) if found.right is None else found.right.tolist()
    each = zip(found.object_ids.tolist(), found.scores.tolist(), right, strict=True)
    return [(key, _rounded(score), _rounded(share)) for key, score, share in each]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 5)
