"""The file of a ledger: opened to be written to, or only read, wherever it lies.

It is an SQLite database with write-ahead logging, so that ``maskcast status`` reads while a run
writes, and a kill at any moment leaves a file that opens. SQLite wants to write beside such a file
even to read it; where that cannot be, on a read-only mount or in the folder of somebody else, it is
read as it is, or, if a killed run left its log beside it, as a copy.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from maskcast.errors import RunError, StorageError
from maskcast.io.sqlite_files import connect, probed

FORMAT: Final = "maskcast-ledger-2"
FORMAT_OF_0_1: Final = "maskcast-ledger-1"
"""It has no column that tells a changed target."""

_TABLES: Final = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE targets (
        image_id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('done', 'failed')),
        height INTEGER,
        width INTEGER,
        file_size INTEGER,
        notes TEXT NOT NULL,
        reason TEXT,
        tag,
        digest,
        look,
        evidence REAL
    ) WITHOUT ROWID""",
    """CREATE TABLE objects (
        image_id TEXT NOT NULL REFERENCES targets (image_id),
        object_id INTEGER NOT NULL,
        score REAL NOT NULL,
        area INTEGER NOT NULL,
        components INTEGER NOT NULL,
        xmin INTEGER NOT NULL, ymin INTEGER NOT NULL, xmax INTEGER NOT NULL, ymax INTEGER NOT NULL,
        "right" REAL,
        largest INTEGER,
        PRIMARY KEY (image_id, object_id)
    ) WITHOUT ROWID""",
)
_NEW_COLUMNS: Final = {
    "targets": (("tag", ""), ("digest", ""), ("look", ""), ("evidence", "REAL")),
    "objects": (('"right"', "REAL"), ("largest", "INTEGER")),
}
"""Table -> names and kinds of columns that ledgers of 0.1, or of the weeks after it, may lack. They
are the last of their tables, in this order."""

_SHARDS: Final = (
    "CREATE TABLE shards (image_id TEXT PRIMARY KEY, shard TEXT NOT NULL) WITHOUT ROWID"
)
_WORN: Final = "CREATE TABLE worn_shards (shard TEXT PRIMARY KEY) WITHOUT ROWID"
"""Shards that hold results of targets that were done again since."""
_DECIDED: Final = """CREATE TABLE decided (
    image_id TEXT PRIMARY KEY,
    number INTEGER NOT NULL,
    decision TEXT NOT NULL,
    own TEXT
) WITHOUT ROWID"""
"""Decisions that results show, and what the engine had found where they show something else."""


@dataclass(frozen=True)
class Database:
    """An open ledger file.

    Attributes:
        connection: to it, or to a copy of it.
        path: of the file itself.
    """

    connection: sqlite3.Connection
    path: Path
    _copies: ExitStack = field(default_factory=ExitStack, repr=False)

    def close(self) -> None:
        """Close the file."""
        self.connection.close()
        self._copies.close()

    def meta(self, key: str) -> str | None:
        """A word about the whole ledger; None if there is none."""
        found = self.connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if found is None else str(found[0])


def is_blank(path: Path) -> bool:
    """Whether there is nothing in a file, or no file; a run killed at its start leaves a blank one.

    Raises:
        RunError: if it is not an SQLite database, or cannot be read.
    """
    if not path.exists():
        return True
    database = _opened_to_read(path)
    try:
        (tables,) = database.connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        return not tables
    finally:
        database.close()


def create(path: Path, meta: dict[str, str]) -> Database:
    """Make a new ledger file.

    Args:
        path: holds nothing yet.
        meta: words about the whole ledger, beside its format.

    Raises:
        StorageError: if the folder cannot be written.
    """
    database = Database(_connect_to_write(path, "rwc"), path)
    try:
        connection = database.connection
        connection.execute("BEGIN IMMEDIATE")
        for statement in (*_TABLES, _SHARDS, _WORN, _DECIDED):
            connection.execute(statement)
        words = {"format": FORMAT, **meta}
        connection.executemany("INSERT INTO meta VALUES (?, ?)", words.items())
        connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        database.close()
        raise storage_error(path, error) from error
    return database


def open_to_write(path: Path) -> Database:
    """Open a ledger file; one of an earlier version is brought up to this one.

    Raises:
        RunError: if it is no ledger, or one of a later version.
        StorageError: if it cannot be written.
    """
    database = Database(_connect_to_write(path, "rw"), path)
    try:
        if _known_format(database) == FORMAT_OF_0_1:
            _upgrade(database.connection)
        for table, column, kind in _missing_columns(database.connection):
            database.connection.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")
    except sqlite3.OperationalError as error:
        database.close()
        raise storage_error(path, error) from error
    except RunError:
        database.close()
        raise
    return database


def open_to_read(path: Path) -> Database:
    """Open a ledger file that nothing is changed in, whether it could be written or not.

    One of an earlier version looks like one of this version.

    Raises:
        RunError: if it is no ledger, or one of a later version, or cannot be read.
    """
    database = _opened_to_read(path)
    try:
        if _known_format(database) == FORMAT_OF_0_1:
            _show_as_new(database.connection)
        missing = list(_missing_columns(database.connection))
        for table in {table for table, _, _ in missing}:
            nothing = "".join(f", NULL AS {column}" for of, column, _ in missing if of == table)
            view = f"CREATE TEMP VIEW {table} AS SELECT *{nothing} FROM main.{table}"  # noqa: S608
            database.connection.execute(view)
        database.connection.execute("PRAGMA query_only = ON")
    except RunError:
        database.close()
        raise
    return database


def move(path: Path, new: Path) -> None:
    """Give a ledger file another name; nobody may have it open.

    Raises:
        OSError: if it cannot be moved.
    """
    with suppress(sqlite3.Error), closing(connect(path, "mode=rw")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # then all is in the file itself
    path.rename(new)
    for suffix in ("-wal", "-shm"):
        log = path.with_name(path.name + suffix)
        if log.exists():
            log.rename(new.with_name(new.name + suffix))


def storage_error(path: Path, error: sqlite3.OperationalError) -> StorageError:
    """The error for a ledger that cannot be written."""
    return StorageError(
        f"the ledger {path} cannot be written ({error}); free some space or make "
        "the folder writable, then start the same run again: it goes on where it "
        "stopped"
    )


def _connect_to_write(path: Path, mode: str) -> sqlite3.Connection:
    try:
        connection = connect(path, f"mode={mode}")
    except sqlite3.OperationalError as error:
        raise storage_error(path, error) from error
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
    except sqlite3.OperationalError as error:
        connection.close()
        raise storage_error(path, error) from error
    except sqlite3.DatabaseError as error:
        connection.close()
        raise _no_ledger(path, error) from error
    return connection


def _opened_to_read(path: Path) -> Database:
    try:
        try:
            return Database(probed(path, "mode=rw"), path)
        except sqlite3.OperationalError:
            log = path.with_name(f"{path.name}-wal")
            if log.exists() and log.stat().st_size:
                return _copied(path)
            return Database(probed(path, "immutable=1"), path)
    except sqlite3.OperationalError as error:
        raise _unreadable(path, str(error)) from error
    except sqlite3.DatabaseError as error:
        raise _no_ledger(path, error) from error
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error


def _copied(path: Path) -> Database:
    """A copy of the file and its log, in which SQLite can put the two together."""
    with ExitStack() as copies:
        folder = Path(copies.enter_context(TemporaryDirectory(prefix="maskcast-ledger-")))
        for suffix in ("", "-wal"):
            shutil.copyfile(path.with_name(path.name + suffix), folder / f"run.db{suffix}")
        return Database(probed(folder / "run.db", "mode=rw"), path, copies.pop_all())


def _known_format(database: Database) -> str:
    """The format of a ledger file.

    Raises:
        RunError: if it is no ledger, or one of another version.
    """
    try:
        found = database.meta("format")
    except sqlite3.OperationalError as error:  # no such table
        raise _no_ledger(database.path, error) from error
    if found not in {FORMAT, FORMAT_OF_0_1}:
        raise RunError(
            f"{database.path} was written by another version of maskcast (format {found}); use "
            "that version, or start afresh with --fresh"
        )
    return str(found)


def _upgrade(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    if not _has_shards(connection):
        connection.execute(_SHARDS)
    connection.execute(_WORN)
    connection.execute(_DECIDED)
    connection.execute("UPDATE meta SET value = ? WHERE key = 'format'", (FORMAT,))
    connection.execute("COMMIT")


def _show_as_new(connection: sqlite3.Connection) -> None:
    """Let a ledger of 0.1 answer like a new one; what is temporary is found before the tables."""
    if not _has_shards(connection):
        connection.execute(_SHARDS.replace("TABLE", "TEMP TABLE"))
    connection.execute(_DECIDED.replace("TABLE", "TEMP TABLE"))


def _has_shards(connection: sqlite3.Connection) -> bool:
    known = "SELECT count(*) FROM sqlite_master WHERE name = 'shards'"
    return bool(connection.execute(known).fetchone()[0])


def _missing_columns(connection: sqlite3.Connection) -> Iterator[tuple[str, str, str]]:
    """Table, name and kind of each column that a ledger from before it was there lacks."""
    for table, columns in _NEW_COLUMNS.items():
        known = {name for _, name, *_ in connection.execute(f"PRAGMA main.table_info({table})")}
        yield from ((table, name, kind) for name, kind in columns if name.strip('"') not in known)


def _no_ledger(path: Path, error: sqlite3.DatabaseError) -> RunError:
    return RunError(
        f"{path} is not a maskcast ledger ({error}); move it away, or give another --ledger"
    )


def _unreadable(path: Path, reason: str) -> RunError:
    return RunError(f"the ledger {path} cannot be read ({reason}); change its permissions")
