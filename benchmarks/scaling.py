"""Runs on Ray beside runs in this process, and what a million targets cost.

Everything is drawn here, so no data set is needed::

    python benchmarks/scaling.py [--targets 64] [--rows 1000000] [--only run,ledger,list]

Rates are those between the first and the last target, so that starting up is not in them; what
starting takes is a figure of its own. Both cores must be free for figures that mean anything.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import psutil

from maskcast.demo.wafers import KINDS, SIZE, draw_inspection_image
from maskcast.io.images import encode_jpeg
from maskcast.io.listing import ImageStream
from maskcast.project.annotations import (
    Annotation,
    AnnotationFile,
    ObjectAnnotation,
    write_annotations,
)
from maskcast.project.folder import ProjectFolder
from maskcast.project.settings import usable_cores
from maskcast.quality.expectation import SelfTest
from maskcast.runs.comparing import TargetList
from maskcast.runs.executor import Executor, LocalExecutor
from maskcast.runs.ledger import Ledger
from maskcast.runs.ledger_rows import FoundObject, LedgerCounts, TargetRow
from maskcast.runs.pending import PendingTargets
from maskcast.runs.ray import RayExecutor
from maskcast.runs.run import run_project
from maskcast.runs.stages import RunStage
from maskcast.types import Prompts

SIDE = 2 * SIZE
IN_A_FOLDER = 1000
ROWS_A_COMMIT = 500


@dataclass
class Clock:
    """Notes when each target was recorded; may do something at one of them."""

    at: int = 0
    action: Callable[[], None] = lambda: None
    times: list[float] = field(default_factory=list)
    used: list[float] = field(default_factory=list)
    seen: dict[int, float] = field(default_factory=dict)

    def stage(self, stage: RunStage) -> None:
        """Not of interest."""

    def note(self, text: str) -> None:
        """Shown, so that nothing that went wrong is missed."""
        print(f"  note: {text}")

    def tested(self, selftest: SelfTest, names: Mapping[int, str]) -> None:
        """Not of interest."""

    def start(self, total: int, counts: LedgerCounts) -> None:
        """Not of interest."""

    def row(self, row: TargetRow) -> None:
        """A target was recorded."""
        assert row.state == "done", row.reason
        self.times.append(time.monotonic())
        self.seen |= processor_seconds()  # of workers that end later as well
        self.used.append(sum(self.seen.values()))
        if len(self.times) == self.at:
            self.action()

    def rate(self) -> float:
        """Targets per second, from the first fifth to the last."""
        first = len(self.times) // 5
        return (len(self.times) - 1 - first) / (self.times[-1] - self.times[first])

    def processor_seconds(self) -> float:
        """Of all processes, per target; other work on the machine disturbs this less."""
        first = len(self.used) // 5
        return (self.used[-1] - self.used[first]) / (len(self.used) - 1 - first)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--targets", type=int, default=64)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--only", default="run,ledger,list")
    options = parser.parse_args()
    parts = options.only.split(",")
    print(f"{usable_cores()} cores, load before {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        if "run" in parts:
            measure_runs(Path(folder), options.targets)
        if "ledger" in parts:
            measure_ledger(Path(folder), options.rows)
        if "list" in parts:
            measure_list(Path(folder), options.rows)


# ---- runs


def measure_runs(folder: Path, targets: int) -> None:
    """Local, one worker, two workers, and two of which one is killed."""
    draw_project(folder / "project", targets)
    rates: dict[str, float] = {}
    cases: dict[str, tuple[Executor, Clock]] = {
        "local, 1 thread": (LocalExecutor(), Clock()),
        "Ray, 1 worker": (RayExecutor(max_workers=1), Clock()),
        "Ray, 2 workers": (RayExecutor(max_workers=2), Clock()),
        "Ray, 2 workers, one killed": (RayExecutor(max_workers=2), Clock(targets // 2, kill_one)),
    }
    spans = {}
    for name, (executor, clock) in cases.items():
        began = time.monotonic()
        run_case(folder, name, executor, clock)
        spans[name] = time.monotonic() - began
        rates[name] = clock.rate()
        start = clock.times[0] - began
        whole = f"{start:.1f} s to the first, {spans[name]:.1f} s in all"
        used = clock.processor_seconds()
        print(f"{name}: {rates[name]:.2f} targets/s, {used:.3f} processor s each, {whole}")
    single = rates["Ray, 1 worker"]
    print(f"efficiency of 2 workers: {rates['Ray, 2 workers'] / (2 * single):.2f} of ideal")
    print(f"overhead of Ray at 1 worker: {rates['local, 1 thread'] / single - 1:.0%} a target")
    lost = spans["Ray, 2 workers, one killed"] - spans["Ray, 2 workers"]
    print(f"time lost when a worker is killed: {lost:.1f} s")


def run_case(folder: Path, name: str, executor: Executor, clock: Clock) -> None:
    """One run with one thread a worker."""
    flags = {"workers": 1, "paths": {"output": folder / name}}
    summary = run_project(ProjectFolder.open(folder / "project", flags), clock, executor=executor)
    assert summary.pending == 0, summary.describe()


def processor_seconds() -> dict[int, float]:
    """Used so far by this process and each of its workers."""
    used = {}
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            used[process.pid] = times.user + times.system
    return used


def kill_one() -> None:
    """End a worker's process as a crash would."""
    for process in psutil.Process().children(recursive=True):
        if "RayWorker" in " ".join(process.cmdline()):
            os.kill(process.pid, signal.SIGKILL)
            return


def draw_project(folder: Path, targets: int) -> None:
    """Three annotated references, and targets of about a megapixel."""
    (folder / "targets").mkdir(parents=True)
    (folder / "references").mkdir()
    annotations = {}
    for number in range(targets + 3):
        drawn = draw_inspection_image(np.random.default_rng(number), KINDS)
        image = np.tile(drawn.image, (SIDE // SIZE, SIDE // SIZE, 1))
        name, kind = f"{number:04}.jpg", "references" if number < 3 else "targets"
        (folder / kind / name).write_bytes(encode_jpeg(image, 95))
        if number < 3:
            objects = {
                key: ObjectAnnotation(Prompts(), np.tile(mask, (SIDE // SIZE, SIDE // SIZE)))
                for key, mask in drawn.masks.items()
            }
            annotations[name] = Annotation(name, SIDE, SIDE, objects=objects)
    write_annotations(folder / "references" / "annotations.json", AnnotationFile((), annotations))


# ---- a million rows


def measure_ledger(folder: Path, rows: int) -> None:
    """Insert rate, resume check, status."""
    path = folder / "run.db"
    with Ledger.create(path, {}) as ledger:
        began = time.monotonic()
        for start in range(0, rows, ROWS_A_COMMIT):
            ledger.record_all([ledger_row(n) for n in range(start, start + ROWS_A_COMMIT)])
        print(f"ledger: {rows / (time.monotonic() - began):.0f} rows/s recorded")
    folders = range(-(-rows // IN_A_FOLDER))
    with Ledger.open(path) as ledger:
        timed("resume check of the ledger", lambda: [ledger.known_in(f"{n:05}") for n in folders])
        timed("counts", ledger.counts)
        timed(
            "status of the ledger",
            lambda: (ledger.counts(), ledger.found_in(), ledger.failures(), ledger.notes()),
        )
        timed("copy", lambda: ledger.copy_to(folder / "copy.db"))
    print(f"size of the ledger: {path.stat().st_size / 1e6:.0f} MB")


def ledger_row(number: int) -> TargetRow:
    """A row as runs write it; each third shows nothing."""
    name = f"{number // IN_A_FOLDER:05}/{number:08}"
    found = () if number % 3 == 0 else (FoundObject(1, 0.9, 900, 2, (10, 20, 30, 40)),)
    return TargetRow(f"{name}.png", name, "done", (SIDE, SIDE), 0, (), None, found)


def measure_list(folder: Path, files: int) -> None:
    """Time to the first target, to the last one, and memory, of a list of files."""
    root = folder / "many"
    for number in range(0, files, IN_A_FOLDER):
        (root / f"{number // IN_A_FOLDER:05}").mkdir(parents=True)
        for index in range(number, min(number + IN_A_FOLDER, files)):
            (root / f"{ledger_row(index).image_id}").touch()
    process = psutil.Process()
    with Ledger.create(folder / "empty.db", {}) as ledger:
        before = process.memory_info().rss
        items = PendingTargets(TargetList(ImageStream(root), root, ledger)).items()
        timed("first of the list", lambda: next(items))
        timed(f"list of {files}", lambda: exhaust(items))
        grown = (process.memory_info().rss - before) / 1e6
        print(f"memory grown by listing: {grown:.0f} MB")
    path = folder / "run.db"
    if path.exists():
        with Ledger.open(path) as ledger:
            targets = PendingTargets(TargetList(ImageStream(root), root, ledger))
            timed("list with everything done", lambda: exhaust(targets.items()))
            assert targets.pending == 0


def exhaust(items: Iterator[object]) -> None:
    """Take all, keep none."""
    for _ in items:
        pass


def timed(what: str, action: Callable[[], object]) -> None:
    """Do it and say how long it took."""
    began, used = time.monotonic(), time.process_time()
    action()
    used = time.process_time() - used
    print(f"{what}: {time.monotonic() - began:.3f} s ({used:.3f} s of a processor)")


if __name__ == "__main__":
    cv2.setNumThreads(1)
    main()
