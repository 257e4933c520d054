"""Principal components, against scikit-learn's."""

from __future__ import annotations

import numpy as np
from sklearn.decomposition import PCA

from maskcast.engines.deep.projection import Projection


def maps(seed: int, shape: tuple[int, int] = (20, 30)) -> np.ndarray:
    """Ten numbers a token, mixed from four."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(4, *shape)) * np.array([5, 3, 2, 1])[:, None, None]
    mixing = np.random.default_rng(0).normal(size=(10, 4))
    return (np.tensordot(mixing, hidden, 1) + rng.normal(0, 0.1, (10, *shape))).astype(np.float16)


def test_components_are_those_of_scikit_learn() -> None:
    seen = [maps(1), maps(2, (9, 11))]
    tokens = np.concatenate([values.reshape(10, -1).T for values in seen]).astype(np.float64)
    scaled = (tokens - tokens.mean(axis=0)) / (tokens.std(axis=0) + 1e-3)
    peer = PCA(3, whiten=True).fit_transform(scaled)
    found = Projection.of(seen, [], 3).apply(seen[0]).reshape(3, -1).T
    for ours, theirs in zip(found.T, peer[: len(found)].T, strict=True):
        assert abs(np.corrcoef(ours, theirs)[0, 1]) > 0.9999
        assert np.std(ours) > 0.5


def test_other_pictures_are_laid_on_the_same_axes() -> None:
    projection = Projection.of([maps(1)], [], 3)
    whole, other = maps(1), maps(5)
    joined = projection.apply(np.concatenate([whole, other], axis=2))
    np.testing.assert_allclose(joined[:, :, :30], projection.apply(whole), atol=1e-5)
    np.testing.assert_allclose(joined[:, :, 30:], projection.apply(other), atol=1e-5)


def test_flat_pictures_and_few_numbers_are_no_error() -> None:
    flat = np.ones((5, 3, 3), np.float16)
    found = Projection.of([flat], [], 32).apply(flat)
    assert found.shape == (5, 3, 3)
    assert np.isfinite(found).all()


def test_what_changes_with_the_view_is_left_out() -> None:
    rng = np.random.default_rng(0)
    content, place = rng.normal(size=(2, 20, 30)), 3 * rng.normal(size=(2, 20, 30))
    tokens = np.concatenate([content, place]).astype(np.float16)
    changes = np.zeros((500, 4), np.float32)
    changes[:, 2:] = 4 * rng.normal(size=(500, 2))
    kept = Projection.of([tokens], [changes], 2).apply(tokens).reshape(2, -1)
    for component in kept:
        told = [abs(np.corrcoef(component, plane.ravel())[0, 1]) for plane in (*content, *place)]
        assert max(told[:2]) > 0.6
        assert max(told[2:]) < 0.2
    plain = Projection.of([tokens], [], 4)
    assert np.linalg.matrix_rank(plain.axes) == 4
