"""The ledger keeps what it was told, and survives kills and full disks."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from maskcast.errors import RunError, StorageError
from maskcast.runs.ledger import FoundObject, Ledger, LedgerCounts, TargetRow, holds_ledger

PARTICLE = FoundObject(1, 0.75, 40, 2, (3, 4, 20, 30))
ROWS = [
    TargetRow(
        "가/a b.png",
        "가/a b",
        "done",
        (480, 640),
        1234,
        ("first page of 3",),
        None,
        (PARTICLE, FoundObject(7, 0.5, 1, 1, (0, 0, 1, 1))),
    ),
    TargetRow("clean.png", "clean", "done", (5, 6), 10),
    TargetRow("broken.png", "broken", "failed", reason="it is not an image"),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.db"


def test_rows_come_back_sorted_as_recorded(path: Path) -> None:
    with Ledger.create(path, {}) as ledger:
        for row in ROWS:
            ledger.record(row)
    with Ledger.open(path) as ledger:
        assert list(ledger.rows()) == [ROWS[2], ROWS[1], ROWS[0]]


def test_counts_empty_as_done(path: Path) -> None:
    with Ledger.create(path, {}) as ledger:
        for row in ROWS:
            ledger.record(row)
        assert ledger.counts() == LedgerCounts(done=2, empty=1, failed=1)


def test_done_gives_names_and_file_sizes_but_no_failures(path: Path) -> None:
    with Ledger.create(path, {}) as ledger:
        for row in ROWS:
            ledger.record(row)
        assert ledger.done() == {"가/a b.png": ("가/a b", 1234), "clean.png": ("clean", 10)}


def test_a_second_attempt_replaces_a_failure(path: Path) -> None:
    repaired = TargetRow("broken.png", "broken", "done", (1, 1), 3, objects=(PARTICLE,))
    with Ledger.create(path, {}) as ledger:
        ledger.record(ROWS[2])
        ledger.record(repaired)
        assert list(ledger.rows()) == [repaired]


def test_fingerprint_comes_back(path: Path) -> None:
    fingerprint = {"engine": "pixel", "objects": {"1": ["입자", [1, 2, 3]]}, "window": None}
    Ledger.create(path, fingerprint).close()
    with Ledger.open(path) as ledger:
        assert ledger.fingerprint == fingerprint


def test_a_reader_sees_rows_while_the_writer_is_open(path: Path) -> None:
    with Ledger.create(path, {}) as writer:
        writer.record(ROWS[1])
        with Ledger.open(path) as reader:
            assert reader.counts().done == 1


@pytest.mark.parametrize("content", [b"", None], ids=["zero bytes", "missing"])
def test_a_blank_file_holds_no_ledger_and_can_become_one(path: Path, content: bytes | None) -> None:
    if content is not None:
        path.write_bytes(content)
    assert not holds_ledger(path)
    with Ledger.create(path, {}) as ledger:
        assert ledger.counts() == LedgerCounts(0, 0, 0)
    assert holds_ledger(path)


def test_something_else_called_run_db_is_refused_and_kept(path: Path) -> None:
    path.write_text("my notes " * 1000)
    with pytest.raises(RunError, match=r"run\.db is not a maskcast ledger"):
        holds_ledger(path)
    assert path.read_text() == "my notes " * 1000


def test_another_version_is_refused(path: Path) -> None:
    Ledger.create(path, {}).close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE meta SET value = 'maskcast-ledger-99' WHERE key = 'format'")
    connection.commit()
    connection.close()
    with pytest.raises(RunError, match="another version"):
        Ledger.open(path)


def test_a_full_disk_is_a_storage_error_and_the_ledger_still_opens(path: Path) -> None:
    with Ledger.create(path, {}) as ledger:
        ledger.record(ROWS[1])
        (pages,) = ledger._connection.execute("PRAGMA page_count").fetchone()
        ledger._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StorageError, match="full"):
            ledger.record(TargetRow("big.png", "big", "failed", reason="x" * 100_000))
    with Ledger.open(path) as ledger:
        assert list(ledger.rows()) == [ROWS[1]]


def test_a_missing_folder_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be written"):
        Ledger.create(tmp_path / "nowhere" / "run.db", {})


def test_a_ledger_from_before_there_were_shards_has_none(path: Path) -> None:
    Ledger.create(path, {}).close()
    connection = sqlite3.connect(path)
    connection.execute("DROP TABLE shards")
    connection.close()
    with Ledger.open(path) as ledger:
        assert ledger.shards() == set()
