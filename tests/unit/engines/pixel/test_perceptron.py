import numpy as np
from sklearn.metrics import roc_auc_score

from maskcast.engines.pixel.perceptron import Training, sigmoid, train


def moons(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two interleaved half rings, not separable by a line."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, np.pi, count)
    upper = rng.random(count) < 0.5
    x = np.where(upper, np.cos(angle), 1 - np.cos(angle))
    y = np.where(upper, np.sin(angle), 0.5 - np.sin(angle))
    points = np.stack([x, y], axis=1) + rng.normal(0, 0.1, (count, 2))
    return points.astype(np.float32), upper[:, None].astype(np.float32)


def test_it_learns_what_a_line_cannot_separate() -> None:
    features, truth = moons(2000, 0)
    settings = Training(hidden=(16, 8), steps=400, batch=256, dropout=0.0, rate=1e-2)
    network = train(features, truth, np.ones_like(truth), settings, seed=0)
    unseen, expected = moons(1000, 1)
    logits = network.logits(np.ascontiguousarray(unseen.T))
    assert logits.shape == (1, 1000)
    assert roc_auc_score(expected[:, 0], logits[0]) > 0.99


def test_one_output_per_object_and_the_seed_decides() -> None:
    features = np.random.default_rng(0).standard_normal((500, 4), dtype=np.float32)
    truth = np.stack([features[:, 0] > 0, features[:, 1] > 0], axis=1).astype(np.float32)
    settings = Training(hidden=(8,), steps=200, batch=128, dropout=0.0, rate=1e-2)
    first, again, other = (
        train(features, truth, np.ones_like(truth), settings, seed).logits(features.T)
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert ((first.T > 0) == (truth > 0)).mean() > 0.95


def test_scale_and_offset_of_a_feature_do_not_matter() -> None:
    features, truth = moons(500, 2)
    settings = Training(hidden=(8,), steps=100, batch=128)
    plain = train(features, truth, np.ones_like(truth), settings, 0).logits(features.T)
    moved = features * np.array([100, 200], np.float32) + np.array([7, -9], np.float32)
    scaled = train(moved, truth, np.ones_like(truth), settings, 0).logits(moved.T)
    np.testing.assert_allclose(plain, scaled, atol=0.15)


def test_far_inputs_are_clipped_to_the_training_range() -> None:
    features, truth = moons(300, 3)
    network = train(features, truth, np.ones_like(truth), Training(hidden=(4,), steps=20), 0)
    far = np.full((2, 1), 1e30, np.float32)
    assert np.isfinite(network.logits(far)).all()
    np.testing.assert_array_equal(network.logits(far), network.logits(network.high))


def test_sigmoid_of_extremes() -> None:
    np.testing.assert_allclose(sigmoid([-1e4, 0, 1e4]), np.array([0, 0.5, 1]))
