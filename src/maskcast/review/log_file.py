"""A file of what people said in a review: SQLite that only ever grows.

No row is changed or removed, which the file itself refuses, and each is on disk when its
transaction ends: a kill loses at most what was just being said. Several processes may have it open.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, Self

from maskcast.errors import ReviewError, StorageError
from maskcast.io.sqlite_files import connect, probed

_WAIT_S: Final = 10.0


@dataclass(frozen=True)
class LogKind:
    """What is in a file.

    Attributes:
        name: of the file.
        content: in a word, for people.
        format: that the file calls itself.
        tables: statements that make it.
    """

    name: str
    content: str
    format: str
    tables: tuple[str, ...]


def only_added(table: str) -> tuple[str, ...]:
    """Statements by which a table refuses that rows are changed or removed."""
    return tuple(
        f"CREATE TRIGGER no_{verb}_of_{table} BEFORE {verb} ON {table} "
        f"BEGIN SELECT raise(ABORT, '{table} are only ever added'); END"
        for verb in ("update", "delete")
    )


class LogFile:
    """An open file of one kind."""

    KIND: ClassVar[LogKind]

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self.connection = connection

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the file of a review folder to add to it; it is made if there is none.

        Raises:
            ReviewError: if it is none of this kind and version.
            StorageError: if it cannot be written.
        """
        path = folder / cls.KIND.name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            connection = connect(path, "mode=rwc", wait_s=_WAIT_S)
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = FULL")  # the last key is kept, too
                _make_tables(connection, cls.KIND)
            except sqlite3.Error:
                connection.close()
                raise
        except (sqlite3.OperationalError, OSError) as error:
            raise cls._unwritable(path, error) from error
        except sqlite3.DatabaseError as error:
            raise cls._no_log(path, error) from error
        return cls._checked(path, connection)

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Open the file of a review folder only to read it; None if there is none.

        Raises:
            ReviewError: if it is none of this kind and version, or cannot be read.
        """
        path = folder / cls.KIND.name
        if not path.exists():
            return None
        try:
            connection = _opened_to_read(path)
        except sqlite3.Error as error:
            raise cls._no_log(path, error) from error
        return cls._checked(path, connection)

    @classmethod
    def _checked(cls, path: Path, connection: sqlite3.Connection) -> Self:
        try:
            found = connection.execute("SELECT value FROM meta WHERE key = 'format'").fetchone()
        except sqlite3.DatabaseError as error:
            connection.close()
            raise cls._no_log(path, error) from error
        if found != (cls.KIND.format,):
            connection.close()
            raise ReviewError(
                f"{path} was written by another version of maskcast; use that version"
            )
        return cls(path, connection)

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All that is added inside is added, or nothing of it.

        Raises:
            StorageError: if the file cannot be written.
        """
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
            except BaseException:
                self.connection.execute("ROLLBACK")
                raise
            self.connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            raise self._unwritable(self.path, error) from error

    @classmethod
    def _unwritable(cls, path: Path, error: sqlite3.Error | OSError) -> StorageError:
        return StorageError(
            f"the {cls.KIND.content} in {path} cannot be written ({error}); free some space or "
            "make the folder writable; what was said before is kept"
        )

    @classmethod
    def _no_log(cls, path: Path, error: sqlite3.Error) -> ReviewError:
        return ReviewError(
            f"{path} is not a log of {cls.KIND.content}, or cannot be read ({error}); restore it, "
            "or move it away to begin a new one"
        )


def _make_tables(connection: sqlite3.Connection, kind: LogKind) -> None:
    """All of them, or none: what fails on the way takes the begun ones back when it closes."""
    connection.execute("BEGIN IMMEDIATE")
    if not any(connection.execute("SELECT 1 FROM sqlite_master LIMIT 1")):
        connection.execute(
            "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"
        )
        for statement in kind.tables:
            connection.execute(statement)
        connection.execute("INSERT INTO meta VALUES ('format', ?)", (kind.format,))
    connection.execute("COMMIT")


def _opened_to_read(path: Path) -> sqlite3.Connection:
    """A connection that has really read something, also where nothing can be written beside it."""
    try:
        connection = probed(path, "mode=rw", wait_s=_WAIT_S)
    except sqlite3.OperationalError:
        connection = probed(path, "mode=ro&immutable=1", wait_s=_WAIT_S)
    connection.execute("PRAGMA query_only = ON")
    return connection
