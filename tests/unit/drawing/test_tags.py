"""Tags: inside the image, never over each other, readable, shortened where there is no room."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskcast.drawing import fonts, tags
from maskcast.drawing.palette import default_color
from maskcast.drawing.tags import TagBoard, draw_tag
from maskcast.types import ObjectSpec

Box = tuple[int, int, int, int]
KOREAN = "이물"


def overlap(one: Box, other: Box) -> bool:
    across = min(one[2], other[2]) > max(one[0], other[0])
    return across and min(one[3], other[3]) > max(one[1], other[1])


def test_a_tag_stands_above_its_component() -> None:
    board = TagBoard((100, 200), [])
    assert board.place((10, 40), (50, 60, 70, 80)) == (50, 50, 90, 60)


def test_a_tag_stands_below_a_component_at_the_top() -> None:
    mask = np.zeros((100, 200), np.bool_)
    mask[0:20, 50:70] = True
    assert TagBoard((100, 200), [mask]).place((10, 40), (50, 0, 70, 20)) == (50, 20, 90, 30)


def test_a_tag_avoids_other_masks() -> None:
    mask = np.zeros((100, 200), np.bool_)
    mask[:60] = True
    assert TagBoard((100, 200), [mask]).place((10, 40), (50, 60, 70, 80)) == (50, 80, 90, 90)


def test_a_tag_larger_than_the_image_has_no_place() -> None:
    board = TagBoard((9, 200), [])
    assert board.place((10, 40), (0, 0, 5, 5)) is None
    assert board.taken == []


def test_a_full_image_has_no_place() -> None:
    board = TagBoard((10, 40), [])
    assert board.place((10, 40), (0, 0, 5, 5)) == (0, 0, 40, 10)
    assert board.place((10, 40), (0, 0, 5, 5)) is None


def test_where_all_sides_are_taken_the_nearest_free_place_is_used() -> None:
    board = TagBoard((200, 200), [])
    around = (90, 90, 110, 110)
    boxes = [board.place((20, 60), around) for _ in range(12)]
    assert None not in boxes
    distances = [abs(box[0] - 90) + abs(box[1] - 90) for box in boxes if box]
    assert max(distances) < 160


@given(
    st.tuples(st.integers(1, 120), st.integers(1, 120)),
    st.lists(
        st.tuples(st.integers(0, 119), st.integers(0, 119), st.integers(1, 40), st.integers(1, 50)),
        max_size=12,
    ),
)
def test_tags_are_inside_and_apart(
    size: tuple[int, int], wanted: list[tuple[int, int, int, int]]
) -> None:
    board = TagBoard(size, [])
    for x, y, height, width in wanted:
        xmin, ymin = min(x, size[1] - 1), min(y, size[0] - 1)
        board.place((height, width), (xmin, ymin, xmin + 1, ymin + 1))
    for box in board.taken:
        assert 0 <= box[0] < box[2] <= size[1]
        assert 0 <= box[1] < box[3] <= size[0]
    assert not any(overlap(one, other) for one, other in combinations(board.taken, 2))


def drawn_tag(spec: ObjectSpec, width: int = 400, height: int = 60) -> tuple[np.ndarray, list[Box]]:
    canvas = np.full((height, width, 3), 128, np.uint8)
    board = TagBoard((height, width), [])
    draw_tag(canvas, board, spec, 0.5, (0, height - 1, 1, height), 14)
    return canvas, board.taken


def tag_width(spec: ObjectSpec, width: int = 400) -> int:
    (box,) = drawn_tag(spec, width)[1]
    return box[2] - box[0]


def test_only_the_tags_box_is_drawn_on() -> None:
    canvas, (box,) = drawn_tag(ObjectSpec(1, "particle", (255, 0, 0)))
    changed = (canvas != 128).any(axis=2)
    rows, columns = np.nonzero(changed)
    assert (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) == box


def test_long_names_are_cut() -> None:
    long, longer = ObjectSpec(1, "m" * 40, (9, 9, 9)), ObjectSpec(1, "m" * 80, (9, 9, 9))
    assert tag_width(long, 4000) == tag_width(longer, 4000)
    assert tag_width(long, 4000) > tag_width(ObjectSpec(1, "m" * 15, (9, 9, 9)), 4000)


def test_a_narrow_image_gets_a_shorter_tag() -> None:
    spec = ObjectSpec(7, "particle", (255, 0, 0))
    widths = [tag_width(spec, image_width) for image_width in (400, 100, 40)]
    assert widths[0] > widths[1] > widths[2]


def test_line_breaks_in_a_name_do_not_break_the_tag() -> None:
    broken = ObjectSpec(1, "dust\n\tspeck", (255, 0, 0))
    plain = ObjectSpec(1, "dust speck", (255, 0, 0))
    assert np.array_equal(drawn_tag(broken)[0], drawn_tag(plain)[0])


def contrast(one: np.ndarray, other: np.ndarray) -> float:
    """WCAG 2.1 contrast ratio of two sRGB colours in 0..255."""

    def luminance(color: np.ndarray) -> float:
        part = color / 255
        linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
        return float(linear @ np.array([0.2126, 0.7152, 0.0722]))

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("object_id", range(1, 256, 3))
def test_letters_can_be_read_on_every_color(object_id: int) -> None:
    color = default_color(object_id)
    canvas, (box,) = drawn_tag(ObjectSpec(object_id, "HHH", color))
    pixels = canvas[box[1] : box[3], box[0] : box[2]].reshape(-1, 3)
    assert max(contrast(pixel, np.array(color)) for pixel in np.unique(pixels, axis=0)) >= 4.5


@pytest.fixture
def no_system_fonts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(fonts, "FONT_FOLDERS", (tmp_path, tmp_path / "missing"))
    for cache in (fonts._source_for, fonts._system_fonts):
        cache.cache_clear()
        monkeypatch.setattr(fonts, cache.__name__, cache.__wrapped__)


@pytest.mark.usefixtures("no_system_fonts")
class TestWithoutSystemFonts:
    def test_pillows_font_draws_latin(self) -> None:
        assert fonts.font_for("particle 0.97", 14) is not None

    def test_no_font_has_hangul(self) -> None:
        assert fonts.font_for(KOREAN, 14) is None

    def test_a_tag_falls_back_to_id_and_score(self) -> None:
        korean, nameless = ObjectSpec(1, KOREAN, (255, 0, 0)), ObjectSpec(1, " ", (255, 0, 0))
        assert np.array_equal(drawn_tag(korean)[0], drawn_tag(nameless)[0])

    def test_files_that_are_no_fonts_are_passed_over(self, tmp_path: Path) -> None:
        (tmp_path / "NotoSansCJK-Regular.ttc").write_bytes(b"not a font")
        assert fonts.font_for(KOREAN, 14) is None


def test_a_system_font_is_used_where_pillows_lacks_the_letters() -> None:
    word = "Частица"
    if not any(
        path.suffix == ".ttf"
        for folder in fonts.FONT_FOLDERS
        for path in fonts._files_under(folder)
    ):
        pytest.skip("this machine has no TrueType fonts")
    font = fonts.font_for(word, 20)
    if font is None:
        pytest.skip("no font of this machine has Cyrillic letters")
    assert font.getname() != fonts._load("", 20).getname()
    glyphs = {bytes(font.getmask(letter)) for letter in "Ччастиц"}
    assert len(glyphs) == 7


def test_regular_cuts_of_preferred_families_come_first() -> None:
    names = ["DejaVuSans", "NanumGothicBold", "NotoSansCJK-Regular", "NanumGothic", "Wingdings"]
    ordered = sorted(names, key=fonts._rank)
    assert ordered == [
        "NotoSansCJK-Regular",
        "NanumGothic",
        "NanumGothicBold",
        "DejaVuSans",
        "Wingdings",
    ]


def test_tags_show_id_name_and_score() -> None:
    texts = list(tags._texts(ObjectSpec(3, "bridge", (0, 0, 0)), 0.8765))
    assert texts == ["3  bridge  0.88", "3  0.88", "3"]
