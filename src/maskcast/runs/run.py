"""One run over a project: check what is there, memorize, take every pending target through.

A run never deletes or overwrites results: it goes on with what the ledger does not hold yet,
refuses if references, options or engine changed, and moves the old output aside when told to start
afresh.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, islice
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock, Timeout

from maskcast.engines.base import Engine, EngineInfo
from maskcast.errors import (
    FingerprintError,
    MaskcastError,
    RunLockedError,
    SettingsError,
    StorageError,
)
from maskcast.io.images import IntensityWindow
from maskcast.io.storage import Place, Url
from maskcast.project.folder import ProjectFolder
from maskcast.runs.copies import LedgerCopies
from maskcast.runs.executor import Executor, LocalExecutor, Recipe
from maskcast.runs.fingerprint import Fingerprint, describe_changes, run_fingerprint
from maskcast.runs.ledger import Ledger, LedgerCounts, TargetRow, holds_ledger
from maskcast.runs.pending import PendingTargets
from maskcast.runs.pipeline import WorkItem
from maskcast.runs.shards import ShardPlan, reconcile
from maskcast.runs.sinks import sink_for
from maskcast.runs.work import FileWork
from maskcast.types import ObjectSpec, Reference

LOCK_NAME = ".lock"
_COMMIT_EVERY_S = 0.1
_LOOK_AHEAD = 10_000
_ANNOUNCE_GROWTH = 1.2


class RunObserver(Protocol):
    """Is told how a run goes; calls come from the thread that called ``run_project``."""

    def stage(self, text: str) -> None:
        """A preparation began, e.g. learning from the references."""

    def note(self, text: str) -> None:
        """Something the user should know."""

    def start(self, total: int, counts: LedgerCounts) -> None:
        """The targets begin: ``total`` listed so far, ``counts`` from before.

        Called again, with what holds then, while a long list is still being read.
        """

    def row(self, row: TargetRow) -> None:
        """One target is finished and recorded."""


@dataclass(frozen=True)
class RunSummary:
    """What a run came to.

    Attributes:
        output: the output folder or place.
        total: targets in the folder.
        counts: done (empty ones included), empty and failed, over all runs on this output.
        finished_now: targets done or failed by this run.
        pending: targets still to be done.
        seconds: time this run took, from learning to the last file.
        stopped: whether it was asked to stop.
        listed_all: whether ``total`` and ``pending`` are all there are; a list in a store is not
            read to its end only to be counted.
    """

    output: Place
    total: int
    counts: LedgerCounts
    finished_now: int
    pending: int
    seconds: float
    stopped: bool
    listed_all: bool = True

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "output": str(self.output),
            "targets": self.total,
            "done": self.counts.done,
            "empty": self.counts.empty,
            "failed": self.counts.failed,
            "pending": self.pending,
            "finished_now": self.finished_now,
            "seconds": round(self.seconds, 3),
            "stopped": self.stopped,
            "listed_all": self.listed_all,
        }

    def describe(self) -> str:
        """A few sentences for a person."""
        more = "" if self.listed_all else " or more"
        sentence = (
            f"{self.output}: done {self.counts.done} of {self.total}{more} (of these empty "
            f"{self.counts.empty}), failed {self.counts.failed}, pending {self.pending}{more}"
        )
        if self.counts.failed:
            sentence += "\nmaskcast status tells why; starting again tries the failed ones again"
        if self.pending:
            sentence += "\nstart the same command again to go on"
        return sentence


def run_project(
    project: ProjectFolder,
    observer: RunObserver,
    *,
    limit: int | None = None,
    fresh: bool = False,
    stop: threading.Event | None = None,
    executor: Executor | None = None,
    shard_size: int | None = None,
) -> RunSummary:
    """Mask every target of ``project`` that its ledger does not hold yet.

    Args:
        project: what to run.
        observer: is told how it goes.
        limit: at most so many targets this time.
        fresh: move an existing output aside first.
        stop: set it to finish what is in flight and return.
        executor: where to compute; None = threads of this process.
        shard_size: pack the results of so many targets into one file each; None = folders.

    Raises:
        SettingsError, AnnotationError, ImageError, EngineError: if the run cannot start.
        FingerprintError: if the output belongs to other references, options or engine.
        RunLockedError: if another run is writing to the output.
        StorageError: if the disk is full or not writable; what is done stays done.
    """
    stop = stop or threading.Event()
    _check_output(project.output_place, fresh=fresh)
    if fresh:
        _move_aside(project.output_folder, observer)
    engine = project.create_engine()
    try:
        with output_lock(project.state_folder):
            setup = _Setup.of(project, engine, shard_size)
            return setup.run(observer, limit, stop, executor or LocalExecutor())
    finally:
        engine.close()


def _check_output(output: Place, *, fresh: bool) -> None:
    if not isinstance(output, Path) and output.is_read_only:
        raise SettingsError(f"{output} can only be read; give another --output")
    if not isinstance(output, Path) and fresh:
        raise SettingsError(
            f"{output} is in a store, where nothing can be moved aside; give another --output "
            "instead of --fresh"
        )


@contextmanager
def output_lock(output: Path) -> Iterator[None]:
    """Hold the lock of an output folder, which is made if it is missing.

    Raises:
        RunLockedError: if another process holds it; a killed one does not.
        StorageError: if the folder cannot be written.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
        lock = FileLock(output / LOCK_NAME, timeout=0)
        lock.acquire()
    except Timeout as error:
        raise RunLockedError(
            f"another run is writing to {output}; wait until it ends, stop it, "
            "or give another --output"
        ) from error
    except OSError as error:
        raise StorageError(
            f"the output folder {output} cannot be written ({error.strerror}); "
            "make it writable or give another --output"
        ) from error
    try:
        yield
    finally:
        lock.release()


def fetch_ledger(project: ProjectFolder) -> None:
    """Bring the ledger of an output in a store here, if there is none, to be looked at repeatedly.

    Raises:
        RunLockedError: if a run of this machine is beginning there.
        RunError: if the ledger cannot be read.
        StorageError: if the store cannot be read.
    """
    output, path = project.output_place, project.ledger_path
    if isinstance(output, Url) and not output.is_read_only and not holds_ledger(path):
        with output_lock(project.state_folder):
            LedgerCopies(output, path).fetch()


@dataclass(frozen=True)
class _Setup:
    """What a run is made of, known before its ledger is opened."""

    project: ProjectFolder
    engine: Engine
    references: tuple[Reference, ...]
    window: IntensityWindow | None
    specs: Mapping[int, ObjectSpec]
    shard_size: int | None

    @classmethod
    def of(cls, project: ProjectFolder, engine: Engine, shard_size: int | None) -> _Setup:
        """Read references and objects."""
        window = project.intensity_window()
        references = tuple(project.load_references(engine, window))
        specs = project.object_specs({key for one in references for key in one.masks})
        return cls(project, engine, references, window, specs, shard_size)

    def run(
        self,
        observer: RunObserver,
        limit: int | None,
        stop: threading.Event,
        executor: Executor,
    ) -> RunSummary:
        """Open the ledger and take the pending targets through."""
        project, output = self.project, self.project.output_place
        copies = LedgerCopies(output, project.ledger_path) if isinstance(output, Url) else None
        if copies is not None:
            copies.fetch()
        with _open_ledger(project.ledger_path, self.fingerprint()) as ledger:
            if self.shard_size is not None and (forgotten := reconcile(output, ledger)):
                observer.note(f"the shards of {forgotten} targets are gone; they are done again")
            targets = PendingTargets(project.stream_targets(), project.targets_place, ledger)
            recipe = self.recipe(ledger.run_id)
            this = _Pass(recipe, self.engine, targets, ledger, observer, stop, copies)
            summary = this.run(executor, limit, output)
            if self.shard_size is not None:
                reconcile(output, ledger)
            return summary

    def fingerprint(self) -> Fingerprint:
        """What the results depend on."""
        found = run_fingerprint(self.engine.info, self.references, self.specs, self.window)
        return found if self.shard_size is None else {**found, "layout": "shards"}

    def recipe(self, run_id: str) -> Recipe:
        """What workers are built from."""
        settings, output = self.project.settings, self.project.output_place
        if isinstance(output, Path):
            output = output.absolute()
        shards = None if self.shard_size is None else ShardPlan(output, run_id, self.shard_size)
        return Recipe(
            engine=settings.engine,
            settings=self.project.engine_settings,
            signature=self.engine.info.signature,
            references=self.references,
            work=FileWork(sink_for(output), self.specs, self.window, settings.images.read_options),
            shards=shards,
            batch_size=None if settings.batch_size == "auto" else settings.batch_size,
            workers=settings.workers,
            lock=output / LOCK_NAME if isinstance(output, Path) else None,
        )


@dataclass
class _Pass:
    """One pass over the pending targets."""

    recipe: Recipe
    engine: Engine
    targets: PendingTargets
    ledger: Ledger
    observer: RunObserver
    stop: threading.Event
    copies: LedgerCopies | None
    finished: int = 0
    announced: int = 0

    def run(self, executor: Executor, limit: int | None, output: Place) -> RunSummary:
        """Take the targets through, and count."""
        items = self.targets.items()
        # What is listed soon is listed first, so that people see how much there is to do.
        first = list(islice(items, _LOOK_AHEAD))
        has_all = len(first) < _LOOK_AHEAD
        if has_all:
            self._tell_notes()
        self._announce()
        began = time.monotonic()
        if first:
            self._take(executor, islice(chain(first, items), limit))
        if not has_all:
            has_all = self._list_on(items)
        seconds = time.monotonic() - began
        return RunSummary(
            output,
            self.targets.listed,
            self.ledger.counts(),
            self.finished,
            self.targets.pending - self.finished,
            seconds,
            self.stop.is_set(),
            has_all,
        )

    def _take(self, executor: Executor, items: Iterator[WorkItem]) -> None:
        _warn_if_slow(self.engine.info, self.targets.pending, self.observer)
        count, name = len(self.recipe.references), self.engine.info.name
        self.observer.stage(f"learning from {count} references with {name}")
        if self.copies is not None:
            self.copies.put(self.ledger, now=True)
        groups = executor.run(self.recipe, self.engine, items, self.observer.note, self.stop)
        try:
            for bunch in _bunches(groups):
                self._record(bunch)
        finally:
            if self.copies is not None:
                self.copies.put(self.ledger, now=True)

    def _record(self, bunch: list[TargetRow]) -> None:
        self.ledger.record_all(bunch)
        for row in bunch:
            self.observer.row(row)
        self.finished += len(bunch)
        if self.copies is not None:
            self.copies.put(self.ledger)
        if self.targets.listed > _ANNOUNCE_GROWTH * self.announced:
            self._announce()

    def _announce(self) -> None:
        self.announced = self.targets.listed
        self.observer.start(self.announced, self.ledger.counts())

    def _list_on(self, items: Iterator[WorkItem]) -> bool:
        """Count what was not taken, where that is quick; returns whether all is counted."""
        if isinstance(self.targets.place, Path):
            deque(items, maxlen=0)
        elif next(items, None) is not None:
            return False
        self._tell_notes()
        return True

    def _tell_notes(self) -> None:
        for sentence in self.targets.notes():
            self.observer.note(sentence)


def _bunches(groups: Iterator[Sequence[TargetRow]]) -> Iterator[list[TargetRow]]:
    """Groups that come within a moment of each other, so that one commit serves them all."""
    bunch: list[TargetRow] = []
    last = float("-inf")  # the first one at once, for whoever watches
    try:
        for group in groups:
            bunch.extend(group)
            now = time.monotonic()
            if now - last > _COMMIT_EVERY_S:
                yield bunch
                bunch, last = [], now
    except MaskcastError:  # what was done before it is recorded all the same
        yield bunch
        raise
    yield bunch


def _warn_if_slow(info: EngineInfo, targets: int, observer: RunObserver) -> None:
    if info.seconds_per_target is None:
        return
    seconds = info.seconds_per_target
    whole = timedelta(seconds=round(seconds * targets))
    faster = f"; faster: --engine {' or '.join(info.faster)}" if info.faster else ""
    observer.note(
        f"{info.name} on {info.device} takes about {seconds:.0f} s or more for a target, so at "
        f"least {whole} (h:mm:ss) for these {targets}{faster}"
    )


def _open_ledger(path: Path, fingerprint: Fingerprint) -> Ledger:
    if not holds_ledger(path):
        return Ledger.create(path, fingerprint)
    ledger = Ledger.open(path)
    changes = describe_changes(ledger.fingerprint, fingerprint)
    if changes:
        ledger.close()
        raise FingerprintError(
            f"{path.parent} holds results of other settings ({'; '.join(changes)}); undo the "
            "change, give another --output, or start again with --fresh, which moves the old "
            "output aside"
        )
    return ledger


def _move_aside(output: Path, observer: RunObserver) -> None:
    if not output.exists() or not any(output.iterdir()):
        return
    with output_lock(output):
        pass
    aside = output.with_name(f"{output.name}-{datetime.now():%Y%m%d-%H%M%S}")
    if aside.exists():
        aside = output.with_name(f"{output.name}-{datetime.now():%Y%m%d-%H%M%S-%f}")
    try:
        output.rename(aside)
    except OSError as error:
        raise StorageError(
            f"{output} cannot be moved to {aside} ({error.strerror}); move it "
            "yourself or give another --output"
        ) from error
    observer.note(f"the old output is now in {aside}")
