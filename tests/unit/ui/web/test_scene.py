from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from maskcast.project.annotations import Annotation, ObjectAnnotation
from maskcast.types import Mask, Prompts
from maskcast.ui.web.desk import Snapshot
from maskcast.ui.web.scene import (
    encode_mask,
    encode_picture,
    encode_scene,
    encode_thumbnail,
    reduce_mask,
    reduce_picture,
    shown_step,
)
from pictures import picture_in


def pixels_of(encoded: dict[str, Any], shape: tuple[int, int]) -> Mask:
    """What the page makes of an encoded mask, bit by bit."""
    mask = np.zeros(shape, np.bool_)
    packed = base64.b64decode(encoded["bits"])
    stride = -(-encoded["w"] // 8)
    for row in range(encoded["h"]):
        for column in range(encoded["w"]):
            byte = packed[row * stride + column // 8]
            mask[encoded["y"] + row, encoded["x"] + column] = byte >> (7 - column % 8) & 1
    return mask


def test_a_mask_is_the_bits_of_its_box() -> None:
    mask = np.zeros((4, 20), np.bool_)
    mask[1, 3], mask[2, 12] = True, True

    # Rows of 10 pixels in two bytes: 10000000 00000000 and 00000000 01000000.
    assert encode_mask(mask) == {"x": 3, "y": 1, "w": 10, "h": 2, "area": 2, "bits": "gAAAQA=="}


def test_an_empty_mask_has_no_bits() -> None:
    assert encode_mask(np.zeros((4, 20), np.bool_))["bits"] == ""


@given(arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 20))))
def test_every_pixel_of_a_mask_arrives(mask: Mask) -> None:
    shape = mask.shape[0], mask.shape[1]
    assert np.array_equal(pixels_of(encode_mask(mask), shape), mask)


def test_a_reduced_mask_has_every_block_that_has_a_pixel() -> None:
    mask = np.zeros((5, 7), np.bool_)
    mask[4, 6], mask[0, 1] = True, True

    reduced = reduce_mask(mask, 2)

    assert reduced.tolist() == [
        [True, False, False, False],
        [False, False, False, False],
        [False, False, False, True],
    ]
    assert encode_mask(mask, 2)["area"] == 2


@pytest.mark.parametrize(
    ("height", "width", "step"),
    [(1, 1, 1), (3000, 4000, 1), (3001, 4000, 2), (10_000, 10_000, 3), (2, 200_000_000, 6)],
)
def test_only_large_pictures_are_reduced(height: int, width: int, step: int) -> None:
    assert shown_step(height, width) == step


def test_a_small_picture_arrives_as_it_is() -> None:
    image = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)

    assert np.array_equal(picture_in(encode_picture(image)), image)


def test_a_large_picture_arrives_as_jpeg() -> None:
    image = np.full((2000, 2000, 3), (200, 30, 90), np.uint8)

    url = encode_picture(image)

    assert url.startswith("data:image/jpeg;")
    assert np.abs(picture_in(url).astype(int) - image).max() <= 3


def test_a_reduced_picture_is_the_mean_of_its_blocks() -> None:
    image = np.zeros((4, 3, 3), np.uint8)
    image[0, 0] = 100

    reduced = reduce_picture(image, 2)

    assert reduced.shape == (2, 2, 3)
    assert reduced[0, 0].tolist() == [25, 25, 25]


def test_a_thumbnail_keeps_the_proportions_and_is_never_enlarged() -> None:
    wide = np.zeros((100, 400, 3), np.uint8)

    assert picture_in(encode_thumbnail(wide, 80)).shape == (20, 80, 3)
    assert picture_in(encode_thumbnail(wide, 1000)).shape == wide.shape


def _snapshot(objects: dict[int, ObjectAnnotation]) -> Snapshot:
    annotation = Annotation("a.png", 4, 20, objects=objects)
    keys = {object_id: 10 + object_id for object_id in objects}
    return Snapshot(7, annotation, keys, 2, can_undo=True, can_redo=False)


def test_a_scene_holds_prompts_and_the_masks_that_the_page_lacks() -> None:
    mask = np.zeros((4, 20), np.bool_)
    mask[1, 3] = True
    prompts = Prompts(
        box=np.array([1, 0, 5, 3]), points=np.array([[3.5, 1.5]]), point_labels=np.array([True])
    )
    snapshot = _snapshot({2: ObjectAnnotation(prompts, mask), 5: ObjectAnnotation(prompts)})

    scene = encode_scene(snapshot, known=[])

    assert scene["revision"] == 7
    assert (scene["width"], scene["height"], scene["step"]) == (20, 4, 1)
    assert scene["objects"]["2"] == {
        "key": 12,
        "box": [1, 0, 5, 3],
        "boxes": [],
        "points": [[3.5, 1.5, True]],
        "pending": False,
        "mask": {"x": 3, "y": 1, "w": 1, "h": 1, "area": 1, "bits": "gA=="},
    }
    assert scene["objects"]["5"]["pending"]
    assert "mask" not in encode_scene(snapshot, known=[12])["objects"]["2"]
