"""What is finished is in the ledger a moment later, whatever the rest of the run does."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from fake_engine import FakeEngine
from maskcast.errors import StorageError
from maskcast.project.folder import ProjectFolder
from maskcast.runs.ledger import Ledger
from maskcast.runs.ledger_rows import TargetRow
from maskcast.runs.pipeline import Record
from maskcast.runs.recorder import Recorder
from maskcast.runs.run import run_project
from maskcast.types import MemoryBank, RgbImage, Segmentation
from quiet import Quiet
from runnable import runnable_project

A, B = TargetRow("a.png", "a", "done"), TargetRow("b.png", "b", "failed", reason="broken")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.create(tmp_path / "run.db", {}) as opened:
        yield opened


def recorded(path: Path) -> list[str]:
    with Ledger.read(path) as ledger:
        return list(ledger.image_ids())


def test_rows_are_told_once_they_are_recorded(ledger: Ledger) -> None:
    told: list[TargetRow] = []

    def tell(rows: list[TargetRow]) -> None:
        assert {row.image_id for row in rows} <= set(recorded(ledger.path))
        told.extend(rows)

    with Recorder(ledger, tell) as recorder:
        recorder.record([A])
        recorder.record([B])
    assert told == [A, B]
    assert list(ledger.rows()) == [A, B]


def test_what_was_handed_over_is_recorded_when_the_run_breaks(ledger: Ledger) -> None:
    def broken(record: Record) -> None:
        record([A])
        record([B])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Recorder(ledger, lambda _: None) as recorder:
        broken(recorder.record)
    assert list(ledger.rows()) == [A, B]


def test_an_observer_that_raises_ends_the_run_after_everything_is_recorded(ledger: Ledger) -> None:
    def tell(_: list[TargetRow]) -> None:
        raise ZeroDivisionError

    def going_on(record: Record) -> None:
        record([A])
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            record([B])  # raises once the other thread has

    with pytest.raises(ZeroDivisionError), Recorder(ledger, tell) as recorder:
        going_on(recorder.record)
    assert list(ledger.rows()) == [A, B]


def test_a_ledger_that_cannot_be_written_ends_the_run(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Sequence[TargetRow]) -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr(ledger, "record_all", full)
    told: list[TargetRow] = []
    with pytest.raises(StorageError), Recorder(ledger, told.extend) as recorder:
        recorder.record([A])
    assert told == []


class Watching(FakeEngine):
    """Looks into the ledger while it has its second batch."""

    path: Path
    seen: list[str]
    interrupts = False

    def propagate(self, bank: MemoryBank, images: Sequence[RgbImage]) -> list[Segmentation]:
        if self.path.exists() and self.batches == 1:
            deadline = time.monotonic() + 5
            while not (type(self).seen or time.monotonic() > deadline):
                type(self).seen = recorded(self.path)
                threading.Event().wait(0.01)
            if self.interrupts:
                raise KeyboardInterrupt
        self.batches += 1
        return super().propagate(bank, images)

    batches = 0


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ProjectFolder:
    project = runnable_project(tmp_path / "project", targets=4, batch_size=1)
    Watching.path, Watching.seen = project.ledger_path, []
    monkeypatch.setattr(ProjectFolder, "create_engine", lambda self: Watching(self.engine_settings))
    return project


def test_a_finished_target_is_recorded_while_the_engine_has_the_next_batch(
    watched: ProjectFolder,
) -> None:
    assert run_project(watched, Quiet()).pending == 0
    assert Watching.seen == ["0.png"]


def test_control_c_in_the_middle_of_a_batch_loses_nothing_that_is_finished(
    watched: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Watching, "interrupts", True)
    Watching.seen = ["nothing is waited for"]
    with pytest.raises(KeyboardInterrupt):
        run_project(watched, Quiet())
    assert "0.png" in recorded(watched.ledger_path)
    written = {path.stem for path in (watched.output_folder / "masks").iterdir()}
    assert {Path(image_id).stem for image_id in recorded(watched.ledger_path)} == written
