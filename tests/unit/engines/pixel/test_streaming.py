"""A large picture's masks are those of the same picture in one piece, to the bit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache, partialmethod
from pathlib import Path

import cv2
import numpy as np
import pytest

from maskcast.engines.large import LargeSegmentation, Tiles, Unfinished
from maskcast.engines.pixel.learning import context
from maskcast.engines.pixel.learning.learner import LearnerOptions, fit
from maskcast.engines.pixel.learning.model import PixelModel, predict
from maskcast.engines.pixel.learning.perceptron import Training
from maskcast.engines.pixel.streaming import casting
from maskcast.engines.pixel.streaming.casting import Grid
from maskcast.engines.pixel.streaming.masking import predict_large
from maskcast.engines.pixel.threads import single_threaded_libraries
from maskcast.engines.uniting import Uniting
from maskcast.io.windowed import WholePicture
from maskcast.types import Mask, Reference, RgbImage, Segmentation


def draw(height: int, width: int, count: int, *, is_gray: bool) -> tuple[RgbImage, dict[int, Mask]]:
    """Discs (1) and long lines (2) on noise that is uneven."""
    rng = np.random.default_rng(height)
    image = rng.normal(0, 6, (height, width, 3)).astype(np.float32)
    image += cv2.GaussianBlur(rng.normal(120, 40, image.shape).astype(np.float32), (0, 0), 2)
    if is_gray:
        image[:] = image[..., :1]
    masks = np.zeros((3, height, width), np.uint8)
    for number in range(count):
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
        if number % 2:
            cv2.circle(masks[1], (x, y), int(rng.integers(4, 14)), 1, -1)
        else:
            end = x + int(rng.integers(-200, 200)), y + int(rng.integers(-300, 300))
            cv2.line(masks[2], (x, y), end, 1, 3)
    masks[2] &= ~masks[1]
    image[masks[1] > 0] += 55 if is_gray else np.array([60, 40, 30], np.float32)
    image[masks[2] > 0] -= 50
    return np.clip(image, 0, 255).astype(np.uint8), {key: masks[key] > 0 for key in (1, 2)}


@cache
def fitted(*, is_gray: bool) -> PixelModel:
    references = [
        Reference(f"{side}.png", *draw(side, 260, 12, is_gray=is_gray)) for side in (190, 200)
    ]
    quick = Training(hidden=(12,), steps=120)
    options = LearnerOptions(
        samples=20_000, folds=2, views=1, first=quick, second=quick, refiners=1
    )
    return fit(references, options)


def assert_same(model: PixelModel, image: RgbImage, side: int = 512) -> LargeSegmentation:
    with single_threaded_libraries(), ThreadPoolExecutor(2) as pool:
        whole: Segmentation = predict(model, image)
        large = predict_large(model, WholePicture(image), Tiles(side), pool)
    assert large.object_ids.tolist() == whole.object_ids.tolist()
    for packed, mask in zip(large.masks, whole.masks, strict=True):
        np.testing.assert_array_equal(packed.rows(0, large.height), mask)
    np.testing.assert_array_equal(large.scores, whole.scores)
    for name, values in whole.signals.items():
        np.testing.assert_array_equal(large.signals[name], values)
    return large


@pytest.mark.parametrize("is_gray", [True, False])
@pytest.mark.parametrize("shape", [(820, 1100), (613, 777)])
def test_tiles_leave_no_trace(shape: tuple[int, int], is_gray: bool) -> None:
    image, _ = draw(*shape, 40, is_gray=is_gray)

    found = assert_same(fitted(is_gray=is_gray), image)

    assert found.object_ids.tolist() == [1, 2]


def test_what_is_of_the_whole_may_come_from_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    few = replace(context._FIXED, sample_side=64, sample_windows=9)
    monkeypatch.setattr(context, "_FIXED", few)
    monkeypatch.setattr(casting, "_KEPT_BYTES", 1000)  # features are computed a second time
    image, _ = draw(613, 777, 40, is_gray=True)

    assert_same(fitted(is_gray=True), image, side=256)


@pytest.mark.parametrize(
    "change",
    [
        {"snapped": False},
        {"snapped": False, "low": -1.0, "high": 2.0, "area": 64},
        {"low": -2.0, "high": -1.0, "area": 32},
        {"low": 30.0, "high": 30.0},
    ],
    ids=["threshold", "hysteresis", "overlapping", "nothing"],
)
def test_limits_are_those_of_whole_components(change: dict[str, float]) -> None:
    model = fitted(is_gray=True)
    decisions = tuple(replace(decision, **change) for decision in model.decisions)  # type: ignore[arg-type]
    image, _ = draw(620, 777, 60, is_gray=True)

    for exclusive in (True, False):
        assert_same(replace(model, decisions=decisions, exclusive=exclusive), image)


def test_what_is_done_of_a_picture_is_not_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(casting, "_ROW_VALUES", 1)  # rows of tiles of 256 pixels: four of them
    image, _ = draw(1100, 600, 60, is_gray=True)
    model = fitted(is_gray=True)
    unfinished = Unfinished(tmp_path / "new" / "a.tiles", "a")
    computed: list[int] = []
    first_row = casting.Casting._first_row

    def counted(self: casting.Casting, row: int, stop: int) -> object:
        computed.append(row)
        if row == stop:
            raise KeyboardInterrupt
        return first_row(self, row)

    def mask(where: Unfinished, stop: int = 99) -> LargeSegmentation:
        computed.clear()
        monkeypatch.setattr(casting.Casting, "_first_row", partialmethod(counted, stop=stop))
        with single_threaded_libraries(), ThreadPoolExecutor(1) as pool:
            return predict_large(model, WholePicture(image), Tiles(512), pool, where)

    with pytest.raises(KeyboardInterrupt):
        mask(unfinished, stop=3)
    with unfinished.path.open("ab") as file:
        file.write(b"half a record")  # as a kill leaves it
    found = mask(unfinished)

    assert computed == [1, 2, 3]  # the context of what is left, and that itself
    whole = predict(model, image)
    for packed, expected in zip(found.masks, whole.masks, strict=True):
        np.testing.assert_array_equal(packed.rows(0, 1100), expected)
    np.testing.assert_array_equal(found.scores, whole.scores)
    mask(unfinished)
    assert computed == []
    mask(replace(unfinished, identity="of another picture"))
    assert computed == [0, 1, 2, 3]


def test_a_grid_covers_a_picture_once() -> None:
    for height, width, side in ((20_000, 20_000, 1024), (513, 700, 512), (100, 90, 512)):
        grid = Grid.of(height, width, side, 3)
        for cuts, length in ((grid.rows, height), (grid.columns, width)):
            assert [first for first, _ in cuts] == [0, *(last for _, last in cuts[:-1])]
            assert cuts[-1][1] == length
        assert all(top % 32 == 0 for top, _ in grid.rows)
        for left, right in grid.columns:
            _, first, _, last = grid.around((0, left, height, right))
            assert first % 512 == 0
            assert last in {width, *range(0, width, 512)}


def test_components_are_united_where_rows_touch() -> None:
    mask = np.zeros((9, 12), np.bool_)
    mask[:, 1] = True  # straight through
    mask[2, 4] = mask[3, 5] = True  # across a corner, and a seam
    mask[2, 8] = mask[3, 10] = True  # apart
    mask[5:7, 1:8] = True  # joins from below

    uniting = Uniting()
    labels = np.concatenate([uniting.add(mask[top : top + 3]) for top in (0, 3, 6)])
    numbers, count = uniting.united()

    _, expected = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    pairs = {
        (int(a), int(b)) for a, b in zip(expected.ravel(), numbers[labels].ravel(), strict=True)
    }
    assert len(pairs) == count == expected.max() + 1
