"""Colours: told apart under simulated colour blindness, all different, read and written as hex."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.color import rgb2lab

from maskcast.drawing.palette import default_color, default_spec, hex_color, parse_hex_color

Matrix = npt.NDArray[np.float64]

# Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB.
PROTANOPIA = [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
]
DEUTERANOPIA = [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.011820, 0.042940, 0.968881],
]
NORMAL = np.eye(3).tolist()


def seen(colors: Matrix, vision: list[list[float]]) -> Matrix:
    """CIELAB (N, 3) of sRGB colours (N, 3) in 0..1 as a person with ``vision`` sees them."""
    linear = np.where(colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4)
    changed = np.clip(linear @ np.array(vision).T, 0, 1)
    back = np.where(changed <= 0.0031308, changed * 12.92, 1.055 * changed ** (1 / 2.4) - 0.055)
    return np.asarray(rgb2lab(back), np.float64)


def smallest_distance(count: int, vision: list[list[float]]) -> float:
    colors = np.array([default_color(object_id) for object_id in range(1, count + 1)]) / 255
    pairs = itertools.combinations(seen(colors, vision), 2)
    return float(min(np.linalg.norm(one - other) for one, other in pairs))


# A CIELAB distance of 2.3 is just noticeable; Okabe and Ito's own closest pair (orange, yellow)
# is 16.9 apart to a deuteranope.
@pytest.mark.parametrize("vision", [NORMAL, PROTANOPIA, DEUTERANOPIA])
def test_sixteen_colors_are_told_apart(vision: list[list[float]]) -> None:
    assert smallest_distance(16, vision) >= 16


@pytest.mark.parametrize("vision", [NORMAL, PROTANOPIA, DEUTERANOPIA])
def test_the_first_three_are_far_apart(vision: list[list[float]]) -> None:
    assert smallest_distance(3, vision) >= 40


@pytest.mark.parametrize("vision", [NORMAL, PROTANOPIA, DEUTERANOPIA])
def test_no_color_is_lost_on_a_gray_image(vision: list[list[float]]) -> None:
    colors = np.array([default_color(object_id) for object_id in range(1, 17)]) / 255
    lab = seen(colors, vision)
    assert np.hypot(lab[:, 1], lab[:, 2]).min() >= 6


def test_starts_with_okabe_and_ito() -> None:
    published = ["#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7"]
    assert [hex_color(default_color(object_id)) for object_id in range(1, 8)] == published


def test_all_ids_have_their_own_color() -> None:
    assert len({default_color(object_id) for object_id in range(1, 256)}) == 255


@pytest.mark.parametrize("object_id", [0, 256, -1])
def test_ids_out_of_range_are_refused(object_id: int) -> None:
    with pytest.raises(ValueError, match=r"expected 1\.\.255"):
        default_color(object_id)


def test_default_spec() -> None:
    spec = default_spec(3)
    assert (spec.object_id, spec.name, spec.color) == (3, "object 3", (0, 158, 115))


@pytest.mark.parametrize("text", ["#E69F00", "e69f00", " #e69f00 "])
def test_parses_the_usual_ways_to_write_it(text: str) -> None:
    assert parse_hex_color(text) == (230, 159, 0)


def test_parses_the_short_form() -> None:
    assert parse_hex_color("#fa0") == (255, 170, 0)


@pytest.mark.parametrize("text", ["", "#12", "red", "#12345", "#gggggg", "#1234567", "#+1+2+3"])
def test_refuses_what_is_not_a_color(text: str) -> None:
    with pytest.raises(ValueError, match="give six hex digits"):
        parse_hex_color(text)


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_hex_round_trip(color: tuple[int, int, int]) -> None:
    assert parse_hex_color(hex_color(color)) == color
