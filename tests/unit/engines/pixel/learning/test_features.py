import itertools

import numpy as np
import pytest

from maskcast.engines.pixel.learning import features


def random_image(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("color", [True, False])
@pytest.mark.parametrize("shape", [(1, 1), (1, 70), (33, 20), (100, 64)])
def test_every_size_gives_finite_features_of_the_announced_number(
    shape: tuple[int, int], color: bool
) -> None:
    pyramid = features.build_pyramid(random_image(*shape), color=color)
    rows, columns = pyramid.padded
    stack = features.strip_features(pyramid, 0, rows)
    assert stack.shape == (features.feature_count(color=color), rows, columns)
    assert np.isfinite(stack).all()


def test_strips_join_to_what_the_whole_image_gives() -> None:
    pyramid = features.build_pyramid(random_image(160, 96), color=True)
    whole = features.strip_features(pyramid, 0, 160)
    parts = [features.strip_features(pyramid, top, top + 32) for top in range(0, 160, 32)]
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, atol=0)


def test_strips_cover_all_rows_once() -> None:
    for height, width in ((32, 32), (20000, 64), (64, 20000), (4000, 3008)):
        edges = list(features.strips(height, width))
        assert edges[0][0] == 0
        assert edges[-1][1] == height
        assert all(a[1] == b[0] for a, b in itertools.pairwise(edges))


def test_a_constant_image_has_no_structure() -> None:
    pyramid = features.build_pyramid(np.full((64, 64, 3), 77, np.uint8), color=False)
    stack = features.strip_features(pyramid, 0, 64)
    spread = stack[:-2].reshape(len(stack) - 2, -1).std(axis=1)  # the last two: place
    np.testing.assert_allclose(spread, 0, atol=1e-3)


def test_gain_and_offset_leave_the_normalised_intensity() -> None:
    image = random_image(64, 64) // 2
    brighter = image + np.uint8(40)
    first = features.build_pyramid(image, color=False).fine[0]
    second = features.build_pyramid(brighter, color=False).fine[0]
    np.testing.assert_allclose(first, second, atol=1e-4)


@pytest.mark.parametrize("level", [1, 3, 5])
def test_rows_of_an_enlargement_equal_the_whole_enlargement(level: int) -> None:
    plane = np.random.default_rng(3).random((96 >> level, 64 >> level), dtype=np.float32)
    whole = features.upsample_rows(plane, level, 0, 96)
    np.testing.assert_allclose(
        features.upsample_rows(plane, level, 32, 64), whole[32:64], atol=1e-6
    )


def test_distance_to_the_picture_edge_ends_far_inside() -> None:
    pyramid = features.build_pyramid(random_image(100, 90), color=False)
    rows, columns = features.strip_features(pyramid, 0, 128)[-2:]
    assert rows[0, 50] == rows[99, 50] == 0
    assert columns[50, 0] == columns[50, 89] == 0
    assert rows[9, 0] == rows[90, 7] == 3
    np.testing.assert_array_equal(rows[32:68], np.sqrt(np.float32(32)))


def test_a_scale_counts_what_it_measures() -> None:
    everything = features.Scale(0, 1.0)
    assert everything.count(1) == 9
    assert everything.count(3) == 12
    assert features.Scale(5, 1.0, hessian=False, tensor=False, extremes=False).count(1) == 3
