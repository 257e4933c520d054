"""How pictures are laid before a transformer."""

from __future__ import annotations

import numpy as np
import pytest

from maskcast.engines.deep.tiling import TILING, alike, lay, scale_of, spans


@pytest.mark.parametrize("count", [1, 7, TILING.tile, TILING.tile + 1, 90, 200, 1000])
def test_spans_keep_every_token_once_and_fit_the_network(count: int) -> None:
    found = spans(count)
    kept = [token for span in found for token in range(span.first, span.last)]
    assert kept == list(range(count))
    (length,) = {span.length for span in found}
    assert length == count if count <= TILING.tile else length <= TILING.tile
    spare = len(found) * length - (len(found) - 1) * TILING.overlap - count
    assert 0 <= spare < len(found)  # no larger than needed
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


def test_tiles_of_one_shape_come_together_and_cover_all_pictures() -> None:
    shapes = [(20, 20), (100, 20), (20, 20)]
    grids = [np.full((1, *shape), -1, np.float16) for shape in shapes]
    truths = [np.arange(h * w, dtype=np.float16).reshape(1, h, w) for h, w in shapes]
    groups = alike(shapes)
    assert [len({tile.shape for tile in tiles}) for tiles in groups] == [1] * len(groups)
    assert [tile.picture for tile in groups[0]] == [0, 2]
    for tile in (tile for tiles in groups for tile in tiles):
        rows, columns = (slice(span.start, span.stop) for span in (tile.rows, tile.columns))
        tokens = truths[tile.picture][:, rows, columns]
        tile.place(tokens.reshape(1, -1), grids[tile.picture])
    for grid, truth in zip(grids, truths, strict=True):
        np.testing.assert_array_equal(grid, truth)
