"""A ledger here and its copy in a store are joined, or the copy wins."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from maskcast.io.storage import Url
from maskcast.runs.copies import LedgerCopies
from maskcast.runs.ledger import Ledger
from maskcast.runs.ledger_rows import FoundObject, TargetRow

pytest.importorskip("fsspec", reason="needs one of the extras for stores")

FOUND = (FoundObject(1, 0.5, 9, 1, (0, 0, 3, 3)),)
A, B = TargetRow("a.png", "a", "done", objects=FOUND), TargetRow("b.png", "b", "done")
B_FAILED = TargetRow("b.png", "b", "failed", reason="it was away")
C = TargetRow("c.png", "c", "done", objects=FOUND)


@pytest.fixture
def place() -> Iterator[Url]:
    place = Url.parse("memory://copies")
    yield place
    for entry in place.entries():
        entry.url.remove()


def rows(path: Path) -> list[TargetRow]:
    with Ledger.open(path) as ledger:
        return list(ledger.rows())


def test_what_two_machines_have_done_is_joined(tmp_path: Path, place: Url) -> None:
    here, there = tmp_path / "here" / "run.db", tmp_path / "there" / "run.db"
    here.parent.mkdir()
    with Ledger.create(here, {"engine": "fake"}) as ledger:
        ledger.record(A)
        LedgerCopies(place, here).put(ledger)
    LedgerCopies(place, there).fetch()
    assert rows(there) == [A]
    with Ledger.open(there) as ledger:
        ledger.record_all([B, C])
        LedgerCopies(place, there).put(ledger)
    with Ledger.open(here) as ledger:
        ledger.record(B_FAILED)
    LedgerCopies(place, here).fetch()
    assert rows(here) == [A, B, C]


def test_a_copy_of_other_settings_wins_and_nothing_is_lost(tmp_path: Path, place: Url) -> None:
    here, other = tmp_path / "run.db", tmp_path / "other" / "run.db"
    other.parent.mkdir()
    for path, row, engine in ((here, A, "fake"), (other, C, "pixel")):
        with Ledger.create(path, {"engine": engine}) as ledger:
            ledger.record(row)
            if path == other:
                LedgerCopies(place, path).put(ledger)
    LedgerCopies(place, here).fetch()
    assert rows(here) == [C]
    (aside,) = tmp_path.glob("run-*.db")
    assert rows(aside) == [A]


def test_a_copy_is_due_at_intervals_only(
    tmp_path: Path, place: Url, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("maskcast.runs.copies.time.monotonic", lambda: now)
    with Ledger.create(tmp_path / "run.db", {}) as ledger:
        copies = LedgerCopies(place, tmp_path / "run.db")
        copies.put(ledger)
        ledger.record(A)
        for seconds, expected in ((59, []), (2, [A])):
            now += seconds
            if copies.is_due():
                copies.put(ledger)
            fetched = tmp_path / "fetched.db"
            assert (place / "run.db").download(fetched)
            assert rows(fetched) == expected
            fetched.unlink()
