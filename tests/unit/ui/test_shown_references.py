from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tifffile

import maskcast.io.images as io_images
import maskcast.ui.shown_references as ui_images
from maskcast.io.decoders.raster import Raster
from maskcast.io.rasters import read_raster
from maskcast.io.read_options import ReadOptions
from maskcast.project.folder import ProjectFolder
from maskcast.ui.shown_references import ReferenceImages
from maskcast.ui.turns import PIXELS_AT_ONCE, Turns
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

    def read(path: Path, options: ReadOptions) -> Raster:
        decoded.append(path.name)
        return read_raster(path, options)

    monkeypatch.setattr(io_images, "read_raster", read)
    images = ReferenceImages(ProjectFolder.open(folder.parent))
    first = images.load("a.png")

    assert images.load("a.png") is first
    assert decoded == ["d.tif", "a.png"]


def test_only_the_pictures_looked_at_last_are_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"{number}.png" for number in range(6)]
    for name in names:
        write_png(folder / name, picture(1)[0])
    monkeypatch.setattr(ui_images, "_KEPT_BYTES", 4 * picture(1)[0].nbytes)
    images = ReferenceImages(ProjectFolder.open(folder.parent))
    loaded = [images.load(name) for name in names]

    assert images.load("2.png") is loaded[2]
    assert images.load("5.png") is loaded[5]
    assert images.load("0.png") is not loaded[0]


def test_a_picture_is_decoded_in_turn_and_shown_again_without_another(folder: Path) -> None:
    turns = Turns()
    write_png(folder / "a.png", picture(1)[0])
    images = ReferenceImages(ProjectFolder.open(folder.parent), turns)
    with ThreadPoolExecutor(1) as pool:
        with turns.take(PIXELS_AT_ONCE):
            loading = pool.submit(images.load, "a.png")
            with pytest.raises(TimeoutError):
                loading.result(0.05)
        loaded = loading.result(10)
        with turns.take(PIXELS_AT_ONCE):
            assert pool.submit(images.load, "a.png").result(10) is loaded
