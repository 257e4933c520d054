"""The order in which targets are looked at."""

from __future__ import annotations

import numpy as np

from maskcast.review.queue import queued
from maskcast.runs.ledger_rows import FoundScore


def test_doubt_goes_by_the_worst_object() -> None:
    found = [
        FoundScore("a", 1, 0.9, 0.1),
        FoundScore("a", 2, 0.3, 0.1),
        FoundScore("b", 1, 0.5, 0.1),
        FoundScore("c", None, None, 0.0),
    ]
    assert [entry.image_id for entry in queued(found, "doubt")] == ["a", "b", "c"]
    assert [entry.image_id for entry in queued(found, "name")] == ["a", "b", "c"]
    assert {entry.image_id for entry in queued(found)} == {"a", "b", "c"}
    assert queued([]) == []


def test_doubt_goes_by_what_is_likely_right_where_that_is_known() -> None:
    found = [
        FoundScore("small and right", 1, 0.55, 0.1, right=0.9),
        FoundScore("unjudged", 1, 0.7, 0.1),
    ]
    doubts = {entry.image_id: round(entry.doubt, 6) for entry in queued(found, "doubt")}
    assert list(doubts.items()) == [("unjudged", 0.3), ("small and right", 0.1)]


def test_the_first_few_are_of_different_kinds_and_typical_ones() -> None:
    # Twenty alike of middling doubt, ten alike that are worse, and one that nothing else is like.
    found = [FoundScore(f"many{n:02}", 1, 0.50, 0.010) for n in range(20)]
    found += [FoundScore(f"large{n}", 1, 0.45, 0.500) for n in range(10)]
    found += [FoundScore("alone", 2, 0.40, 0.001)]
    first = [entry.image_id[:4] for entry in queued(found)[:2]]
    assert sorted(first) == ["larg", "many"]
    assert queued(found, "doubt")[0].image_id == "alone"


def test_of_a_long_queue_each_target_is_there_once() -> None:
    rng = np.random.default_rng(0)
    found = [FoundScore(f"{n:05}", 1, float(rng.random()), 0.1) for n in range(50_000)]
    entries = queued(found)
    assert len(entries) == len({entry.image_id for entry in entries}) == 50_000
