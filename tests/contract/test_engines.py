"""What every engine must keep, whatever it is made of (see engines/base.py)."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deep_support import deep_settings
from maskcast.engines.base import (
    Engine,
    EngineSettings,
    Probabilistic,
    check_prompt_kinds,
    create_engine,
    segment_things,
)
from maskcast.errors import EngineError, ForeignBankError, PromptKindError
from maskcast.masks import components
from maskcast.types import Mask, MemoryBank, Prompts, Reference, RgbImage, Segmentation
from sam_support import tiny_settings

SEEING = ("fake", "pixel", "deep", "example")
GUIDE = Path(__file__).parents[2] / "docs" / "adding-an-engine.md"
TINY = ("edgetam", "sam2", "sam3")
"""Engines that need weights run on tiny random ones: they keep every promise but see nothing."""
ENGINES = (*SEEING, *TINY)
RED, BLUE = 1, 5
COLORS = {RED: (210, 60, 50), BLUE: (40, 70, 220)}


def draw(
    discs: dict[int, tuple[int, int]],
    size: tuple[int, int] = (72, 96),
    seed: int = 0,
) -> Reference:
    """Coloured discs of radius 11 on a noisy gray ground, with their masks."""
    rng = np.random.default_rng(seed)
    height, width = size
    image = rng.normal(120, 6, (height, width, 3))
    y, x = np.ogrid[:height, :width]
    masks: dict[int, Mask] = {}
    for object_id, (cx, cy) in discs.items():
        masks[object_id] = (x - cx) ** 2 + (y - cy) ** 2 <= 11**2
        image[masks[object_id]] = COLORS[object_id] + rng.normal(0, 6, (masks[object_id].sum(), 3))
    return Reference(f"{seed}.png", image.clip(0, 255).astype(np.uint8), masks)


REFERENCES = [
    draw({RED: (20, 20), BLUE: (70, 50)}, seed=1),
    draw({RED: (60, 30)}, seed=2),
    draw({BLUE: (30, 45)}, size=(80, 64), seed=3),
    draw({}, seed=4),
]
TARGETS = [
    draw({RED: (40, 40), BLUE: (75, 25)}, seed=11),
    draw({}, seed=12),
    draw({BLUE: (25, 30)}, size=(60, 50), seed=13),
    draw({RED: (50, 20)}, size=(90, 130), seed=14),
    draw({RED: (30, 50), BLUE: (60, 20)}, seed=15),
]
IMAGES = [target.image for target in TARGETS]


Make = Callable[..., Engine]


def documented(settings: EngineSettings) -> Engine:
    """The engine that the guide shows, run from its page."""
    code = GUIDE.read_text("utf-8").split("```python\n")[1].split("```")[0]
    names: dict[str, Any] = {}
    exec(compile(code, GUIDE.name, "exec"), names)  # noqa: S102
    engine: Engine = names["NearestColor"](settings)
    return engine


@pytest.fixture
def make(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make]:
    """Builds an engine by name, with settings that differ from the tests' own as told."""
    built: list[Engine] = []

    def build(name: str, **changes: object) -> Engine:
        settings = EngineSettings(workers=2)
        if name in TINY:
            settings = tiny_settings(name, tmp_path_factory.getbasetemp())
        if name == "deep":
            settings = deep_settings(tmp_path_factory.getbasetemp())
        settings = replace(settings, **changes)  # type: ignore[arg-type]
        built.append(documented(settings) if name == "example" else create_engine(name, settings))
        return built[-1]

    yield build
    for engine in built:
        engine.close()


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, make: Make) -> Engine:
    return make(request.param)


@pytest.fixture(params=SEEING)
def seeing_engine(request: pytest.FixtureRequest, make: Make) -> Engine:
    return make(request.param)


@pytest.fixture(scope="module")
def remember() -> Callable[[Engine], MemoryBank]:
    """Memorizing is slow for some engines: once per engine and module."""
    banks: dict[str, MemoryBank] = {}

    def bank_of(engine: Engine) -> MemoryBank:
        if engine.info.name not in banks:
            banks[engine.info.name] = engine.memorize(REFERENCES)
        return banks[engine.info.name]

    return bank_of


@pytest.fixture
def bank(engine: Engine, remember: Callable[[Engine], MemoryBank]) -> MemoryBank:
    return remember(engine)


def same(first: Sequence[Segmentation], second: Sequence[Segmentation]) -> bool:
    return len(first) == len(second) and all(
        np.array_equal(a.object_ids, b.object_ids)
        and np.array_equal(a.masks, b.masks)
        and np.array_equal(a.scores, b.scores)
        for a, b in zip(first, second, strict=True)
    )


def intersection_over_union(a: Mask, b: Mask) -> float:
    return float((a & b).sum() / (a | b).sum())


def test_the_information_says_who_it_is(engine: Engine) -> None:
    assert engine.info.name in ENGINES
    assert engine.info.prompt_kinds <= {"box", "point", "brush"}
    assert engine.info.max_batch >= 1


def test_targets_come_back_in_order_and_at_their_own_size(engine: Engine, bank: MemoryBank) -> None:
    found = engine.propagate(bank, IMAGES)
    assert [one.masks.shape[1:] for one in found] == [image.shape[:2] for image in IMAGES]


def test_discs_are_found_where_they_are(
    seeing_engine: Engine,
    remember: Callable[[Engine], MemoryBank],
) -> None:
    results = seeing_engine.propagate(remember(seeing_engine), IMAGES)
    for truth, found in zip(TARGETS, results, strict=True):
        assert set(found.object_ids.tolist()) == set(truth.masks)
        for object_id, mask in zip(found.object_ids.tolist(), found.masks, strict=True):
            assert intersection_over_union(mask, truth.masks[object_id]) > 0.8


def test_unknown_pixels_are_neither_object_nor_background(
    seeing_engine: Engine,
) -> None:
    """Most red discs are not masked: taught as background, they would hide the red of targets."""
    unmasked = [draw({RED: (20 + 8 * seed, 40)}, seed=20 + seed) for seed in range(4)]
    unknown = [replace(one, masks={}, unknown=one.masks[RED]) for one in unmasked]
    bank = seeing_engine.memorize([*REFERENCES, *unknown])
    assert bank.fingerprint != seeing_engine.memorize([*REFERENCES, *unmasked]).fingerprint
    for truth, found in zip(TARGETS, seeing_engine.propagate(bank, IMAGES), strict=True):
        masks = dict(zip(found.object_ids.tolist(), found.masks, strict=True))
        assert set(masks) == set(truth.masks)
        assert all(intersection_over_union(masks[key], truth.masks[key]) > 0.8 for key in masks)


def test_batching_and_order_change_nothing(engine: Engine, bank: MemoryBank) -> None:
    together = engine.propagate(bank, IMAGES)
    one_by_one = [engine.propagate(bank, [image])[0] for image in IMAGES]
    backwards = engine.propagate(bank, IMAGES[::-1])[::-1]
    assert same(together, one_by_one)
    assert same(together, backwards)


def test_propagate_twice_is_the_same_and_leaves_bank_and_images_alone(
    engine: Engine,
    bank: MemoryBank,
) -> None:
    state, images = pickle.dumps(bank.state), copy.deepcopy(IMAGES)
    assert same(engine.propagate(bank, IMAGES), engine.propagate(bank, IMAGES))
    assert pickle.dumps(bank.state) == state
    assert all(np.array_equal(a, b) for a, b in zip(images, IMAGES, strict=True))


def test_no_targets_give_no_results(engine: Engine, bank: MemoryBank) -> None:
    assert engine.propagate(bank, []) == []


def test_memorizing_twice_gives_the_same_results_and_fingerprint(
    engine: Engine,
    bank: MemoryBank,
) -> None:
    again = engine.memorize(REFERENCES)
    assert again.fingerprint == bank.fingerprint
    assert same(engine.propagate(again, IMAGES), engine.propagate(bank, IMAGES))


def test_the_number_of_workers_changes_nothing(
    engine: Engine,
    bank: MemoryBank,
    make: Make,
) -> None:
    alone = make(engine.info.name, workers=1)
    assert same(alone.propagate(alone.memorize(REFERENCES), IMAGES), engine.propagate(bank, IMAGES))


def test_a_changed_reference_changes_the_fingerprint(engine: Engine, bank: MemoryBank) -> None:
    moved = {**REFERENCES[0].masks, RED: np.roll(REFERENCES[0].masks[RED], 1)}
    changed = engine.memorize([replace(REFERENCES[0], masks=moved), *REFERENCES[1:]])
    assert changed.fingerprint != bank.fingerprint


def test_options_change_the_fingerprint(engine: Engine, bank: MemoryBank, make: Make) -> None:
    other = make(engine.info.name, threshold=0.625)
    assert other.memorize(REFERENCES).fingerprint != bank.fingerprint


def test_a_bank_of_another_engine_is_refused(engine: Engine, bank: MemoryBank) -> None:
    with pytest.raises(ForeignBankError, match="memorize the references again"):
        engine.propagate(replace(bank, engine="someone else"), IMAGES)


def test_only_objects_that_references_show_are_predicted(engine: Engine) -> None:
    nothing = np.zeros((72, 96), np.bool_)
    only_red = engine.memorize(
        [replace(REFERENCES[1], masks={**REFERENCES[1].masks, 9: nothing}), REFERENCES[3]]
    )
    assert only_red.object_ids == (RED,)
    for found in engine.propagate(only_red, IMAGES):
        assert set(found.object_ids.tolist()) <= {RED}


def test_references_without_any_object_are_refused(engine: Engine) -> None:
    with pytest.raises(EngineError, match="no reference shows an object"):
        engine.memorize([REFERENCES[3]])


@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (300, 2), (31, 33)], ids=str)
def test_odd_sizes_are_taken(engine: Engine, bank: MemoryBank, shape: tuple[int, int]) -> None:
    image: RgbImage = np.full((*shape, 3), 120, np.uint8)
    (found,) = engine.propagate(bank, [image])
    assert found.masks.shape[1:] == shape


def test_an_unsupported_prompt_is_refused_before_any_work(engine: Engine) -> None:
    no_brush = replace(engine.info, prompt_kinds=frozenset({"box"}))
    painted = Prompts(paint=np.ones((72, 96), np.bool_))
    with pytest.raises(PromptKindError, match="does not take brush prompts"):
        check_prompt_kinds(no_brush, {RED: painted})


def test_a_box_around_a_disc_gives_the_disc(seeing_engine: Engine) -> None:
    reference = REFERENCES[0]
    prompts = {
        RED: Prompts(box=np.array([9, 9, 32, 32], np.float32)),
        BLUE: Prompts(box=np.array([59, 39, 82, 62], np.float32)),
    }
    masks = seeing_engine.segment(reference.image, prompts)
    assert masks.keys() == {RED, BLUE}
    for object_id, mask in masks.items():
        assert mask.dtype == np.bool_
        assert mask.shape == reference.image.shape[:2]
        assert intersection_over_union(mask, reference.masks[object_id]) > 0.7


def test_points_decide_their_pixels(seeing_engine: Engine) -> None:
    points = Prompts(
        points=np.array([[20, 20], [60, 20]], np.float32), point_labels=np.array([True, False])
    )
    mask = seeing_engine.segment(REFERENCES[0].image, {RED: points})[RED]
    assert mask[20, 20]
    assert not mask[20, 60]


def test_prompts_give_masks_of_the_image_s_size(engine: Engine) -> None:
    prompts = {
        RED: Prompts(box=np.array([9, 9, 32, 32], np.float32)),
        BLUE: Prompts(points=np.array([[70, 50]], np.float32), point_labels=np.array([True])),
    }
    masks = engine.segment(REFERENCES[0].image, prompts)
    assert {key: (mask.dtype, mask.shape) for key, mask in masks.items()} == {
        key: (np.dtype(np.bool_), (72, 96)) for key in (RED, BLUE)
    }


def test_the_brush_goes_on_top(engine: Engine) -> None:
    box = np.array([9, 9, 32, 32], np.float32)
    paint, erase = np.zeros((2, 72, 96), np.bool_)
    paint[60:70, 80:90] = True
    erase[15:25, 15:25] = True
    plain = engine.segment(REFERENCES[0].image, {RED: Prompts(box=box)})[RED]
    brushed = engine.segment(
        REFERENCES[0].image, {RED: Prompts(box=box, paint=paint, erase=erase)}
    )[RED]
    assert np.array_equal(brushed, (plain | paint) & ~erase)


def test_nothing_prompted_gives_an_empty_mask(engine: Engine) -> None:
    assert not engine.segment(REFERENCES[0].image, {RED: Prompts()})[RED].any()


def _half_a_disc() -> Mask:
    """The upper half of the red disc of the first reference, and a square where nothing is."""
    start = REFERENCES[0].masks[RED].copy()
    start[20:] = False
    start[55:65, 20:30] = True
    return start


def test_a_mask_to_start_from_comes_back_and_the_brush_goes_on_top(engine: Engine) -> None:
    start, erase = _half_a_disc(), np.zeros((72, 96), np.bool_)
    erase[:15] = True
    image = REFERENCES[0].image
    assert np.array_equal(engine.segment(image, {RED: Prompts(start=start)})[RED], start)
    erased = engine.segment(image, {RED: Prompts(start=start, erase=erase)})[RED]
    assert np.array_equal(erased, start & ~erase)


def test_a_click_adds_a_piece_to_the_start_or_takes_one_away(engine: Engine) -> None:
    start = _half_a_disc()
    for (x, y), positive in (((20, 25), True), ((25, 60), False)):
        points = np.array([[x + 0.5, y + 0.5]], np.float32)
        prompts = Prompts(points=points, point_labels=np.array([positive]), start=start)
        mask = engine.segment(REFERENCES[0].image, {RED: prompts})[RED]
        assert mask[y, x] == positive
        changed = mask ^ start
        assert not (changed & (start if positive else ~start)).any()
        assert len(components(changed)) == 1


def test_clicks_on_the_start_mean_the_part_that_they_are_in(seeing_engine: Engine) -> None:
    start = _half_a_disc()
    points = np.array([[20.5, 25.5], [25.5, 60.5]], np.float32)
    prompts = Prompts(points=points, point_labels=np.array([True, False]), start=start)
    mask = seeing_engine.segment(REFERENCES[0].image, {RED: prompts})[RED]
    before = intersection_over_union(start, REFERENCES[0].masks[RED])
    assert intersection_over_union(mask, REFERENCES[0].masks[RED]) > before + 0.2


def test_a_box_adds_what_is_in_it_to_the_start(seeing_engine: Engine) -> None:
    start = np.zeros((72, 96), np.bool_)
    start[60:70, 5:15] = True
    box = np.array([59, 39, 82, 62], np.float32)
    for mask in (
        seeing_engine.segment(REFERENCES[0].image, {BLUE: Prompts(box=box, start=start)})[BLUE],
        segment_things(seeing_engine, REFERENCES[0].image, Prompts(box=box, start=start)),
    ):
        assert mask[start].all()
        assert intersection_over_union(mask & ~start, REFERENCES[0].masks[BLUE]) > 0.7


def test_a_click_in_a_box_takes_away_what_was_there_from_the_start(engine: Engine) -> None:
    start, image = _half_a_disc(), REFERENCES[0].image
    box, inside = np.array([15, 50, 40, 70], np.float32), np.array([[25.5, 60.5]], np.float32)
    prompts = Prompts(box, inside, np.array([False]), start=start)
    alone = segment_things(engine, image, Prompts(box, inside, np.array([False])))
    mask = segment_things(engine, image, prompts)
    assert mask[60, 25] == alone[60, 25]
    assert np.array_equal(mask[:15], (start | alone)[:15])


def test_planes_are_there_for_whoever_asks_and_agree_with_the_masks(
    seeing_engine: Engine, remember: Callable[[Engine], MemoryBank]
) -> None:
    if not isinstance(seeing_engine, Probabilistic):
        assert seeing_engine.info.name not in {"pixel", "deep"}
        return
    bank = remember(seeing_engine)
    plain = seeing_engine.propagate(bank, IMAGES)
    asked = seeing_engine.propagate_with_planes(bank, IMAGES)
    calibration = seeing_engine.calibration(bank)
    assert set(calibration.levels) == set(bank.object_ids)
    for before, found, image in zip(plain, asked, IMAGES, strict=True):
        assert not before.planes, "they were not asked for"
        assert np.array_equal(before.object_ids, found.object_ids)
        assert np.array_equal(before.masks, found.masks)
        assert np.array_equal(before.scores, found.scores)
        masks = dict(zip(found.object_ids.tolist(), found.masks, strict=True))
        nothing = np.zeros(image.shape[:2], np.bool_)
        assert set(found.planes) == set(bank.object_ids)
        for key, plane in found.planes.items():
            assert plane.dtype == np.uint8
            assert np.array_equal(plane > calibration.levels[key], masks.get(key, nothing))
    alone = seeing_engine.propagate_with_planes(bank, IMAGES[3:4])[0]
    for key, plane in alone.planes.items():
        assert np.array_equal(plane, asked[3].planes[key]), "a target is judged by itself"
