"""The ledger keeps what it was told, and survives kills and full disks."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from maskcast.errors import RunError, StorageError
from maskcast.runs.ledger import Ledger, holds_ledger
from maskcast.runs.ledger_rows import FoundObject, LedgerCounts, TargetRow
from maskcast.runs.query import RowQuery
from of_old import turn_into_0_1

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
        (PARTICLE, FoundObject(7, 0.5, 1, 1, (0, 0, 1, 1), right=0.875, largest=1)),
        tag=56789,
        digest=b"0123456789abcdef",
        look=42,
        evidence=1.5,
    ),
    TargetRow("clean.png", "clean", "done", (5, 6), 10, tag="etag"),
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


def test_what_is_known_in_a_folder_tells_done_ones_and_their_files(path: Path) -> None:
    with Ledger.create(path, {}) as ledger:
        for row in ROWS:
            ledger.record(row)
        assert ledger.known_in("") == {"clean.png": (1, 10, "etag"), "broken.png": (0, None, None)}
        assert ledger.known_in("가") == {"가/a b.png": (1, 1234, 56789)}
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


def without_stamps(rows: Iterable[TargetRow]) -> list[TargetRow]:
    return [
        replace(
            row,
            tag=None,
            digest=None,
            look=None,
            evidence=None,
            objects=tuple(replace(found, right=None, largest=None) for found in row.objects),
        )
        for row in rows
    ]


@pytest.mark.parametrize("lacks", [(), ("shards",)], ids=["0.1", "before there were shards"])
def test_a_ledger_of_old_is_read_as_it_is_and_brought_up_to_date_when_written(
    path: Path, lacks: tuple[str, ...]
) -> None:
    with Ledger.create(path, {"engine": "pixel"}) as ledger:
        ledger.record_all(ROWS)
        run_id = ledger.run_id
    turn_into_0_1(path)
    with closing(sqlite3.connect(path)) as connection:
        for table in lacks:
            connection.execute(f"DROP TABLE {table}")
    before = path.read_bytes()
    expected = without_stamps([ROWS[2], ROWS[1], ROWS[0]])
    with Ledger.read(path) as ledger:
        assert list(ledger.rows()) == expected
        assert ledger.known_in("") == {"clean.png": (1, 10, None), "broken.png": (0, None, None)}
        assert ledger.page(RowQuery(kind="found"), 0, 9) == expected[2:]
        assert ledger.shards() == set()
    assert path.read_bytes() == before
    with Ledger.open(path) as ledger:
        assert list(ledger.rows()) == expected
        ledger.record(ROWS[0])
        assert ledger.row(ROWS[0].image_id) == ROWS[0]
        assert ledger.run_id == run_id
    with Ledger.open(path) as ledger:
        assert list(ledger.rows()) == [*expected[:2], ROWS[0]]


def test_a_ledger_that_says_nothing_of_evidence_is_read_and_gone_on_with(path: Path) -> None:
    with Ledger.create(path, {}) as ledger:
        ledger.record(ROWS[0])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("ALTER TABLE targets DROP COLUMN evidence")
    with Ledger.read(path) as ledger:
        assert list(ledger.rows()) == [replace(ROWS[0], evidence=None)]
    with Ledger.open(path) as ledger:
        ledger.record(ROWS[0])
        assert list(ledger.rows()) == [ROWS[0]]


@pytest.mark.parametrize("missing", [("right",), ("largest",), ("right", "largest")])
def test_a_ledger_without_newer_columns_is_read_and_gone_on_with(
    path: Path, missing: Sequence[str]
) -> None:
    with Ledger.create(path, {}) as ledger:
        ledger.record(ROWS[0])
    with closing(sqlite3.connect(path)) as connection:
        for column in missing:
            connection.execute(f'ALTER TABLE objects DROP COLUMN "{column}"')
    nothing: dict[str, Any] = dict.fromkeys(missing)
    unjudged = [replace(found, **nothing) for found in ROWS[0].objects]
    with Ledger.read(path) as ledger:
        assert [list(row.objects) for row in ledger.rows()] == [unjudged]
    with Ledger.open(path) as ledger:
        ledger.record(ROWS[0])
        assert list(ledger.rows()) == [ROWS[0]]


def test_a_reader_cannot_change_anything(path: Path) -> None:
    Ledger.create(path, {}).close()
    with Ledger.read(path) as ledger, pytest.raises(StorageError):
        ledger.record(ROWS[0])


READS_ONLY = """
from pathlib import Path
from maskcast.runs.ledger import Ledger, holds_ledger
for folder in sorted(Path.cwd().iterdir()):
    assert holds_ledger(folder / "run.db")
    with Ledger.read(folder / "run.db") as ledger:
        print(folder.name, [row.image_id for row in ledger.rows()])
"""

MOUNT = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && cd "$1" && exec "$2" -c "$3"'


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Path]:
    """Ledgers as they may lie about: closed, left by a kill, left and copied in part."""
    shelf = tmp_path / "shelf"
    for name in ("closed", "copied", "killed"):
        (shelf / name).mkdir(parents=True)
    with Ledger.create(shelf / "closed" / "run.db", {}) as ledger:
        ledger.record(ROWS[1])
    with Ledger.create(shelf / "killed" / "run.db", {}) as ledger:
        ledger.record(ROWS[2])
        for ending in ("", "-wal"):
            shutil.copy(shelf / "killed" / f"run.db{ending}", shelf / "copied")
        assert (shelf / "copied" / "run.db-wal").stat().st_size > 0
        yield shelf


def test_ledgers_are_read_where_nothing_can_be_written(shelf: Path) -> None:
    """A read-only mount; root may write anywhere else."""
    arguments = ["sh", "-c", MOUNT, "sh", str(shelf), sys.executable, READS_ONLY]
    read = subprocess.run(
        ["unshare", "--mount", *arguments], check=False, capture_output=True, text=True
    )
    if "unshare" in read.stderr or "mount" in read.stderr.partition("Traceback")[0]:
        pytest.skip("mounting needs root")
    assert read.stdout.splitlines() == [
        "closed ['clean.png']",
        "copied ['broken.png']",
        "killed ['broken.png']",
    ], read.stderr


def test_ledgers_of_somebody_else_are_read(
    shelf: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A stand-in for SQLite, which refuses to open what it cannot write beside."""
    connect, temporary = sqlite3.connect, str(tmp_path / "temporary")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", temporary)

    def refusing(database: str, **options: Any) -> sqlite3.Connection:  # noqa: ANN401
        if "mode=rw" in database and "/temporary/" not in database:
            raise sqlite3.OperationalError("attempt to write a readonly database")
        connection: sqlite3.Connection = connect(database, **options)
        return connection

    monkeypatch.setattr("maskcast.runs.database.sqlite3.connect", refusing)
    for name, image_id in (("closed", "clean.png"), ("copied", "broken.png")):
        with Ledger.read(shelf / name / "run.db") as ledger:
            assert [row.image_id for row in ledger.rows()] == [image_id]
    assert list((tmp_path / "temporary").iterdir()) == []


def test_counts_of_some_and_tags_that_changed(path: Path) -> None:
    with Ledger.create(path, {}) as ledger:
        ledger.record_all(ROWS)
        assert ledger.counts_of([]) == LedgerCounts(0, 0, 0)
        some = ["clean.png", "broken.png", "never seen.png"]
        assert ledger.counts_of(some) == LedgerCounts(done=1, empty=1, failed=1)
        ledger.retag({"clean.png": (11, 99)})
        assert ledger.known_in("")["clean.png"] == (1, 11, 99)
        assert ledger.objects_in("가") == {"가/a b.png": [1, 7]}
