"""Queries choose and order ledger rows as a plain filter over all rows would."""

from __future__ import annotations

import math
from typing import get_args

import numpy as np
import pytest

from maskcast.runs.ledger import Ledger
from maskcast.runs.ledger_rows import FoundObject, TargetRow
from maskcast.runs.query import Kind, Order, RowQuery


def random_row(number: int, rng: np.random.Generator) -> TargetRow:
    image_id = f"t{number:03}.png"
    if rng.random() < 0.1:
        return TargetRow(image_id, f"t{number:03}", "failed", reason="damaged")
    objects = tuple(
        FoundObject(int(key), float(rng.integers(0, 11)) / 10, 5, 1, (0, 0, 1, 1))
        for key in sorted(rng.choice([1, 2, 7], int(rng.integers(0, 4)), replace=False))
    )
    return TargetRow(image_id, f"t{number:03}", "done", (4, 5), 10, objects=objects)


@pytest.fixture(scope="module")
def rows() -> list[TargetRow]:
    rng = np.random.default_rng(0)
    return [random_row(number, rng) for number in range(80)]


@pytest.fixture(scope="module")
def ledger(rows: list[TargetRow], tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    made = Ledger.create(tmp_path_factory.mktemp("ledger") / "run.db", {})
    for row in rows:
        made.record(row)
    return made


def scores(row: TargetRow, query: RowQuery) -> list[float]:
    return [found.score for found in row.objects if query.object_id in {None, found.object_id}]


def is_wanted(row: TargetRow, query: RowQuery) -> bool:
    kinds = {
        "all": True,
        "found": bool(row.objects),
        "empty": row.is_empty,
        "failed": row.state == "failed",
    }
    in_range = [score for score in scores(row, query) if query.low <= score <= query.high]
    asks_for_objects = query.object_id is not None or (query.low, query.high) != (0, 1)
    return kinds[query.kind] and (bool(in_range) or not asks_for_objects)


def position(row: TargetRow, query: RowQuery) -> tuple[float, str]:
    found = scores(row, query)
    if query.order == "name":
        return 0, row.image_id
    if not found:
        return math.inf, row.image_id
    return (min(found) if query.order == "worst" else -max(found)), row.image_id


@pytest.mark.parametrize("order", get_args(Order))
@pytest.mark.parametrize("bounds", [(0.0, 1.0), (0.3, 0.6), (0.5, 1.0), (1.0, 1.0)])
@pytest.mark.parametrize("object_id", [None, 2, 9])
@pytest.mark.parametrize("kind", get_args(Kind))
def test_as_a_plain_filter(
    ledger: Ledger,
    rows: list[TargetRow],
    kind: Kind,
    object_id: int | None,
    bounds: tuple[float, float],
    order: Order,
) -> None:
    query = RowQuery(kind, object_id, *bounds, order)
    wanted = sorted(
        (row for row in rows if is_wanted(row, query)), key=lambda row: position(row, query)
    )
    assert ledger.count(query) == len(wanted)
    pages = [ledger.page(query, offset, 7) for offset in range(0, len(wanted) + 7, 7)]
    assert [row for page in pages for row in page] == wanted


def test_one_row_and_the_ids_that_were_found(ledger: Ledger, rows: list[TargetRow]) -> None:
    assert ledger.row(rows[3].image_id) == rows[3]
    assert ledger.row("t003") is None
    assert ledger.object_ids() == [1, 2, 7]


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "x"},
        {"order": "x; DROP TABLE targets"},
        {"low": -0.1},
        {"high": 1.1},
        {"low": 0.6, "high": 0.5},
        {"low": math.nan},
        {"object_id": 0},
        {"object_id": 256},
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"expected|there is no"):
        RowQuery(**wrong)  # type: ignore[arg-type]
