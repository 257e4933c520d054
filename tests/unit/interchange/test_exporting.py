"""Results of a run in the formats of other tools."""

from __future__ import annotations

import csv
import errno
import json
import os
import re
from pathlib import Path
from typing import get_args

import numpy as np
import numpy.typing as npt
import pytest
import yaml
from PIL import Image, ImageCms
from scipy import ndimage

from finished import SIZE, finished_project, masked_as_they_are, packed
from formats_support import (
    FILE_NAMES,
    assert_same_masks,
    image_of,
    known,
    mask_of,
    masks_by_label,
    read_all,
    set_of,
)
from maskcast.errors import ExportError, SettingsError, StorageError
from maskcast.interchange.exporting import export_project
from maskcast.interchange.formats import FORMATS, load_writer
from maskcast.interchange.options import ExportOptions, InstanceChoice, PictureMode
from maskcast.interchange.reading.joining import ReadImage
from maskcast.io.images import read_image
from maskcast.io.storage import Place, Url
from maskcast.project.annotations import (
    Annotation,
    AnnotationFile,
    ObjectAnnotation,
    write_annotations,
)
from maskcast.project.folder import ProjectFolder
from maskcast.results.instances import Instances
from maskcast.runs.outputs import read_id_mask
from maskcast.types import Prompts
from support import result_digests, write_png

RING = mask_of("########", "#......#", "#.##.#.#", "#.##...#", "#......#", "########")
DOT = mask_of("........", "........", "........", "........", "....#...", "........")
PARTS = mask_of("#......#", "........", "..##....", "..##....", "........", "#......#")


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    found = {
        "a.png": {1: RING, 255: DOT},
        "a.jpg": {1: PARTS},
        "깊은 곳/한글 이름.png": {2: np.ones(SIZE, np.bool_), 1: RING},
        "nothing.png": {},
    }
    return finished_project(tmp_path / "project", found, {2: 0.25}, {"broken.png": "it is empty"})


def images_in(name: str, folder: Path) -> dict[str, ReadImage]:
    """What our reader finds, with the targets taken for references."""
    pictures = known(image_of(image_id, {}, SIZE) for image_id in TARGETS)
    return {one.image_id: one for one in read_all(name, folder, pictures)}


TARGETS = ("a.png", "a.jpg", "깊은 곳/한글 이름.png", "nothing.png")


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in {"voc", "masks"}])
def test_every_target_that_is_done_is_exported(
    project: ProjectFolder, tmp_path: Path, name: str
) -> None:
    summary = export_project(project, name, tmp_path / "out", ExportOptions(pictures="copy"))
    assert (summary.images, summary.objects, summary.negatives, summary.failed) == (4, 5, 1, 1)
    assert (
        summary.instances == 13
    )  # two rings of three parts, five parts, a pixel, all of a picture
    assert summary.pixels == sum(map(np.count_nonzero, (RING, DOT, PARTS, RING))) + 48
    found = images_in(name, tmp_path / "out")
    assert {key: len(one.objects) > 0 for key, one in found.items()} == {
        key: key != "nothing.png" for key in TARGETS
    }
    if name not in {"yolo-detect", "csv"}:  # which hold boxes
        expected = [
            image_of("a.png", {1: RING, 255: DOT}, SIZE),
            image_of("a.jpg", {1: PARTS}, SIZE),
            image_of("깊은 곳/한글 이름.png", {1: RING, 2: np.ones(SIZE, np.bool_)}, SIZE),
            image_of("nothing.png", {}, SIZE),
        ]
        assert_same_masks(found.values(), expected)


@pytest.mark.parametrize("name", ["voc", "masks"])
def test_one_label_a_pixel_keeps_the_smaller_object_and_says_so(
    project: ProjectFolder, tmp_path: Path, name: str
) -> None:
    summary = export_project(project, name, tmp_path / "out", ExportOptions(pictures="copy"))
    assert any("1 instance lost pixels" in remark for remark in summary.remarks)
    found = images_in(name, tmp_path / "out")
    masks = {one.label: one.mask for one in found["깊은 곳/한글 이름.png"].objects}
    np.testing.assert_array_equal(masks["object 1"], RING)
    np.testing.assert_array_equal(masks["object 2"], ~RING)
    assert found["nothing.png"].objects == ()


PICTURES = {
    "voc": "JPEGImages/",
    "labelme": "",
    "yolo": "images/train/",
    "yolo-detect": "images/train/",
    "hf": "train/images/",
    "fiftyone": "data/",
}
"""Where formats look for pictures, if it is not ``images/``."""


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("mode", ["none", "copy", "link"])
def test_pictures_lie_where_the_format_looks(
    project: ProjectFolder, tmp_path: Path, name: str, mode: PictureMode
) -> None:
    export_project(project, name, tmp_path / "out", ExportOptions(pictures=mode))
    placed = {
        path.relative_to(tmp_path / "out").as_posix()
        for path in (tmp_path / "out").rglob("*")
        if path.suffix in {".jpg", ".png"}
        and not {"masks"} & set(path.parts)
        and "Segmentation" not in path.as_posix()
    }
    top = PICTURES.get(name, "images/")
    names = ("a.png.png", "a.jpg.jpg", "깊은 곳/한글 이름.png", "nothing.png")
    assert placed == (set() if mode == "none" else {top + one for one in names})
    for path in placed:
        assert (tmp_path / "out" / path).is_symlink() == (mode == "link")
    copied = tmp_path / "out" / f"{top}a.jpg.jpg"
    if mode != "none":
        assert copied.read_bytes() == (project.targets_folder / "a.jpg").read_bytes()


def test_a_picture_turned_by_exif_is_copied_upright(tmp_path: Path) -> None:
    project = finished_project(tmp_path / "project", {"a.jpg": {1: DOT}, "b.png": {1: DOT}})
    stored = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    stored[:4] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    for name in ("a.jpg", "b.png"):
        Image.fromarray(stored).save(project.targets_folder / name, exif=exif)
    masked_as_they_are(project)
    summary = export_project(project, "coco", tmp_path / "copied", ExportOptions(pictures="copy"))
    assert any("2 pictures turned by EXIF" in remark for remark in summary.remarks)
    for name in ("a.jpg", "b.png"):
        with Image.open(tmp_path / "copied" / "images" / name) as copy:
            assert copy.size == (SIZE[1], SIZE[0])
            assert copy.getexif().get(0x0112, 1) == 1
            pixels = np.asarray(copy.convert("RGB")).astype(int)
        shown = read_image(project.targets_folder / name).rgb
        assert np.abs(pixels - shown).max() <= (0 if name == "b.png" else 3)
    for mode in ("none", "link"):
        options = ExportOptions(pictures=mode)
        summary = export_project(project, "coco", tmp_path / mode, options)
        assert any("tools that ignore EXIF" in remark for remark in summary.remarks)


def test_labelme_finds_originals_that_were_not_copied(
    project: ProjectFolder, tmp_path: Path
) -> None:
    export_project(project, "labelme", tmp_path / "out")
    path = tmp_path / "out" / "깊은 곳" / "한글 이름.json"
    found = path.parent / json.loads(path.read_text("utf-8"))["imagePath"]
    assert found.resolve() == (project.targets_folder / "깊은 곳/한글 이름.png").resolve()


def test_least_score_drops_objects_and_accepted_drops_targets(
    project: ProjectFolder, tmp_path: Path
) -> None:
    dropped = export_project(project, "coco", tmp_path / "all", ExportOptions(min_score=0.5))
    assert (dropped.images, dropped.objects, dropped.objects_left_out) == (4, 4, 1)
    assert dropped.instances == 12
    options = ExportOptions(only="accepted", min_score=0.5)
    accepted = export_project(project, "coco", tmp_path / "accepted", options)
    assert (accepted.images, accepted.objects, accepted.left_out) == (3, 3, 1)
    assert "깊은 곳/한글 이름.png" not in images_in("coco", tmp_path / "accepted")
    everything = export_project(project, "coco", tmp_path / "0", ExportOptions(only="accepted"))
    assert any("and that is 0 now" in remark for remark in everything.remarks)


BLOBS = mask_of("##..#...", "##......", ".......#", "...##...", "...##...", "........")
BLOB_BOXES = [(0, 0, 2, 2), (4, 0, 5, 1), (7, 2, 8, 3), (3, 3, 5, 5)]


@pytest.mark.parametrize("name", ["coco", "voc", "yolo-detect"])
def test_each_particle_is_a_thing_of_its_own(tmp_path: Path, name: str) -> None:
    project = finished_project(tmp_path / "project", {"a.png": {1: BLOBS}})
    rows = (project.output_folder / "bboxes/a.csv").read_text().splitlines()[1:]
    boxes = [tuple(map(int, row.split(",")[1:5])) for row in rows]
    assert boxes == BLOB_BOXES
    for how, expected in (("auto", BLOB_BOXES), ("one", [(0, 0, 8, 5)])):
        options = ExportOptions(instances=how)  # type: ignore[arg-type]
        summary = export_project(project, name, tmp_path / how, options)
        assert (summary.objects, summary.instances) == (1, len(expected))
        assert boxes_written(name, tmp_path / how) == expected


def boxes_written(name: str, folder: Path) -> list[tuple[float, ...]]:
    """Edges of each instance, by the words of the format's own description."""
    if name == "coco":
        content = json.loads((folder / "annotations/instances_default.json").read_text())
        found = [entry["bbox"] for entry in content["annotations"]]
        return [(x, y, x + width, y + height) for x, y, width, height in found]
    if name == "voc":
        text = (folder / "Annotations/a.xml").read_text()
        edges = [
            [int(text) for text in re.findall(rf"<{side}>(\d+)</{side}>", text)]
            for side in ("xmin", "ymin", "xmax", "ymax")
        ]
        return [(x - 1, y - 1, right, low) for x, y, right, low in zip(*edges, strict=True)]
    rows = (folder / "labels/train/a.txt").read_text().splitlines()
    shares = np.array([[float(text) for text in row.split()[1:]] for row in rows])
    middle, half = shares[:, :2], shares[:, 2:] / 2
    edges_of = np.hstack([middle - half, middle + half]) * (SIZE[1], SIZE[0], SIZE[1], SIZE[0])
    return [tuple(row) for row in edges_of.round(6).tolist()]


def test_instances_below_the_least_area_are_left_out_and_told(tmp_path: Path) -> None:
    project = finished_project(tmp_path / "project", {"a.png": {1: BLOBS, 2: DOT}})
    summary = export_project(project, "coco", tmp_path / "out", ExportOptions(min_area=2))
    assert (summary.objects, summary.instances, summary.instances_left_out) == (1, 2, 3)
    assert "3 instances below the least area left out" in summary.describe()
    assert boxes_written("coco", tmp_path / "out") == [BLOB_BOXES[0], BLOB_BOXES[3]]
    whole = ExportOptions(min_area=2, instances="one")
    assert export_project(project, "coco", tmp_path / "one", whole).instances_left_out == 1
    nothing = export_project(project, "coco", tmp_path / "two", ExportOptions(min_area=99))
    assert (nothing.objects, nothing.negatives) == (0, 1)


@pytest.mark.parametrize("how", ["components", "touching"])
def test_masks_of_instances_are_numbered_in_maps(
    project: ProjectFolder, tmp_path: Path, how: InstanceChoice
) -> None:
    options = ExportOptions(instances=how, split=(0.5, 0.5))
    summary = export_project(project, "masks", tmp_path / "out", options)
    assert summary.instances == 13
    plain = ExportOptions(split=(0.5, 0.5))
    export_project(project, "masks", tmp_path / "plain", plain)
    with (tmp_path / "out/instances.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 13
    maps = sorted((tmp_path / "out/instances").rglob("*.png"))
    assert len(maps) == len(TARGETS)
    for path in maps:
        with Image.open(path) as picture:
            assert picture.mode == "I;16"
            numbers = np.asarray(picture)
        name = path.relative_to(tmp_path / "out")
        ids = {int(row["instance"]): int(row["id"]) for row in rows if row["map"] == str(name)}
        assert list(ids) == list(range(1, len(ids) + 1))
        same = tmp_path / "plain/masks" / path.relative_to(tmp_path / "out/instances")
        with Image.open(same) as picture:
            shown = np.asarray(picture)
        np.testing.assert_array_equal(np.array([0, *ids.values()])[numbers], shown)
        for number in ids:
            _, parts = ndimage.label(numbers == number, np.ones((3, 3)))
            assert parts <= 1
    assert not (tmp_path / "plain/instances").exists()


@pytest.mark.parametrize("how", get_args(Instances))
def test_masks_of_all_instances_are_those_of_the_output(
    project: ProjectFolder, tmp_path: Path, how: InstanceChoice
) -> None:
    export_project(project, "masks", tmp_path / "masks", ExportOptions(instances=how))
    export_project(project, "voc", tmp_path / "voc", ExportOptions(instances=how))
    export_project(project, "coco", tmp_path / "coco", ExportOptions(instances=how))
    names = {"a.png": "a.png", "a.jpg": "a.jpg", "깊은 곳/한글 이름.png": "깊은 곳/한글 이름"}
    class_of = {1: 1, 2: 2, 255: 3}
    for image_id, name in names.items():
        with Image.open(project.output_folder / "masks" / f"{name}.png") as picture:
            shown = np.asarray(picture)
        with Image.open(tmp_path / "masks/masks" / f"{name}.png") as picture:
            np.testing.assert_array_equal(np.asarray(picture), shown)
        with Image.open(tmp_path / "voc/SegmentationClass" / f"{name}.png") as picture:
            expected = np.vectorize({0: 0, **class_of}.get)(shown)
            np.testing.assert_array_equal(np.asarray(picture), expected)
        found = masks_by_label(images_in("coco", tmp_path / "coco")[image_id])
        for path in (project.output_folder / "id_masks" / name).iterdir():
            mask = found[f"object {path.stem}"]
            np.testing.assert_array_equal(mask, read_id_mask(path))


NO_WHOLE_MASKS = {"yolo-detect", "csv", "voc", "masks"}
"""Formats of boxes, and those in which a pixel holds one object."""


@pytest.mark.parametrize("how", get_args(Instances))
@pytest.mark.parametrize("name", [name for name in FORMATS if name not in NO_WHOLE_MASKS])
def test_instances_together_are_the_masks_of_the_output_in_every_format_of_masks(
    project: ProjectFolder, tmp_path: Path, name: str, how: InstanceChoice
) -> None:
    summary = export_project(project, name, tmp_path / "out", ExportOptions(instances=how))
    assert summary.instances == (5 if how == "one" else 13)
    found = images_in(name, tmp_path / "out")
    names = {"a.png": "a.png", "a.jpg": "a.jpg", "깊은 곳/한글 이름.png": "깊은 곳/한글 이름"}
    for image_id, folder in names.items():
        masks = masks_by_label(found[image_id])
        paths = list((project.output_folder / "id_masks" / folder).iterdir())
        assert len(masks) == len(paths)
        for path in paths:
            with Image.open(path) as picture:
                np.testing.assert_array_equal(masks[f"object {path.stem}"], np.asarray(picture) > 0)


def test_the_table_measures_pictures_as_the_engine_saw_them(
    project: ProjectFolder, tmp_path: Path
) -> None:
    summary = export_project(project, "csv", tmp_path / "out", ExportOptions(min_area=4))
    with (tmp_path / "out/instances.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == summary.instances == 6
    assert [row["label"] for row in rows if row["image"] == "a.png"] == ["1", "2"]
    assert sum(int(row["area"]) for row in rows) == summary.pixels
    for row in rows:  # a target is of one colour
        red, green, blue = read_image(project.targets_folder / row["image"]).rgb[0, 0].tolist()
        luma = 0.299 * red + 0.587 * green + 0.114 * blue
        assert float(row["intensity_mean"]) == pytest.approx(luma, abs=1)
    with (tmp_path / "out/images.csv").open(newline="", encoding="utf-8-sig") as file:
        counts = {row["image"]: int(row["instances"]) for row in csv.DictReader(file)}
    assert counts == {"a.jpg": 1, "a.png": 2, "nothing.png": 0, "깊은 곳/한글 이름.png": 3}


def test_mean_intensities_of_a_picture_that_is_gone_are_empty_and_told(
    project: ProjectFolder, tmp_path: Path
) -> None:
    (project.targets_folder / "a.jpg").unlink()
    options = ExportOptions(include_gone=True)
    summary = export_project(project, "csv", tmp_path / "out", options)
    assert any(
        "1 picture could not be seen, so the mean intensity of 5 instances" in remark
        for remark in summary.remarks
    )
    with (tmp_path / "out/instances.csv").open(newline="", encoding="utf-8-sig") as file:
        empty = {row["image"] for row in csv.DictReader(file) if not row["intensity_mean"]}
    assert empty == {"a.jpg"}


def test_fiftyone_finds_originals_that_were_not_copied(
    project: ProjectFolder, tmp_path: Path
) -> None:
    export_project(project, "fiftyone", tmp_path / "out")
    images = json.loads((tmp_path / "out/labels.json").read_text("utf-8"))["images"]
    assert all(Path(image["file_name"]).is_absolute() for image in images)
    assert {Path(image["file_name"]).resolve() for image in images} == {
        (project.targets_folder / image_id).resolve() for image_id in TARGETS
    }


def test_what_datasets_needs_is_told(tmp_path: Path) -> None:
    found = {f"{number}.png": {1: DOT} if number == 0 else {} for number in range(4)}
    project = finished_project(tmp_path / "project", found)
    options = ExportOptions(split=(0.5, 0.5), pictures="copy")
    (told,) = export_project(project, "hf", tmp_path / "out", options).remarks
    assert "without any instance, so datasets cannot tell the types" in told
    (told,) = export_project(project, "hf", tmp_path / "two").remarks
    assert "export with --copy-images" in told


def test_rows_with_objects_come_first_for_datasets_to_know_their_types(tmp_path: Path) -> None:
    project = finished_project(tmp_path / "project", {"a.png": {}, "b.png": {1: DOT}, "c.png": {}})
    export_project(project, "hf", tmp_path / "out")
    lines = (tmp_path / "out/train/metadata.jsonl").read_text("utf-8").splitlines()
    names = [json.loads(line)["file_name"] for line in lines]
    assert names == ["images/b.png", "images/a.png", "images/c.png"]
    assert sorted(path.name for path in (tmp_path / "out/train").iterdir()) == [
        "masks",
        "metadata.jsonl",
    ]


def test_more_instances_than_voc_can_number_are_void_and_told(tmp_path: Path) -> None:
    grid = np.zeros((40, 40), np.bool_)
    grid[::2, ::2] = True
    exported = set_of(image_of("a.png", {1: grid}, grid.shape, "components"))
    told = load_writer("voc").write(exported, tmp_path, ExportOptions())
    assert any("1 picture with more than 254 instances" in sentence for sentence in told)
    with Image.open(tmp_path / "SegmentationObject/a.png") as picture:
        numbers = np.asarray(picture)
    assert np.bincount(numbers[grid]).tolist() == [0, *[1] * 254, 146]
    assert (tmp_path / "Annotations/a.xml").read_text().count("<object>") == 400
    with Image.open(tmp_path / "SegmentationClass/a.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture), grid)


def test_progress_is_told_target_by_target(project: ProjectFolder, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    export_project(
        project, "coco", tmp_path / "out", progress=lambda done, total: told.append((done, total))
    )
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_the_last_line_has_the_counts(project: ProjectFolder, tmp_path: Path) -> None:
    options = ExportOptions(split=(0.5, 0.5))
    summary = export_project(project, "yolo", tmp_path / "out", options)
    lines = summary.describe().splitlines()
    assert lines[-1] == (
        "exported 4 images (1 negative) with 13 instances of 5 objects as yolo to "
        f"{tmp_path / 'out'}: train 2, val 2"
    )
    assert "1 target failed in the run and are not exported" in lines
    whole = export_project(project, "masks", tmp_path / "masks")
    assert "with 5 objects as masks to" in whole.counts()


def test_a_mask_of_another_size_is_left_out_and_named(
    project: ProjectFolder, tmp_path: Path
) -> None:
    write_png(project.output_folder / "id_masks/a.png/1.png", np.full((3, 3), 255, np.uint8))
    summary = export_project(project, "coco", tmp_path / "out")
    assert "its mask of object 1 is 3 x 3 pixels" in summary.unreadable["a.png"]


def test_nothing_accepted_is_an_error(tmp_path: Path) -> None:
    only_bad = finished_project(tmp_path / "bad", {"a.png": {1: DOT}}, {1: 0.1})
    with pytest.raises(ExportError, match="accepted; 1 are left out"):
        export_project(
            only_bad, "coco", tmp_path / "out", ExportOptions(only="accepted", min_score=0.5)
        )
    assert not (tmp_path / "out").exists()


def test_a_split_is_seeded_written_down_and_keeps_the_shares(tmp_path: Path) -> None:
    found = {f"{number:03}.png": {1: DOT} for number in range(20)}
    project = finished_project(tmp_path / "project", found)
    written = []
    for folder, seed in (("one", 7), ("two", 7), ("three", 8)):
        options = ExportOptions(split=(0.7, 0.2, 0.1), seed=seed, pictures="link")
        summary = export_project(project, "coco", tmp_path / folder, options)
        assert summary.splits == {"train": 14, "val": 4, "test": 2}
        written.append(json.loads((tmp_path / folder / "splits.json").read_text("utf-8")))
    first, second, third = written
    assert first == second
    assert first["images"] != third["images"]
    assert sorted(one for part in first["images"].values() for one in part) == sorted(found)
    for part, image_ids in first["images"].items():
        content = json.loads((tmp_path / f"one/annotations/instances_{part}.json").read_text())
        assert sorted(image["file_name"] for image in content["images"]) == image_ids
        assert len(list((tmp_path / "one/images" / part).iterdir())) == len(image_ids)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_can_be_split_and_read_back(tmp_path: Path, name: str) -> None:
    found = {f"{number}.png": {1: DOT} for number in range(5)}
    project = finished_project(tmp_path / "project", found)
    options = ExportOptions(split=(0.6, 0.4))
    summary = export_project(project, name, tmp_path / "out", options)
    assert summary.splits == {"train": 3, "val": 2}
    pictures = known(image_of(image_id, {}, SIZE) for image_id in found)
    read = read_all(name, tmp_path / "out", pictures)
    assert sorted(image.image_id for image in read) == sorted(found)


def test_names_that_are_not_unique_get_their_id(project: ProjectFolder, tmp_path: Path) -> None:
    (project.root / "maskcast.toml").write_text(
        '[[objects]]\nid = 1\nname = "흠집, \\"deep\\""\n[[objects]]\nid = 2\n'
        'name = "흠집, \\"deep\\""\n',
        encoding="utf-8",
    )
    reopened = ProjectFolder.open(project.root)
    summary = export_project(reopened, "coco", tmp_path / "out")
    content = json.loads((tmp_path / "out/annotations/instances_default.json").read_text("utf-8"))
    assert [(one["id"], one["name"]) for one in content["categories"]] == [
        (1, '흠집, "deep"'),
        (2, '흠집, "deep" (2)'),
        (255, "object 255"),
    ]
    assert any("1 name of objects" in remark for remark in summary.remarks)


def test_a_result_that_cannot_be_read_is_left_out_and_named(
    project: ProjectFolder, tmp_path: Path
) -> None:
    (project.output_folder / "id_masks/a.png/1.png").unlink()
    summary = export_project(project, "coco", tmp_path / "out")
    assert summary.images == 3
    assert list(summary.unreadable) == ["a.png"]
    assert "a.png is left out" in summary.describe()


def test_what_polygons_cannot_keep_is_counted(project: ProjectFolder, tmp_path: Path) -> None:
    polygons = ExportOptions(polygons=True, instances="one")
    summary = export_project(project, "cvat", tmp_path / "cvat", polygons)
    text = " ".join(summary.remarks)
    assert "2 instances with holes" in text
    # Two rings with an island each (the island is in two parts), and the four corners' object.
    assert "3 instances in several parts" in text
    parted = export_project(project, "cvat", tmp_path / "parts", ExportOptions(polygons=True))
    text = " ".join(parted.remarks)
    assert "2 instances with holes" in text
    assert "in several parts" not in text
    slope = np.tri(*SIZE, dtype=np.bool_)
    sloping = finished_project(tmp_path / "sloping", {"a.png": {1: slope}})
    rough = ExportOptions(polygons=True, tolerance=1)
    summary = export_project(sloping, "coco", tmp_path / "coco", rough)
    assert any("changed at the border" in remark for remark in summary.remarks)


@pytest.mark.parametrize("where", ["targets/out", "references", "output/coco"])
def test_a_folder_inside_the_project_is_refused(project: ProjectFolder, where: str) -> None:
    with pytest.raises(ExportError, match=r"not empty|lies in"):
        export_project(project, "coco", project.root / where)


def test_a_folder_that_holds_anything_is_refused(project: ProjectFolder, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(ExportError, match="nothing is ever overwritten"):
        export_project(project, "coco", tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]
    (tmp_path / "out" / "mine.txt").unlink()
    export_project(project, "coco", tmp_path / "out")


def test_a_full_disk_is_named_by_the_folder(
    project: ProjectFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, _: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", full)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(StorageError) as caught:
        export_project(project, "yolo", tmp_path / "out")
    assert f"no space is left to write to {tmp_path / 'out'};" in str(caught.value)
    assert sorted(tmp_path.iterdir()) == before


def test_names_that_lists_of_voc_cannot_hold_are_told(tmp_path: Path) -> None:
    project = finished_project(tmp_path / "project", {"a\nb.png": {}, " c.png": {}, "d e.png": {}})
    summary = export_project(project, "voc", tmp_path / "out")
    assert any("2 pictures in no list of ImageSets" in remark for remark in summary.remarks)
    assert (tmp_path / "out/ImageSets/Main/default.txt").read_text() == "d e\n"
    assert len(list((tmp_path / "out/Annotations").iterdir())) == 3


@pytest.mark.parametrize("name", ["coco", "labelme"])
def test_an_empty_folder_that_is_there_stays_the_same(
    project: ProjectFolder, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "real" / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real/deep", target_is_directory=True)
    before = (tmp_path / "real/deep").stat().st_ino
    monkeypatch.chdir(tmp_path / "link")
    export_project(project, name, Path())
    assert (tmp_path / "real/deep").stat().st_ino == before
    pictures = known(image_of(image_id, {}, SIZE) for image_id in TARGETS)
    images = read_all(name, tmp_path / "link", pictures)
    assert sorted(image.image_id for image in images) == sorted(TARGETS)
    assert not [path.name for path in Path().iterdir() if path.name.startswith(".")]
    if name == "labelme":
        original = json.loads(Path("nothing.json").read_text("utf-8"))["imagePath"]
        assert Path(original).resolve() == (project.targets_folder / "nothing.png").resolve()


@pytest.mark.parametrize("exists", [False, True])
def test_an_export_that_is_stopped_leaves_nothing(
    project: ProjectFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exists: bool
) -> None:
    calls = []

    def stop(place: Place) -> npt.NDArray[np.bool_]:
        calls.append(place)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return read_id_mask(place)

    monkeypatch.setattr("maskcast.interchange.exporting.read_id_mask", stop)
    if exists:
        (tmp_path / "out").mkdir()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(KeyboardInterrupt):
        export_project(project, "yolo", tmp_path / "out", ExportOptions(pictures="copy"))
    assert sorted(tmp_path.rglob("*")) == before


def test_what_appears_in_the_folder_meanwhile_is_kept(
    project: ProjectFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def intrude(place: Place) -> npt.NDArray[np.bool_]:
        (tmp_path / "out" / "labels").write_text("mine")
        return read_id_mask(place)

    monkeypatch.setattr("maskcast.interchange.exporting.read_id_mask", intrude)
    (tmp_path / "out").mkdir()
    with pytest.raises(ExportError, match="labels appeared in it meanwhile"):
        export_project(project, "yolo", tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["labels"]
    assert (tmp_path / "out" / "labels").read_text() == "mine"


def test_class_numbers_do_not_hang_on_what_was_found(tmp_path: Path) -> None:
    project = finished_project(tmp_path / "project", {"a.png": {1: DOT, 3: DOT}})
    masks = {key: ObjectAnnotation(Prompts(), DOT) for key in (1, 2, 3)}
    file = AnnotationFile((), {"r.png": Annotation("r.png", *SIZE, objects=masks)})
    write_annotations(project.annotations_path, file)
    export_project(project, "yolo", tmp_path / "out")
    names = yaml.safe_load((tmp_path / "out/data.yaml").read_bytes())["names"]
    assert names == {0: "object 1", 1: "object 2", 2: "object 3"}
    rows = (tmp_path / "out/labels/train/a.txt").read_text().splitlines()
    assert [row.split()[0] for row in rows] == ["0", "2"]


def test_a_split_names_what_was_exported(project: ProjectFolder, tmp_path: Path) -> None:
    (project.output_folder / "id_masks/a.png/1.png").unlink()
    export_project(project, "coco", tmp_path / "out", ExportOptions(split=(0.5, 0.5)))
    parts = json.loads((tmp_path / "out/splits.json").read_text("utf-8"))["images"]
    assert sorted(parts["train"] + parts["val"]) == sorted(set(TARGETS) - {"a.png"})


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("voc", ["voc has no outlines, so --polygons", "--tolerance is for outlines"]),
        ("masks", ["masks has no outlines, so --polygons", "--tolerance is for outlines"]),
        ("yolo", ["13 instances lost the score"]),
        ("yolo-detect", ["13 instances lost the score", "has no outlines"]),
        ("cvat", ["13 instances lost the score"]),
        ("labelme", []),
    ],
)
def test_options_that_do_nothing_and_lost_scores_are_told(
    project: ProjectFolder, tmp_path: Path, name: str, told: list[str]
) -> None:
    options = ExportOptions(polygons=True, tolerance=0.5)
    text = "\n".join(export_project(project, name, tmp_path / "out", options).remarks)
    assert all(one in text for one in told)
    assert ("does nothing" in text) == any("has no outlines" in one for one in told)
    assert ("lost the score" in text) == (name != "labelme")
    if name == "labelme":
        masks = export_project(project, name, tmp_path / "two", ExportOptions())
        assert "tolerance" not in "\n".join(masks.remarks)


def test_a_turned_copy_keeps_its_colour_profile_and_quality(tmp_path: Path) -> None:
    project = finished_project(tmp_path / "project", {"a.jpg": {1: DOT}})
    exif = Image.Exif()
    exif[0x0112] = 8
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    noise = np.random.default_rng(0).integers(0, 255, (SIZE[1], SIZE[0], 3), np.uint8)
    stored, preview = Image.fromarray(noise), Image.fromarray(noise[:2, :2])
    original = project.targets_folder / "a.jpg"
    stored.save(
        original, "MPO", save_all=True, append_images=[preview],
        exif=exif, icc_profile=profile, quality=100, subsampling=0,
    )  # fmt: skip
    shown = read_image(original).rgb.astype(int)
    masked_as_they_are(project)
    export_project(project, "coco", tmp_path / "out", ExportOptions(pictures="copy"))
    with Image.open(tmp_path / "out/images/a.jpg") as copy:
        assert (copy.format, copy.info["icc_profile"]) == ("JPEG", profile)
        assert np.abs(np.asarray(copy.convert("RGB")).astype(int) - shown).mean() < 6


def test_an_export_that_fails_leaves_nothing(
    project: ProjectFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("maskcast.interchange.formats.coco.json.dumps", fail)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(Exception, match="no space is left"):
        export_project(project, "coco", tmp_path / "out")
    assert sorted(tmp_path.iterdir()) == before


def test_a_project_without_results_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    with pytest.raises(ExportError, match="run maskcast run first"):
        export_project(ProjectFolder.open(tmp_path / "project"), "coco", tmp_path / "out")


@pytest.mark.parametrize(
    "wrong",
    [
        {"split": (0.5, 0.6)},
        {"split": (1.0,)},
        {"split": (-1, 2)},
        {"split": (float("nan"), 1)},
        {"min_score": 2},
        {"min_score": float("nan")},
        {"min_area": -1},
        {"instances": "blobs"},
        {"only": "some"},
    ],
)
def test_options_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match="expected"):
        ExportOptions(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("tolerance", [-1, float("nan"), float("inf")])
def test_a_tolerance_that_is_none_is_refused(tolerance: float) -> None:
    with pytest.raises(SettingsError, match="tolerance: expected 0 or more"):
        ExportOptions(tolerance=tolerance)


def test_trainers_find_the_labels_of_pictures_in_a_folder_called_images(tmp_path: Path) -> None:
    names = ["line 1/images/a.png", "images/a.png", "images.png", "line 1/images_/b.png"]
    project = finished_project(tmp_path / "project", {name: {1: DOT} for name in names})
    summary = export_project(project, "yolo", tmp_path / "out", ExportOptions(pictures="copy"))
    assert any("3 pictures in a folder called images" in remark for remark in summary.remarks)
    pictures = [path.as_posix() for path in (tmp_path / "out/images").rglob("*.png")]
    assert len(pictures) == len(names)
    for picture in pictures:  # as YOLO trainers do it: the last images becomes labels
        labels = "/labels/".join(picture.rsplit("/images/", 1)).rpartition(".")[0] + ".txt"
        assert Path(labels).read_text().startswith("0 ")
    known_names = known(image_of(name, {}, SIZE) for name in names)
    read = read_all("yolo", tmp_path / "out", known_names)
    assert sorted(image.image_id for image in read) == sorted(names)


def test_names_of_files_survive(tmp_path: Path) -> None:
    project = finished_project(tmp_path / "p", {name: {1: DOT} for name in FILE_NAMES[:2]})
    export_project(project, "yolo", tmp_path / "out")
    assert {path.name for path in (tmp_path / "out/labels/train").iterdir()} == {
        "a.png.txt",
        "a.jpg.txt",
    }


def test_results_in_a_store_are_exported_too(tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    local = finished_project(tmp_path / "project", {"a.png": {1: DOT}, "깊은 곳/b.jpg": {1: RING}})
    store = fsspec.filesystem("memory")
    for folder in ("targets", "output"):
        store.put(str(local.root / folder), f"/export-test/{folder}", recursive=True)
    places = {name: Url("memory", f"export-test/{name}") for name in ("targets", "output")}
    ledger = {"ledger": local.ledger_path}
    project = ProjectFolder.open(local.root, {"paths": places | ledger})
    summary = export_project(project, "coco", tmp_path / "out", ExportOptions(pictures="copy"))
    assert (summary.images, summary.unreadable) == (2, {})
    copied = tmp_path / "out/images/깊은 곳/b.jpg"
    assert copied.read_bytes() == (local.targets_folder / "깊은 곳/b.jpg").read_bytes()
    with pytest.raises(ExportError, match="--copy-images"):
        export_project(project, "coco", tmp_path / "two", ExportOptions(pictures="link"))


CHOICES = (
    ExportOptions(pictures="copy", split=(0.5, 0.25, 0.25), seed=3),
    ExportOptions(min_score=0.5, polygons=True),
    ExportOptions(only="accepted", min_score=0.5),
)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("options", CHOICES)
def test_an_export_of_shards_is_that_of_the_files(
    project: ProjectFolder, tmp_path: Path, name: str, options: ExportOptions
) -> None:
    summaries, contents = [], []
    for number, one in enumerate((project, packed(project, 3, tmp_path / "packed"))):
        summaries.append(export_project(one, name, tmp_path / "out", options))
        contents.append(result_digests(tmp_path / "out"))
        (tmp_path / "out").rename(tmp_path / f"out {number}")
    assert contents[0] == contents[1]
    assert summaries[0] == summaries[1]
    assert summaries[0].unreadable == {}


def test_shards_in_a_store_are_exported_on_a_machine_that_has_no_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsspec = pytest.importorskip("fsspec")
    local = finished_project(tmp_path / "project", {f"{n}.png": {1: DOT} for n in range(5)})
    packed(local, 2, tmp_path / "packed")
    store = fsspec.filesystem("memory")
    store.put(str(tmp_path / "packed"), "/packed-export/output", recursive=True)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    place = Url("memory", "packed-export/output")
    project = ProjectFolder.open(local.root, {"paths": {"output": place}})
    asked: list[str] = []
    download = Url.download

    def watched(url: Url, file: Path) -> bool:
        asked.append(url.name)
        return download(url, file)

    monkeypatch.setattr(Url, "download", watched)
    summary = export_project(project, "coco", tmp_path / "out")
    assert (summary.images, summary.unreadable) == (5, {})
    assert len(asked) == len(set(asked)) == 4, "the ledger and each shard are fetched once"
    assert list((tmp_path / "temporary").iterdir()) == [], "a copy stays behind"
    for shard in store.ls("/packed-export/output/shards", detail=False)[:1]:
        store.rm(shard)
    partial = export_project(project, "coco", tmp_path / "partial")
    assert 1 <= len(partial.unreadable) <= 2
    assert all("the shard memory://" in reason for reason in partial.unreadable.values())


def test_missing_and_damaged_pictures_are_counted(tmp_path: Path) -> None:
    project = finished_project(tmp_path / "project", {"a.png": {1: DOT}, "b.jpg": {1: DOT}})
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = project.targets_folder / "b.jpg"
    noise = np.random.default_rng(0).integers(0, 255, (80, 60, 3), np.uint8)
    Image.fromarray(noise).save(turned, exif=exif)
    turned.write_bytes(turned.read_bytes()[: turned.stat().st_size // 2])
    masked_as_they_are(project)
    (project.targets_folder / "a.png").unlink()
    options = ExportOptions(pictures="copy", include_gone=True)
    summary = export_project(project, "coco", tmp_path / "out", options)
    assert summary.images == 2
    text = " ".join(summary.remarks)
    assert "1 picture not in the targets folder any more" in text
    assert "1 picture could not be copied" in text


def test_a_target_that_was_replaced_is_not_paired_with_its_old_mask(
    project: ProjectFolder, tmp_path: Path
) -> None:
    before = export_project(project, "masks", tmp_path / "before")
    path = next(iter(sorted(project.targets_folder.rglob("*.png"))))
    other = np.asarray(Image.open(path).convert("RGB"))
    write_png(path, 255 - other)
    os.utime(path, (1, 1))
    summary = export_project(project, "masks", tmp_path / "after", ExportOptions(pictures="copy"))
    assert (summary.images, summary.changed, summary.gone) == (before.images - 1, 1, 0)
    assert "1 target changed since masked and left out" in summary.describe()


def test_targets_that_are_gone_are_left_out_unless_asked_for(
    project: ProjectFolder, tmp_path: Path
) -> None:
    before = export_project(project, "masks", tmp_path / "before")
    next(iter(sorted(project.targets_folder.rglob("*.png")))).unlink()
    summary = export_project(project, "masks", tmp_path / "without")
    assert (summary.images, summary.gone) == (before.images - 1, 1)
    assert "--include-gone" in summary.describe()
    whole = export_project(project, "masks", tmp_path / "with", ExportOptions(include_gone=True))
    assert (whole.images, whole.gone) == (before.images, 0)
