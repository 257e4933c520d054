"""Pixels equal those of the official processors, bit for bit.

``data/preprocessing.npz`` holds three random pictures and what ``Sam2ImageProcessor`` and
``Sam3ImageProcessor`` (transformers 5.23, torch 2.13, torchvision 0.28) made of them at sizes 24
and 28; recorded once in an environment of its own, because nothing else here needs torchvision.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from maskcast.engines.base import MOST_POINTS
from maskcast.engines.sam.families import FAMILIES
from maskcast.engines.sam.preprocess import encode_prompts, normalise, squash, squash_mask
from maskcast.types import Prompts

RECORDED = Path(__file__).parent / "data" / "preprocessing.npz"


@pytest.mark.parametrize(("name", "size"), [("sam2", 24), ("sam3", 28)])
@pytest.mark.parametrize("number", range(3))
def test_the_same_pixels_as_the_official_processor(name: str, size: int, number: int) -> None:
    family = FAMILIES[name]
    with np.load(RECORDED) as recorded:
        squashed = squash(recorded[f"image/{number}"], size)[None]
        pixels = normalise(squashed, family.mean, family.std, torch.float32)[0].numpy()
        np.testing.assert_array_equal(pixels, recorded[f"{name}/{number}"])


def test_a_picture_of_the_model_s_size_is_only_normalised() -> None:
    image = np.array([[[0, 255, 128]]], np.uint8)
    pixels = normalise(squash(image, 1)[None], (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), torch.float32)
    np.testing.assert_allclose(pixels.flatten(), [-1, 1, 128 / 127.5 - 1], atol=1e-7)


def test_an_object_thinner_than_a_model_pixel_does_not_vanish() -> None:
    mask = np.zeros((900, 1000), np.bool_)
    mask[500, 100:900] = True
    squashed = squash_mask(mask, 100)
    assert squashed.any()
    rows, columns = squashed.nonzero(as_tuple=True)
    assert set(rows.tolist()) == {55}
    assert 9 <= int(columns.min()) < int(columns.max()) <= 90
    assert not squash_mask(np.zeros((5, 7), np.bool_), 10).any()


def test_a_mask_of_another_size_keeps_its_place() -> None:
    mask = np.zeros((40, 80), np.bool_)
    mask[10:20, 20:60] = True
    expected = torch.zeros(20, 20, dtype=torch.bool)
    expected[5:10, 5:15] = True
    assert torch.equal(squash_mask(mask, 20), expected)


def test_the_box_comes_first_and_coordinates_scale_with_the_picture() -> None:
    prompts = Prompts(
        box=np.array([10, 20, 30, 40], np.float32),
        points=np.array([[50, 100], [0, 0]], np.float32),
        point_labels=np.array([True, False]),
    )
    points, labels = encode_prompts(prompts, (200, 100), 1000)
    assert points.tolist() == [[100, 100], [300, 200], [500, 500], [0, 0]]
    assert labels.tolist() == [2, 3, 1, 0]
    assert [points.dtype, labels.dtype] == [np.dtype(np.float32), np.dtype(np.int32)]


def test_of_many_points_the_first_reach_the_model() -> None:
    count = 3 * MOST_POINTS
    prompts = Prompts(
        box=np.array([1, 2, 3, 4], np.float32),
        points=np.arange(2 * count, dtype=np.float32).reshape(count, 2),
        point_labels=np.ones(count, np.bool_),
    )
    points, labels = encode_prompts(prompts, (100, 100), 100)
    assert len(points) == len(labels) == 2 + MOST_POINTS
    assert points[-1].tolist() == [2 * MOST_POINTS - 2, 2 * MOST_POINTS - 1]
