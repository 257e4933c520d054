"""One run over a project: check what is there, memorize, take every pending target through.

A run never deletes or overwrites results: it goes on with what the ledger does not hold yet,
refuses if references, options or engine changed, and moves the old output aside when told to start
afresh.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock, Timeout

from maskcast.engines.base import Engine, EngineInfo
from maskcast.errors import FingerprintError, RunLockedError, StorageError
from maskcast.files import remove_stale_temporaries
from maskcast.images import IntensityWindow, read_image
from maskcast.project import Project
from maskcast.runs.fingerprint import Fingerprint, describe_changes, run_fingerprint
from maskcast.runs.ledger import Ledger, LedgerCounts, TargetRow, holds_ledger
from maskcast.runs.outputs import OutputFolders, write_outputs
from maskcast.runs.pipeline import BatchRunner, Decoded, WorkItem, run_pipeline
from maskcast.targets import output_names
from maskcast.types import ObjectSpec, Reference, Segmentation, Target

LOCK_NAME = ".lock"


class RunObserver(Protocol):
    """Is told how a run goes; calls come from the thread that called ``run_project``."""

    def stage(self, text: str) -> None:
        """A preparation began, e.g. learning from the references."""

    def note(self, text: str) -> None:
        """Something the user should know."""

    def start(self, total: int, counts: LedgerCounts) -> None:
        """The targets begin: ``total`` in the folder, ``counts`` from before."""

    def row(self, row: TargetRow) -> None:
        """One target is finished and recorded."""


@dataclass(frozen=True)
class RunSummary:
    """What a run came to.

    Attributes:
        output: the output folder.
        total: targets in the folder.
        counts: done (empty ones included), empty and failed, over all runs on this output.
        finished_now: targets done or failed by this run.
        pending: targets still to be done.
        seconds: time this run took, from learning to the last file.
        stopped: whether it was asked to stop.
    """

    output: Path
    total: int
    counts: LedgerCounts
    finished_now: int
    pending: int
    seconds: float
    stopped: bool

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
        }

    def describe(self) -> str:
        """A few sentences for a person."""
        sentence = (
            f"{self.output}: done {self.counts.done} of {self.total} (of these empty "
            f"{self.counts.empty}), failed {self.counts.failed}, pending {self.pending}"
        )
        if self.counts.failed:
            sentence += "\nmaskcast status tells why; starting again tries the failed ones again"
        if self.pending:
            sentence += "\nstart the same command again to go on"
        return sentence


@dataclass(frozen=True)
class _FileWork:
    """Reads targets from files and writes the four output folders."""

    folders: OutputFolders
    specs: Mapping[int, ObjectSpec]
    window: IntensityWindow | None
    max_pixels: int

    def read(self, item: WorkItem) -> Decoded:
        path = item.target.path
        decoded = read_image(path, window=self.window, max_pixels=self.max_pixels)
        return Decoded(decoded.rgb, decoded.notes, path.stat().st_size)

    def write(self, item: WorkItem, decoded: Decoded, found: Segmentation) -> TargetRow:
        height, width = decoded.image.shape[:2]
        objects = write_outputs(self.folders, item.name, decoded.image, found, self.specs)
        return TargetRow(
            item.target.image_id,
            item.name,
            "done",
            (height, width),
            decoded.file_size,
            decoded.notes,
            None,
            tuple(objects),
        )


def run_project(
    project: Project,
    observer: RunObserver,
    *,
    limit: int | None = None,
    fresh: bool = False,
    stop: threading.Event | None = None,
) -> RunSummary:
    """Mask every target of ``project`` that its ledger does not hold yet.

    Args:
        project: what to run.
        observer: is told how it goes.
        limit: at most so many targets this time.
        fresh: move an existing output aside first.
        stop: set it to finish what is in flight and return.

    Raises:
        SettingsError, AnnotationError, ImageError, EngineError: if the run cannot start.
        FingerprintError: if the output belongs to other references, options or engine.
        RunLockedError: if another run is writing to the output.
        StorageError: if the disk is full or not writable; what is done stays done.
    """
    stop = stop or threading.Event()
    output = project.output_folder
    if fresh:
        _move_aside(output, observer)
    engine = project.create_engine()
    try:
        with output_lock(output):
            return _run_locked(project, engine, observer, limit, stop)
    finally:
        engine.close()


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


def _run_locked(
    project: Project,
    engine: Engine,
    observer: RunObserver,
    limit: int | None,
    stop: threading.Event,
) -> RunSummary:
    window = project.intensity_window()
    references = project.load_references(engine, window)
    specs = project.object_specs({key for one in references for key in one.masks})
    fingerprint = run_fingerprint(engine.info, references, specs, window)
    found = project.find_targets()
    for sentence in found.skipped:
        observer.note(sentence)
    remove_stale_temporaries(project.output_folder)
    with _open_ledger(project.ledger_path, fingerprint) as ledger:
        pending = _pending(found.targets, ledger, observer)
        counts = ledger.counts()
        batch = pending[:limit]
        work = _FileWork(
            OutputFolders(project.output_folder), specs, window, project.settings.images.max_pixels
        )
        observer.start(len(found.targets), counts)
        began = time.monotonic()
        finished = _run_targets(project, engine, references, batch, work, ledger, observer, stop)
        counts = ledger.counts()
        return RunSummary(
            project.output_folder,
            len(found.targets),
            counts,
            finished,
            len(pending) - finished,
            time.monotonic() - began,
            stop.is_set(),
        )


def _run_targets(
    project: Project,
    engine: Engine,
    references: Sequence[Reference],
    items: Sequence[WorkItem],
    work: _FileWork,
    ledger: Ledger,
    observer: RunObserver,
    stop: threading.Event,
) -> int:
    """Memorize and take ``items`` through; returns how many were finished."""
    if not items:
        return 0
    _warn_if_slow(engine.info, len(items), observer)
    observer.stage(f"learning from {len(references)} references with {engine.info.name}")
    bank = engine.memorize(references)
    size = project.settings.batch_size
    batches = BatchRunner(engine, bank, engine.info.max_batch if size == "auto" else size)
    finished = 0
    for row in run_pipeline(_until(stop, items), work, batches, project.workers):
        ledger.record(row)
        observer.row(row)
        finished += 1
    return finished


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


def _until(stop: threading.Event, items: Sequence[WorkItem]) -> Iterator[WorkItem]:
    for item in items:
        if stop.is_set():
            return
        yield item


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


def _pending(
    targets: Sequence[Target],
    ledger: Ledger,
    observer: RunObserver,
) -> list[WorkItem]:
    """Targets the ledger does not hold as done; warns of done ones whose file changed since."""
    done = ledger.done()
    taken = {image_id: name for image_id, (name, _) in done.items()}
    names = output_names([target.image_id for target in targets], taken)
    changed = [
        target.image_id
        for target in targets
        if target.image_id in done and _size(target.path) != done[target.image_id][1]
    ]
    if changed:
        observer.note(
            f"{len(changed)} targets changed since they were done (first: {changed[0]}); "
            "their results are kept, --fresh does them again"
        )
    return [
        WorkItem(target, names[target.image_id])
        for target in targets
        if target.image_id not in done
    ]


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


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
