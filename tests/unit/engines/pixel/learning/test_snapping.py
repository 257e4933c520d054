import numpy as np
import pytest

from maskcast.engines.pixel.learning.snapping import snap


def overlap(mask: np.ndarray, truth: np.ndarray) -> float:
    return float((mask & truth).sum() / (mask | truth).sum())


def disc(height: int, radius: float, row: int) -> tuple[np.ndarray, np.ndarray]:
    """Distance to the disc's outline (positive inside) and the disc."""
    y, x = np.mgrid[:height, :80]
    inside = radius - np.hypot(y - row, x - 40)
    return inside.astype(np.float32), inside > 0


@pytest.mark.parametrize("error", [-1.5, 1.5])
def test_an_outline_moves_to_the_edge_in_the_picture(error: float) -> None:
    inside, truth = disc(80, 15, 40)
    picture = [np.clip(inside, -2, 2)]
    logits = ((inside + error) * 0.6).astype(np.float32)
    assert overlap(snap(logits, picture, 0.0), truth) > overlap(logits > 0, truth)
    assert overlap(snap(logits, picture, 0.0), truth) > 0.93


def test_a_flat_picture_leaves_the_threshold() -> None:
    inside, _ = disc(80, 15, 40)
    flat = [np.zeros((80, 80), np.float32)]
    np.testing.assert_array_equal(snap(inside, flat, 0.0), inside > 0)


def test_each_component_moves_by_itself() -> None:
    first, truth_a = disc(160, 15, 40)
    second, truth_b = disc(160, 15, 115)
    picture = [np.clip(np.maximum(first, second), -2, 2)]
    logits = np.maximum((first - 1.5) * 0.6, (second + 1.5) * 0.6).astype(np.float32)
    assert overlap(snap(logits, picture, 0.0), truth_a | truth_b) > 0.93


def test_nothing_above_the_lowest_level_gives_nothing() -> None:
    logits = np.full((10, 12), -9, np.float32)
    assert not snap(logits, [logits], 0.0).any()


def test_a_tall_image_is_treated_in_parts_without_a_seam() -> None:
    """2000 rows of 80 columns make three strips; the disc lies across a border of two."""
    inside, truth = disc(2000, 30, 800)
    picture = [np.clip(inside, -2, 2)]
    logits = ((inside - 1.5) * 0.6).astype(np.float32)
    assert overlap(snap(logits, picture, 0.0), truth) > 0.95
