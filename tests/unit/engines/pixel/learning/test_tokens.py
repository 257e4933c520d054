"""Token maps laid over a picture, against SciPy's interpolation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from maskcast.engines.pixel.learning.features import build_pyramid, feature_count, strip_features
from maskcast.engines.pixel.learning.tokens import TokenGrid


def grid(height: int = 5, width: int = 7, **place: float) -> TokenGrid:
    values = np.random.default_rng(0).normal(size=(3, height, width)).astype(np.float32)
    return TokenGrid(values, **({"step_y": 4.0, "step_x": 6.0} | place))


def expected(tokens: TokenGrid, height: int, width: int) -> np.ndarray:
    y = (np.arange(height) + 0.5 - tokens.top) / tokens.step_y - 0.5
    x = (np.arange(width) + 0.5 - tokens.left) / tokens.step_x - 0.5
    places = np.meshgrid(y, x, indexing="ij")
    return np.stack(
        [map_coordinates(plane, places, order=1, mode="nearest") for plane in tokens.values]
    )


@pytest.mark.parametrize("tokens", [grid(), grid(1, 7), grid(5, 1), grid(top=-3.0, left=2.5)])
def test_rows_are_bilinear_between_the_middles_of_tokens(tokens: TokenGrid) -> None:
    np.testing.assert_allclose(tokens.rows(0, 20, 42), expected(tokens, 20, 42), atol=1e-5)


@pytest.mark.parametrize(("top", "bottom"), [(0, 3), (3, 17), (17, 20), (19, 40)])
def test_some_rows_are_those_of_the_whole(top: int, bottom: int) -> None:
    tokens = grid()
    np.testing.assert_array_equal(
        tokens.rows(top, bottom, 42), tokens.rows(0, 40, 42)[:, top:bottom]
    )


def test_a_window_sees_its_part_of_the_picture() -> None:
    tokens = grid()
    part = tokens.window(6, 9).rows(0, 10, 20)
    np.testing.assert_allclose(part, tokens.rows(0, 20, 42)[:, 6:16, 9:29], atol=1e-6)


def test_a_resized_picture_has_the_same_tokens_at_the_same_things() -> None:
    tokens = grid()
    large = tokens.resized(3, 3).rows(0, 60, 126)
    # The middle of every third pixel is the middle of a pixel before.
    np.testing.assert_allclose(large[:, 1::3, 1::3], tokens.rows(0, 20, 42), atol=1e-5)


def test_the_feature_bank_ends_with_the_token_maps() -> None:
    image = np.random.default_rng(1).integers(0, 256, (40, 50, 3), np.uint8)
    tokens = TokenGrid(grid().values, 8.0, 50 / 7)
    with_tokens = build_pyramid(image, color=True, tokens=tokens)
    stack = strip_features(with_tokens, 0, 32)
    assert len(stack) == feature_count(color=True, tokens=3)
    plain = strip_features(build_pyramid(image, color=True), 0, 32)
    np.testing.assert_array_equal(stack[:-3], plain)
    np.testing.assert_array_equal(stack[-3:], tokens.rows(0, 32, stack.shape[2]))
