"""Instances of a mask: none overlap, together they are the mask, and what touches is split."""

from __future__ import annotations

import sys
from typing import get_args

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from maskcast.errors import ExportError
from maskcast.masks import components
from maskcast.results.instances import Instances, check_instances, split_instances

Mask = npt.NDArray[np.bool_]


@settings(max_examples=150, deadline=None)
@given(hnp.arrays(np.bool_, st.tuples(st.integers(1, 24), st.integers(1, 24))))
@pytest.mark.parametrize("how", get_args(Instances))
def test_instances_are_the_mask_taken_apart(how: Instances, mask: Mask) -> None:
    seen = np.zeros(mask.shape, int)
    for part in split_instances(mask, how):
        seen += part.on(mask.shape)
        assert part.area == np.count_nonzero(part.pixels) > 0
        edges = [part.pixels[0], part.pixels[-1], part.pixels[:, 0], part.pixels[:, -1]]
        assert all(edge.any() for edge in edges), "the box is wider than its pixels"
    np.testing.assert_array_equal(seen, mask)


@settings(max_examples=150, deadline=None)
@given(hnp.arrays(np.bool_, st.tuples(st.integers(1, 24), st.integers(1, 24))))
def test_components_are_those_of_scipy_in_the_order_of_bboxes(mask: Mask) -> None:
    labels, number = ndimage.label(mask, np.ones((3, 3)))
    found = split_instances(mask, "components")
    assert len(found) == number
    for part in found:
        held = part.on(mask.shape)
        np.testing.assert_array_equal(held, labels == labels[held][0])
    assert [part.box for part in found] == [part.box for part in components(mask)]


def disc(size: int, row: float, column: float, radius: float) -> Mask:
    rows, columns = np.ogrid[:size, :size]
    return np.asarray((rows - row) ** 2 + (columns - column) ** 2 <= radius**2)


def ellipse(long: float, wide: float, turn: float, rough: float, seed: int) -> Mask:
    """An ellipse whose border is moved in and out by about ``rough`` pixels."""
    size = int(2 * long) + 20
    rows, columns = np.mgrid[:size, :size] - size / 2
    along = columns * np.cos(turn) + rows * np.sin(turn)
    across = rows * np.cos(turn) - columns * np.sin(turn)
    mask = (along / long) ** 2 + (across / wide) ** 2 <= 1
    noise = np.random.default_rng(seed).normal(size=mask.shape)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2)
    inside, outside = (ndimage.distance_transform_edt(side) for side in (mask, ~mask))
    moved = inside - outside + rough * smooth / smooth.std() > 0
    labels, _ = ndimage.label(moved, np.ones((3, 3)))
    return np.asarray(labels == np.bincount(labels.ravel())[1:].argmax() + 1)


@pytest.mark.parametrize("radius", [4, 6, 10, 25])
@pytest.mark.parametrize("turn", [0, 0.5, np.pi / 4, np.pi / 2])
def test_two_discs_that_touch_are_two(radius: int, turn: float) -> None:
    size, reach = 6 * radius + 10, 0.9 * radius
    offset = np.array([np.sin(turn), np.cos(turn)]) * reach
    middles = [size / 2 - offset, size / 2 + offset]
    mask = np.logical_or.reduce([disc(size, middle[0], middle[1], radius) for middle in middles])
    assert len(split_instances(mask, "components")) == 1
    found = split_instances(mask, "touching")
    assert len(found) == 2
    for row, column in middles:
        holder = [one.on(mask.shape)[round(row), round(column)] for one in found]
        assert sum(holder) == 1
    areas = sorted(one.area for one in found)
    assert areas[0] > 0.85 * areas[1]


@pytest.mark.parametrize("shape", [(4, 3), (8, 4), (15, 5), (30, 10), (40, 6), (20, 20)])
@pytest.mark.parametrize("rough", [0, 0.7])
def test_one_thing_stays_one_however_long_or_rough(shape: tuple[int, int], rough: float) -> None:
    for seed, turn in enumerate(np.linspace(0, np.pi, 5)):
        assert len(split_instances(ellipse(*shape, turn, rough, seed), "touching")) == 1


def test_a_ring_and_lines_stay_whole() -> None:
    ring = disc(60, 30, 30, 25) & ~disc(60, 30, 30, 18)
    line = np.zeros((60, 60), np.bool_)
    line[10:12, 2:58] = line[10:50, 30] = True
    for mask in (ring, line):
        assert len(split_instances(mask, "touching")) == 1


def test_without_scikit_image_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "skimage", None)
    check_instances("components")
    for ask in (check_instances, lambda how: split_instances(disc(9, 4, 4, 3), how)):
        with pytest.raises(ExportError, match=r"pip install 'maskcast\[instances\]'"):
            ask("touching")
