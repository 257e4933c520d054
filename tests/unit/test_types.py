"""Types refuse what does not fit, saying what was expected and what came."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np
import pytest

from maskcast.types import Mask, ObjectSpec, Prompts, Reference, Segmentation

FLOATS = np.float32
IMAGE = np.zeros((4, 6, 3), np.uint8)
MASK = np.zeros((4, 6), np.bool_)


def segmentation(
    ids: list[int],
    scores: list[float],
    masks: int,
    kind: type = np.bool_,
) -> Segmentation:
    return Segmentation(np.array(ids), np.zeros((masks, 4, 6), kind), np.array(scores))


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: ObjectSpec(0, "x", (1, 2, 3)), r"expected 1\.\.255, got 0"),
        (lambda: ObjectSpec(256, "x", (1, 2, 3)), r"expected 1\.\.255, got 256"),
        (lambda: ObjectSpec(1, "x", (1, 2, 256)), r"three numbers in 0\.\.255"),
        (lambda: Prompts(box=np.zeros(3, FLOATS)), r"box shape: expected \(4,\), got \(3,\)"),
        (lambda: Prompts(box=np.array([0, 0, np.nan, 1], FLOATS)), "box: expected finite"),
        (
            lambda: Prompts(points=np.zeros((2, 2), FLOATS), point_labels=MASK[0, :1]),
            "labels shape",
        ),
        (
            lambda: Prompts(points=np.zeros((2, 3), FLOATS), point_labels=MASK[0, :2]),
            "points shape",
        ),
        (
            lambda: Prompts(paint=cast("Mask", np.zeros((4, 6)))),
            r"paint: expected bool \(H, W\), got",
        ),
        (lambda: Prompts(paint=MASK, erase=MASK.T), "erase shape"),
        (lambda: Reference("a", IMAGE[..., :2], {}), r"expected uint8 \(H, W, 3\)"),
        (
            lambda: Reference("a", IMAGE, {1: MASK.T}),
            r"object 1 in a: expected \(4, 6\), got \(6, 4\)",
        ),
        (
            lambda: Reference("a", IMAGE, {}, MASK.T),
            r"unknown pixels of a: expected \(4, 6\), got \(6, 4\)",
        ),
        (lambda: segmentation([1], [0.5], 2), "number of masks: expected 1, got 2"),
        (lambda: segmentation([2, 1], [0.5, 0.5], 2), "expected ascending"),
        (lambda: segmentation([1, 1], [0.5, 0.5], 2), "expected ascending"),
        (lambda: segmentation([1], [1.5], 1), r"expected in \[0, 1\]"),
        (lambda: segmentation([1], [np.nan], 1), r"expected in \[0, 1\]"),
        (lambda: segmentation([1], [0.5], 1, np.uint8), "masks: expected bool"),
    ],
)
def test_what_does_not_fit_is_refused(build: Callable[[], object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        build()


def test_kinds_say_which_prompts_are_there() -> None:
    point = Prompts(points=np.ones((1, 2), FLOATS), point_labels=np.ones(1, np.bool_))
    assert Prompts().is_empty
    assert Prompts().kinds == frozenset()
    assert point.kinds == {"point"}
    assert Prompts(box=np.zeros(4, FLOATS), erase=MASK).kinds == {"box", "brush"}


def test_a_reference_of_only_empty_masks_is_clean() -> None:
    assert Reference("a", IMAGE, {}).is_clean
    assert Reference("a", IMAGE, {1: MASK}).is_clean
    assert not Reference("a", IMAGE, {1: ~MASK}).is_clean


def test_unknown_pixels_are_of_no_object() -> None:
    left, right = MASK.copy(), MASK.copy()
    left[:, :3] = right[:, 2:] = True
    reference = Reference("a", IMAGE, {1: left, 2: left}, unknown=right)
    assert np.array_equal(reference.masks[1], left & ~right)
    assert Reference("a", IMAGE, {1: left}, unknown=~MASK).is_clean


def test_an_empty_segmentation_keeps_the_size() -> None:
    assert Segmentation.empty(4, 6).masks.shape == (0, 4, 6)
