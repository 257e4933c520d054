"""The view: places there and back, zoom round the mouse, drawing part by part as in one go."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskcast.ui.desktop.view import BACKGROUND, Layer, Picture, Rect, View

RED = (230, 20, 20)


def noise(height: int, width: int) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)


def views() -> st.SearchStrategy[View]:
    sizes = st.tuples(st.integers(80, 1500), st.integers(80, 1500))
    return st.builds(View.fitted, sizes, st.tuples(st.integers(1, 9000), st.integers(1, 9000)))


def test_the_whole_image_is_fitted_into_the_middle() -> None:
    view = View.fitted((1000, 500), (100, 100))
    assert view.scale == pytest.approx(500 / 104)
    assert view.to_image(500, 250) == pytest.approx((50, 50))


@given(views(), st.floats(-50, 1500), st.floats(-50, 1500), st.floats(0.2, 5))
def test_what_is_under_the_mouse_stays_there(view: View, x: float, y: float, factor: float) -> None:
    closer = view.zoomed(factor, view.size[0] / 2, view.size[1] / 2)
    middle = view.to_image(view.size[0] / 2, view.size[1] / 2)
    assert closer.to_image(view.size[0] / 2, view.size[1] / 2) == pytest.approx(middle, abs=1e-6)
    place = np.array([closer.to_image(x, y)], np.float64)
    back = (place - [closer.x, closer.y]) * closer.scale
    assert back[0] == pytest.approx((x, y), abs=1e-3)


@given(views(), st.floats(-1e5, 1e5), st.floats(-1e5, 1e5), st.floats(1e-3, 1e3))
def test_nobody_gets_lost(view: View, x: float, y: float, factor: float) -> None:
    elsewhere = view.moved(x, y).zoomed(factor, 0, 0)
    middle = elsewhere.to_image(view.size[0] / 2, view.size[1] / 2)
    assert -1e-6 <= middle[0] <= view.image_size[0] + 1e-6
    assert -1e-6 <= middle[1] <= view.image_size[1] + 1e-6


def test_a_part_is_shown_as_large_as_possible() -> None:
    view = View.fitted((400, 200), (1000, 1000)).showing((100, 100, 200, 120))
    assert view.scale == pytest.approx(4)
    assert view.to_image(200, 100) == pytest.approx((150, 110))


def test_a_resized_window_keeps_the_middle_and_the_scale() -> None:
    view = View.fitted((400, 200), (1000, 1000)).zoomed(7, 30, 40)
    wider = view.resized((900, 300))
    assert wider.scale == view.scale
    assert wider.to_image(450, 150) == pytest.approx(view.to_image(200, 100))


def test_at_one_to_one_the_image_itself_is_shown() -> None:
    image = noise(40, 60)
    view = View(0, 0, 1, (60, 40), (60, 40))
    assert (Picture(image).draw(view, view.screen, []) == image).all()


def test_close_up_pixels_are_crisp_squares() -> None:
    image = noise(6, 8)
    view = View(2, 1, 10, (60, 50), (8, 6))
    expected = image[1:6, 2:8].repeat(10, axis=0).repeat(10, axis=1)
    assert (Picture(image).draw(view, view.screen, []) == expected).all()


def test_from_afar_the_image_is_averaged_not_sampled() -> None:
    image = np.zeros((400, 400, 3), np.uint8)
    image[::2] = 200  # stripes that sampling would show as black or white
    view = View(0, 0, 0.25, (100, 100), (400, 400))
    assert np.abs(Picture(image).draw(view, view.screen, []).astype(int) - 100).max() <= 1


def test_beside_the_image_there_is_background() -> None:
    view = View(-10, -10, 1, (80, 60), (60, 40))
    drawn = Picture(noise(40, 60)).draw(view, view.screen, [])
    assert (drawn[:9] == BACKGROUND).all()
    assert (drawn[:, 71:] == BACKGROUND).all()
    far = View(5000, 5000, 1, (80, 60), (60, 40))
    assert (Picture(noise(40, 60)).draw(far, far.screen, []) == BACKGROUND).all()


def test_a_mask_is_tinted_where_it_is() -> None:
    mask = np.zeros((40, 60), np.bool_)
    mask[10:20, 30:50] = True
    view = View(0, 0, 1, (60, 40), (60, 40))
    image = noise(40, 60)
    drawn = Picture(image).draw(view, view.screen, [Layer(mask, RED, 0.5, 0)])
    assert (drawn[~mask] == image[~mask]).all()
    expected = image[mask] * 0.5 + np.array(RED) * 0.5
    assert np.abs(drawn[mask] - expected).max() <= 0.5


def test_a_contour_has_the_full_colour_inside_the_mask() -> None:
    mask = np.zeros((40, 60), np.bool_)
    mask[10:20, 30:50] = True
    view = View(0, 0, 1, (60, 40), (60, 40))
    drawn = Picture(noise(40, 60)).draw(view, view.screen, [Layer(mask, RED, 0.3, 2)])
    full = (drawn == RED).all(axis=2)
    assert full[10:12, 30:50].all()
    assert full[10:20, 48:50].all()
    assert not full[12:18, 32:48].any()


@pytest.mark.parametrize("scale", [0.13, 0.25, 0.4])
def test_a_thin_line_is_seen_from_afar(scale: float) -> None:
    mask = np.zeros((800, 800), np.bool_)
    mask[:, 201:203] = True
    view = View(0, 0, scale, (100, 100), (800, 800))
    image = np.zeros((800, 800, 3), np.uint8)
    drawn = Picture(image).draw(view, view.screen, [Layer(mask, RED, 1.0, 0)])
    assert (drawn == RED).all(axis=2).any(axis=1).all()


@pytest.mark.parametrize("scale", [0.11, 0.37, 0.8, 1.0, 1.7, 4.3, 20.0])
def test_parts_drawn_alone_fit_the_whole_without_seams(scale: float) -> None:
    rng = np.random.default_rng(3)
    mask = rng.random((301, 407)) > 0.5
    mask[100:200, 150:300] = True
    view = View(3.3, 5.7, scale, (90, 70), (407, 301))
    picture = Picture(noise(301, 407))
    layers = [Layer(mask, RED, 0.35, 2)]
    whole = picture.draw(view, view.screen, layers)
    patched = np.zeros_like(whole)
    for left, top, right, bottom in [
        (0, 0, 40, 33),
        (40, 0, 90, 33),
        (0, 33, 55, 70),
        (55, 33, 90, 70),
    ]:
        rect = Rect(left, top, right, bottom)
        patched[rect.slices] = picture.draw(view, rect, layers)
    assert (np.abs(patched.astype(int) - whole) > 2).mean() < 0.01


def test_rows_and_columns_are_found_on_the_screen() -> None:
    view = View(10, 20, 2, (100, 100), (500, 500))
    assert view.rect_of((slice(25, 30), slice(12, 20))) == Rect(4, 10, 20, 20)


def test_images_longer_than_opencv_takes_are_drawn() -> None:
    image = np.full((4, 70_000, 3), 90, np.uint8)
    view = View.fitted((500, 100), (70_000, 4)).zoomed(100, 250, 50)
    layer = Layer(np.ones((4, 70_000), np.bool_), RED, 1.0, 0)
    assert (Picture(image).draw(view, view.screen, [layer]) == RED).all(axis=2).any()


def test_stripes_are_drawn_part_by_part_as_in_one_go() -> None:
    mask = np.zeros((60, 80), np.bool_)
    mask[10:50, 10:70] = True
    picture = Picture(np.full((60, 80, 3), 200, np.uint8))
    view = View.fitted((400, 300), (80, 60))
    plain, striped = (Layer(mask, RED, 0.3, 0, is_hatched=hatched) for hatched in (False, True))

    whole = picture.draw(view, view.screen, [striped])
    left, right = (picture.draw(view, rect, [striped]) for rect in (
        Rect(0, 0, 171, 300), Rect(171, 0, 400, 300)))  # fmt: skip

    assert (np.hstack([left, right]) == whole).all()
    filled = (picture.draw(view, view.screen, [plain]) != 200).any(axis=2)
    stripes = (whole == RED).all(axis=2)
    assert 0.2 < stripes.sum() / filled.sum() < 0.5
    assert not (stripes & ~filled).any()
