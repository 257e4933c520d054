from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from maskcast.ui.brush import stamp, stroke_mask


def _distance_to_polyline(path: list[tuple[float, float]], x: float, y: float) -> float:
    """Computed piece by piece in plain Python, as in a textbook."""
    best = min(np.hypot(x - px, y - py) for px, py in path)
    for (ax, ay), (bx, by) in pairwise(path):
        length = (bx - ax) ** 2 + (by - ay) ** 2
        if length == 0:
            continue
        part = ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length
        part = min(1.0, max(0.0, part))
        best = min(best, np.hypot(x - ax - part * (bx - ax), y - ay - part * (by - ay)))
    return float(best)


@pytest.mark.parametrize(
    ("path", "radius"),
    [
        ([(10.2, 7.7)], 3.3),
        ([(4.0, 4.0), (30.5, 12.5)], 2.1),
        ([(2.0, 2.0), (20.0, 20.0), (35.0, 3.0), (35.0, 3.0)], 4.6),
        ([(-30.0, 10.0), (70.0, 14.0)], 5.3),
    ],
)
def test_a_stroke_covers_the_pixels_with_centres_within_the_radius(
    path: list[tuple[float, float]], radius: float
) -> None:
    mask = stroke_mask(np.array(path, np.float32), radius, (24, 40))

    expected = {
        (row, column)
        for row in range(24)
        for column in range(40)
        if _distance_to_polyline(path, column + 0.5, row + 0.5) <= radius
    }
    assert set(zip(*map(np.ndarray.tolist, np.nonzero(mask)), strict=True)) == expected


def test_a_fast_stroke_has_no_gap() -> None:
    mask = stroke_mask(np.array([[1, 5], [99, 5]], np.float32), 0.6, (10, 100))

    assert mask[:, 1:99].any(axis=0).all()


def test_the_finest_brush_marks_the_pixel_under_it() -> None:
    mask = stroke_mask(np.array([[3.99, 2.01]], np.float32), 0.1, (8, 8))

    assert np.argwhere(mask).tolist() == [[2, 3]]


def test_a_piece_outside_changes_nothing() -> None:
    mask = np.zeros((8, 8), np.bool_)

    corner = np.array([20, 20], np.float32)
    assert stamp(mask, corner, corner, 5.0) is None
    assert not mask.any()


def test_the_changed_window_holds_all_changes() -> None:
    mask = np.zeros((50, 60), np.bool_)

    window = stamp(mask, np.array([9, 8], np.float32), np.array([30, 20], np.float32), 4.0)

    assert window is not None
    changed = mask[window].sum()
    assert 0 < changed == mask.sum()
