"""Metrics against scikit-learn, scikit-image and hand-computed cases."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import binary_dilation, binary_erosion
from sklearn.metrics import accuracy_score, f1_score, jaccard_score, precision_score, recall_score

from maskcast.results.metrics import (
    Agreement,
    Presence,
    agreement,
    agreements,
    boundary_f,
    overall_quality,
    quality_by_object,
)
from maskcast.types import Mask

SHAPE = (40, 50)


def blob(top: int, left: int, height: int, width: int, shape: tuple[int, int] = SHAPE) -> Mask:
    mask = np.zeros(shape, np.bool_)
    mask[top : top + height, left : left + width] = True
    return mask


def random_masks(seed: int, images: int, density: float = 0.2) -> list[tuple[Mask, Mask]]:
    """Pairs of overlapping masks."""
    rng = np.random.default_rng(seed)
    true = [rng.random(SHAPE) < density for _ in range(images)]
    return [(mask ^ (rng.random(SHAPE) < 0.1), mask) for mask in true]


def test_two_shifted_squares() -> None:
    found = agreement(blob(0, 0, 10, 10), blob(0, 5, 10, 10))
    assert (found.intersection, found.predicted, found.true) == (50, 100, 100)
    assert found.iou == 50 / 150
    assert found.dice == 100 / 200


@given(st.integers(0, 2**32 - 1))
def test_one_image_like_scikit_learn(seed: int) -> None:
    ((predicted, true),) = random_masks(seed, 1)
    found = agreement(predicted, true)
    assert found.iou == pytest.approx(jaccard_score(true.ravel(), predicted.ravel()))
    assert found.dice == pytest.approx(f1_score(true.ravel(), predicted.ravel()))


def test_pooled_and_mean_like_scikit_learn() -> None:
    pairs = [*random_masks(3, 4), (blob(0, 0, 9, 9), blob(3, 3, 30, 30))]
    images = [agreements({5: predicted}, {5: true}, SHAPE) for predicted, true in pairs]
    quality = quality_by_object(images, {5: "dust"})[5]
    predicted = np.concatenate([pair[0].ravel() for pair in pairs])
    true = np.concatenate([pair[1].ravel() for pair in pairs])
    assert quality.name == "dust"
    assert quality.iou == pytest.approx(jaccard_score(true, predicted))
    assert quality.dice == pytest.approx(f1_score(true, predicted))
    each_iou = [jaccard_score(pair[1].ravel(), pair[0].ravel()) for pair in pairs]
    each_dice = [f1_score(pair[1].ravel(), pair[0].ravel()) for pair in pairs]
    assert quality.mean_iou == pytest.approx(np.mean(each_iou))
    assert quality.mean_dice == pytest.approx(np.mean(each_dice))


def test_presence_like_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    there, found = rng.random(30) < 0.5, rng.random(30) < 0.5
    spot = blob(1, 1, 4, 4)
    images = [
        agreements({1: spot} if hit else {}, {1: spot} if real else {}, SHAPE)
        for hit, real in zip(found, there, strict=True)
    ]
    presence = quality_by_object(images, {})[1].presence
    assert presence.precision == pytest.approx(precision_score(there, found))
    assert presence.recall == pytest.approx(recall_score(there, found))
    assert presence.accuracy == pytest.approx(accuracy_score(there, found))
    assert presence.tp + presence.fp + presence.fn + presence.tn == 30
    assert overall_quality(images).presence == presence


def test_presence_counts_by_hand() -> None:
    spot, other = blob(0, 0, 2, 2), blob(20, 20, 2, 2)
    images = [
        agreements({1: spot}, {1: other}, SHAPE),  # there and found, though elsewhere
        agreements({1: spot}, {}, SHAPE),
        agreements({1: spot}, {2: spot}, SHAPE),
        agreements({}, {1: spot}, SHAPE),
        agreements({}, {}, SHAPE),
        agreements({}, {}, SHAPE),
    ]
    objects = quality_by_object(images, {})
    assert objects[1].presence == Presence(tp=1, fp=2, fn=1, tn=2)
    assert objects[2].presence == Presence(tp=0, fp=0, fn=1, tn=5)
    # Any object at all: the third image shows something and something was found.
    assert overall_quality(images).presence == Presence(tp=2, fp=1, fn=1, tn=2)


def test_overall_pools_pixels_and_averages_objects() -> None:
    images = [
        agreements({1: blob(0, 0, 10, 10)}, {1: blob(0, 0, 10, 10)}, SHAPE),
        agreements({2: blob(0, 0, 10, 10)}, {2: blob(0, 5, 10, 10)}, SHAPE),
    ]
    overall = overall_quality(images)
    assert overall.iou == pytest.approx((100 + 50) / (100 + 150))
    assert overall.dice == pytest.approx(2 * 150 / 400)
    assert overall.mean_iou == pytest.approx((1 + 1 / 3) / 2)
    assert overall.mean_dice == pytest.approx((1 + 1 / 2) / 2)


def test_an_object_that_is_nowhere_has_no_figures() -> None:
    quality = quality_by_object([agreements({}, {}, SHAPE)], {3: "bridge"})[3]
    assert (quality.iou, quality.mean_iou, quality.dice, quality.boundary_f) == (None,) * 4
    assert quality.presence.precision is None
    assert quality.presence.accuracy == 1.0
    assert json.loads(json.dumps(quality.to_json(), allow_nan=False))["iou"] is None


def test_masks_without_a_pixel_do_not_count() -> None:
    empty = np.zeros(SHAPE, np.bool_)
    assert agreements({1: empty}, {1: empty, 2: empty}, SHAPE) == {}


def test_boundary_f_of_the_same_mask_is_one() -> None:
    assert boundary_f(blob(5, 5, 20, 20), blob(5, 5, 20, 20)) == 1.0


@pytest.mark.parametrize(("shift", "expected"), [(2, 1.0), (30, 0.0)])
def test_boundary_f_forgives_the_tolerance(shift: int, expected: float) -> None:
    # 40 x 50 has a diagonal of 64: 0.0075 of it is less than the smallest tolerance of 2 pixels.
    assert boundary_f(blob(5, 5, 6, 6), blob(5, 5 + shift, 6, 6)) == expected


def test_boundary_f_by_hand() -> None:
    # Lines 20 long and 1 high, 3 apart but for their left half: half of each is near the other.
    one, other = blob(10, 0, 1, 20), blob(10, 0, 1, 10) | blob(13, 10, 1, 10)
    # Of the lower half, the first pixel is sqrt(9 + 1) away from the end of the left half.
    assert boundary_f(one, other) == pytest.approx(2 * (12 / 20) * (10 / 20) / (22 / 20))


@pytest.mark.parametrize(
    ("predicted", "true", "expected"),
    [
        (np.zeros(SHAPE, np.bool_), np.zeros(SHAPE, np.bool_), None),
        (np.zeros(SHAPE, np.bool_), blob(0, 0, 3, 3), 0.0),
        (blob(0, 0, 3, 3), np.zeros(SHAPE, np.bool_), 0.0),
        (np.ones(SHAPE, np.bool_), np.ones(SHAPE, np.bool_), 1.0),
        (np.ones(SHAPE, np.bool_), blob(0, 0, 3, 3), 0.0),
        (np.ones(SHAPE, np.bool_), np.zeros(SHAPE, np.bool_), 0.0),
    ],
)
def test_boundary_f_without_outlines(predicted: Mask, true: Mask, expected: float | None) -> None:
    assert boundary_f(predicted, true) == expected


def reference_boundary_f(predicted: Mask, true: Mask) -> float:
    """By dilation with a disk, as the DAVIS benchmark does it."""
    radius = max(2, math.ceil(0.0075 * math.hypot(*true.shape)))
    disk = np.hypot(*np.ogrid[-radius : radius + 1, -radius : radius + 1]) <= radius
    outlines = [mask & ~binary_erosion(mask, border_value=1) for mask in (predicted, true)]
    wide = [binary_dilation(outline, disk) for outline in outlines]
    precision = (outlines[0] & wide[1]).sum() / outlines[0].sum()
    recall = (outlines[1] & wide[0]).sum() / outlines[1].sum()
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


@settings(max_examples=40, deadline=None)
@given(
    st.tuples(st.integers(30, 120), st.integers(200, 700)),
    st.lists(st.integers(0, 10_000), min_size=16, max_size=16),
)
def test_boundary_f_like_dilation_with_a_disk(size: tuple[int, int], numbers: list[int]) -> None:
    masks = []
    for four in (numbers[:8], numbers[8:]):
        mask = np.zeros(size, np.bool_)
        for top, left, height, width in (four[:4], four[4:]):
            y, x = top % (size[0] - 1), left % (size[1] - 1)
            mask |= blob(y, x, 1 + height % 25, 1 + width % 60, size)
        masks.append(mask)
    assert boundary_f(*masks) == pytest.approx(reference_boundary_f(*masks))


@given(
    st.lists(
        st.dictionaries(
            st.integers(1, 4),
            st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)).filter(any),
            max_size=3,
        ),
        max_size=6,
    )
)
def test_figures_are_in_range_or_null(images: list[dict[int, tuple[int, int, int]]]) -> None:
    found = [
        {
            key: Agreement(both, both + one, both + other, 0.5)
            for key, (both, one, other) in image.items()
        }
        for image in images
    ]
    for quality in [overall_quality(found), *quality_by_object(found, {9: "nine"}).values()]:
        content = quality.to_json() | quality.presence.to_json()
        figures = {"iou", "mean_iou", "dice", "mean_dice", "precision", "recall", "accuracy"}
        assert all(content[key] is None or 0 <= content[key] <= 1 for key in figures)
        json.dumps(content, allow_nan=False)
