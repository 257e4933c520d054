import numpy as np
import pytest

from maskcast.engines.pixel.learning import context


@pytest.mark.parametrize("shape", [(1, 1), (3, 90), (64, 33)])
def test_every_size_gives_finite_planes_of_the_announced_number(shape: tuple[int, int]) -> None:
    logits = np.random.default_rng(0).normal(-2, 3, shape).astype(np.float32)
    built = context.build_context(logits)
    rows, columns = built.logit.shape
    planes = context.strip_context(built, 0, rows)
    assert planes.shape == (context.context_count(), rows, columns)
    assert np.isfinite(planes).all()


def test_strips_join_to_what_the_whole_map_gives() -> None:
    logits = np.random.default_rng(1).normal(-2, 3, (128, 64)).astype(np.float32)
    built = context.build_context(logits)
    whole = context.strip_context(built, 0, 128)
    parts = [context.strip_context(built, top, top + 32) for top in range(0, 128, 32)]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)


def test_a_line_stands_out_from_a_dot_of_the_same_probability() -> None:
    """The best mean along a segment is 1 on a line, and at most 1/7 (a diagonal) on a dot."""
    logits = np.full((64, 64), -30, np.float32)
    logits[20, 10:50] = 30
    logits[45, 30] = 30
    line_plane = context.strip_context(context.build_context(logits), 0, 64)[9]
    # Square roots; clipped logits leave 0.0025 everywhere.
    assert line_plane[20, 30] == pytest.approx(1, abs=0.01)
    assert line_plane[45, 30] == pytest.approx(np.sqrt(1 / 7), abs=0.01)


def test_the_share_is_the_root_of_the_mean_probability() -> None:
    logits = np.full((40, 50), -30, np.float32)
    logits[:20] = 30
    assert context.build_context(logits).share == pytest.approx(np.sqrt(0.5))
