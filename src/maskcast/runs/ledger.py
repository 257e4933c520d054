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
from pathlib import Path
from typing import Any

from maskcast.io.storage import Tag
from maskcast.quality.expectation import SelfTest
from maskcast.runs import database
from maskcast.runs.database import Database
from maskcast.runs.ledger_rows import (
    FoundObject,
    FoundScore,
    LedgerCounts,
    ShownDecision,
    TargetRow,
)
from maskcast.runs.query import RowQuery

_IN_FOLDER = "FROM targets WHERE image_id >= ? AND image_id < ? AND image_id NOT GLOB ?"
_ONLY_IN_OTHER = """
SELECT image_id FROM other.targets AS o WHERE state = 'done' AND NOT EXISTS
(SELECT 1 FROM main.targets AS t WHERE t.image_id = o.image_id AND t.state = 'done')
"""

_WEAR = """
INSERT OR IGNORE INTO worn_shards SELECT shard FROM shards WHERE image_id = ? AND shard IS NOT ?
"""

_OBJECT_COLUMNS = (
    'image_id, object_id, score, area, components, xmin, ymin, xmax, ymax, "right", largest'
)

_AT_ONCE = 500

Known = tuple[bool, int | None, Tag]
"""Of a target in the ledger: whether it is done, and bytes and tag of its file when it was read."""


def holds_ledger(path: Path) -> bool:
    """Whether there is anything in ``path``; a run killed while creating it leaves a blank file.

    Raises:
        RunError: if the file is not an SQLite database, or cannot be read.
    """
    return not database.is_blank(path)


def new_run_id() -> str:
    """8 hexadecimal digits that no other run has."""
    return secrets.token_hex(4)


class Ledger:
    """An open ledger. One thread at a time uses it, and one of all that are open writes."""

    def __init__(self, opened: Database) -> None:
        self._database = opened
        self._connection = opened.connection
        self.path = opened.path

    @classmethod
    def create(
        cls,
        path: Path,
        fingerprint: Mapping[str, Any],
        run_id: str = "",
        generation: int = 1,
    ) -> Ledger:
        """Make a new ledger.

        Args:
            path: holds nothing yet.
            fingerprint: what results depend on, JSON-able, see ``runs.fingerprint``.
            run_id: from ``new_run_id``; empty = a new one.
            generation: of the results, from 1.

        Raises:
            StorageError: if the folder cannot be written.
        """
        depends_on = json.dumps(fingerprint, sort_keys=True)
        meta = {"fingerprint": depends_on, "run": run_id or new_run_id()}
        meta["generation"] = str(generation)
        return cls(database.create(path, meta))

    @classmethod
    def open(cls, path: Path) -> Ledger:
        """Open an existing ledger to write to it; one of 0.1 is brought up to this version.

        Raises:
            RunError: if the file is not a ledger of a known version.
            StorageError: if it cannot be written.
        """
        ledger = cls(database.open_to_write(path))
        if not ledger.run_id:
            with ledger._transaction() as connection:
                connection.execute("INSERT INTO meta VALUES ('run', ?)", (new_run_id(),))
        return ledger

    @classmethod
    def read(cls, path: Path) -> Ledger:
        """Open an existing ledger only to read it, also where nothing can be written.

        Raises:
            RunError: if the file is not a ledger of a known version, or cannot be read.
        """
        return cls(database.open_to_read(path))

    def close(self) -> None:
        """Close the file; what was recorded stays."""
        self._database.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def fingerprint(self) -> dict[str, Any]:
        """What this run's results depend on, as given to ``create``."""
        content: dict[str, Any] = json.loads(self._database.meta("fingerprint") or "{}")
        return content

    @property
    def run_id(self) -> str:
        """8 hexadecimal digits that no other run has; empty in ledgers of old that are only read.

        The output carries the same; see ``runs.identity``.
        """
        return self._database.meta("run") or ""

    @property
    def generation(self) -> int:
        """How often the results were made: 1, and one more with each update."""
        return int(self._database.meta("generation") or 1)

    @property
    def selftest(self) -> SelfTest | None:
        """Of the references that the results are from; None if there was none."""
        text = self._database.meta("selftest")
        try:
            return None if text is None else SelfTest.from_json(json.loads(text))
        except (ValueError, KeyError, TypeError):
            return None

    def keep_selftest(self, selftest: SelfTest) -> None:
        """Keep the self-test of the references that the results are from.

        Raises:
            StorageError: if the disk is full or not writable.
        """
        with self._transaction() as connection:
            text = json.dumps(selftest.to_json(), ensure_ascii=False)
            connection.execute("INSERT OR REPLACE INTO meta VALUES ('selftest', ?)", (text,))

    def shards(self) -> set[str]:
        """File names of the shards that hold recorded results."""
        return {name for (name,) in self._connection.execute("SELECT DISTINCT shard FROM shards")}

    def rows_in_shard(self, name: str) -> list[TargetRow]:
        """Of the targets whose results are in a shard, ascending by image id."""
        rows = self._connection.execute(
            "SELECT * FROM targets WHERE image_id IN "
            "(SELECT image_id FROM shards WHERE shard = ?) ORDER BY image_id",
            (name,),
        )
        return [self._row(*columns) for columns in rows.fetchall()]

    def worn_shards(self) -> list[str]:
        """File names of the shards that hold results of targets that were done again since."""
        rows = self._connection.execute("SELECT shard FROM worn_shards ORDER BY shard")
        return [name for (name,) in rows.fetchall()]

    def rename_shard(self, name: str, new: str) -> None:
        """Note that what is recorded of a shard is in another one, which nothing is worn of."""
        with self._transaction() as connection:
            connection.execute("UPDATE shards SET shard = ? WHERE shard = ?", (new, name))
            connection.execute("DELETE FROM worn_shards WHERE shard = ?", (name,))

    def forget_shards(self, names: Set[str]) -> int:
        """Forget the targets whose results were in these shards; returns how many."""
        forgotten = 0
        with self._transaction() as connection:
            for name in names:
                chosen = "(SELECT image_id FROM shards WHERE shard = ?)"
                connection.execute(f"DELETE FROM objects WHERE image_id IN {chosen}", (name,))  # noqa: S608
                connection.execute(f"DELETE FROM decided WHERE image_id IN {chosen}", (name,))  # noqa: S608
                connection.execute(f"DELETE FROM targets WHERE image_id IN {chosen}", (name,))  # noqa: S608
                forgotten += connection.execute(
                    "DELETE FROM shards WHERE shard = ?", (name,)
                ).rowcount
                connection.execute("DELETE FROM worn_shards WHERE shard = ?", (name,))
        return forgotten

    def record(self, row: TargetRow) -> None:
        """Write what became of one target; see ``record_all``."""
        self.record_all([row])

    def record_all(self, rows: Sequence[TargetRow]) -> None:
        """Write what became of some targets, all or none; replaces what was known of them.

        Results that an engine made show no decision.

        Raises:
            StorageError: if the disk is full or not writable; the ledger stays openable.
        """
        image_ids = [(row.image_id,) for row in rows]
        with self._transaction() as connection:
            self._replace(rows)
            connection.executemany("DELETE FROM decided WHERE image_id = ?", image_ids)

    def record_redrawn(self, rows: Sequence[TargetRow]) -> None:
        """The same of targets whose results only look otherwise, which show what they showed."""
        with self._transaction():
            self._replace(rows)

    def show_decision(
        self, image_id: str, decision: ShownDecision | None, row: TargetRow | None = None
    ) -> None:
        """Note which decision the results of a target show.

        Args:
            image_id: of a target that is done.
            decision: None if they show what the engine found.
            row: what the results are now; None if they did not change.

        Raises:
            StorageError: if the disk is full or not writable.
        """
        with self._transaction() as connection:
            if row is not None:
                self._replace([row])
            connection.execute("DELETE FROM decided WHERE image_id = ?", (image_id,))
            if decision is not None:
                connection.execute(
                    "INSERT INTO decided VALUES (?, ?, ?, ?)",
                    (image_id, decision.number, decision.decision, decision.own),
                )

    def shown_decision(self, image_id: str) -> ShownDecision | None:
        """The decision that the results of a target show; None if there is none."""
        found = self._connection.execute(
            "SELECT number, decision, own FROM decided WHERE image_id = ?", (image_id,)
        ).fetchone()
        return None if found is None else ShownDecision(*found)

    def shown_decisions(self) -> dict[str, tuple[int, str]]:
        """Image id -> number and word of the decision that the results show."""
        rows = self._connection.execute("SELECT image_id, number, decision FROM decided")
        return {image_id: (number, decision) for image_id, number, decision in rows}

    def digests(self) -> dict[str, bytes | None]:
        """Image id -> digest of the bytes that were read, of each target that is done."""
        rows = self._connection.execute("SELECT image_id, digest FROM targets WHERE state = 'done'")
        return dict(rows.fetchall())

    def found_scores(self) -> Iterator[FoundScore]:
        """What was found in all targets that are done, ascending by image id and object id."""
        rows = self._connection.execute(
            "SELECT t.image_id, object_id, score, "
            'coalesce(1.0 * area / (height * width), 0.0), "right" FROM targets AS t '
            "LEFT JOIN objects AS o ON o.image_id = t.image_id WHERE state = 'done' "
            "ORDER BY t.image_id, object_id"
        )
        return (FoundScore(*columns) for columns in rows)

    def _replace(self, rows: Sequence[TargetRow]) -> None:
        """In a transaction: put rows into the place of those of the same targets."""
        connection = self._connection
        objects = [
            (
                *(row.image_id, found.object_id, found.score, found.area, found.components),
                *(*found.box, found.right, found.largest),
            )
            for row in rows
            for found in row.objects
        ]
        image_ids = [(row.image_id,) for row in rows]
        connection.executemany("DELETE FROM objects WHERE image_id = ?", image_ids)
        connection.executemany(
            "INSERT OR REPLACE INTO targets VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            map(_target_values, rows),
        )
        connection.executemany(
            f"INSERT INTO objects ({_OBJECT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
            objects,
        )
        if any(True for _ in connection.execute("SELECT 1 FROM shards LIMIT 1")):
            connection.executemany(_WEAR, [(row.image_id, row.shard) for row in rows])
            connection.executemany("DELETE FROM shards WHERE image_id = ?", image_ids)
        if sharded := [(row.image_id, row.shard) for row in rows if row.shard is not None]:
            connection.executemany("INSERT INTO shards VALUES (?, ?)", sharded)

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

    def counts_of(self, image_ids: Sequence[str]) -> LedgerCounts:
        """Count some targets by what became of them."""
        done = empty = failed = 0
        for start in range(0, len(image_ids), _AT_ONCE):
            chosen = image_ids[start : start + _AT_ONCE]
            among = f"image_id IN ({', '.join('?' * len(chosen))})"
            states = self._connection.execute(
                f"SELECT state, count(*) FROM targets WHERE {among} GROUP BY state",  # noqa: S608
                chosen,
            )
            found = dict(states.fetchall())
            (shown,) = self._connection.execute(
                f"SELECT count(DISTINCT image_id) FROM objects WHERE {among}",  # noqa: S608
                chosen,
            ).fetchone()
            done += found.get("done", 0)
            empty += found.get("done", 0) - shown
            failed += found.get("failed", 0)
        return LedgerCounts(done, empty, failed)

    def done(self) -> dict[str, tuple[str, int | None]]:
        """Of each target that is done: image id -> (output name, bytes of its file when read)."""
        return {
            image_id: (name, file_size)
            for image_id, name, file_size in self._connection.execute(
                "SELECT image_id, name, file_size FROM targets WHERE state = 'done'"
            )
        }

    def known_in(self, folder: str) -> dict[str, Known]:
        """What is known of each target, done or failed, that lies directly in a folder.

        Args:
            folder: POSIX path relative to the targets folder; empty for that itself.
        """
        rows = self._connection.execute(
            f"SELECT image_id, state = 'done', file_size, tag {_IN_FOLDER}", _in_folder(folder)
        )
        return {row[0]: row[1:] for row in rows.fetchall()}

    def names_in(self, folder: str) -> dict[str, str]:
        """Of each target that is done and lies directly in a folder: its output name."""
        rows = self._connection.execute(
            f"SELECT image_id, name {_IN_FOLDER} AND state = 'done'", _in_folder(folder)
        )
        return dict(rows.fetchall())

    def objects_in(self, folder: str) -> dict[str, list[int]]:
        """Of each target directly in a folder: the ids that were found in it, where any were."""
        found: dict[str, list[int]] = {}
        rows = self._connection.execute(
            "SELECT image_id, object_id FROM objects "
            "WHERE image_id >= ? AND image_id < ? AND image_id NOT GLOB ?",
            _in_folder(folder),
        )
        for image_id, object_id in rows:
            found.setdefault(image_id, []).append(object_id)
        return found

    def size(self) -> int:
        """Number of targets, done or failed."""
        (count,) = self._connection.execute("SELECT count(*) FROM targets").fetchone()
        return int(count)

    def image_id_of(self, name: str) -> str | None:
        """The target whose results have a name; None if there is none."""
        found = self._connection.execute(
            "SELECT image_id FROM targets WHERE name = ?", (name,)
        ).fetchone()
        return None if found is None else str(found[0])

    def image_ids(self) -> Iterator[str]:
        """Of all targets, done or failed, ascending, streamed."""
        rows = self._connection.execute("SELECT image_id FROM targets ORDER BY image_id")
        return (image_id for (image_id,) in rows)

    def rows_of_other_look(self, look: int) -> Iterator[TargetRow]:
        """Of the targets that are done and were drawn with other names or colours, ascending.

        The ledger may be written to meanwhile.
        """
        last = ""
        while True:
            rows = self._connection.execute(
                "SELECT * FROM targets WHERE image_id > ? AND state = 'done' AND look IS NOT ? "
                "ORDER BY image_id LIMIT ?",
                (last, look, _AT_ONCE),
            ).fetchall()
            yield from (self._row(*columns) for columns in rows)
            if len(rows) < _AT_ONCE:
                return
            last = rows[-1][0]

    def shards_of_other_look(self, look: int) -> list[str]:
        """File names of the shards that hold such targets."""
        rows = self._connection.execute(
            "SELECT DISTINCT shard FROM shards JOIN targets USING (image_id) "
            "WHERE state = 'done' AND look IS NOT ? ORDER BY shard",
            (look,),
        )
        return [name for (name,) in rows.fetchall()]

    def count_of_other_look(self, look: int) -> int:
        """How many targets ``rows_of_other_look`` gives."""
        (count,) = self._connection.execute(
            "SELECT count(*) FROM targets WHERE state = 'done' AND look IS NOT ?", (look,)
        ).fetchone()
        return int(count)

    def take_look(self, look: int) -> None:
        """Note names and colours of targets of which they are not known."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE targets SET look = ? WHERE look IS NULL AND state = 'done'", (look,)
            )

    def retag(self, tags: Mapping[str, tuple[int | None, Tag]]) -> None:
        """Note bytes and tag of files that changed without their content having changed.

        Raises:
            StorageError: if the disk is full or not writable.
        """
        if not tags:
            return
        with self._transaction() as connection:
            connection.executemany(
                "UPDATE targets SET file_size = ?, tag = ? WHERE image_id = ?",
                [(size, tag, image_id) for image_id, (size, tag) in tags.items()],
            )

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
            raise database.storage_error(path, error) from error

    def take_over(self, other: Path) -> None:
        """Add the targets that another ledger of the same run has done and this one has not.

        Args:
            other: of this version.
        """
        self._connection.execute("ATTACH ? AS other", (str(other),))
        try:
            with self._transaction() as connection:
                connection.execute("CREATE TEMP TABLE new AS " + _ONLY_IN_OTHER)
                connection.execute(
                    f"INSERT OR REPLACE INTO main.objects ({_OBJECT_COLUMNS}) "  # noqa: S608
                    f"SELECT {_OBJECT_COLUMNS} FROM other.objects "
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
        tag: Tag,
        digest: bytes | None,
        look: int | None,
        evidence: float | None,
    ) -> TargetRow:
        size = None if height is None or width is None else (height, width)
        kept = tuple(json.loads(notes))
        found = self._objects(image_id)
        shard = self._shard(image_id) if state == "done" else None
        facts = (size, file_size, kept, reason, found, shard, tag, digest, look)
        shown = self.shown_decision(image_id) if state == "done" else None
        decision = None if shown is None else shown.decision
        return TargetRow(image_id, name, state, *facts, decision, evidence)

    def _objects(self, image_id: str) -> tuple[FoundObject, ...]:
        rows = self._connection.execute(
            'SELECT object_id, score, area, components, "right", largest, xmin, ymin, xmax, ymax '
            "FROM objects WHERE image_id = ? ORDER BY object_id",
            (image_id,),
        )
        return tuple(
            FoundObject(object_id, score, area, components, tuple(box), right, largest)
            for object_id, score, area, components, right, largest, *box in rows
        )

    def _shard(self, image_id: str) -> str | None:
        row = self._connection.execute(
            "SELECT shard FROM shards WHERE image_id = ?", (image_id,)
        ).fetchone()
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
            raise database.storage_error(self.path, error) from error


def _in_folder(folder: str) -> tuple[str, str, str]:
    if not folder:
        return "", "\U0010ffff", "*/*"
    literal = re.sub(r"([*?[])", r"[\1]", folder)
    return f"{folder}/", f"{folder}0", f"{literal}/*/*"  # 0 follows / in the alphabet


def _target_values(row: TargetRow) -> tuple[object, ...]:
    notes = json.dumps(row.notes, ensure_ascii=False)
    size = row.size or (None, None)
    found = (row.file_size, notes, row.reason, row.tag, row.digest, row.look, row.evidence)
    return (row.image_id, row.name, row.state, *size, *found)
