from dataclasses import replace

import numpy as np
import pytest

from maskcast.engines.pixel.learning.features import build_pyramid, feature_count, strip_features
from maskcast.engines.pixel.learning.options import LearnerOptions
from maskcast.engines.pixel.learning.sampling import balanced, sample_view
from maskcast.engines.pixel.learning.views import View


def view(height: int = 200, width: int = 150) -> View:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    masks = np.zeros((2, height, width), np.bool_)
    masks[0, 20:60, 20:80] = True
    masks[1, 50:54, 70:74] = True
    fold = (np.arange(width) >= 75).astype(np.intp)
    return View(image, masks, fold, is_original=True)


def test_samples_carry_the_features_and_truth_of_their_pixels() -> None:
    seen = view()
    part = sample_view(seen, 2000, 0, LearnerOptions(), color=True)
    pyramid = build_pyramid(seen.image, color=True)
    whole = strip_features(pyramid, 0, pyramid.padded[0])
    assert part.features.shape == (len(part.row), feature_count(color=True))
    np.testing.assert_allclose(part.features, whole[:, part.row, part.column].T, atol=1e-6)
    np.testing.assert_array_equal(part.truth, seen.masks[:, part.row, part.column].T)
    np.testing.assert_array_equal(part.fold, seen.fold[part.column])


def test_weights_make_up_for_the_uneven_draw() -> None:
    seen = view()
    part = sample_view(seen, 4000, 0, LearnerOptions(), color=False)
    assert part.weight.sum() == pytest.approx(1, abs=1e-4)
    share = (part.truth * part.weight[:, None]).sum(axis=0)
    np.testing.assert_allclose(share, seen.masks.mean(axis=(1, 2)), rtol=0.02)
    # Far more object pixels are drawn than their share of the picture.
    assert part.truth[:, 0].mean() > 2 * seen.masks[0].mean()
    assert part.truth[:, 1].sum() == 16


def test_unknown_pixels_are_never_drawn() -> None:
    seen = view()
    unknown = np.zeros(seen.image.shape[:2], np.bool_)
    unknown[40:120, :100] = True
    known = replace(seen, unknown=unknown)
    part = sample_view(known, 20_000, 0, LearnerOptions(), color=False)
    assert not unknown[part.row, part.column].any()
    assert part.weight.sum() == pytest.approx(1, abs=1e-4)
    nothing = replace(seen, unknown=np.ones_like(unknown))
    assert len(sample_view(nothing, 100, 0, LearnerOptions(), color=False).row) == 0


def test_a_large_view_is_looked_at_in_part() -> None:
    seen = view(height=2000, width=640)
    part = sample_view(seen, 3000, 0, LearnerOptions(view_pixels=250_000), color=False)
    assert len(np.unique(part.row)) * 640 <= 250_000
    assert part.truth[:, 0].any()


def test_balance_lifts_a_rare_object_to_the_wanted_share() -> None:
    truth = np.array([[1], [0], [0], [0]], np.float32)
    weight = np.array([0.01, 0.33, 0.33, 0.33], np.float32)
    equal = balanced(truth, weight, 0.0)
    assert equal[0, 0] == pytest.approx(equal[1:, 0].sum())
    root = balanced(truth, weight, 0.5)
    assert root[0, 0] / root[1:, 0].sum() == pytest.approx(np.sqrt(0.01 / 0.99), rel=1e-3)
    as_is = balanced(truth, weight, 1.0)
    assert as_is[0, 0] / as_is[1:, 0].sum() == pytest.approx(0.01 / 0.99, rel=1e-3)
    for weights in (equal, root, as_is):
        assert weights.mean() == pytest.approx(1)
