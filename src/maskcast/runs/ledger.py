"""The ledger of a run: one SQLite file that says which targets are done, and how.

A row is written only after all files of its target are in place, so whatever the ledger holds is
whole on disk, and whatever it does not hold is done again. Write-ahead logging lets
``maskcast status`` read while a run writes, and keeps the file openable after a kill at any moment.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maskcast.errors import RunError, StorageError

_FORMAT = "maskcast-ledger-1"
_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE targets (
    image_id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('done', 'failed')),
    height INTEGER,
    width INTEGER,
    file_size INTEGER,
    notes TEXT NOT NULL,
    reason TEXT
) WITHOUT ROWID;
CREATE TABLE objects (
    image_id TEXT NOT NULL REFERENCES targets (image_id),
    object_id INTEGER NOT NULL,
    score REAL NOT NULL,
    area INTEGER NOT NULL,
    components INTEGER NOT NULL,
    xmin INTEGER NOT NULL, ymin INTEGER NOT NULL, xmax INTEGER NOT NULL, ymax INTEGER NOT NULL,
    PRIMARY KEY (image_id, object_id)
) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class FoundObject:
    """One object found in one target.

    Attributes:
        object_id: 1..255.
        score: in [0, 1].
        area: pixels of the mask.
        components: connected components (8-connected).
        box: xmin, ymin, xmax, ymax around the whole mask, pixel edges, max exclusive.
    """

    object_id: int
    score: float
    area: int
    components: int
    box: tuple[int, int, int, int]


@dataclass(frozen=True)
class TargetRow:
    """What the ledger says of one target.

    Attributes:
        image_id: POSIX path relative to the targets folder, suffix kept.
        name: output name.
        state: ``done`` or ``failed``.
        size: (height, width) in pixels; None if it failed before decoding.
        file_size: bytes of the file when it was read; None if unknown.
        notes: what the user should know of how it was read.
        reason: why it failed, else None.
        objects: what was found; empty = nothing found.
    """

    image_id: str
    name: str
    state: str
    size: tuple[int, int] | None = None
    file_size: int | None = None
    notes: tuple[str, ...] = ()
    reason: str | None = None
    objects: tuple[FoundObject, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether it is done and nothing was found."""
        return self.state == "done" and not self.objects


@dataclass(frozen=True)
class LedgerCounts:
    """How many targets are done (empty ones included), empty, failed."""

    done: int
    empty: int
    failed: int


def holds_ledger(path: Path) -> bool:
    """Whether there is anything in ``path``; a run killed while creating it leaves a blank file.

    Raises:
        RunError: if the file is not an SQLite database.
    """
    if not path.exists():
        return False
    connection = _connect(path, "rw")
    try:
        return bool(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
    finally:
        connection.close()


class Ledger:
    """An open ledger. Only one thread of one process writes to it."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self.path = path

    @classmethod
    def create(cls, path: Path, fingerprint: Mapping[str, Any]) -> Ledger:
        """Make a new ledger that belongs to ``fingerprint`` (JSON-able, see ``runs.start``).

        Raises:
            StorageError: if the folder cannot be written.
        """
        ledger = cls(_connect(path, "rwc"), path)
        with ledger._transaction() as connection:
            for statement in _SCHEMA.split(";"):
                connection.execute(statement)
            connection.executemany(
                "INSERT INTO meta VALUES (?, ?)",
                [
                    ("format", _FORMAT),
                    ("fingerprint", json.dumps(fingerprint, sort_keys=True)),
                ],
            )
        return ledger

    @classmethod
    def open(cls, path: Path) -> Ledger:
        """Open an existing ledger.

        Raises:
            RunError: if the file is not a ledger of this version.
        """
        ledger = cls(_connect(path, "rw"), path)
        try:
            found = ledger._meta("format")
        except sqlite3.DatabaseError as error:
            ledger.close()
            raise RunError(
                f"{path} is not a maskcast ledger ({error}); move it away, or start "
                "afresh with --fresh"
            ) from error
        if found != _FORMAT:
            ledger.close()
            raise RunError(
                f"{path} was written by another version of maskcast (format {found}); "
                "use that version, or start afresh with --fresh"
            )
        return ledger

    def close(self) -> None:
        """Close the file; what was recorded stays."""
        self._connection.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def fingerprint(self) -> dict[str, Any]:
        """What this run's results depend on, as given to ``create``."""
        content: dict[str, Any] = json.loads(self._meta("fingerprint") or "{}")
        return content

    def record(self, row: TargetRow) -> None:
        """Write what became of one target; replaces an earlier failure of it.

        Raises:
            StorageError: if the disk is full or not writable; the ledger stays openable.
        """
        height, width = row.size or (None, None)
        with self._transaction() as connection:
            connection.execute("DELETE FROM objects WHERE image_id = ?", (row.image_id,))
            connection.execute(
                "INSERT OR REPLACE INTO targets VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    row.image_id,
                    row.name,
                    row.state,
                    height,
                    width,
                    row.file_size,
                    json.dumps(row.notes, ensure_ascii=False),
                    row.reason,
                ),
            )
            connection.executemany(
                "INSERT INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        row.image_id,
                        found.object_id,
                        found.score,
                        found.area,
                        found.components,
                        *found.box,
                    )
                    for found in row.objects
                ],
            )

    def counts(self) -> LedgerCounts:
        """Count targets by what became of them."""
        states = dict(
            self._connection.execute(
                "SELECT state, count(*) FROM targets GROUP BY state"
            ).fetchall()
        )
        (shown,) = self._connection.execute(
            "SELECT count(DISTINCT image_id) FROM objects"
        ).fetchone()
        done = states.get("done", 0)
        return LedgerCounts(done=done, empty=done - shown, failed=states.get("failed", 0))

    def done(self) -> dict[str, tuple[str, int | None]]:
        """Of each target that is done: image id -> (output name, bytes of its file when read)."""
        return {
            image_id: (name, file_size)
            for image_id, name, file_size in self._connection.execute(
                "SELECT image_id, name, file_size FROM targets WHERE state = 'done'"
            )
        }

    def rows(self) -> Iterator[TargetRow]:
        """All rows, ascending by image id, streamed."""
        targets = self._connection.execute("SELECT * FROM targets ORDER BY image_id")
        for image_id, name, state, height, width, file_size, notes, reason in targets:
            size = None if height is None else (height, width)
            found = self._objects(image_id)
            notes = tuple(json.loads(notes))
            yield TargetRow(image_id, name, state, size, file_size, notes, reason, found)

    def _objects(self, image_id: str) -> tuple[FoundObject, ...]:
        rows = self._connection.execute(
            "SELECT object_id, score, area, components, xmin, ymin, xmax, ymax FROM objects "
            "WHERE image_id = ? ORDER BY object_id",
            (image_id,),
        )
        return tuple(
            FoundObject(object_id, score, area, components, tuple(box))
            for object_id, score, area, components, *box in rows
        )

    def _meta(self, key: str) -> str | None:
        row = self._connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            yield self._connection
            self._connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise _storage_error(self.path, error) from error


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode={mode}", uri=True, isolation_level=None
        )
    except sqlite3.OperationalError as error:
        raise _storage_error(path, error) from error
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
    except sqlite3.OperationalError as error:
        connection.close()
        raise _storage_error(path, error) from error
    except sqlite3.DatabaseError as error:
        connection.close()
        raise RunError(
            f"{path} is not a maskcast ledger ({error}); move it away, or start afresh with --fresh"
        ) from error
    return connection


def _storage_error(path: Path, error: sqlite3.OperationalError) -> StorageError:
    return StorageError(
        f"the ledger {path} cannot be written ({error}); free some space or make "
        "the folder writable, then start the same run again: it goes on where it "
        "stopped"
    )
