from __future__ import annotations

import itertools
import tracemalloc

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pycocotools import mask as coco
from scipy import ndimage

from maskcast.masks import (
    Component,
    RunLengths,
    apply_brush,
    bounding_box,
    components,
    compose_label_map,
    decode_rle,
    encode_rle,
    iou,
    split_label_map,
)

Mask = npt.NDArray[np.bool_]

SHAPES = hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40)
MASKS = hnp.arrays(np.bool_, SHAPES)


def same_shape(count: int) -> st.SearchStrategy[tuple[Mask, ...]]:
    return SHAPES.flatmap(
        lambda shape: st.tuples(*[hnp.arrays(np.bool_, shape) for _ in range(count)])
    )


def drawn(rows: str) -> Mask:
    """A mask from text: ``#`` is True, rows are separated by spaces."""
    return np.array([[pixel == "#" for pixel in row] for row in rows.split()])


def coco_rle(mask: Mask) -> dict[str, object]:
    code = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": list(code["size"]), "counts": code["counts"].decode("ascii")}


# ---- run-length codes


@given(MASKS)
def test_rle_equals_cocos(mask: Mask) -> None:
    assert encode_rle(mask) == coco_rle(mask)


@given(MASKS)
def test_rle_of_coco_is_decoded(mask: Mask) -> None:
    np.testing.assert_array_equal(decode_rle(coco_rle(mask)), mask)


@pytest.mark.parametrize("density", [0.0, 0.001, 0.3, 1.0])
def test_rle_of_large_masks_equals_cocos(density: float) -> None:
    mask = np.random.default_rng(0).random((700, 1300)) < density
    code = encode_rle(mask)
    assert code == coco_rle(mask)
    decoded = decode_rle(code)
    np.testing.assert_array_equal(decoded, mask)
    assert decoded.flags.c_contiguous


def test_long_runs_take_several_characters() -> None:
    mask = np.zeros((5000, 5000), np.bool_)
    mask[:, 2000] = True
    mask[0, 4999] = True
    assert encode_rle(mask) == coco_rle(mask)


def test_rle_by_hand() -> None:
    # Columns are 0,1 and 1,0: runs of one 0, two 1, one 0.
    assert encode_rle(drawn(".# #.")) == {"size": [2, 2], "counts": "121"}


def test_uncompressed_and_bytes_counts() -> None:
    expected = drawn(".# #.")
    np.testing.assert_array_equal(decode_rle({"size": [2, 2], "counts": [1, 2, 1]}), expected)
    np.testing.assert_array_equal(decode_rle({"size": (2, 2), "counts": b"121"}), expected)


@pytest.mark.parametrize(
    "rle",
    [
        {},
        {"size": [2, 2]},
        {"counts": "121"},
        {"size": [2], "counts": "121"},
        {"size": [2, -2], "counts": "121"},
        {"size": [2, 2.0], "counts": "121"},
        {"size": "22", "counts": "121"},
        {"size": [2, 2], "counts": "12"},
        {"size": [2, 2], "counts": "1211"},
        {"size": [2, 2], "counts": ""},
        {"size": [2, 2], "counts": "121 "},
        {"size": [2, 2], "counts": "12é"},
        {"size": [2, 2], "counts": "12Q"},
        {"size": [2, 2], "counts": "o" * 40 + "0"},
        {"size": [2, 2], "counts": "T" + "P" * 20 + "0"},
        {"size": [2, 2], "counts": [5, -1]},
        {"size": [2, 2], "counts": [2**63, -(2**63), 4]},
        {"size": [2, 2], "counts": [2**61] * 8 + [4]},
        {"size": [2, 2], "counts": [1.0, 3.0]},
        {"size": [2, 2], "counts": None},
    ],
)
def test_malformed_rle(rle: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected"):
        decode_rle(rle)


@pytest.mark.parametrize("counts", [[2**62] * 5, [0, 2**62 - 1, 2**62 - 1, 2**62 - 1, 3]])
def test_run_lengths_whose_sum_overflows_are_refused(counts: list[int]) -> None:
    with pytest.raises(ValueError, match="expected"):
        RunLengths.parse({"size": [2**31, 2**31], "counts": counts})


@given(MASKS)
def test_area_and_box_are_known_without_pixels(mask: Mask) -> None:
    code = RunLengths.of(mask)
    assert code.area == mask.sum()
    assert code.box == bounding_box(mask)
    assert code.shape == mask.shape
    np.testing.assert_array_equal(code.mask(), mask)


def test_a_code_of_any_size_costs_only_its_length() -> None:
    side = 100_000  # as pixels 10 GB
    code = RunLengths.parse({"size": [side, side], "counts": [side + 7, 5, side**2 - side - 12]})
    tracemalloc.start()
    assert (code.area, code.box) == (5, (1, 7, 2, 12))
    assert RunLengths.parse(code.to_json()).same_pixels(code)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100_000


@given(MASKS, st.lists(st.integers(0, 40), max_size=5))
def test_the_same_pixels_can_be_written_in_several_ways(mask: Mask, cuts: list[int]) -> None:
    code = RunLengths.of(mask)
    pixels = mask.T.ravel().tolist()
    counts = [len(list(run)) for _, run in itertools.groupby([False, *pixels])]
    counts[0] -= 1
    for cut in cuts:  # cut a run in two with an empty one between
        place = cut % len(counts)
        counts[place : place + 1] = [counts[place] // 2, 0, counts[place] - counts[place] // 2]
    other = RunLengths.parse({"size": list(mask.shape), "counts": counts})
    assert other.same_pixels(code)
    assert other.box == code.box
    assert not other.same_pixels(RunLengths.of(~mask))


@given(size=st.lists(st.integers(0, 30), min_size=2, max_size=2), counts=st.text(max_size=40))
def test_any_text_is_decoded_as_coco_does_or_refused(size: list[int], counts: str) -> None:
    rle = {"size": size, "counts": counts}
    try:
        mask = decode_rle(rle)
    except ValueError:
        return
    assert mask.shape == tuple(size)
    if mask.size:
        np.testing.assert_array_equal(
            mask, coco.decode({"size": size, "counts": counts.encode("ascii")}).astype(np.bool_)
        )


# ---- boxes and components


def test_bounding_box() -> None:
    assert bounding_box(drawn("..... .##.. ..##. .....")) == (1, 1, 4, 3)
    assert bounding_box(drawn("... ...")) is None
    assert bounding_box(drawn("#")) == (0, 0, 1, 1)


@given(MASKS)
def test_bounding_box_is_the_smallest_that_holds_all(mask: Mask) -> None:
    rows, columns = np.nonzero(mask)
    if rows.size == 0:
        assert bounding_box(mask) is None
    else:
        expected = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        assert bounding_box(mask) == tuple(int(edge) for edge in expected)


def test_components_by_hand() -> None:
    mask = drawn("#...## ##...# ...... ..#... ...#..")
    assert components(mask) == [
        Component((0, 0, 2, 2), 3),
        Component((4, 0, 6, 2), 3),
        Component((2, 3, 4, 5), 2),
    ]


def test_small_components_are_left_out() -> None:
    mask = drawn("#.##. ..... ####.")
    assert [part.area for part in components(mask, min_area=2)] == [2, 4]
    assert components(mask, min_area=5) == []
    assert components(drawn("...")) == []


@given(MASKS)
def test_components_equal_scipys(mask: Mask) -> None:
    labels, _ = ndimage.label(mask, structure=np.ones((3, 3)))
    expected = [
        Component(
            (columns.start, rows.start, columns.stop, rows.stop),
            int(np.count_nonzero(labels[rows, columns] == index)),
        )
        for index, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1)
    ]
    found = components(mask)
    assert sorted(found, key=repr) == sorted(expected, key=repr)
    corners = [(part.box[1], part.box[0]) for part in found]
    assert corners == sorted(corners)


def test_components_of_a_view_leave_it_unchanged() -> None:
    wide = np.zeros((20, 40), np.bool_)
    wide[4:9:2, ::4] = True
    before = wide.copy()
    assert len(components(wide[:, ::2])) == 30
    np.testing.assert_array_equal(wide, before)


# ---- label maps


def test_the_smaller_object_stays_visible() -> None:
    scratch, particle = drawn("#### ...."), drawn(".##. ....")
    for ids, masks in (((1, 2), [scratch, particle]), ((2, 1), [particle, scratch])):
        assert compose_label_map(ids, masks, (2, 4)).tolist() == [[1, 2, 2, 1], [0, 0, 0, 0]]
    assert compose_label_map([9, 3], [scratch, particle], (2, 4))[0].tolist() == [9, 3, 3, 9]


def test_the_lower_id_wins_among_equals() -> None:
    first, second = drawn("##."), drawn(".##")
    assert compose_label_map([4, 7], [first, second], (1, 3)).tolist() == [[4, 4, 7]]
    assert compose_label_map([7, 4], [first, second], (1, 3)).tolist() == [[7, 4, 4]]


def test_no_object_is_all_background() -> None:
    label_map = compose_label_map([], np.zeros((0, 3, 5), np.bool_), (3, 5))
    assert label_map.shape == (3, 5)
    assert label_map.dtype == np.uint8
    assert not label_map.any()


@given(hnp.arrays(np.uint8, SHAPES))
def test_split_and_compose_are_inverse(label_map: npt.NDArray[np.uint8]) -> None:
    masks = split_label_map(label_map)
    assert list(masks) == sorted(set(label_map.ravel().tolist()) - {0})
    np.testing.assert_array_equal(
        compose_label_map(list(masks), list(masks.values()), label_map.shape), label_map
    )


# ---- overlap and brush


def test_iou_by_hand() -> None:
    assert iou(drawn("##.."), drawn(".##.")) == pytest.approx(1 / 3)
    assert iou(drawn("##.."), drawn("..##")) == 0
    assert iou(drawn("...."), drawn("....")) == 1
    assert iou(drawn("...."), drawn("..#.")) == 0


@given(same_shape(2))
def test_iou_is_symmetric_and_one_with_itself(pair: tuple[Mask, ...]) -> None:
    first, second = pair
    assert iou(first, second) == iou(second, first)
    assert 0 <= iou(first, second) <= 1
    assert iou(first, first) == 1


def test_erase_wins_over_paint() -> None:
    mask, paint, erase = drawn("##.."), drawn("..##"), drawn("#..#")
    assert apply_brush(mask, paint, erase).tolist() == drawn(".##.").tolist()
    assert mask.tolist() == drawn("##..").tolist()


@given(same_shape(3))
def test_brush_pixel_by_pixel(three: tuple[Mask, ...]) -> None:
    mask, paint, erase = three
    expected = [
        (was or painted) and not erased
        for was, painted, erased in zip(
            mask.ravel().tolist(), paint.ravel().tolist(), erase.ravel().tolist(), strict=True
        )
    ]
    assert apply_brush(mask, paint, erase).ravel().tolist() == expected
    np.testing.assert_array_equal(apply_brush(mask, None, None), mask)
    np.testing.assert_array_equal(apply_brush(mask, paint, None), np.maximum(mask, paint))
    np.testing.assert_array_equal(apply_brush(mask, None, erase), mask > erase)
