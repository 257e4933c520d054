"""The ledger of a run: one SQLite file that says which targets are done, and how.

A row is written only after all files of its target are in place, so whatever the ledger holds is
whole on disk, and whatever it does not hold is done again. Write-ahead logging lets
``maskcast status`` read while a run writes, and keeps the file openable after a kill at any moment.
"""

from __future__ import annotations

import json
import re
import secrets
import sqlite3
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maskcast.errors import RunError, StorageError
from maskcast.runs.query import RowQuery

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

_SHARDS = "CREATE TABLE shards (image_id TEXT PRIMARY KEY, shard TEXT NOT NULL) WITHOUT ROWID"
_IN_FOLDER = "FROM targets WHERE image_id >= ? AND image_id < ? AND image_id NOT GLOB ?"
_ONLY_IN_OTHER = """
SELECT image_id FROM other.targets AS o WHERE state = 'done' AND NOT EXISTS
(SELECT 1 FROM main.targets AS t WHERE t.image_id = o.image_id AND t.state = 'done')
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
        shard: file name of the shard that holds its results; None if they are files.
    """

    image_id: str
    name: str
    state: str
    size: tuple[int, int] | None = None
    file_size: int | None = None
    notes: tuple[str, ...] = ()
    reason: str | None = None
    objects: tuple[FoundObject, ...] = ()
    shard: str | None = None

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
            connection.execute(_SHARDS)
            connection.executemany(
                "INSERT INTO meta VALUES (?, ?)",
                [
                    ("format", _FORMAT),
                    ("fingerprint", json.dumps(fingerprint, sort_keys=True)),
                    ("run", secrets.token_hex(4)),
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
        if not ledger._has_shards():  # from before there were any
            ledger._connection.execute(_SHARDS.replace("TABLE", "TEMP TABLE"))
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

    @property
    def run_id(self) -> str:
        """8 hexadecimal digits that no other ledger has; empty in ledgers of old."""
        return self._meta("run") or ""

    def shards(self) -> set[str]:
        """File names of the shards that hold recorded results."""
        return {name for (name,) in self._connection.execute("SELECT DISTINCT shard FROM shards")}

    def forget_shards(self, names: Set[str]) -> int:
        """Forget the targets whose results were in these shards; returns how many."""
        forgotten = 0
        with self._transaction() as connection:
            for name in names:
                chosen = "(SELECT image_id FROM shards WHERE shard = ?)"
                connection.execute(f"DELETE FROM objects WHERE image_id IN {chosen}", (name,))  # noqa: S608
                connection.execute(f"DELETE FROM targets WHERE image_id IN {chosen}", (name,))  # noqa: S608
                forgotten += connection.execute(
                    "DELETE FROM shards WHERE shard = ?", (name,)
                ).rowcount
        return forgotten

    def record(self, row: TargetRow) -> None:
        """Write what became of one target; see ``record_all``."""
        self.record_all([row])

    def record_all(self, rows: Sequence[TargetRow]) -> None:
        """Write what became of some targets, all or none; replaces earlier failures of them.

        Raises:
            StorageError: if the disk is full or not writable; the ledger stays openable.
        """
        objects = [
            (row.image_id, one.object_id, one.score, one.area, one.components, *one.box)
            for row in rows
            for one in row.objects
        ]
        with self._transaction() as connection:
            connection.executemany(
                "DELETE FROM objects WHERE image_id = ?", [(row.image_id,) for row in rows]
            )
            connection.executemany(
                "INSERT OR REPLACE INTO targets VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                map(_target_values, rows),
            )
            connection.executemany(
                "INSERT INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", objects
            )
            if sharded := [(row.image_id, row.shard) for row in rows if row.shard is not None]:
                connection.executemany("INSERT OR REPLACE INTO shards VALUES (?, ?)", sharded)

    def counts(self) -> LedgerCounts:
        """Count targets by what became of them."""
        (total,) = self._connection.execute("SELECT count(*) FROM targets").fetchone()
        (failed,) = self._connection.execute(
            "SELECT count(*) FROM targets WHERE state = 'failed'"
        ).fetchone()
        (shown,) = self._connection.execute(
            "SELECT count(DISTINCT image_id) FROM objects"
        ).fetchone()
        return LedgerCounts(done=total - failed, empty=total - failed - shown, failed=failed)

    def done(self) -> dict[str, tuple[str, int | None]]:
        """Of each target that is done: image id -> (output name, bytes of its file when read)."""
        return {
            image_id: (name, file_size)
            for image_id, name, file_size in self._connection.execute(
                "SELECT image_id, name, file_size FROM targets WHERE state = 'done'"
            )
        }

    def done_in(self, folder: str) -> dict[str, int | None]:
        """Of each target that is done and lies directly in a folder: the bytes of its file.

        Args:
            folder: POSIX path relative to the targets folder; empty for that itself.
        """
        return self._in_folder("file_size", folder)

    def names_in(self, folder: str) -> dict[str, str]:
        """Of each target that is done and lies directly in a folder: its output name."""
        return self._in_folder("name", folder)

    def _in_folder(self, column: str, folder: str) -> dict[str, Any]:
        rows = self._connection.execute(
            f"SELECT image_id, {column} {_IN_FOLDER} AND state = 'done'",
            _in_folder(folder),
        )
        return dict(rows.fetchall())

    def known_in(self, folder: str) -> set[str]:
        """Image ids of the targets, done or failed, that lie directly in a folder."""
        rows = self._connection.execute(f"SELECT image_id {_IN_FOLDER}", _in_folder(folder))
        return {image_id for (image_id,) in rows}

    def found_in(self) -> dict[int, int]:
        """Object id -> number of targets it was found in, ascending."""
        rows = self._connection.execute(
            "SELECT object_id, count(*) FROM objects GROUP BY object_id ORDER BY object_id"
        )
        return dict(rows.fetchall())

    def failures(self) -> dict[str, str]:
        """Image id -> why it failed."""
        rows = self._connection.execute(
            "SELECT image_id, reason FROM targets WHERE reason IS NOT NULL ORDER BY image_id"
        )
        return dict(rows.fetchall())

    def notes(self) -> dict[str, list[str]]:
        """Image id -> what to know of how it was read, where there is anything."""
        rows = self._connection.execute(
            "SELECT image_id, notes FROM targets WHERE notes != '[]' ORDER BY image_id"
        )
        return {image_id: json.loads(notes) for image_id, notes in rows}

    def copy_to(self, path: Path) -> None:
        """Write the whole ledger, as it is at this moment, to another file.

        Raises:
            StorageError: if the file cannot be written.
        """
        try:
            with closing(sqlite3.connect(path)) as copy:
                self._connection.backup(copy)
        except sqlite3.OperationalError as error:
            raise _storage_error(path, error) from error

    def take_over(self, other: Path) -> None:
        """Add the targets that another ledger of the same run has done and this one has not."""
        self._connection.execute("ATTACH ? AS other", (str(other),))
        try:
            with self._transaction() as connection:
                connection.execute("CREATE TEMP TABLE new AS " + _ONLY_IN_OTHER)
                connection.execute(
                    "INSERT OR REPLACE INTO main.objects SELECT * FROM other.objects "
                    "WHERE image_id IN (SELECT image_id FROM new)"
                )
                connection.execute(
                    "INSERT OR REPLACE INTO main.targets SELECT * FROM other.targets "
                    "WHERE image_id IN (SELECT image_id FROM new)"
                )
                connection.execute(
                    "INSERT OR REPLACE INTO main.shards SELECT * FROM other.shards "
                    "WHERE image_id IN (SELECT image_id FROM new)"
                )
                connection.execute("DROP TABLE new")
        finally:
            self._connection.execute("DETACH other")

    def rows(self) -> Iterator[TargetRow]:
        """All rows, ascending by image id, streamed."""
        targets = self._connection.execute("SELECT * FROM targets ORDER BY image_id")
        return (self._row(*columns) for columns in targets)

    def row(self, image_id: str) -> TargetRow | None:
        """What became of one target; None if nothing did yet."""
        columns = self._connection.execute(
            "SELECT * FROM targets WHERE image_id = ?", (image_id,)
        ).fetchone()
        return None if columns is None else self._row(*columns)

    def count(self, query: RowQuery) -> int:
        """How many rows a query has."""
        condition, parameters = query.where()
        (count,) = self._connection.execute(
            f"SELECT count(*) FROM targets AS t WHERE {condition}",  # noqa: S608
            parameters,
        ).fetchone()
        return int(count)

    def page(self, query: RowQuery, offset: int, limit: int) -> list[TargetRow]:
        """Some rows of a query: at most ``limit`` from row ``offset`` on, in the query's order."""
        condition, parameters = query.where()
        order, order_parameters = query.order_by()
        targets = self._connection.execute(
            f"SELECT * FROM targets AS t WHERE {condition} ORDER BY {order} LIMIT ? OFFSET ?",  # noqa: S608
            (*parameters, *order_parameters, limit, offset),
        ).fetchall()
        return [self._row(*columns) for columns in targets]

    def object_ids(self) -> list[int]:
        """The ids that were found in any target, ascending."""
        rows = self._connection.execute("SELECT DISTINCT object_id FROM objects ORDER BY object_id")
        return [object_id for (object_id,) in rows]

    def _row(  # the columns of the table, in its order
        self,
        image_id: str,
        name: str,
        state: str,
        height: int | None,
        width: int | None,
        file_size: int | None,
        notes: str,
        reason: str | None,
    ) -> TargetRow:
        size = None if height is None or width is None else (height, width)
        kept = tuple(json.loads(notes))
        found = self._objects(image_id)
        shard = self._shard(image_id) if state == "done" else None
        return TargetRow(image_id, name, state, size, file_size, kept, reason, found, shard)

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

    def _shard(self, image_id: str) -> str | None:
        row = self._connection.execute(
            "SELECT shard FROM shards WHERE image_id = ?", (image_id,)
        ).fetchone()
        return None if row is None else str(row[0])

    def _has_shards(self) -> bool:
        known = "SELECT count(*) FROM sqlite_master WHERE name = 'shards'"
        return bool(self._connection.execute(known).fetchone()[0])

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


def _in_folder(folder: str) -> tuple[str, str, str]:
    if not folder:
        return "", "\U0010ffff", "*/*"
    literal = re.sub(r"([*?[])", r"[\1]", folder)
    return f"{folder}/", f"{folder}0", f"{literal}/*/*"  # 0 follows / in the alphabet


def _target_values(row: TargetRow) -> tuple[object, ...]:
    notes = json.dumps(row.notes, ensure_ascii=False)
    size = row.size or (None, None)
    return (row.image_id, row.name, row.state, *size, row.file_size, notes, row.reason)


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
