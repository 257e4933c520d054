"""Copies of references that show the same otherwise."""

from __future__ import annotations

import numpy as np
import pytest

from maskcast.engines.deep.altering import ALTERATIONS, Alteration, middle
from maskcast.engines.deep.tiling import TILING


@pytest.mark.parametrize("alteration", ALTERATIONS)
def test_tokens_of_a_copy_are_laid_over_those_of_the_picture(alteration: Alteration) -> None:
    rows, columns = np.mgrid[0:8, 0:12].astype(np.uint8)
    image = np.stack([20 * rows, 20 * columns, 0 * rows], axis=-1)
    tokens = alteration.of(image)[..., :2].transpose(2, 0, 1).astype(np.float16)
    back = alteration.back(tokens, (8, 12))
    assert back.dtype == np.float32
    for plane, truth in zip(back, image.transpose(2, 0, 1)[:2], strict=True):
        assert np.corrcoef(plane.ravel(), truth.ravel())[0, 1] > 0.98


def test_light_changes_and_stays_in_range() -> None:
    image = np.random.default_rng(0).integers(0, 256, (6, 6, 3), np.uint8)
    copy = Alteration(gamma=0.5, gains=(2.0, 1.0, 0.5)).of(image)
    assert copy[..., 0].max() == 255
    np.testing.assert_allclose(copy[..., 1], 255 * (image[..., 1] / 255) ** 0.5, atol=0.51)


def test_a_smaller_copy_has_fewer_tokens_and_covers_the_same() -> None:
    values = np.linspace(0, 1, 30, dtype=np.float16)[None, None].repeat(20, axis=1)
    back = Alteration(zoom=0.75).back(values, (27, 40))
    assert back.shape == (1, 27, 40)
    np.testing.assert_allclose(back[0, 5], np.linspace(0, 1, 40), atol=0.03)


@pytest.mark.parametrize("grid", [(10, 20), (43, 44), (100, 30)])
def test_the_middle_of_a_picture_is_one_tile(grid: tuple[int, int]) -> None:
    shape = (grid[0] * 10, grid[1] * 12, 3)
    window = middle(shape, grid)
    for tokens, pixels, count, side in zip(*reversed(window), grid, (10, 12), strict=True):
        assert tokens.stop - tokens.start == min(count, TILING.tile)
        assert abs((tokens.start + tokens.stop) - count) <= 1
        assert (pixels.start, pixels.stop) == (tokens.start * side, tokens.stop * side)
