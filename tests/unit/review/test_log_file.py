"""A log is made whole or not at all."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from maskcast.errors import StorageError
from maskcast.review.log_file import LogFile, LogKind


class _Broken(LogFile):
    KIND = LogKind(
        "words.db", "words", "words-1", ("CREATE TABLE words (word)", "CREATE TABLE nonsense")
    )


class _Whole(LogFile):
    KIND = LogKind("words.db", "words", "words-1", ("CREATE TABLE words (word)",))


def test_tables_that_cannot_all_be_made_leave_none(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"words in .*words\.db cannot be written"):
        _Broken.open(tmp_path)
    with closing(sqlite3.connect(tmp_path / "words.db")) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    with _Whole.open(tmp_path) as log, log.transaction() as connection:
        connection.execute("INSERT INTO words VALUES ('kept')")
    again = _Whole.read(tmp_path)
    assert again is not None
    with again:
        assert again.connection.execute("SELECT word FROM words").fetchall() == [("kept",)]
