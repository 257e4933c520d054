"""The log of decisions: only ever added to, whoever writes, whatever is killed."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from maskcast.errors import AnnotationError, ReviewError, StorageError
from maskcast.project.annotations import Annotation, ObjectAnnotation, StoredMask
from maskcast.review.decisions import DATABASE_NAME, DecisionLog
from maskcast.types import Prompts

DOT = np.zeros((4, 5), np.bool_)
DOT[1, 2] = True


def correction(image_id: str = "a.png") -> Annotation:
    unknown = np.roll(DOT, 1)
    return Annotation(
        image_id, 4, 5, objects={3: ObjectAnnotation(Prompts(), DOT)}, unknown=StoredMask(unknown)
    )


def test_the_last_decision_stands_and_undo_brings_the_one_before_back(tmp_path: Path) -> None:
    with DecisionLog.open(tmp_path) as log:
        first = log.record("a.png", "accepted", "ann", digest=b"1")
        second = log.record("a.png", "rejected", "bob", objects=[2, 7])
        log.record("b.png", "undecided", "ann")
        assert log.current("a.png") == second
        assert (second.before, second.objects) == (first.number, (2, 7))
        assert log.take_back("ann", "a.png") == second
        assert log.current("a.png") == first
        assert log.take_back("ann", "a.png") == first
        assert log.current("a.png") is None
        assert log.take_back("ann", "a.png") is None
        assert [entry.decision for entry in log.history("a.png")] == ["accepted", "rejected"]
        assert [entry.image_id for entry in log.all_current()] == ["b.png"]


def test_undo_without_a_name_is_of_the_last_decision_of_this_person(tmp_path: Path) -> None:
    with DecisionLog.open(tmp_path) as log:
        mine = log.record("a.png", "accepted", "ann")
        log.record("b.png", "accepted", "bob")
        assert log.take_back("ann") == mine
        assert log.take_back("ann") is None


def test_a_correction_comes_back_to_the_pixel(tmp_path: Path) -> None:
    with DecisionLog.open(tmp_path) as log:
        log.record("a.png", "corrected", "ann", correction=correction())
    read = DecisionLog.read(tmp_path)
    assert read is not None
    with read:
        decided = read.current("a.png")
        assert decided is not None
        annotation = decided.annotation(read.path)
    assert annotation is not None
    np.testing.assert_array_equal(annotation.objects[3].mask, DOT)
    assert annotation == correction()


@pytest.mark.parametrize("statement", ["DELETE FROM decisions", "UPDATE decisions SET who = 'x'"])
def test_the_file_itself_refuses_to_forget(tmp_path: Path, statement: str) -> None:
    with DecisionLog.open(tmp_path) as log:
        log.record("a.png", "accepted", "ann")
    with pytest.raises(sqlite3.DatabaseError, match="only ever added"):
        sqlite3.connect(tmp_path / DATABASE_NAME).execute(statement)


def test_a_correction_belongs_to_corrected_and_only_there(tmp_path: Path) -> None:
    with DecisionLog.open(tmp_path) as log:
        with pytest.raises(ValueError, match="corrected"):
            log.record("a.png", "corrected", "ann")
        with pytest.raises(ValueError, match="accepted"):
            log.record("a.png", "accepted", "ann", correction=correction())
        with pytest.raises(ValueError, match="object id"):
            log.record("a.png", "rejected", "ann", objects=[256])
        assert list(log.all_current()) == []


def test_what_was_recorded_survives_a_kill(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; "
        "from maskcast.review.decisions import DecisionLog; "
        "log = DecisionLog.open(Path(sys.argv[1])); "
        "log.record('a.png', 'accepted', 'ann'); log.connection.execute('BEGIN IMMEDIATE'); "
        "log._insert('b.png', 'accepted', None, 'ann', 'now', None, '[]', None, None, True, None); "
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    with DecisionLog.open(tmp_path) as log:
        assert [entry.image_id for entry in log.all_current()] == ["a.png"]


def test_a_log_of_old_is_read_and_added_to(tmp_path: Path) -> None:
    with DecisionLog.open(tmp_path) as log:
        log.record("a.png", "accepted", "ann")
        for column in ("seen", "run"):
            log.connection.execute(f"ALTER TABLE decisions DROP COLUMN {column}")
    old = DecisionLog.read(tmp_path)
    assert old is not None
    with old:
        assert [(entry.seen, entry.run) for entry in old.all_current()] == [(True, None)]
    with DecisionLog.open(tmp_path) as log:
        log.record("b.png", "accepted", "ann", seen=False, run="12ab")
        found = {entry.image_id: (entry.seen, entry.run) for entry in log.all_current()}
    assert found == {"a.png": (True, None), "b.png": (False, "12ab")}


def test_a_log_in_a_folder_that_cannot_be_written_is_read_and_not_added_to(tmp_path: Path) -> None:
    with DecisionLog.open(tmp_path / "review") as log:
        log.record("a.png", "accepted", "ann")
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        DecisionLog.open(blocked / "review")
    assert DecisionLog.read(tmp_path / "none") is None


def test_other_files_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / DATABASE_NAME).write_bytes(b"something else, and long enough to be looked at" * 9)
    with pytest.raises(ReviewError, match=r"decisions\.db is not a log of decisions"):
        DecisionLog.read(tmp_path)
    with pytest.raises(ReviewError, match=r"decisions\.db is not a log of decisions"):
        DecisionLog.open(tmp_path)


def test_a_later_format_is_refused(tmp_path: Path) -> None:
    DecisionLog.open(tmp_path).close()
    connection = sqlite3.connect(tmp_path / DATABASE_NAME)
    connection.execute("UPDATE meta SET value = 'maskcast-decisions-9'")
    connection.commit()
    connection.close()
    with pytest.raises(ReviewError, match="another version"):
        DecisionLog.open(tmp_path)


def test_a_correction_that_was_tampered_with_is_refused_with_its_place(tmp_path: Path) -> None:
    with DecisionLog.open(tmp_path) as log:
        log._insert(
            "a.png", "corrected", None, "x", "2026-01-01", None, "[]", None, "{", True, None
        )
        decided = log.current("a.png")
        assert decided is not None
        with pytest.raises(AnnotationError, match=r"decisions\.db.*a\.png"):
            decided.annotation(log.path)
