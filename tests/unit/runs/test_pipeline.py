"""The pipeline keeps order and bounds, and one bad target fails alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fake_engine import FakeEngine
from maskcast.engines.base import EngineSettings
from maskcast.errors import ImageError, StorageError
from maskcast.runs.ledger_rows import TargetRow
from maskcast.runs.pipeline import (
    PIXELS_AHEAD,
    BatchRunner,
    Decoded,
    WorkItem,
    map_ahead,
    run_pipeline,
)
from maskcast.types import MemoryBank, Reference, RgbImage, Segmentation

POISON, GREEDY = 66, 99


class RecordingEngine(FakeEngine):
    """Remembers batch sizes; raises on a poisoned image, runs out of memory above a batch size."""

    def __init__(self, room_for: int = 1000) -> None:
        super().__init__(EngineSettings())
        self.batch_sizes: list[int] = []
        self._room_for = room_for

    def propagate(self, bank: MemoryBank, images: Sequence[RgbImage]) -> list[Segmentation]:
        self.batch_sizes.append(len(images))
        if len(images) > self._room_for or any(image[0, 0, 0] == GREEDY for image in images):
            raise MemoryError
        if any(image[0, 0, 0] == POISON for image in images):
            raise ZeroDivisionError("poisoned")
        return super().propagate(bank, images)


class ListWork:
    """Reads 2 x 2 images of one gray value given as the target's image id."""

    def __init__(self, write_error: Exception | None = None) -> None:
        self.written: list[str] = []
        self._write_error = write_error

    tiles = None

    def open(self, _: WorkItem) -> None:
        return None

    def write_large(self, item: WorkItem, _: object, __: object) -> TargetRow:
        raise NotImplementedError(item)

    def weigh(self, _: WorkItem) -> int:
        return 0

    def read(self, item: WorkItem) -> Decoded:
        if item.name == "unreadable":
            raise ImageError("unreadable.png is not an image")
        if item.name == "bug":
            raise KeyError("a decoder's own bug")
        return Decoded(np.full((2, 2, 3), int(item.name), np.uint8), (), 12)

    def write(self, item: WorkItem, decoded: Decoded, found: Segmentation) -> TargetRow:
        if self._write_error is not None:
            raise self._write_error
        self.written.append(item.name)
        assert found.masks.shape[1:] == decoded.image.shape[:2]
        return TargetRow(item.image_id, item.name, "done", decoded.image.shape[:2])


def work_items(names: Sequence[str]) -> list[WorkItem]:
    return [WorkItem(f"{name}.png", Path(f"{name}.png"), name) for name in names]


def memorized(engine: FakeEngine) -> MemoryBank:
    image = np.zeros((4, 4, 3), np.uint8)
    image[:2] = 200
    return engine.memorize([Reference("r", image, {1: image[..., 0] > 100})])


def run(
    names: Sequence[str],
    engine: RecordingEngine,
    work: ListWork,
    size: int,
) -> list[TargetRow]:
    batches = BatchRunner(engine, memorized(engine), size)
    rows: list[TargetRow] = []
    run_pipeline(work_items(names), work, batches, 2, rows.extend)
    return sorted(rows, key=lambda row: names.index(row.name))


def test_every_target_gets_its_row_and_batches_are_full() -> None:
    engine = RecordingEngine()
    names = [str(number) for number in range(10)]
    rows = run(names, engine, ListWork(), size=4)
    assert [row.name for row in rows] == names
    assert engine.batch_sizes == [4, 4, 2]


def test_unreadable_targets_fail_alone_with_their_reason() -> None:
    rows = run(["1", "unreadable", "bug", "2"], RecordingEngine(), ListWork(), size=2)
    assert [(row.state, row.reason) for row in rows] == [
        ("done", None),
        ("failed", "unreadable.png is not an image"),
        ("failed", 'KeyError: "a decoder\'s own bug"'),
        ("done", None),
    ]


def test_a_target_the_engine_chokes_on_fails_alone() -> None:
    engine = RecordingEngine()
    rows = run(["1", str(POISON), "2", "3"], engine, ListWork(), size=4)
    assert [row.state for row in rows] == ["done", "failed", "done", "done"]
    assert rows[1].reason == "the engine failed on it: ZeroDivisionError: poisoned"
    assert engine.batch_sizes == [4, 1, 1, 1, 1]


def test_out_of_memory_halves_the_batch_and_remembers() -> None:
    engine = RecordingEngine(room_for=2)
    rows = run([str(number) for number in range(16)], engine, ListWork(), size=8)
    assert [row.state for row in rows] == ["done"] * 16
    assert engine.batch_sizes == [8, 4, 2, 2, 4, 2, 2, 2, 2, 2, 2]


def test_an_image_too_big_for_memory_alone_is_a_failure() -> None:
    rows = run(["1", str(GREEDY)], RecordingEngine(), ListWork(), size=1)
    assert [row.state for row in rows] == ["done", "failed"]
    assert "out of memory" in str(rows[1].reason)


def test_a_file_that_cannot_be_written_fails_alone_but_a_full_disk_ends_the_run() -> None:
    rows = run(["1"], RecordingEngine(), ListWork(OSError(36, "File name too long")), size=1)
    assert rows[0].state == "failed"
    assert "File name too long" in str(rows[0].reason)
    with pytest.raises(StorageError):
        run(["1", "2"], RecordingEngine(), ListWork(StorageError("the disk is full")), size=1)


def test_on_a_gpu_the_engine_works_on_while_results_are_written() -> None:
    """The first batch's files are held back until the engine has begun the second."""
    begun = threading.Event()

    class OnGpu(RecordingEngine):
        def propagate(self, bank: MemoryBank, images: Sequence[RgbImage]) -> list[Segmentation]:
            if len(self.batch_sizes) == 3:  # the first batch was halved
                begun.set()
            return super().propagate(bank, images)

    class Slow(ListWork):
        def write(self, item: WorkItem, decoded: Decoded, found: Segmentation) -> TargetRow:
            assert begun.wait(2), "the engine waits for the files"
            return super().write(item, decoded, found)

    engine = OnGpu(room_for=4)
    engine.info = replace(engine.info, device="cuda:0")
    names = [str(number) for number in range(18)]
    rows = run(names, engine, Slow(), size=6)
    assert [(row.name, row.state) for row in rows] == [(name, "done") for name in names]
    assert engine.batch_sizes == [6, 3, 3, 3, 3, 3, 3]


def test_map_ahead_never_runs_further_ahead_than_told() -> None:
    started = 0

    def source() -> Iterator[int]:
        nonlocal started
        for number in range(50):
            started += 1
            yield number

    with ThreadPoolExecutor(2) as executor:
        for taken, result in enumerate(map_ahead(executor, lambda x: x * x, source(), ahead=5)):
            assert result == taken**2
            assert started <= taken + 1 + 5
    assert started == 50


def test_large_items_are_not_started_ahead() -> None:
    started: list[int] = []

    def work(number: int) -> int:
        started.append(number)
        return number

    weights = [1, 1, PIXELS_AHEAD, 2 * PIXELS_AHEAD, 1, 1]
    with ThreadPoolExecutor(2) as executor:
        results = map_ahead(executor, work, range(6), 4, weights.__getitem__)
        assert next(results) == 0
        assert max(started) <= 1
        assert next(results) == 1
        assert [next(results), max(started)] == [2, 2]
        assert [next(results), max(started)] == [3, 3]
        assert list(results) == [4, 5]


def test_an_engine_on_a_cpu_gets_few_pixels_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maskcast.runs.pipeline.PIXELS_AHEAD", 3 * 2 * 2)
    engine = RecordingEngine()
    run([str(number) for number in range(7)], engine, ListWork(), size=5)
    assert engine.batch_sizes == [3, 3, 1]


def test_what_is_in_flight_is_finished_when_the_items_end_early() -> None:
    stop = threading.Event()

    def items() -> Iterator[WorkItem]:
        for item in work_items([str(number) for number in range(100)]):
            if stop.is_set():
                return
            yield item

    engine, work = RecordingEngine(), ListWork()
    rows: list[str] = []

    def record(done: Sequence[TargetRow]) -> None:
        rows.extend(row.name for row in done)
        stop.set()

    run_pipeline(items(), work, BatchRunner(engine, memorized(engine), 2), 2, record)
    assert 1 <= len(rows) < 20
    assert sorted(rows, key=int) == [str(number) for number in range(len(rows))]
    assert sorted(work.written, key=int) == sorted(rows, key=int)
