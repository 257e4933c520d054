"""Overlays: what is painted where, by hand-computed pixels; sizes from 1x1 up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskcast.drawing.overlay import MAX_BOXES, Strokes, draw_overlay
from maskcast.types import ObjectSpec, RgbImage, Segmentation

GRAY = 100
COLOR = (200, 0, 60)
SPECS = {1: ObjectSpec(1, "particle", COLOR)}
# 35 % of the colour and 65 % of gray 100: 65 + (70, 0, 21).
FILLED = [135, 65, 86]


def gray_image(height: int = 200, width: int = 300) -> RgbImage:
    return np.full((height, width, 3), GRAY, np.uint8)


def one_object(mask: np.ndarray, score: float = 0.5) -> Segmentation:
    return Segmentation(np.array([1], np.int32), mask[None], np.array([score], np.float32))


def square(height: int = 200, width: int = 300) -> Segmentation:
    mask = np.zeros((height, width), np.bool_)
    mask[100:140, 100:150] = True
    return one_object(mask)


def test_nothing_found_leaves_the_image_as_it_is() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    assert np.array_equal(draw_overlay(image, Segmentation.empty(40, 50), SPECS), image)


def test_an_object_without_a_pixel_is_not_drawn() -> None:
    empty = one_object(np.zeros((200, 300), np.bool_))
    assert np.array_equal(draw_overlay(gray_image(), empty, SPECS), gray_image())


def test_the_image_is_not_modified() -> None:
    image = gray_image()
    image.setflags(write=False)
    assert not np.array_equal(draw_overlay(image, square(), SPECS), image)


def test_the_fill_is_translucent() -> None:
    overlay = draw_overlay(gray_image(), square(), SPECS)
    assert overlay[120, 125].tolist() == FILLED
    assert (overlay[103:137, 103:147] == FILLED).all()


def test_the_contour_is_the_outermost_pixels_of_the_mask_in_full_color() -> None:
    overlay = draw_overlay(gray_image(), square(), SPECS)
    for edge in (overlay[100, 100:150], overlay[139, 100:150], overlay[100:140, 100]):
        assert (edge == COLOR).all()


def test_a_dark_rim_sets_the_contour_off() -> None:
    overlay = draw_overlay(gray_image(), square(), SPECS)
    assert (overlay[99, 100:150] == 55).all()  # 55 % of gray 100


def test_a_box_stands_just_outside() -> None:
    overlay = draw_overlay(gray_image(), square(), SPECS)
    # One pixel of gap, then the line: 10 % of gray 100 and 90 % of the colour.
    assert overlay[120, 98].tolist() == [190, 10, 64]
    assert overlay[120, 97].tolist() == [GRAY] * 3


def test_pixels_far_away_do_not_change() -> None:
    overlay = draw_overlay(gray_image(), square(), SPECS)
    assert (overlay[160:] == GRAY).all()
    assert (overlay[:, :90] == GRAY).all()


def test_only_the_largest_components_get_a_box() -> None:
    mask = np.zeros((400, 900), np.bool_)
    for place in range(MAX_BOXES + 1):
        size = 4 if place else 2  # the first is the smallest
        row, column = divmod(place, 20)
        mask[100 + row * 40 :, 20 + column * 40 :][:size, :size] = True
    overlay = draw_overlay(gray_image(400, 900), one_object(mask), {})
    left_of_first, left_of_second = overlay[101, 10:19], overlay[101, 50:59]
    assert (left_of_first == GRAY).all()
    assert (left_of_second != GRAY).any()


def test_the_tag_is_a_plate_in_the_color_of_the_object() -> None:
    overlay = draw_overlay(gray_image(), square(), SPECS)
    above = overlay[70:98, 98:180]
    plate = (above == COLOR).all(axis=2)
    letters = (above > 230).all(axis=2)  # white on dark red
    assert plate.sum() > 500
    assert letters.sum() > 50


def test_a_tiny_image_has_no_room_for_a_tag() -> None:
    mask = np.zeros((16, 16), np.bool_)
    mask[4:8, 4:8] = True
    overlay = draw_overlay(gray_image(16, 16), one_object(mask), SPECS)
    assert (overlay[11:] == GRAY).all()
    assert (overlay[4, 4:8] == COLOR).all()


def test_objects_without_a_spec_get_a_default_color() -> None:
    assert draw_overlay(gray_image(), square(), {})[100, 100].tolist() == [230, 159, 0]


def test_an_object_under_another_keeps_its_contour() -> None:
    masks = np.zeros((2, 200, 300), np.bool_)
    masks[0, 50:100, 50:100] = True
    masks[1, 20:180, 20:200] = True
    both = Segmentation(np.array([1, 2]), masks, np.array([0.5, 0.5]))
    overlay = draw_overlay(gray_image(), both, SPECS)
    assert (overlay[99, 50:100] == COLOR).all()


def test_masks_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected size \(200, 300\), got \(20, 30\)"):
        draw_overlay(gray_image(), Segmentation.empty(20, 30), SPECS)


def test_strokes_grow_with_the_image() -> None:
    small, large = Strokes.for_size(512, 512), Strokes.for_size(3000, 4000)
    assert (small.contour, small.box) == (1, 1)
    assert 4 <= large.contour <= 8
    assert large.text >= 4 * small.text


def test_a_long_strip_gets_small_letters() -> None:
    assert Strokes.for_size(50, 20000).text == 11


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 90),
    st.integers(1, 90),
    st.integers(0, 2**32 - 1),
    st.floats(0, 1),
    st.text(max_size=12),
)
def test_every_size_and_name_can_be_drawn(
    height: int, width: int, seed: int, density: float, name: str
) -> None:
    mask = np.random.default_rng(seed).random((height, width)) < density
    specs = {1: ObjectSpec(1, name, COLOR)}
    overlay = draw_overlay(gray_image(height, width), one_object(mask, density), specs)
    assert overlay.shape == (height, width, 3)
    assert overlay.dtype == np.uint8
    assert np.array_equal(
        overlay, draw_overlay(gray_image(height, width), one_object(mask, density), specs)
    )


def test_scores_can_be_left_out_of_the_tags() -> None:
    low, high = (one_object(square().masks[0], score) for score in (0.25, 0.75))
    told = [draw_overlay(gray_image(), found, SPECS) for found in (low, high)]
    blind = [draw_overlay(gray_image(), found, SPECS, tells_scores=False) for found in (low, high)]
    assert not np.array_equal(told[0], told[1])
    assert np.array_equal(blind[0], blind[1])
    assert not np.array_equal(blind[0], told[0])
