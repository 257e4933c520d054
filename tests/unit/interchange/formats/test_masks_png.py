"""Label maps find the image they are named after."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from formats_support import KnownPictures, Mask, image_of, read_all
from maskcast.errors import AnnotationError
from maskcast.interchange.formats.masks_png import write_masks
from maskcast.interchange.formats.writing import ExportedSet
from maskcast.interchange.options import ExportOptions
from maskcast.types import ObjectSpec


def save(folder: Path, name: str, values: list[list[int]]) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.array(values, np.uint8)).save(path)


def masks_in(folder: Path, sizes: dict[str, tuple[int, int]]) -> dict[str, dict[int, Mask]]:
    labeled = read_all("masks", folder, KnownPictures(sizes))
    return {
        image.image_id: {
            one.object_id: one.mask
            for one in image.objects
            if one.object_id is not None and one.mask is not None
        }
        for image in labeled
    }


def test_label_maps_are_split_by_id_and_named_by_stem(tmp_path: Path) -> None:
    save(tmp_path, "a.png", [[0, 1], [3, 3]])
    save(tmp_path, "deep/b.PNG", [[255, 0]])
    save(tmp_path, "clean.png", [[0, 0]])
    sizes = {"a.jpg": (2, 2), "deep/b.tif": (1, 2), "clean.png": (1, 2), "unused.png": (1, 1)}
    masks = masks_in(tmp_path, sizes)
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
    masks = masks_in(tmp_path, {"a.jpg": (1, 1), "a.png": (1, 1)})
    assert {image_id: list(one) for image_id, one in masks.items()} == {"a.jpg": [1], "a.png": [2]}


@pytest.mark.parametrize(
    ("names", "images", "sentence"),
    [
        (["a.png"], ["a.jpg", "a.tif"], "could belong to a.jpg or a.tif"),
        (["b.png"], ["a.jpg"], "belongs to no image"),
        (["a.png"], ["x/a.jpg", "y/a.jpg"], "could belong to x/a.jpg or y/a.jpg"),
        ([], ["a.jpg"], "there is no label map"),
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
        read_all("masks", tmp_path, KnownPictures(dict.fromkeys(images, (1, 1))))


def test_a_label_map_of_another_size_is_refused(tmp_path: Path) -> None:
    save(tmp_path, "a.png", [[1, 1]])
    with pytest.raises(AnnotationError, match=r"a\.png is 2 x 1 pixels and the image is 30 x 20"):
        masks_in(tmp_path, {"a.png": (20, 30)})


def test_only_the_folder_called_masks_is_read_where_there_is_one(tmp_path: Path) -> None:
    save(tmp_path, "masks/a.png", [[7]])
    save(tmp_path, "images/a.png", [[99]])
    (tmp_path / "objects.csv").write_text('id,name,color\n7,"흠집, ""deep""",#ffffff\n', "utf-8")
    labeled = read_all("masks", tmp_path, KnownPictures({"a.png": (1, 1)}))
    assert [(one.object_id, one.label) for one in next(iter(labeled)).objects] == [
        (7, '흠집, "deep"')
    ]


@pytest.mark.parametrize(
    "table", ["id,name\n1,흠집\n".encode("cp949"), b"a,b\n1,2\n", b"id,name\nx,y"]
)
def test_a_table_of_names_that_is_none_is_refused(tmp_path: Path, table: bytes) -> None:
    save(tmp_path, "masks/a.png", [[7]])
    (tmp_path / "objects.csv").write_bytes(table)
    with pytest.raises(AnnotationError, match=r"objects\.csv: expected the columns id, name"):
        read_all("masks", tmp_path, KnownPictures({"a.png": (1, 1)}))


@pytest.mark.parametrize("name", ["\r", "a\nb", 'c,"d"', "\r\n"])
def test_names_that_hold_line_ends_are_kept(tmp_path: Path, name: str) -> None:
    image = image_of("a.png", {7: np.ones((2, 3), np.bool_)}, (2, 3))
    labeled = ExportedSet((image,), (ObjectSpec(7, name, (1, 2, 3)),))
    write_masks(labeled, tmp_path, ExportOptions())

    (read,) = read_all("masks", tmp_path, KnownPictures({"a.png": (2, 3)}))

    assert [one.label for one in read.objects] == [name]
