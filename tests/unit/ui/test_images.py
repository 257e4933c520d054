from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

import maskcast.ui.images as ui_images
from maskcast.errors import ImageError
from maskcast.project.folder import ProjectFolder
from maskcast.ui.images import ReferenceImages
from support import picture, write_png


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "references").mkdir()
    return tmp_path / "references"


def test_a_project_without_a_folder_has_no_references(tmp_path: Path) -> None:
    assert ReferenceImages(ProjectFolder.open(tmp_path)).image_ids() == []


def test_references_are_listed_and_read(folder: Path) -> None:
    rgb, _ = picture(1)
    write_png(folder / "sub" / "b.png", rgb)
    write_png(folder / "a.png", rgb)
    images = ReferenceImages(ProjectFolder.open(folder.parent))

    assert images.image_ids() == ["a.png", "sub/b.png"]
    assert np.array_equal(images.load("sub/b.png"), rgb)


def test_a_picture_replaced_on_disk_is_read_again(folder: Path) -> None:
    images = ReferenceImages(ProjectFolder.open(folder.parent))
    write_png(folder / "a.png", picture(1)[0])
    images.load("a.png")

    other = picture(2, size=(30, 44))[0]
    write_png(folder / "a.png", other)

    assert np.array_equal(images.load("a.png"), other)


def test_photographs_are_not_decoded_to_find_the_window(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.png", "b.png", "c.png"):
        write_png(folder / name, picture(1)[0])
    tifffile.imwrite(folder / "d.tif", np.arange(400, dtype=np.uint16).reshape(20, 20))
    decoded = []
    monkeypatch.setattr(ui_images, "read_raster", lambda path, _: decoded.append(path.name))

    ReferenceImages(ProjectFolder.open(folder.parent)).load("a.png")

    assert decoded == ["d.tif"]


def test_deep_pictures_share_one_window_before_any_is_annotated(folder: Path) -> None:
    dark = np.full((20, 20), 1000, np.uint16)
    bright = np.full((20, 20), 3000, np.uint16)
    tifffile.imwrite(folder / "dark.tif", dark)
    tifffile.imwrite(folder / "bright.tif", bright)
    (folder / "damaged.tif").write_bytes(b"II*\0")
    images = ReferenceImages(ProjectFolder.open(folder.parent))

    assert images.load("dark.tif").max() == 0
    assert images.load("bright.tif").min() == 255
    with pytest.raises(ImageError, match=r"damaged\.tif"):
        images.load("damaged.tif")
