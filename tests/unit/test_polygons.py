"""Masks as polygons: no pixel is lost, and COCO's own rasteriser agrees."""

from __future__ import annotations

import tracemalloc

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pycocotools import mask as coco_mask
from scipy import ndimage

from maskcast.polygons import Part, bridge_holes, fill_rings, simplify_part, trace_parts

Mask = npt.NDArray[np.bool_]
MASKS = hnp.arrays(np.bool_, st.tuples(st.integers(1, 10), st.integers(1, 10)))


def filled(parts: list[Part], shape: tuple[int, ...]) -> Mask:
    rings = [ring for part in parts for ring in (part.outer, *part.holes)]
    return fill_rings(rings, (shape[0], shape[1]))


@given(MASKS)
def test_outlines_fill_to_the_same_mask(mask: Mask) -> None:
    np.testing.assert_array_equal(filled(trace_parts(mask), mask.shape), mask)


@given(MASKS)
def test_parts_and_holes_are_those_of_scipy(mask: Mask) -> None:
    parts = trace_parts(mask)
    _, regions = ndimage.label(mask, np.ones((3, 3)))
    # Holes are 4-connected background that does not reach the border.
    _, background = ndimage.label(np.pad(~mask, 1, constant_values=True))
    assert len(parts) == regions
    assert sum(len(part.holes) for part in parts) == background - 1


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@given(MASKS.filter(lambda mask: mask.any()))
def test_bridged_outlines_are_the_same_mask_for_pycocotools(mask: Mask) -> None:
    rings = [bridge_holes(part).ravel().tolist() for part in trace_parts(mask)]
    # Fewer than six numbers would be taken for a box.
    assert min(map(len, rings)) >= 8
    decoded = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(rings, *mask.shape)))
    np.testing.assert_array_equal(decoded.astype(np.bool_), mask)


def test_a_ring_drawn_by_hand() -> None:
    mask = np.ones((3, 4), np.bool_)
    mask[1, 1:3] = False
    (part,) = trace_parts(mask)
    assert part.outer.tolist() == [[0, 0], [4, 0], [4, 3], [0, 3]]
    assert [hole.tolist() for hole in part.holes] == [[[1, 1], [3, 1], [3, 2], [1, 2]]]
    assert [1.0, 0.0] in bridge_holes(part).tolist()


def test_nothing_has_no_outline() -> None:
    assert trace_parts(np.zeros((3, 3), np.bool_)) == []
    assert not fill_rings([], (3, 3)).any()


def test_a_pixel_belongs_to_a_polygon_if_its_middle_does() -> None:
    triangle = np.array([[0, 0], [4, 0], [0, 4]], float)
    expected = [[1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    # Middles on the slanted edge belong to what lies right of it.
    np.testing.assert_array_equal(fill_rings([triangle], (4, 4)).astype(int), expected)
    other_half = np.array([[4, 0], [4, 4], [0, 4]], float)
    np.testing.assert_array_equal(fill_rings([other_half], (4, 4)), ~fill_rings([triangle], (4, 4)))


def test_what_is_outside_the_image_is_cut_off() -> None:
    square = np.array([[-5, -5], [2, -5], [2, 1], [-5, 1]], float)
    assert fill_rings([square], (3, 3)).tolist() == [[True, True, False], [False] * 3, [False] * 3]
    assert not fill_rings([square - 100], (3, 3)).any()
    assert not fill_rings([square + 100], (3, 3)).any()


def test_tolerance_leaves_out_corners_and_never_a_part() -> None:
    rows, columns = np.ogrid[:60, :60]
    disc = (rows - 30) ** 2 + (columns - 30) ** 2 < 25**2
    disc[0, 0] = True
    parts = trace_parts(disc)
    fewer = [simplify_part(part, 1.0) for part in parts]
    assert len(fewer) == 2
    assert len(fewer[1].outer) < len(parts[1].outer) / 3
    both = filled(fewer, disc.shape)
    assert both[0, 0]
    assert np.count_nonzero(both ^ disc) < 0.05 * np.count_nonzero(disc)
    assert simplify_part(parts[0], 0) is parts[0]


def test_a_zigzag_is_filled_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    height, teeth = 200, 500
    x = np.arange(2.0 * teeth) * 1.5
    zigzag = np.stack([x, np.where(np.arange(2 * teeth) % 2, height, 0)], axis=1)
    ring = np.concatenate([zigzag, [[x[-1], -1], [0, -1]]])
    whole = fill_rings([ring], (height, 1500))
    monkeypatch.setattr("maskcast.polygons._MOST_CROSSINGS", 1000)
    tracemalloc.start()
    np.testing.assert_array_equal(fill_rings([ring], (height, 1500)), whole)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert whole.any()
    assert peak < 4_000_000  # all 200,000 crossings at once take 10 MB


@pytest.mark.parametrize("tolerance", [0.5, 1, 2, 5, 20])
def test_holes_are_joined_to_outlines_of_any_slope(tolerance: float) -> None:
    rows, columns = np.ogrid[:60, :60]
    for seed in range(20):
        x, y, radius = np.random.default_rng(seed).uniform((20, 20, 3), (40, 40, 8))
        diamond = np.abs(rows - 30) + np.abs(columns - 30) < 28
        disc = np.square(rows - y) + np.square(columns - x) < radius**2
        (part,) = trace_parts(diamond & ~disc)
        fewer = simplify_part(part, tolerance)
        bridged = fill_rings([bridge_holes(fewer)], diamond.shape)
        # The landing splits an edge, and a middle exactly on it may change sides.
        assert np.count_nonzero(bridged ^ filled([fewer], diamond.shape)) <= 2


def test_thousands_of_holes_are_joined() -> None:
    mask = np.pad(np.random.default_rng(0).random((250, 250)) < 0.7, 1, constant_values=True)
    parts = trace_parts(mask)
    assert max(len(part.holes) for part in parts) > 3000
    rings = [bridge_holes(part) for part in parts]
    np.testing.assert_array_equal(fill_rings(rings, mask.shape), mask)


@pytest.mark.parametrize("shape", [(300, 2), (2, 300)])
def test_many_edges_in_one_place_do_not_overflow(shape: tuple[int, int]) -> None:
    square = np.array([[0, 0], [1, 0], [1, 2], [0, 2]], float)
    assert not fill_rings([square] * 256, shape).any()
    assert fill_rings([square] * 257, shape).sum() == 2
