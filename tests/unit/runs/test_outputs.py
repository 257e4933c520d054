"""The four folders, read back with Pillow and the csv module."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maskcast.runs.outputs import OutputFolders, write_outputs
from maskcast.types import ObjectSpec, RgbImage, Segmentation

SPECS = {2: ObjectSpec(2, "scratch", (10, 20, 30)), 9: ObjectSpec(9, "unused", (1, 2, 3))}
HEIGHT, WIDTH = 40, 60


def image() -> RgbImage:
    return np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)


def two_objects() -> Segmentation:
    """Object 2 in two parts, object 7 in one."""
    masks = np.zeros((2, HEIGHT, WIDTH), np.bool_)
    masks[0, 5:10, 8:20] = True
    masks[0, 30:32, 50:60] = True
    masks[1, 20:24, 0:3] = True
    return Segmentation(np.array([2, 7]), masks, np.array([0.75, 0.12345]))


def files_under(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


def test_writes_exactly_these_files(tmp_path: Path) -> None:
    write_outputs(OutputFolders(tmp_path), "lot 1/a", image(), two_objects(), SPECS)
    assert sorted(files_under(tmp_path)) == [
        "bboxes/lot 1/a.csv",
        "id_masks/lot 1/a/2.png",
        "id_masks/lot 1/a/7.png",
        "masks/lot 1/a.png",
        "overlays/lot 1/a.jpg",
    ]


def test_id_masks_are_binary(tmp_path: Path) -> None:
    folders = OutputFolders(tmp_path)
    write_outputs(folders, "a", image(), two_objects(), SPECS)
    for object_id, mask in zip((2, 7), two_objects().masks, strict=True):
        with Image.open(folders.id_mask("a", object_id)) as picture:
            pixels = np.asarray(picture.convert("L"))
        assert np.array_equal(pixels, np.where(mask, 255, 0))


def test_the_mask_is_a_palette_picture_of_ids(tmp_path: Path) -> None:
    folders = OutputFolders(tmp_path)
    write_outputs(folders, "a", image(), two_objects(), SPECS)
    expected = np.zeros((HEIGHT, WIDTH), np.uint8)
    expected[5:10, 8:20] = 2
    expected[30:32, 50:60] = 2
    expected[20:24, 0:3] = 7
    with Image.open(folders.mask("a")) as picture:
        assert picture.mode == "P"
        assert np.array_equal(np.asarray(picture), expected)
        colors = np.asarray(picture.convert("RGB"))
    assert colors[6, 9].tolist() == [10, 20, 30]
    assert colors[21, 1].tolist() == [204, 121, 167]  # no spec: the default of id 7
    assert colors[0, 0].tolist() == [0, 0, 0]


def test_boxes_have_one_row_per_component(tmp_path: Path) -> None:
    folders = OutputFolders(tmp_path)
    write_outputs(folders, "a", image(), two_objects(), SPECS)
    content = folders.boxes("a").read_bytes()
    assert content.startswith(b"id,xmin,ymin,xmax,ymax,score,right\n")
    assert b"\r" not in content
    rows = list(csv.reader(content.decode().splitlines()))[1:]
    assert sorted(rows) == [
        ["2", "50", "30", "60", "32", "0.7500", ""],
        ["2", "8", "5", "20", "10", "0.7500", ""],
        ["7", "0", "20", "3", "24", "0.1235", ""],
    ]
    assert [row[0] for row in rows] == ["2", "2", "7"]


def test_boxes_and_ledger_say_how_likely_a_mask_is_right(tmp_path: Path) -> None:
    judged = replace(two_objects(), right=np.array([0.9, 0.25], np.float32))
    folders = OutputFolders(tmp_path)
    found = write_outputs(folders, "a", image(), judged, SPECS)
    assert [item.right for item in found] == pytest.approx([0.9, 0.25])
    rows = list(csv.DictReader(folders.boxes("a").read_text().splitlines()))
    assert [row["right"] for row in rows] == ["0.9000", "0.9000", "0.2500"]


def test_the_overlay_has_the_targets_size(tmp_path: Path) -> None:
    folders = OutputFolders(tmp_path)
    write_outputs(folders, "a", image(), two_objects(), SPECS)
    with Image.open(folders.overlay("a")) as picture:
        assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", (WIDTH, HEIGHT))


def test_says_what_was_found(tmp_path: Path) -> None:
    found = write_outputs(OutputFolders(tmp_path), "a", image(), two_objects(), SPECS)
    assert [(item.object_id, item.area, item.components, item.box) for item in found] == [
        (2, 80, 2, (8, 5, 60, 32)),
        (7, 12, 1, (0, 20, 3, 24)),
    ]
    assert [item.score for item in found] == pytest.approx([0.75, 0.12345])


@pytest.mark.parametrize(
    "nothing",
    [
        Segmentation.empty(HEIGHT, WIDTH),
        Segmentation(np.array([4]), np.zeros((1, HEIGHT, WIDTH), np.bool_), np.array([0.1])),
    ],
    ids=["no object", "an object without a pixel"],
)
def test_nothing_found_writes_empty_files(tmp_path: Path, nothing: Segmentation) -> None:
    folders = OutputFolders(tmp_path)
    assert write_outputs(folders, "a", image(), nothing, SPECS) == []
    assert sorted(files_under(tmp_path)) == ["bboxes/a.csv", "masks/a.png", "overlays/a.jpg"]
    assert folders.boxes("a").read_bytes() == b"id,xmin,ymin,xmax,ymax,score,right\n"
    with Image.open(folders.mask("a")) as picture:
        assert picture.size == (WIDTH, HEIGHT)
        assert not np.asarray(picture).any()


def test_doing_it_again_gives_the_same_bytes(tmp_path: Path) -> None:
    for folder in ("one", "other"):
        write_outputs(OutputFolders(tmp_path / folder), "a", image(), two_objects(), SPECS)
    write_outputs(OutputFolders(tmp_path / "other"), "a", image(), two_objects(), SPECS)
    assert files_under(tmp_path / "one") == files_under(tmp_path / "other")


def test_a_redo_leaves_no_mask_of_an_object_that_is_gone(tmp_path: Path) -> None:
    folders = OutputFolders(tmp_path)
    write_outputs(folders, "a", image(), two_objects(), SPECS)
    write_outputs(folders, "a/b", image(), two_objects(), SPECS)
    notes = folders.id_masks("a") / "notes.png"
    notes.write_bytes(b"the user's own")
    only_seven = two_objects()
    only_seven = Segmentation(np.array([7]), only_seven.masks[1:], only_seven.scores[1:])
    write_outputs(folders, "a", image(), only_seven, SPECS)
    id_masks = [path for path in files_under(tmp_path) if path.startswith("id_masks")]
    assert sorted(id_masks) == [
        "id_masks/a/7.png",
        "id_masks/a/b/2.png",
        "id_masks/a/b/7.png",
        "id_masks/a/notes.png",
    ]


def test_written_id_masks_come_by_ascending_id(tmp_path: Path) -> None:
    folders = OutputFolders(tmp_path)
    masks = np.ones((3, 4, 4), np.bool_)
    everywhere = Segmentation(np.array([2, 10, 255]), masks, np.full(3, 0.5))
    write_outputs(folders, "a", np.zeros((4, 4, 3), np.uint8), everywhere, {})
    for name in ("007.png", "256.png", "0.png", "1.jpg"):
        (folders.id_masks("a") / name).touch()
    assert list(folders.written_id_masks("a")) == [2, 10, 255]
    assert folders.written_id_masks("missing") == {}


def test_an_overlay_too_long_for_a_jpeg_is_made_smaller(tmp_path: Path) -> None:
    image = np.zeros((3, 70_000, 3), np.uint8)
    write_outputs(OutputFolders(tmp_path), "scan", image, Segmentation.empty(3, 70_000), {})
    with Image.open(tmp_path / "overlays" / "scan.jpg") as overlay:
        assert overlay.size[0] == 65_500
    with Image.open(tmp_path / "masks" / "scan.png") as labels:
        assert labels.size == (70_000, 3)
