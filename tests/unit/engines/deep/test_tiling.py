"""How pictures are laid before a transformer."""

from __future__ import annotations

import numpy as np
import pytest

from maskcast.engines.deep.tiling import TILING, batches, lay, scale_of, spans


@pytest.mark.parametrize("count", [1, 7, TILING.tile, TILING.tile + 1, 90, 200, 1000])
def test_spans_keep_every_token_once_and_fit_the_network(count: int) -> None:
    found = spans(count)
    kept = [token for span in found for token in range(span.first, span.last)]
    assert kept == list(range(count))
    assert {span.length for span in found} == {min(count, TILING.tile)}
    assert all(0 <= span.start <= span.first < span.last <= span.stop <= count for span in found)


def test_tokens_are_kept_away_from_inner_borders() -> None:
    for count in (60, 90, 200):
        inner = spans(count)
        reach = TILING.overlap // 2
        assert all(span.first - span.start >= reach for span in inner[1:])
        assert all(span.stop - span.last >= reach for span in inner[:-1])


def test_small_pictures_are_enlarged_to_the_side_that_the_network_learned() -> None:
    assert scale_of([(200, 259, 3)]) == pytest.approx(2.0)
    assert scale_of([(3000, 4000, 3)]) == TILING.scale
    assert scale_of([(100, 100), (100, 100), (4000, 4000)]) == pytest.approx(5.18)


@pytest.mark.parametrize("shape", [(1, 1, 3), (30, 500, 3), (333, 77, 3)])
def test_a_laid_picture_holds_whole_patches_of_about_its_scale(shape: tuple[int, ...]) -> None:
    laid = lay(np.zeros(shape, np.uint8), 1.5, 14)
    for before, after in zip(shape[:2], laid.shape[:2], strict=True):
        assert after % 14 == 0
        assert abs(after - 1.5 * before) <= 14


def test_tiles_of_all_pictures_come_in_batches_of_one_shape() -> None:
    shapes = [(20, 20), (100, 20), (20, 20)]
    grids = [np.full((1, *shape), -1, np.float32) for shape in shapes]
    truths = [np.arange(h * w, dtype=np.float32).reshape(1, h, w) for h, w in shapes]
    for tiles in batches(shapes, most=2):
        assert len(tiles) <= 2
        assert len({tile.shape for tile in tiles}) == 1
        for tile in tiles:
            rows, columns = (slice(s.start, s.stop) for s in (tile.rows, tile.columns))
            tokens = truths[tile.picture][:, rows, columns]
            tile.place(tokens.reshape(1, -1), grids[tile.picture])
    for grid, truth in zip(grids, truths, strict=True):
        np.testing.assert_array_equal(grid, truth)
