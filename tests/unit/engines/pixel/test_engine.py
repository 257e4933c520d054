"""Threads of the pixel engine: as many as the user allows, and the same result for any number."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import ParamSpec, TypeVar

import cv2
import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from maskcast.engines.base import EngineSettings
from maskcast.engines.pixel.engine import PixelEngine
from maskcast.engines.pixel.interactive.segment import first_sketch, segment_object
from maskcast.engines.pixel.learning import learner
from maskcast.engines.pixel.learning.model import predict
from maskcast.engines.pixel.learning.perceptron import Array, Layers, Training, train
from maskcast.engines.pixel.threads import single_threaded_libraries
from maskcast.types import Prompts, Reference

P = ParamSpec("P")
R = TypeVar("R")


def reference(seed: int) -> Reference:
    gray = np.random.default_rng(seed).integers(90, 130, (48, 64), dtype=np.uint8)
    mask = np.zeros(gray.shape, np.bool_)
    mask[8 + seed : 24 + seed, 10:30] = True
    gray[mask] -= 70
    return Reference(f"{seed}.png", np.repeat(gray[..., None], 3, axis=2), {1: mask})


def train_briefly(
    inputs: Array, truth: Array, weight: Array, settings: Training, seed: int
) -> Layers:
    return train(inputs, truth, weight, replace(settings, steps=30), seed)


class Watch:
    """Takes the place of `train`; each call waits until as many run at once as are expected."""

    def __init__(self, expected: int) -> None:
        self.expected = expected
        self.most = 0
        self.library_threads: set[int] = set()
        self._running = 0
        self._lock = threading.Lock()
        self._full = threading.Event()

    def __call__(
        self, inputs: Array, truth: Array, weight: Array, settings: Training, seed: int
    ) -> Layers:
        with self._lock:
            self._running += 1
            self.most = max(self.most, self._running)
            self.library_threads |= threads_of_libraries()
            if self._running == self.expected:
                self._full.set()
        assert self._full.wait(10), f"only {self.most} of {self.expected} threads at work"
        layers = train_briefly(inputs, truth, weight, settings, seed)
        with self._lock:
            self._running -= 1
        return layers


def threads_of_libraries() -> set[int]:
    blas = {found["num_threads"] for found in threadpool_info() if found["user_api"] == "blas"}
    return {cv2.getNumThreads()} | blas


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_the_learner_computes_in_as_many_threads_as_the_user_allows(
    workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch(workers)
    monkeypatch.setattr(learner, "train", watch)
    instance = PixelEngine(EngineSettings(workers=workers))
    instance.memorize([reference(seed) for seed in range(3)])
    instance.close()
    assert watch.most == workers
    assert watch.library_threads == {1}


def test_segment_and_propagate_start_no_threads_of_the_libraries(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(learner, "train", train_briefly)
    shown = reference(0)
    seen: set[int] = set()

    def noted(work: Callable[P, R]) -> Callable[P, R]:
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            seen.update(threads_of_libraries())
            return work(*args, **kwargs)

        return call

    instance = PixelEngine(EngineSettings(workers=2))
    bank = instance.memorize([shown])
    monkeypatch.setattr("maskcast.engines.pixel.engine.predict", noted(predict))
    monkeypatch.setattr("maskcast.engines.pixel.engine.segment_object", noted(segment_object))
    instance.propagate(bank, [shown.image])
    instance.segment(shown.image, {1: Prompts(box=np.array([8, 6, 32, 26], np.float32))})
    instance.close()
    assert seen == {1}


def test_the_libraries_get_their_threads_back() -> None:
    before = cv2.getNumThreads()
    try:
        cv2.setNumThreads(3)
        with threadpool_limits(2):
            with single_threaded_libraries(), single_threaded_libraries():
                assert threads_of_libraries() == {1}
            assert threads_of_libraries() == {2, 3}
    finally:
        cv2.setNumThreads(before)


def test_results_do_not_depend_on_the_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learner, "train", train_briefly)
    references, image = [reference(seed) for seed in range(3)], reference(5).image
    results = []
    for workers in (1, 3):
        instance = PixelEngine(EngineSettings(workers=workers))
        bank = instance.memorize(references)
        results.append((bank.fingerprint, instance.propagate(bank, [image, image])))
        instance.close()
    assert results[0][0] == results[1][0]
    for first, second in zip(results[0][1], results[1][1], strict=True):
        np.testing.assert_array_equal(first.masks, second.masks)
        np.testing.assert_array_equal(first.scores, second.scores)


def test_of_fifty_people_each_pays_for_one_click_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """They take turns, each on a picture of their own, three clicks on an object."""
    begun: list[object] = []

    def counting(*given: object) -> object:
        begun.append(given)
        return first_sketch(*given)  # type: ignore[arg-type]

    monkeypatch.setattr("maskcast.engines.pixel.interactive.segment.first_sketch", counting)
    engine = PixelEngine(EngineSettings("auto", None, 1, {}))
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 255, (32, 32, 3), np.uint8) for _ in range(50)]
    points = np.array([[8, 8], [20, 9], [12, 24]], np.float32)
    for count in (1, 2, 3):
        for image in images:
            prompts = Prompts(points=points[:count], point_labels=np.ones(count, np.bool_))
            engine.segment(image, {1: prompts})
    engine.close()
    assert len(begun) == len(images)


def test_quick_learning_takes_fewer_steps_and_is_never_taken_for_the_real_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps: list[int] = []

    def counted(
        inputs: Array, truth: Array, weight: Array, training: Training, seed: int
    ) -> Layers:
        steps.append(training.steps)
        return train(inputs, truth, weight, replace(training, steps=20), seed)

    monkeypatch.setattr(learner, "train", counted)
    engine, references = PixelEngine(EngineSettings(workers=2)), [reference(0), reference(1)]
    whole = engine.memorize(references)
    real = sum(steps)
    steps.clear()
    rough = engine.memorize_quickly(references)
    assert sum(steps) < 0.75 * real
    assert rough.fingerprint != whole.fingerprint
    assert rough.object_ids == whole.object_ids
    engine.close()
