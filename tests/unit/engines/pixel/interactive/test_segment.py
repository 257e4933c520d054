"""Live segmentation on drawn images whose true masks follow from geometry."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskcast.engines.pixel.interactive.click import Draft, correct
from maskcast.engines.pixel.interactive.fitted import Weights
from maskcast.engines.pixel.interactive.frame import Frame
from maskcast.engines.pixel.interactive.kept_steps import Memory
from maskcast.engines.pixel.interactive.proposals import Click
from maskcast.engines.pixel.interactive.segment import Sketch, segment_object
from maskcast.types import Mask, Prompts, RgbImage

Scene = tuple[RgbImage, Mask]


def noisy(height: int, width: int, value: float = 110, seed: int = 0) -> npt.NDArray[np.float64]:
    return value + np.random.default_rng(seed).normal(0, 5, (height, width))


def gray(plane: npt.NDArray[np.float64]) -> RgbImage:
    levels = plane.clip(0, 255).astype(np.uint8)
    return np.repeat(levels[..., None], 3, axis=2)


def disc(height: int = 120, width: int = 160, radius: int = 24) -> Scene:
    y, x = np.ogrid[:height, :width]
    mask = (x - 70) ** 2 + (y - 60) ** 2 <= radius**2
    return gray(noisy(height, width) + 50 * mask), mask


def dark_line() -> Scene:
    line = np.zeros((140, 200), np.uint8)
    bends = np.array([[20, 110], [70, 80], [120, 95], [180, 30]], np.int32)
    cv2.polylines(line, [bends], False, (1,), 3)
    return gray(noisy(140, 200) - 40 * line), line.astype(np.bool_)


def textured_square() -> Scene:
    mask = np.zeros((140, 160), np.bool_)
    mask[40:100, 50:120] = True
    stripes = 30 * (np.indices((140, 160)).sum(axis=0) // 3 % 2 * 2 - 1)
    return gray(noisy(140, 160) + stripes * mask), mask


def ring() -> Scene:
    y, x = np.ogrid[:140, :140]
    distance = np.hypot(x - 70, y - 70)
    mask = (distance <= 45) & (distance >= 28)
    return gray(noisy(140, 140) - 45 * mask), mask


def two_tone() -> Scene:
    mask = np.zeros((120, 150), np.bool_)
    mask[30:90, 40:110] = True
    plane = noisy(120, 150)
    plane[30:90, 40:75] += 70
    plane[30:90, 75:110] -= 70
    return gray(plane), mask


def red_blob() -> Scene:
    mask = np.zeros((100, 100), np.uint8)
    cv2.ellipse(mask, (50, 45), (30, 18), 25, 0, 360, (1,), -1)
    image = gray(noisy(100, 100)).astype(np.int16)
    image[mask > 0] += np.array([40, -20, -20], np.int16)
    return image.clip(0, 255).astype(np.uint8), mask.astype(np.bool_)


def tight_box(mask: Mask) -> npt.NDArray[np.float32]:
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    return np.array([x, y, x + width, y + height], np.float32)


def boxed(mask: Mask) -> Prompts:
    return Prompts(box=tight_box(mask))


def pointed(*points: tuple[float, float, bool], box: object = None) -> Prompts:
    return Prompts(
        box=None if box is None else np.asarray(box, np.float32),
        points=np.array([point[:2] for point in points], np.float32).reshape(-1, 2),
        point_labels=np.array([point[2] for point in points], np.bool_),
    )


def iou(mask: Mask, truth: Mask) -> float:
    return float((mask & truth).sum() / (mask | truth).sum())


@pytest.mark.parametrize(
    ("draw", "least"),
    [
        (disc, 0.93),
        (dark_line, 0.7),
        (textured_square, 0.8),
        (ring, 0.85),
        (two_tone, 0.85),
        (red_blob, 0.9),
    ],
)
def test_a_tight_box_is_enough(draw: Callable[[], Scene], least: float) -> None:
    image, truth = draw()
    assert iou(segment_object(image, boxed(truth)), truth) >= least


def test_a_click_in_the_middle_finds_the_object() -> None:
    image, truth = disc()
    assert iou(segment_object(image, pointed((70.5, 60.5, True))), truth) >= 0.9


def test_a_negative_click_takes_the_wrong_region_away() -> None:
    image, truth = disc()
    both = truth.copy()
    both[50:80, 110:140] = True
    image = np.where((both & ~truth)[..., None], gray(noisy(120, 160, 160)), image)
    box = tight_box(both)
    mask = segment_object(image, pointed((125.5, 65.5, False), box=box))
    assert iou(mask, truth) >= 0.85


def test_a_positive_click_adds_the_missing_region() -> None:
    image, truth = disc()
    other = np.zeros_like(truth)
    other[50:80, 120:150] = True
    image = np.where(other[..., None], gray(noisy(120, 160, 160)), image)
    mask = segment_object(image, pointed((135.5, 65.5, True), box=tight_box(truth)))
    assert iou(mask, truth | other) >= 0.85


def test_objects_do_not_depend_on_each_other() -> None:
    image, truth = disc()
    line_image, line = dark_line()
    alone = segment_object(image, boxed(truth))
    segment_object(line_image, boxed(line))
    assert np.array_equal(alone, segment_object(image, boxed(truth)))


def test_what_is_remembered_never_changes_a_result() -> None:
    image, truth = ring()
    clicks = [(70.5, 34.5, True), (70.5, 70.5, False), (105.5, 70.5, True)]
    prompts = [pointed(*clicks[:count], box=tight_box(truth)) for count in range(4)]
    memory: Memory[Sketch] = Memory(16)
    warm = [segment_object(image, prompt, memory) for prompt in prompts]
    for prompt, expected in zip(prompts, warm, strict=True):
        assert np.array_equal(segment_object(image, prompt), expected)


def test_no_prompt_is_no_mask() -> None:
    image, _ = disc()
    assert not segment_object(image, Prompts()).any()


def test_only_negative_points_are_no_mask() -> None:
    image, _ = disc()
    assert not segment_object(image, pointed((5, 5, False), (70, 60, False))).any()


def test_brush_alone_gives_exactly_the_strokes() -> None:
    image, truth = disc()
    assert np.array_equal(segment_object(image, Prompts(paint=truth)), truth)
    assert not segment_object(image, Prompts(erase=truth)).any()


def test_brush_is_composed_on_top_of_box_and_points() -> None:
    image, truth = disc()
    paint, erase = np.zeros_like(truth), np.zeros_like(truth)
    paint[2:6, 100:140], erase[55:65, 60:80] = True, True
    prompts = pointed((70.5, 60.5, True), box=tight_box(truth))
    plain = segment_object(image, prompts)
    brushed = Prompts(prompts.box, prompts.points, prompts.point_labels, paint, erase)
    assert np.array_equal(segment_object(image, brushed), (plain | paint) & ~erase)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 1), (2, 2), (3, 40)])
def test_tiny_images(size: tuple[int, int]) -> None:
    image = gray(noisy(*size))
    height, width = size
    mask = segment_object(image, pointed((0, 0, True), box=[0, 0, width, height]))
    assert mask.shape == size
    assert mask[0, 0]
    assert segment_object(image, pointed((0, 0, True)))[0, 0]


@pytest.mark.parametrize("value", [0, 128, 255])
def test_constant_images(value: int) -> None:
    image = np.full((50, 60, 3), value, np.uint8)
    mask = segment_object(image, pointed((20, 20, True), (40, 30, False), box=[10, 10, 50, 40]))
    assert mask[20, 20]
    assert not mask[30, 40]
    assert not mask[:10].any()
    assert segment_object(image, pointed((20, 20, True)))[20, 20]


def test_a_very_long_image() -> None:
    plane = noisy(50, 20000)
    plane[20:35, 9000:9040] += 60
    truth = np.zeros((50, 20000), np.bool_)
    truth[20:35, 9000:9040] = True
    image = gray(plane)
    assert iou(segment_object(image, boxed(truth)), truth) >= 0.85
    everything = np.array([0, 0, 20000, 50], np.float32)
    assert segment_object(image, Prompts(box=everything)).shape == truth.shape
    assert segment_object(image, pointed((9020.5, 27.5, True)))[27, 9020]
    far = pointed((9020.5, 27.5, True), (19990, 10, True), (10, 10, False), box=tight_box(truth))
    mask = segment_object(image, far)
    assert mask[10, 19990]
    assert not mask[10, 10]


@pytest.mark.parametrize(
    "box",
    [
        [94, 84, 46, 36],
        [46, 84, 94, 36],
    ],
)
def test_reversed_boxes_are_the_same_box(box: list[float]) -> None:
    image, _ = disc()
    straight = segment_object(image, Prompts(box=np.array([46, 36, 94, 84], np.float32)))
    assert np.array_equal(segment_object(image, Prompts(box=np.array(box, np.float32))), straight)


@pytest.mark.parametrize(
    "box",
    [[70, 60, 70, 60], [-50, -50, -10, -10], [500, 500, 600, 600], [-1e9, -1e9, 1e9, 1e9]],
)
def test_degenerate_boxes_give_a_mask_inside_the_image(box: list[float]) -> None:
    image, _ = disc()
    mask = segment_object(image, Prompts(box=np.array(box, np.float32)))
    assert mask.shape == image.shape[:2]
    assert mask.dtype == np.bool_


def test_a_box_beyond_the_border_is_clipped() -> None:
    image, _ = disc()
    inside = segment_object(image, Prompts(box=np.array([40, 0, 160, 120], np.float32)))
    beyond = segment_object(image, Prompts(box=np.array([40, -30, 260, 900], np.float32)))
    assert np.array_equal(inside, beyond)


def test_the_last_of_points_on_one_pixel_counts() -> None:
    image, truth = disc()
    box = tight_box(truth)
    assert segment_object(image, pointed((70, 60, False), (70, 60, True), box=box))[60, 70]
    assert not segment_object(image, pointed((70, 60, True), (70, 60, False), box=box))[60, 70]


def test_the_image_is_left_alone() -> None:
    image, truth = disc()
    before = image.copy()
    image.flags.writeable = False
    segment_object(image, boxed(truth))
    assert np.array_equal(image, before)


def test_a_large_image_keeps_the_border_sharp() -> None:
    y, x = np.ogrid[:1000, :1000]
    truth = (x - 480) ** 2 + (y - 520) ** 2 <= 380**2
    image = gray(noisy(1000, 1000) + 60 * truth)
    assert iou(segment_object(image, boxed(truth)), truth) >= 0.985


def test_a_border_step_does_not_undo_a_click() -> None:
    rng = np.random.default_rng(1)
    truth = np.zeros((600, 800), np.bool_)
    truth[150:450, 150:380] = truth[150:450, 420:650] = True
    neck = np.zeros_like(truth)
    neck[285:315, 380:420] = True
    plane = 100 + 60.0 * truth + 8.0 * neck + rng.normal(0, 4, truth.shape)
    box = tight_box(truth)
    mask = segment_object(gray(plane), pointed((400.5, 300.5, True), box=box))
    assert mask[neck].mean() >= 0.5


coordinate = st.floats(-20, 120, allow_nan=False, width=32)
click = st.tuples(coordinate, coordinate, st.booleans())


@settings(max_examples=25, deadline=None)
@given(
    points=st.lists(click, max_size=5),
    box=st.none() | st.tuples(coordinate, coordinate, coordinate, coordinate),
    seed=st.integers(0, 3),
)
def test_points_are_always_obeyed(
    points: list[tuple[float, float, bool]], box: tuple[float, ...] | None, seed: int
) -> None:
    blobs = cv2.GaussianBlur(noisy(80, 100, 0, seed), (0, 0), 6) * 200
    image = gray(np.asarray(blobs, np.float64) + 120)
    mask = segment_object(image, pointed(*points, box=box))
    assert mask.shape == (80, 100)
    last = {}
    for x, y, positive in points:
        last[int(np.clip(np.floor(y), 0, 79)), int(np.clip(np.floor(x), 0, 99))] = positive
    if box is not None or any(positive for *_, positive in points):
        for pixel, positive in last.items():
            assert mask[pixel] == positive
    else:
        assert not mask.any()


@settings(max_examples=10, deadline=None)
@given(dx=st.integers(-15, 15), dy=st.integers(-15, 15))
def test_the_answer_moves_with_the_image(dx: int, dy: int) -> None:
    image, truth = disc(140, 160)
    large = np.pad(image, ((20, 20), (20, 20), (0, 0)), mode="reflect")
    moved = large[20 - dy : 160 - dy, 20 - dx : 180 - dx]
    shift = np.array([dx, dy, dx, dy], np.float32)
    there = segment_object(moved, Prompts(box=tight_box(truth) + shift))
    here = segment_object(image, boxed(truth))
    expected = np.roll(here, (dy, dx), (0, 1))
    assert iou(there, expected) >= 0.97


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_paint_and_erase_are_set_operations(data: st.DataObject) -> None:
    image, truth = disc()
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    paint = rng.random(truth.shape) < data.draw(st.floats(0, 0.3))
    erase = rng.random(truth.shape) < data.draw(st.floats(0, 0.3))
    plain = segment_object(image, boxed(truth))
    mask = segment_object(image, Prompts(box=tight_box(truth), paint=paint, erase=erase))
    assert np.array_equal(mask, (plain | paint) & ~erase)


def test_points_beyond_the_most_have_a_say_in_their_own_pixel_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    corrections: list[int] = []

    def counted(
        frame: Frame, draft: Draft, click: Click, done: Sequence[Click], weights: Weights
    ) -> Draft:
        corrections.append(len(done))
        return correct(frame, draft, click, done, weights)

    module = "maskcast.engines.pixel.interactive.segment"
    monkeypatch.setattr(f"{module}.MOST_POINTS", 8)
    monkeypatch.setattr(f"{module}.correct", counted)
    image, truth = disc()
    rng = np.random.default_rng(0)
    places = rng.integers((0, 0), (160, 120), (4000, 2))
    points = [(int(x), int(y), bool(rng.random() < 0.5)) for x, y in places]
    mask = segment_object(image, pointed(*points, box=tuple(tight_box(truth))))
    assert 0 < len(corrections) <= 8
    last = {(y, x): positive for x, y, positive in points}
    assert all(mask[pixel] == positive for pixel, positive in last.items())
    few = segment_object(image, pointed(*points[:8], box=tuple(tight_box(truth))))
    elsewhere = np.ones(truth.shape, np.bool_)
    elsewhere[tuple(np.array(list(last)).T)] = False
    assert np.array_equal(mask[elsewhere], few[elsewhere])

    only_late = [(10.0, 10.0, False)] * 20 + [(70.0, 60.0, True)]
    assert iou(segment_object(image, pointed(*only_late)), truth) > 0.8
