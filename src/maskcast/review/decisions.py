"""The log of decisions: one SQLite file that only ever grows.

What a person said of a target is a row; taking it back is another row, which names the first. No
row is changed or removed, which the file itself refuses, and none depends on a run: starting one,
``--fresh`` or another labeler cannot lose a decision. Each is on disk when ``record`` returns.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal, get_args

from maskcast.errors import ReviewError, StorageError
from maskcast.project.annotations import Annotation, annotation_text, parse_annotation
from maskcast.types import check_object_id

Decision = Literal["accepted", "corrected", "rejected", "undecided"]
DECISIONS: Final[tuple[Decision, ...]] = get_args(Decision)

DATABASE_NAME: Final = "decisions.db"
_FORMAT: Final = "maskcast-decisions-1"
_WAIT_S: Final = 10.0

_TABLES: Final = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE decisions (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        image_id TEXT NOT NULL,
        decision TEXT CHECK (decision IN ('accepted', 'corrected', 'rejected', 'undecided')),
        takes_back INTEGER REFERENCES decisions (number),
        who TEXT NOT NULL,
        moment TEXT NOT NULL,
        digest BLOB,
        objects TEXT NOT NULL,
        before INTEGER REFERENCES decisions (number),
        correction TEXT,
        CHECK ((decision IS NULL) = (takes_back IS NOT NULL))
    )""",
    "CREATE INDEX decisions_of ON decisions (image_id, number)",
    "CREATE UNIQUE INDEX taken_back ON decisions (takes_back) WHERE takes_back IS NOT NULL",
    *(
        f"CREATE TRIGGER no_{verb} BEFORE {verb} ON decisions "
        "BEGIN SELECT raise(ABORT, 'decisions are only ever added'); END"
        for verb in ("update", "delete")
    ),
)
_COLUMNS: Final = "number, image_id, decision, who, moment, digest, objects, before, correction"
_STANDS: Final = (
    "decision IS NOT NULL AND NOT EXISTS "
    "(SELECT 1 FROM decisions AS later WHERE later.takes_back = d.number)"
)
_CURRENT: Final = f"""
SELECT {_COLUMNS} FROM decisions AS d WHERE number IN
(SELECT max(number) FROM decisions AS d WHERE {_STANDS} GROUP BY image_id)
"""  # noqa: S608


@dataclass(frozen=True)
class Decided:
    """A decision as the log holds it.

    Attributes:
        number: from 1, in the order in which decisions were made.
        image_id: of the target.
        decision: what was said.
        who: said it.
        moment: when, with time zone.
        digest: of the target's bytes as the person saw it; see ``io.digests``. None if unknown.
        objects: the rejected ones; empty = all of the target.
        before: number of the decision that stood until then; None if there was none.
        correction: JSON of the annotation that holds, of ``corrected``; None otherwise.
    """

    number: int
    image_id: str
    decision: Decision
    who: str
    moment: datetime
    digest: bytes | None
    objects: tuple[int, ...]
    before: int | None
    correction: str | None

    def holds_for(self, digest: bytes | None) -> bool:
        """Whether a target of this digest is the picture that was decided on, as far as known."""
        return None in {self.digest, digest} or self.digest == digest

    def annotation(self, path: Path) -> Annotation | None:
        """The correction, read; None if it is none.

        Args:
            path: of the log, for the error.

        Raises:
            AnnotationError: if the log was tampered with.
        """
        if self.correction is None:
            return None
        return parse_annotation(self.image_id, self.correction, path)


class DecisionLog:
    """An open log. Several processes may have it open; each decision is a transaction."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    @classmethod
    def open(cls, folder: Path) -> DecisionLog:
        """Open the log of a review folder to add to it; it is made if there is none.

        Raises:
            ReviewError: if the file is no log of this version.
            StorageError: if it cannot be written.
        """
        path = folder / DATABASE_NAME
        try:
            folder.mkdir(parents=True, exist_ok=True)
            connection = _connect(path, "mode=rwc")
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = FULL")  # the last key is kept, too
                _make_tables(connection)
            except sqlite3.Error:
                connection.close()
                raise
        except (sqlite3.OperationalError, OSError) as error:
            raise _unwritable(path, error) from error
        except sqlite3.DatabaseError as error:
            raise _no_log(path, error) from error
        return cls._checked(path, connection)

    @classmethod
    def read(cls, folder: Path) -> DecisionLog | None:
        """Open the log of a review folder only to read it; None if there is none.

        Raises:
            ReviewError: if the file is no log of this version or cannot be read.
        """
        path = folder / DATABASE_NAME
        if not path.exists():
            return None
        try:
            connection = _opened_to_read(path)
        except sqlite3.Error as error:
            raise _no_log(path, error) from error
        return cls._checked(path, connection)

    @classmethod
    def _checked(cls, path: Path, connection: sqlite3.Connection) -> DecisionLog:
        try:
            found = connection.execute("SELECT value FROM meta WHERE key = 'format'").fetchone()
        except sqlite3.DatabaseError as error:
            connection.close()
            raise _no_log(path, error) from error
        if found != (_FORMAT,):
            connection.close()
            raise ReviewError(
                f"{path} was written by another version of maskcast; use that version"
            )
        return cls(path, connection)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> DecisionLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def record(
        self,
        image_id: str,
        decision: Decision,
        who: str,
        *,
        digest: bytes | None = None,
        objects: Sequence[int] = (),
        correction: Annotation | None = None,
    ) -> Decided:
        """Add a decision; it is on disk when this returns.

        Args:
            image_id: of the target.
            decision: what is said.
            who: says it.
            digest: of the target's bytes.
            objects: that are rejected; empty = whatever is there.
            correction: what is on the target, of ``corrected`` and only of that.

        Raises:
            ValueError: if a correction is missing or too much, or an id is out of range.
            StorageError: if the log cannot be written.
        """
        if (decision == "corrected") != (correction is not None):
            raise ValueError(f"{decision}: expected a correction with corrected and only there")
        for object_id in objects:
            check_object_id(object_id)
        text = None if correction is None else annotation_text(correction)
        moment = datetime.now(UTC)
        with self._transaction():
            before = self.current(image_id)
            number = self._insert(
                image_id,
                decision,
                None,
                who,
                moment,
                digest,
                json.dumps(list(objects)),
                None if before is None else before.number,
                text,
            )
        return Decided(
            number,
            image_id,
            decision,
            who,
            moment,
            digest,
            tuple(objects),
            None if before is None else before.number,
            text,
        )

    def take_back(self, who: str, image_id: str | None = None) -> Decided | None:
        """Take back the last decision that stands; what stood before it stands again.

        Args:
            who: takes it back.
            image_id: of the target whose last decision it is; None = the last one of this person.

        Returns:
            The decision taken back; None if there is none.

        Raises:
            StorageError: if the log cannot be written.
        """
        condition, value = ("who = ?", who) if image_id is None else ("image_id = ?", image_id)
        with self._transaction():
            found = self._connection.execute(
                f"SELECT {_COLUMNS} FROM decisions AS d WHERE {_STANDS} AND {condition} "  # noqa: S608
                "ORDER BY number DESC LIMIT 1",
                (value,),
            ).fetchone()
            if found is None:
                return None
            last = _decided(*found)
            now = datetime.now(UTC)
            self._insert(last.image_id, None, last.number, who, now, None, "[]", last.number, None)
        return last

    def current(self, image_id: str) -> Decided | None:
        """The decision that stands for a target; None if there is none."""
        found = self._connection.execute(
            f"SELECT {_COLUMNS} FROM decisions AS d WHERE {_STANDS} AND image_id = ? "  # noqa: S608
            "ORDER BY number DESC LIMIT 1",
            (image_id,),
        ).fetchone()
        return None if found is None else _decided(*found)

    def all_current(self) -> Iterator[Decided]:
        """The decision that stands for each target that has one, in the order they were made."""
        rows = self._connection.execute(f"{_CURRENT} ORDER BY number")
        return (_decided(*columns) for columns in rows)

    def history(self, image_id: str) -> list[Decided]:
        """All decisions of a target, also those that were taken back, in their order."""
        rows = self._connection.execute(
            f"SELECT {_COLUMNS} FROM decisions AS d WHERE decision IS NOT NULL "  # noqa: S608
            "AND image_id = ? ORDER BY number",
            (image_id,),
        )
        return [_decided(*columns) for columns in rows.fetchall()]

    def moments(self, who: str, most: int) -> list[datetime]:
        """When a person made the last decisions, newest first."""
        rows = self._connection.execute(
            "SELECT moment FROM decisions WHERE who = ? AND decision IS NOT NULL "
            "ORDER BY number DESC LIMIT ?",
            (who, most),
        )
        return [datetime.fromisoformat(moment) for (moment,) in rows.fetchall()]

    def _insert(self, *values: object) -> int:
        values = tuple(v.isoformat() if isinstance(v, datetime) else v for v in values)
        cursor = self._connection.execute(
            "INSERT INTO decisions (image_id, decision, takes_back, who, moment, digest, objects, "
            "before, correction) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            values,
        )
        return int(cursor.lastrowid or 0)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise _unwritable(self.path, error) from error


def _make_tables(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        if not any(connection.execute("SELECT 1 FROM sqlite_master LIMIT 1")):
            for statement in _TABLES:
                connection.execute(statement)
            connection.execute("INSERT INTO meta VALUES ('format', ?)", (_FORMAT,))
    finally:
        connection.execute("COMMIT")


def _opened_to_read(path: Path) -> sqlite3.Connection:
    """A connection that has really read something, also where nothing can be written beside it."""
    try:
        return _probed(path, "mode=rw")
    except sqlite3.OperationalError:
        return _probed(path, "mode=ro&immutable=1")


def _probed(path: Path, options: str) -> sqlite3.Connection:
    connection = _connect(path, options)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master")
        connection.execute("PRAGMA query_only = ON")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _connect(path: Path, options: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.resolve().as_uri()}?{options}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=_WAIT_S,
    )


def _decided(
    number: int,
    image_id: str,
    decision: Decision,
    who: str,
    moment: str,
    digest: bytes | None,
    objects: str,
    before: int | None,
    correction: str | None,
) -> Decided:
    ids = tuple(json.loads(objects))
    at = datetime.fromisoformat(moment)
    return Decided(number, image_id, decision, who, at, digest, ids, before, correction)


def _unwritable(path: Path, error: sqlite3.Error | OSError) -> StorageError:
    return StorageError(
        f"the decisions in {path} cannot be written ({error}); free some space or make the folder "
        "writable; what was decided before is kept"
    )


def _no_log(path: Path, error: sqlite3.Error) -> ReviewError:
    return ReviewError(
        f"{path} is not a log of decisions, or cannot be read ({error}); restore it, or move it "
        "away to begin a new one"
    )
