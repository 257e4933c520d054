"""Areas as runs of pixels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from maskcast.interchange.reading.areas import Area, Joiner
from maskcast.masks import RunLengths

Mask = npt.NDArray[np.bool_]
SHAPES = hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9)


@st.composite
def several(draw: st.DrawFn) -> list[Mask]:
    shape = draw(SHAPES)
    return draw(st.lists(hnp.arrays(np.bool_, shape), min_size=1, max_size=5))


@given(hnp.arrays(np.bool_, SHAPES))
def test_a_mask_and_back(mask: Mask) -> None:
    area = Area.of_mask(mask)
    np.testing.assert_array_equal(area.mask(), mask)
    assert area.is_empty == (not mask.any())
    assert RunLengths.of_runs(area.starts, area.ends, area.size) == RunLengths.of(mask)


@given(several())
def test_areas_are_joined(masks: list[Mask]) -> None:
    size = (masks[0].shape[0], masks[0].shape[1])
    joiner = Joiner(size)
    joiner._MOST_PENDING = 4
    for mask in masks:
        joiner.add(Area.of_mask(mask))
    wanted = np.logical_or.reduce(masks)
    np.testing.assert_array_equal(joiner.area().mask(), wanted)
    assert joiner.area().same_pixels(Area.of_mask(wanted))
    assert joiner.area().same_pixels(Area.of_mask(~wanted)) == bool(wanted.size == 0)


@given(hnp.arrays(np.bool_, SHAPES), st.integers(0, 8), st.integers(0, 8))
def test_a_patch_lies_where_it_is_put(mask: Mask, x: int, y: int) -> None:
    top, left = min(y, mask.shape[0] - 1), min(x, mask.shape[1] - 1)
    wanted = np.zeros_like(mask)
    wanted[top:, left:] = mask[top:, left:]
    area = Area.of_patch(mask[top:, left:], (left, top), (mask.shape[0], mask.shape[1]))
    np.testing.assert_array_equal(area.mask(), wanted)


@given(hnp.arrays(np.uint8, SHAPES, elements=st.sampled_from([0, 0, 1, 2, 255])))
def test_the_values_of_a_label_map(labels: npt.NDArray[np.uint8]) -> None:
    areas = Area.of_labels(labels)
    assert list(areas) == sorted(set(labels.ravel().tolist()) - {0})
    for value, area in areas.items():
        assert area.same_pixels(Area.of_mask(labels == value))
