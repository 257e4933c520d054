import numpy as np
from sklearn.metrics import roc_auc_score

from maskcast.engines.pixel.learning.perceptron import (
    Perceptrons,
    Scaler,
    Training,
    combine,
    sigmoid,
    train,
)


def moons(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two interleaved half rings, not separable by a line."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, np.pi, count)
    upper = rng.random(count) < 0.5
    x = np.where(upper, np.cos(angle), 1 - np.cos(angle))
    y = np.where(upper, np.sin(angle), 0.5 - np.sin(angle))
    points = np.stack([x, y], axis=1) + rng.normal(0, 0.1, (count, 2))
    return points.astype(np.float32), upper[:, None].astype(np.float32)


def learn(features: np.ndarray, truth: np.ndarray, settings: Training, *seeds: int) -> Perceptrons:
    scaler = Scaler.of(features)
    inputs, weight = scaler.apply(features), np.ones_like(truth)
    return combine(scaler, [train(inputs, truth, weight, settings, seed) for seed in seeds])


def test_it_learns_what_a_line_cannot_separate() -> None:
    features, truth = moons(2000, 0)
    settings = Training(hidden=(16, 8), steps=400, batch=256, dropout=0.0, rate=1e-2)
    network = learn(features, truth, settings, 0)
    unseen, expected = moons(1000, 1)
    logits = network.logits(np.ascontiguousarray(unseen.T))
    assert logits.shape == (1, 1000)
    assert roc_auc_score(expected[:, 0], logits[0]) > 0.99


def test_one_output_per_object_and_the_seed_decides() -> None:
    features = np.random.default_rng(0).standard_normal((500, 4), dtype=np.float32)
    truth = np.stack([features[:, 0] > 0, features[:, 1] > 0], axis=1).astype(np.float32)
    settings = Training(hidden=(8,), steps=200, batch=128, dropout=0.0, rate=1e-2)
    first, again, other = (
        learn(features, truth, settings, seed).logits(features.T) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert ((first.T > 0) == (truth > 0)).mean() > 0.95


def test_scale_and_offset_of_a_feature_do_not_matter() -> None:
    features, truth = moons(500, 2)
    settings = Training(hidden=(8,), steps=100, batch=128)
    plain = learn(features, truth, settings, 0).logits(features.T)
    moved = features * np.array([100, 200], np.float32) + np.array([7, -9], np.float32)
    scaled = learn(moved, truth, settings, 0).logits(moved.T)
    np.testing.assert_allclose(plain, scaled, atol=0.15)


def test_far_inputs_are_clipped_to_the_training_range() -> None:
    features, truth = moons(300, 3)
    network = learn(features, truth, Training(hidden=(4,), steps=20), 0)
    far = np.full((2, 1), 1e30, np.float32)
    assert np.isfinite(network.logits(far)).all()
    np.testing.assert_array_equal(network.logits(far), network.logits(network.high))


def test_sigmoid_of_extremes() -> None:
    np.testing.assert_allclose(sigmoid([-1e4, 0, 1e4]), np.array([0, 0.5, 1]))


def test_members_are_averaged_and_can_be_picked() -> None:
    features, truth = moons(300, 4)
    both = learn(features, truth, Training(hidden=(6, 4), steps=20), 0, 1)
    alone = [both.pick(i).logits(features.T) for i in range(2)]
    assert not np.allclose(alone[0], alone[1])
    np.testing.assert_allclose(both.logits(features.T), (alone[0] + alone[1]) / 2, atol=1e-5)


def test_the_network_is_the_formula() -> None:
    """Two inputs, one hidden unit, one output, worked by hand."""
    scaler = Scaler(np.array([1, 2], np.float32), np.array([2, 4], np.float32))
    layers = [np.array([[1], [3]]), np.array([0.5]), np.array([[2]]), np.array([-1])]
    network = combine(scaler, [[layer.astype(np.float32) for layer in layers]])
    # Standardised (3, 6) -> (1, 1): hidden 1 + 3 + 0.5 = 4.5, output 2 * 4.5 - 1 = 8.
    # Standardised (-3, 2) -> (-2, 0): hidden max(0, -1.5) = 0, output -1.
    logits = network.logits(np.array([[3, -3], [6, 2]], np.float32))
    np.testing.assert_allclose(logits, [[8, -1]], atol=1e-5)


def test_logits_of_a_sample_do_not_depend_on_how_many_there_are() -> None:
    features, truth = moons(1500, 5)
    network = learn(features, truth, Training(hidden=(6, 4), steps=20), 0, 1)
    samples = np.ascontiguousarray(features.T)
    together = network.logits(samples)
    for first, last in ((0, 1), (3, 700), (511, 1025)):
        np.testing.assert_array_equal(
            network.logits(samples[:, first:last]), together[:, first:last]
        )
