from __future__ import annotations

import numpy as np
import pytest

from maskcast.project.annotations import ObjectAnnotation
from maskcast.types import Prompts
from maskcast.ui.edits import AddPoint, Clear, DeleteNearest, Edit, SetBox, Stroke, apply_edit

SHAPE = (40, 60)


def _apply(*edits: Edit, entry: ObjectAnnotation | None = None) -> ObjectAnnotation | None:
    for edit in edits:
        entry = apply_edit(entry, edit, SHAPE)
    return entry


def _prompts(*edits: Edit, entry: ObjectAnnotation | None = None) -> Prompts:
    result = _apply(*edits, entry=entry)
    assert result is not None
    return result.prompts


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (SetBox(5, 6, 20, 30), [5, 6, 20, 30]),
        (SetBox(20, 30, 5, 6), [5, 6, 20, 30]),  # drawn from the other corner
        (SetBox(-9, 6, 99, 30), [0, 6, 60, 30]),  # clipped
    ],
)
def test_a_box_is_sorted_and_clipped(edit: SetBox, expected: list[float]) -> None:
    box = _prompts(edit).box
    assert box is not None
    assert box.tolist() == expected


@pytest.mark.parametrize(
    "edit",
    [
        SetBox(5, 6, 5.4, 30),  # a line
        SetBox(70, 6, 90, 30),  # outside
        AddPoint(60, 3, True),  # the edge is not in the image
        AddPoint(3, -0.1, False),
        Stroke(((-20.0, -20.0),), 4.0),
        DeleteNearest(3, 3, 5),
        Clear(),
    ],
)
def test_an_edit_without_effect_leaves_nothing_behind(edit: Edit) -> None:
    assert _apply(edit) is None

    entry = _apply(AddPoint(50, 30, True))
    if not isinstance(edit, Clear):
        assert _apply(edit, entry=entry) is entry


def test_points_keep_their_order_and_labels() -> None:
    prompts = _prompts(AddPoint(1.5, 2, True), AddPoint(9, 8, False))

    assert prompts.points.tolist() == [[1.5, 2], [9, 8]]
    assert prompts.point_labels.tolist() == [True, False]


def test_the_later_stroke_wins() -> None:
    middle = ((20.5, 20.5),)
    prompts = _prompts(Stroke(middle, 6), Stroke(middle, 3, erase=True), Stroke(middle, 1))

    assert prompts.paint is not None
    assert prompts.erase is not None
    assert prompts.paint[20, 20]
    assert not prompts.erase[20, 20]
    assert prompts.erase[20, 22]
    assert not prompts.paint[20, 22]
    assert prompts.paint[20, 25]
    assert not (prompts.paint & prompts.erase).any()


def test_painting_over_all_that_was_erased_leaves_no_erase() -> None:
    middle = ((20.5, 20.5),)

    assert _prompts(Stroke(middle, 3, erase=True), Stroke(middle, 6)).erase is None


def test_an_edit_does_not_change_what_it_was_given() -> None:
    first = _apply(Stroke(((20, 20),), 4))
    assert first is not None
    assert first.prompts.paint is not None
    before = first.prompts.paint.copy()

    _apply(Stroke(((40, 20),), 4), Stroke(((20, 20),), 9, erase=True), entry=first)

    assert np.array_equal(first.prompts.paint, before)


def _begun() -> ObjectAnnotation:
    """A square and a dot, as a file or an engine gave them."""
    mask = np.zeros(SHAPE, np.bool_)
    mask[5:25, 5:25] = True
    mask[35, 50] = True
    return ObjectAnnotation(Prompts(), mask)


def test_an_imported_mask_is_what_edits_start_from() -> None:
    imported = _begun()

    prompts = _prompts(Stroke(((6.5, 6.5),), 0.4, erase=True), entry=imported)

    assert prompts.start is not None
    assert prompts.erase is not None
    assert imported.mask is not None
    assert np.array_equal(prompts.start, imported.mask)
    assert np.argwhere(prompts.erase).tolist() == [[6, 6]]


def test_points_in_no_box_correct_the_start_and_a_box_is_of_a_thing_of_its_own() -> None:
    prompts = _prompts(
        AddPoint(10, 10, False),
        SetBox(30, 5, 50, 20),
        AddPoint(40, 10, True),
        AddPoint(30, 30, True),
        entry=_begun(),
    )

    boxed, loose = sorted(prompts.things, key=lambda thing: thing.box is None)
    assert boxed.points.tolist() == [[40, 10]]
    assert loose.points.tolist() == [[10, 10], [30, 30]]
    assert loose.box is None


def test_points_of_a_box_that_is_taken_away_correct_the_start() -> None:
    prompts = _prompts(
        AddPoint(10, 10, False),
        SetBox(30, 5, 50, 20),
        AddPoint(40, 10, True),
        DeleteNearest(30, 6, 2),
        entry=_begun(),
    )

    assert prompts.others == ()
    assert sorted(prompts.points.tolist()) == [[10, 10], [40, 10]]


def test_a_part_of_the_start_goes_as_a_whole_and_clearing_takes_all() -> None:
    prompts = _prompts(DeleteNearest(10, 10, 3), entry=_begun())
    assert prompts.start is not None
    assert np.argwhere(prompts.start).tolist() == [[35, 50]]
    assert _apply(Clear(), entry=_begun()) is None
    assert _apply(DeleteNearest(10, 10, 3), DeleteNearest(50, 35, 3), entry=_begun()) is None


def test_prompts_with_a_mask_are_not_painted_over_by_it() -> None:
    entry = _apply(AddPoint(5, 5, True))
    assert entry is not None
    resolved = entry.with_mask(np.ones(SHAPE, np.bool_))

    assert _prompts(AddPoint(9, 9, False), entry=resolved).paint is None


class TestDeleteNearest:
    def test_takes_the_nearest_point(self) -> None:
        prompts = _prompts(
            AddPoint(10, 10, True), AddPoint(14, 10, False), DeleteNearest(13, 10, 5)
        )

        assert prompts.points.tolist() == [[10, 10]]
        assert prompts.point_labels.tolist() == [True]

    def test_takes_the_box_by_its_outline_from_both_sides(self) -> None:
        for x in (18.0, 22.0):
            edits = SetBox(20, 5, 50, 35), AddPoint(35, 20, True), DeleteNearest(x, 20, 3)
            prompts = _prompts(*edits)
            assert prompts.box is None
            assert len(prompts.points) == 1

    def test_leaves_what_is_out_of_reach(self) -> None:
        entry = _apply(SetBox(20, 5, 50, 35), AddPoint(21, 6, True))

        assert _apply(DeleteNearest(35, 20, 5), entry=entry) is entry

    def test_takes_one_painted_region(self) -> None:
        strokes = Stroke(((10, 10),), 4), Stroke(((40, 10),), 4)

        prompts = _prompts(*strokes, DeleteNearest(40, 11, 2))

        assert prompts.paint is not None
        assert prompts.paint[10, 10]
        assert not prompts.paint[:, 30:].any()

    def test_the_last_prompt_takes_the_object_with_it(self) -> None:
        assert _apply(AddPoint(10, 10, True), DeleteNearest(10, 10, 1)) is None


def test_clear_takes_everything() -> None:
    edits = SetBox(1, 1, 9, 9), AddPoint(3, 3, True), Stroke(((5, 5),), 2), Clear()

    assert _apply(*edits) is None


@pytest.mark.parametrize(("path", "radius"), [((), 3.0), (((1.0, 1.0),), 0.0)])
def test_a_stroke_needs_a_path_and_a_radius(
    path: tuple[tuple[float, float], ...], radius: float
) -> None:
    with pytest.raises(ValueError, match="stroke: expected a path and a radius above 0"):
        Stroke(path, radius)


def _boxes(prompts: Prompts) -> list[list[float]]:
    return [thing.box.tolist() for thing in prompts.things if thing.box is not None]


def _points(prompts: Prompts) -> list[list[list[float]]]:
    return [thing.points.tolist() for thing in prompts.things]


TWO = (SetBox(2, 2, 12, 12), AddPoint(5, 5, True), SetBox(30, 20, 50, 35))


def test_boxes_add_up_and_each_has_its_own_points() -> None:
    prompts = _prompts(*TWO, AddPoint(40, 30, False))
    assert _boxes(prompts) == [[30, 20, 50, 35], [2, 2, 12, 12]]
    assert _points(prompts) == [[[40, 30]], [[5, 5]]]

    # A click is of the box round it, which is then in hand; beside all of them, of the nearest.
    back = _prompts(*TWO, AddPoint(14, 12, True))
    assert _boxes(back) == [[2, 2, 12, 12], [30, 20, 50, 35]]
    assert _points(back) == [[[5, 5], [14, 12]], []]


def test_of_boxes_within_boxes_a_click_is_of_the_smallest() -> None:
    prompts = _prompts(SetBox(0, 0, 50, 38), SetBox(10, 10, 20, 20), AddPoint(12, 12, True))
    assert _points(prompts) == [[[12, 12]], []]


@pytest.mark.parametrize(
    ("drawn", "boxes"),
    [
        (SetBox(30, 20, 55, 39), [[30, 20, 55, 39], [2, 2, 12, 12]]),  # a corner of it was dragged
        (SetBox(50, 20, 58, 35), [[50, 20, 58, 35], [2, 2, 12, 12]]),  # a side, past the other
        (SetBox(3, 3, 12.5, 13), [[3, 3, 12.5, 13], [30, 20, 50, 35]]),  # drawn anew, much the same
        (SetBox(31, 21, 36, 26), [[31, 21, 36, 26], [30, 20, 50, 35], [2, 2, 12, 12]]),
    ],
)
def test_a_box_is_adjusted_drawn_anew_or_of_another_thing(
    drawn: SetBox, boxes: list[list[float]]
) -> None:
    assert _boxes(_prompts(*TWO, drawn)) == boxes


def test_deleting_takes_a_single_prompt_of_a_single_thing() -> None:
    entry = _apply(*TWO, AddPoint(40, 30, False))
    without_point = _prompts(DeleteNearest(5, 5.5, 3), entry=entry)
    assert _points(without_point) == [[[40, 30]], []]
    without_box = _prompts(DeleteNearest(30, 30, 3), entry=entry)
    assert _boxes(without_box) == [[2, 2, 12, 12]]
    assert _points(without_box) == [[[40, 30]], [[5, 5]]]
    assert _apply(DeleteNearest(40, 30, 3), DeleteNearest(30, 30, 3), entry=entry) == _apply(
        SetBox(2, 2, 12, 12), AddPoint(5, 5, True)
    )
    assert _apply(Clear(), entry=entry) is None


def test_a_box_far_from_a_click_is_of_another_thing() -> None:
    assert _points(_prompts(AddPoint(5, 5, True), SetBox(2, 2, 12, 12))) == [[[5, 5]]]
    assert _points(_prompts(AddPoint(5, 5, True), SetBox(30, 20, 50, 35))) == [[], [[5, 5]]]
