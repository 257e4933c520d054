"""The log of decisions: one SQLite file that only ever grows.

What a person said of a target is a row; taking it back is another row, which names the first. No
row is changed or removed, which the file itself refuses, and none depends on a run: starting one,
``--fresh`` or another labeler cannot lose a decision. Each is on disk when ``record`` returns.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Final, Literal, Self, get_args

from maskcast.project.annotations import Annotation, annotation_text, parse_annotation
from maskcast.review.log_file import LogFile, LogKind, only_added
from maskcast.types import check_object_id

Decision = Literal["accepted", "corrected", "rejected", "undecided"]
DECISIONS: Final[tuple[Decision, ...]] = get_args(Decision)

DATABASE_NAME: Final = "decisions.db"
_FORMAT: Final = "maskcast-decisions-1"

_TABLES: Final = (
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
        seen INTEGER NOT NULL DEFAULT 1,
        run TEXT,
        CHECK ((decision IS NULL) = (takes_back IS NOT NULL))
    )""",
    "CREATE INDEX decisions_of ON decisions (image_id, number)",
    "CREATE UNIQUE INDEX taken_back ON decisions (takes_back) WHERE takes_back IS NOT NULL",
    *only_added("decisions"),
)
_COLUMNS: Final = "number, image_id, decision, who, moment, digest, objects, before, correction"
_ADDED: Final = {"seen": "INTEGER NOT NULL DEFAULT 1", "run": "TEXT"}
"""Columns that logs of the first weeks do not have; in these everything was seen."""
_STANDS: Final = (
    "decision IS NOT NULL AND NOT EXISTS "
    "(SELECT 1 FROM decisions AS later WHERE later.takes_back = d.number)"
)
_NEWEST: Final = f"SELECT max(number) FROM decisions AS d WHERE {_STANDS} GROUP BY image_id"  # noqa: S608
_ALL_CURRENT: Final = f"FROM decisions AS d WHERE number IN ({_NEWEST}) ORDER BY number"


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
        seen: whether the person looked at the target; not so where many are accepted by score.
        run: id of the run whose results it was said of; None if unknown.
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
    seen: bool = True
    run: str | None = None

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


class DecisionLog(LogFile):
    """An open log. Several processes may have it open; each decision is a transaction."""

    KIND = LogKind(DATABASE_NAME, "decisions", _FORMAT, _TABLES)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the log of a review folder to add to it; it is made if there is none.

        Raises:
            ReviewError: if the file is no log of this version.
            StorageError: if it cannot be written.
        """
        log = super().open(folder)
        with log.transaction() as connection:
            for column in _ADDED.keys() - _columns_of(connection):
                connection.execute(f"ALTER TABLE decisions ADD COLUMN {column} {_ADDED[column]}")
        return log

    @cached_property
    def _columns(self) -> str:
        known = _columns_of(self.connection)
        seen = "seen" if "seen" in known else "1"
        run = "run" if "run" in known else "NULL"
        return f"{_COLUMNS}, {seen}, {run}"

    def record(
        self,
        image_id: str,
        decision: Decision,
        who: str,
        *,
        digest: bytes | None = None,
        objects: Sequence[int] = (),
        correction: Annotation | None = None,
        seen: bool = True,
        run: str | None = None,
    ) -> Decided:
        """Add a decision; it is on disk when this returns.

        Args:
            image_id: of the target.
            decision: what is said.
            who: says it.
            digest: of the target's bytes.
            objects: that are rejected; empty = whatever is there.
            correction: what is on the target, of ``corrected`` and only of that.
            seen: whether the person looked at the target.
            run: id of the run whose results it is said of.

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
        with self.transaction():
            current = self.current(image_id)
            before = None if current is None else current.number
            ids = json.dumps(list(objects))
            number = self._insert(
                image_id, decision, None, who, moment, digest, ids, before, text, seen, run
            )
        said = tuple(objects)
        return Decided(
            number, image_id, decision, who, moment, digest, said, before, text, seen, run
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
        with self.transaction():
            found = self.connection.execute(
                f"SELECT {self._columns} FROM decisions AS d WHERE {_STANDS} AND {condition} "  # noqa: S608
                "ORDER BY number DESC LIMIT 1",
                (value,),
            ).fetchone()
            if found is None:
                return None
            last = _decided(*found)
            now, taken = datetime.now(UTC), last.number
            self._insert(last.image_id, None, taken, who, now, None, "[]", taken, None, True, None)
        return last

    def current(self, image_id: str) -> Decided | None:
        """The decision that stands for a target; None if there is none."""
        found = self.connection.execute(
            f"SELECT {self._columns} FROM decisions AS d WHERE {_STANDS} AND image_id = ? "  # noqa: S608
            "ORDER BY number DESC LIMIT 1",
            (image_id,),
        ).fetchone()
        return None if found is None else _decided(*found)

    def all_current(self) -> Iterator[Decided]:
        """The decision that stands for each target that has one, in the order they were made."""
        rows = self.connection.execute(f"SELECT {self._columns} {_ALL_CURRENT}")
        return (_decided(*columns) for columns in rows)

    def history(self, image_id: str) -> list[Decided]:
        """All decisions of a target, also those that were taken back, in their order."""
        rows = self.connection.execute(
            f"SELECT {self._columns} FROM decisions AS d WHERE decision IS NOT NULL "  # noqa: S608
            "AND image_id = ? ORDER BY number",
            (image_id,),
        )
        return [_decided(*columns) for columns in rows.fetchall()]

    def last_number(self) -> int:
        """The number of the newest entry; 0 if there is none."""
        (number,) = self.connection.execute(
            "SELECT coalesce(max(number), 0) FROM decisions"
        ).fetchone()
        return int(number)

    def moments(self, who: str, most: int) -> list[datetime]:
        """When a person made the last decisions, newest first."""
        rows = self.connection.execute(
            "SELECT moment FROM decisions WHERE who = ? AND decision IS NOT NULL "
            "ORDER BY number DESC LIMIT ?",
            (who, most),
        )
        return [datetime.fromisoformat(moment) for (moment,) in rows.fetchall()]

    def _insert(self, *values: object) -> int:
        values = tuple(v.isoformat() if isinstance(v, datetime) else v for v in values)
        cursor = self.connection.execute(
            "INSERT INTO decisions (image_id, decision, takes_back, who, moment, digest, objects, "
            "before, correction, seen, run) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            values,
        )
        return int(cursor.lastrowid or 0)


def _columns_of(connection: sqlite3.Connection) -> set[str]:
    return {name for _, name, *_ in connection.execute("PRAGMA table_info(decisions)")}


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
    seen: int,
    run: str | None,
) -> Decided:
    ids = tuple(json.loads(objects))
    at = datetime.fromisoformat(moment)
    return Decided(
        number, image_id, decision, who, at, digest, ids, before, correction, bool(seen), run
    )
