"""Ledgers and outputs as maskcast 0.1 left them; the schema is spelled as it was then."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

SCHEMA_OF_0_1 = """
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
CREATE TABLE shards (image_id TEXT PRIMARY KEY, shard TEXT NOT NULL) WITHOUT ROWID;
"""


def turn_into_0_1(path: Path, objects: dict[str, list[object]] | None = None) -> None:
    """Make a ledger one of 0.1, and its output carry no identity.

    Args:
        path: of a ledger of today.
        objects: what 0.1 kept of names and colours, ``{"1": ["void", [1, 2, 3]]}``.
    """
    old = path.with_name("of old.db")
    with closing(sqlite3.connect(old)) as connection:
        connection.executescript(SCHEMA_OF_0_1)
        connection.execute("ATTACH ? AS new", (str(path),))
        connection.execute(
            "INSERT INTO targets SELECT image_id, name, state, height, width, file_size, notes, "
            "reason FROM new.targets"
        )
        connection.execute(
            "INSERT INTO objects SELECT image_id, object_id, score, area, components, xmin, ymin, "
            "xmax, ymax FROM new.objects"
        )
        for table in ("meta", "shards"):
            connection.execute(f"INSERT INTO {table} SELECT * FROM new.{table}")  # noqa: S608
        connection.execute("UPDATE meta SET value = 'maskcast-ledger-1' WHERE key = 'format'")
        if objects is not None:
            (text,) = connection.execute(
                "SELECT value FROM meta WHERE key = 'fingerprint'"
            ).fetchone()
            fingerprint = json.dumps({**json.loads(text), "objects": objects}, sort_keys=True)
            connection.execute(
                "UPDATE meta SET value = ? WHERE key = 'fingerprint'", (fingerprint,)
            )
        connection.commit()
        connection.execute("PRAGMA journal_mode = WAL")
    path.unlink()
    old.rename(path)
    (path.parent / ".run").unlink(missing_ok=True)
