"""Choosing pictures that show all there is."""

from __future__ import annotations

import numpy as np

from maskcast.ui.web.likeness import look_of_picture, most_unlike


def plain(level: int) -> np.ndarray:
    return np.full((40, 60, 3), level, np.uint8)


def test_the_usual_one_comes_first_and_then_the_farthest() -> None:
    looks = [look_of_picture(plain(level)) for level in (118, 120, 121, 122, 250, 0)]
    # Their mean is 121.8; 250 is farther from 122 than 0 is.
    assert most_unlike(looks, 3) == [3, 4, 5]


def test_alike_pictures_are_all_taken_where_there_are_no_others() -> None:
    looks = [look_of_picture(plain(9))] * 4
    assert sorted(most_unlike(looks, 3)) == [0, 1, 2]
    assert sorted(most_unlike(looks, 9)) == [0, 1, 2, 3]
    assert most_unlike([], 6) == []
