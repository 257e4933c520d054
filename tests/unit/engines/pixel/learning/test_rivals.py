"""Contested pixels go to the surest object, and only where references never overlap."""

from __future__ import annotations

import numpy as np

from maskcast.engines.pixel.learning.rivals import never_overlap, settle
from maskcast.types import Reference

LEFT = np.array([[1, 1, 1, 0, 0, 0]], np.bool_)
RIGHT = np.array([[0, 1, 1, 1, 1, 0]], np.bool_)


def floats(*values: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.array(values, np.float32)


def test_each_contested_pixel_goes_to_the_highest_margin() -> None:
    left, right = settle([LEFT, RIGHT], [floats(2, 3, 1), floats(2, 2, 2, 2)], [1, 1])
    assert left.tolist() == [[True, True, False, False, False, False]]
    assert right.tolist() == [[False, False, True, True, True, False]]


def test_the_first_wins_a_tie() -> None:
    left, right = settle([LEFT, LEFT], [floats(1, 1, 1), floats(1, 1, 1)], [1, 1])
    assert left.tolist() == LEFT.tolist()
    assert not right.any()


def test_crumbs_of_a_loser_are_dropped_but_not_what_was_small_before() -> None:
    margins = [floats(9, 9, 9), floats(1, 1, 1, 1)]
    _, right = settle([LEFT, RIGHT], margins, [1, 3])
    assert not right.any()
    alone = np.array([[0, 0, 0, 0, 0, 1]], np.bool_)
    _, kept = settle([LEFT, alone], [margins[0], floats(1)], [1, 3])
    assert kept.tolist() == alone.tolist()


def test_references_tell_whether_objects_may_overlap() -> None:
    image = np.zeros((1, 6, 3), np.uint8)
    assert not never_overlap([Reference("a", image, {1: LEFT, 2: RIGHT})])
    assert never_overlap(
        [Reference("a", image, {1: LEFT, 2: ~LEFT}), Reference("b", image, {2: LEFT})]
    )
