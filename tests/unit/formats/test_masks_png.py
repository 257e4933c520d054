"""Label maps find the image they are named after."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maskcast.errors import AnnotationError
from maskcast.formats.masks_png import read_masks


def save(folder: Path, name: str, values: list[list[int]]) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.array(values, np.uint8)).save(path)


def test_label_maps_are_split_by_id_and_named_by_stem(tmp_path: Path) -> None:
    save(tmp_path, "a.png", [[0, 1], [3, 3]])
    save(tmp_path, "deep/b.PNG", [[255, 0]])
    save(tmp_path, "clean.png", [[0, 0]])
    masks = read_masks(tmp_path, ["a.jpg", "deep/b.tif", "clean.png", "unused.png"])
    assert masks.keys() == {"a.jpg", "deep/b.tif", "clean.png"}
    assert {key: mask.tolist() for key, mask in masks["a.jpg"].items()} == {
        1: [[False, True], [False, False]],
        3: [[False, False], [True, True]],
    }
    assert masks["deep/b.tif"][1].tolist() == [[True, False]]
    assert masks["clean.png"] == {}


def test_images_of_one_stem_are_told_apart_by_their_suffix(tmp_path: Path) -> None:
    save(tmp_path, "a.jpg.png", [[1]])
    save(tmp_path, "a.png.png", [[2]])
    masks = read_masks(tmp_path, ["a.jpg", "a.png"])
    assert {image_id: list(one) for image_id, one in masks.items()} == {"a.jpg": [1], "a.png": [2]}


@pytest.mark.parametrize(
    ("names", "images", "sentence"),
    [
        (["a.png"], ["a.jpg", "a.tif"], "could belong to a.jpg or a.tif"),
        (["b.png"], ["a.jpg"], "belongs to no image"),
        (["a.png", "a.jpg.png"], ["a.jpg"], "both belong to a.jpg"),
        ([], ["a.jpg"], "there is no PNG label map"),
    ],
)
def test_what_does_not_fit_is_named(
    tmp_path: Path,
    names: list[str],
    images: list[str],
    sentence: str,
) -> None:
    for name in names:
        save(tmp_path, name, [[1]])
    with pytest.raises(AnnotationError, match=sentence):
        read_masks(tmp_path, images)
