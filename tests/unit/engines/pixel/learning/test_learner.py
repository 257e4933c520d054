"""Learning and masking on drawn images: what is learned, kept apart and repeated exactly."""

from dataclasses import replace

import numpy as np
import pytest

from maskcast.engines.pixel.learning import learner
from maskcast.engines.pixel.learning.features import build_pyramid
from maskcast.engines.pixel.learning.learner import LearnerOptions, fit
from maskcast.engines.pixel.learning.model import (
    OpenPixels,
    PixelModel,
    first_logits,
    open_pixels,
    predict,
    second_logits,
)
from maskcast.engines.pixel.learning.perceptron import Training
from maskcast.types import Reference

QUICK = LearnerOptions(
    views=1,
    samples=8000,
    first=Training(hidden=(16,), steps=150, batch=256),
    second=Training(hidden=(16,), steps=100, batch=256),
)


def draw(seed: int, height: int = 96, width: int = 120) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    """Noise with a dark disc (object 2) and a bright square (object 5)."""
    rng = np.random.default_rng(seed)
    level = rng.normal(110, 6, (height, width))
    y, x = np.mgrid[:height, :width]
    disc = (y - rng.integers(20, height - 60)) ** 2 + (x - rng.integers(20, width - 20)) ** 2 < 100
    top, left = height - 35, int(rng.integers(5, width - 25))
    square = (y >= top) & (y < top + 15) & (x >= left) & (x < left + 15)
    level[disc] -= 50
    level[square] += 60
    gray = np.clip(level, 0, 255).astype(np.uint8)
    return np.repeat(gray[..., None], 3, axis=2), {2: disc, 5: square}


def clean(seed: int) -> np.ndarray:
    gray = np.clip(np.random.default_rng(seed).normal(110, 6, (96, 120)), 0, 255).astype(np.uint8)
    return np.repeat(gray[..., None], 3, axis=2)


def overlap(mask: np.ndarray, truth: np.ndarray) -> float:
    return float((mask & truth).sum() / (mask | truth).sum())


@pytest.fixture(scope="module")
def model() -> PixelModel:
    references = [Reference(f"{seed}.png", *draw(seed)) for seed in range(3)]
    references.append(Reference("clean.png", clean(90), {}))
    return fit(references, QUICK)


def test_both_objects_are_found_on_an_unseen_image(model: PixelModel) -> None:
    image, masks = draw(50)
    result = predict(model, image)
    assert result.object_ids.tolist() == [2, 5]
    for object_id, mask in zip(result.object_ids, result.masks, strict=True):
        assert overlap(mask, masks[int(object_id)]) > 0.8
    assert (result.scores > 0.5).all()


def test_a_second_stage_that_harms_is_left_out(
    model: PixelModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert None not in model.second
    monkeypatch.setattr(learner, "second_helps", lambda *_: False)
    references = [Reference(f"{seed}.png", *draw(seed)) for seed in range(3)]
    alone = fit(references, QUICK)
    assert alone.second == (None, None)
    image, masks = draw(50)
    result = predict(alone, image)
    for object_id, mask in zip(result.object_ids, result.masks, strict=True):
        assert overlap(mask, masks[int(object_id)]) > 0.7


def test_nothing_is_found_on_a_clean_image(model: PixelModel) -> None:
    assert predict(model, clean(91)).object_ids.size == 0


@pytest.mark.parametrize("shape", [(1, 1), (1, 200), (200, 1), (31, 33), (2000, 50)])
def test_any_size_is_masked_at_its_own_size(model: PixelModel, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    result = predict(model, rng.integers(0, 256, (*shape, 3), dtype=np.uint8))
    assert result.masks.shape[1:] == shape
    assert np.isfinite(result.scores).all()


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_constant_image_is_no_error(model: PixelModel, value: int) -> None:
    assert predict(model, np.full((64, 64, 3), value, np.uint8)).masks.shape[1:] == (64, 64)


def test_the_same_references_give_the_same_masks_whatever_the_threads() -> None:
    references = [Reference(f"{seed}.png", *draw(seed)) for seed in range(2)]
    image, _ = draw(51)
    one, three = (predict(fit(references, replace(QUICK, workers=n)), image) for n in (1, 3))
    np.testing.assert_array_equal(one.masks, three.masks)
    np.testing.assert_array_equal(one.scores, three.scores)


def test_one_reference_is_enough() -> None:
    image, masks = draw(4)
    result = predict(fit([Reference("a.png", image, masks)], QUICK), draw(52)[0])
    truth = draw(52)[1]
    assert result.object_ids.tolist() == [2, 5]
    assert all(
        overlap(m, truth[int(i)]) > 0.6
        for i, m in zip(result.object_ids, result.masks, strict=True)
    )


def test_an_object_never_shown_is_never_predicted() -> None:
    image, masks = draw(5)
    empty = np.zeros_like(masks[2])
    model = fit([Reference("a.png", image, {2: masks[2], 9: empty})], QUICK)
    assert model.object_ids == (2,)


def test_a_colour_alone_can_be_learned() -> None:
    rng = np.random.default_rng(0)
    references = []
    for seed in range(3):
        image = rng.integers(100, 110, (64, 64, 3), dtype=np.uint8)
        mask = np.zeros((64, 64), np.bool_)
        mask[10 + seed : 30 + seed, 20:40] = True
        # Same brightness (0.299 R + 0.587 G), other hue.
        image[mask] = (160, 77, 105)
        references.append(Reference(f"{seed}.png", image, {1: mask}))
    result = predict(fit(references[:2], QUICK), references[2].image)
    assert overlap(result.masks[0], references[2].masks[1]) > 0.8


@pytest.mark.parametrize(
    "references",
    [
        [Reference("a.png", np.zeros((1, 1, 3), np.uint8), {3: np.ones((1, 1), np.bool_)})],
        [
            Reference("a.png", np.zeros((40, 64, 3), np.uint8), {3: np.ones((40, 64), np.bool_)}),
            Reference("b.png", np.full((50, 30, 3), 200, np.uint8), {}),
        ],
    ],
)
def test_odd_references_are_no_error(references: list[Reference]) -> None:
    model = fit(references, QUICK)
    for reference in references:
        result = predict(model, reference.image)
        assert result.masks.shape[1:] == reference.image.shape[:2]
        assert set(result.object_ids.tolist()) <= {3}
        assert ((result.scores > 0) & (result.scores <= 1)).all()


def test_no_object_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="expected at least one that shows an object"):
        fit([Reference("a.png", clean(0), {})], QUICK)


def test_a_given_threshold_replaces_the_calibrated_one() -> None:
    references = [Reference(f"{seed}.png", *draw(seed)) for seed in range(2)]
    model = fit(references, replace(QUICK, threshold=0.9))
    assert all(abs(d.low - np.log(9)) < 1e-6 for d in model.decisions)
    with pytest.raises(ValueError, match=r"threshold: expected a number in \(0, 1\), got 1"):
        LearnerOptions(threshold=1.0)


def test_features_computed_twice_give_what_kept_ones_give(model: PixelModel) -> None:
    """Large images exceed the memory for kept features; the result must not depend on that."""
    pyramid = build_pyramid(draw(53)[0], color=model.color)
    kept: dict[int, OpenPixels] = {}
    logits = first_logits(pyramid, model.first, model.gates, kept)
    assert kept
    for index, networks in enumerate(model.second):
        with_kept, without = (
            second_logits(pyramid, logits[index], networks, model.gates[index], store)
            for store in (kept, None)
        )
        np.testing.assert_array_equal(with_kept, without)


def test_open_pixels_of_a_known_map_are_those_kept_while_it_was_made(model: PixelModel) -> None:
    image, _ = draw(53, 500, 300)
    pyramid = build_pyramid(image, color=model.color)
    kept: dict[int, OpenPixels] = {}
    logits = first_logits(pyramid, model.first, model.gates, kept)
    again = open_pixels(pyramid, logits, model.gates)
    assert {top for top, pixels in kept.items() if len(pixels.row)} == again.keys()
    for top, pixels in again.items():
        np.testing.assert_array_equal(pixels.row, kept[top].row)
        np.testing.assert_array_equal(pixels.column, kept[top].column)
        np.testing.assert_array_equal(pixels.features, kept[top].features)


@pytest.mark.parametrize("shape", [(90, 45), (500, 707), (300, 1100)])
def test_the_second_stage_gives_a_pixel_the_same_whichever_others_are_open(
    model: PixelModel, shape: tuple[int, int]
) -> None:
    """Context is computed around open pixels only; a few of them must get what all of them get."""
    pyramid = build_pyramid(draw(54, *shape)[0], color=model.color)
    first = first_logits(pyramid, model.first)[0]
    rng = np.random.default_rng(shape[1])
    open_to_all = np.maximum(first, -2.0)
    shown = second_logits(pyramid, open_to_all, model.second[0], -9.0)
    for _ in range(3):
        gate = float(np.sort(open_to_all.ravel())[-int(rng.integers(1, 400))])
        few = second_logits(pyramid, open_to_all, model.second[0], np.nextafter(gate, -9))
        refined = open_to_all >= gate
        np.testing.assert_array_equal(few[refined], shown[refined])
        np.testing.assert_array_equal(few[~refined], open_to_all[~refined])
