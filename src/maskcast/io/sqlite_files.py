"""Opening SQLite files by path, as the ledger and the review do."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

_WAIT_S: Final = 5.0


def connect(path: Path, options: str, *, wait_s: float = _WAIT_S) -> sqlite3.Connection:
    """A connection whose transactions begin and end where the caller says so.

    A thread at a time may use it, not only the one that opened it.

    Args:
        path: of the file.
        options: of SQLite's address of it, such as ``mode=rwc``.
        wait_s: seconds to wait for another process that is writing.

    Raises:
        sqlite3.OperationalError: if it cannot be opened.
    """
    return sqlite3.connect(
        f"{path.resolve().as_uri()}?{options}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=wait_s,
    )


def probed(path: Path, options: str, *, wait_s: float = _WAIT_S) -> sqlite3.Connection:
    """As ``connect``, having really read something: SQLite opens a file only when it is asked.

    Raises:
        sqlite3.DatabaseError: if it cannot be opened, or is no SQLite file.
    """
    connection = connect(path, options, wait_s=wait_s)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection
