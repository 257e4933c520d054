"""Measures of instances are those of scikit-image."""

from __future__ import annotations

from math import pi

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from formats_support import Mask, mask_of
from maskcast.interchange.formats.regionprops import (
    SHAPE_COLUMNS,
    mean_intensity,
    measure_shape,
)
from maskcast.masks import Cutout, cut_out

measure = pytest.importorskip("skimage.measure")


def cutout_of(mask: Mask) -> Cutout:
    cutout = cut_out(mask)
    assert cutout is not None
    return cutout


def assert_like_scikit_image(mask: Mask) -> None:
    names = sorted({name.partition("-")[0] for name in SHAPE_COLUMNS})
    theirs = measure.regionprops_table(mask.astype(np.uint8), properties=names)
    ours = dict(zip(SHAPE_COLUMNS, measure_shape(cutout_of(mask)), strict=True))
    angle, expected = ours.pop("orientation"), float(theirs["orientation"][0])
    assert ours == {
        name: pytest.approx(float(theirs[name][0]), abs=1e-5) for name in SHAPE_COLUMNS
        if name != "orientation"
    }  # fmt: skip
    # A disc has no long axis, and -pi/2 is pi/2.
    turn = abs(angle - expected) % pi
    if ours["axis_major_length"] - ours["axis_minor_length"] > 1e-4:
        assert min(turn, pi - turn) == pytest.approx(0, abs=1e-4)


@settings(max_examples=100, deadline=None)
@given(hnp.arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12))).filter(np.any))
def test_any_mask(mask: Mask) -> None:
    assert_like_scikit_image(mask)


@pytest.mark.parametrize("turn", range(0, 180, 15))
def test_the_direction_of_a_bar(turn: int) -> None:
    y, x = np.mgrid[-40:41, -40:41]
    along = x * np.cos(np.radians(turn)) + y * np.sin(np.radians(turn))
    across = y * np.cos(np.radians(turn)) - x * np.sin(np.radians(turn))
    assert_like_scikit_image((np.abs(along) < 35) & (np.abs(across) < 6))


def test_a_large_mask_far_from_the_corner() -> None:
    mask = np.zeros((3000, 4000), np.bool_)
    mask[1000:2900, 2000:3990] = True
    mask[1000:1500, 2000:2400] = False
    assert_like_scikit_image(mask)


def test_the_mean_intensity_is_that_of_its_own_pixels() -> None:
    gray = np.arange(12, dtype=np.uint8).reshape(3, 4)
    mask = mask_of("....", ".#..", ".##.")
    assert mean_intensity(cutout_of(mask), gray) == pytest.approx((5 + 9 + 10) / 3)
