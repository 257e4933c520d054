"""Results as arrays, and the Python API."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import maskcast
from finished import SIZE, finished_project, picture_of
from formats_support import mask_of
from maskcast.errors import ExportError, ImageError, RunError
from maskcast.results.result import read_results
from support import picture, write_png

RING = mask_of("########", "#......#", "#.##.#.#", "#.##...#", "#......#", "########")
DOT = mask_of("........", ".#......", "........", "........", "........", "........")


def test_results_are_the_masks_of_the_run(tmp_path: Path) -> None:
    found = {"a.png": {9: DOT, 2: RING | DOT}, "deep/b.png": {}}
    project = finished_project(tmp_path / "p", found, {9: 0.25})
    first, second = read_results(project)
    assert (first.image_id, first.height, first.width) == ("a.png", *SIZE)
    assert first.names == {2: "object 2", 9: "object 9"}
    masks = first.masks()
    assert list(masks) == [2, 9]
    np.testing.assert_array_equal(masks[2], RING | DOT)
    np.testing.assert_array_equal(masks[9], DOT)
    assert first.segmentation().scores.tolist() == [0.75, 0.25]
    np.testing.assert_array_equal(first.label_map(), np.where(DOT, 9, np.where(RING, 2, 0)))
    np.testing.assert_array_equal(first.image(), picture_of("a.png"))
    assert (second.masks(), second.segmentation().masks.shape) == ({}, (0, *SIZE))


def test_results_as_detections(tmp_path: Path) -> None:
    pytest.importorskip("supervision")
    project = finished_project(tmp_path / "p", {"a.png": {9: DOT, 2: RING}, "b.png": {}})
    first, second = (result.detections("one") for result in read_results(project))
    assert first.xyxy.tolist() == [[0, 0, 8, 6], [1, 1, 2, 2]]
    assert np.asarray(first.class_id).tolist() == [2, 9]
    assert np.asarray(first.confidence).tolist() == [0.75, 0.75]
    assert list(first.data["class_name"]) == ["object 2", "object 9"]
    np.testing.assert_array_equal(first.mask, [RING, DOT])
    assert len(second) == 0


def test_each_particle_is_a_detection(tmp_path: Path) -> None:
    pytest.importorskip("supervision")
    project = finished_project(tmp_path / "p", {"a.png": {9: DOT, 2: RING}})
    (result,) = read_results(project)
    found = result.detections()
    # The ring, two of three pixels that meet at a corner, and the one apart.
    assert found.xyxy.tolist() == [[0, 0, 8, 6], [2, 2, 4, 4], [5, 2, 6, 3], [1, 1, 2, 2]]
    assert np.asarray(found.class_id).tolist() == [2, 2, 2, 9]
    assert list(found.data["class_name"]) == ["object 2"] * 3 + ["object 9"]
    masks = np.asarray(found.mask)
    np.testing.assert_array_equal(masks[:3].any(axis=0), RING)
    assert masks[:3].sum() == RING.sum()
    assert result.detections(min_area=2).xyxy.tolist() == [[0, 0, 8, 6], [2, 2, 4, 4]]
    assert len(result.detections("touching")) == 4


def test_a_missing_supervision_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (result,) = read_results(finished_project(tmp_path / "p", {"a.png": {1: DOT}}))
    monkeypatch.setitem(__import__("sys").modules, "supervision", None)
    with pytest.raises(ExportError, match=r"pip install 'maskcast\[supervision\]'"):
        result.detections()


def test_a_target_that_changed_is_not_shown_with_old_masks(tmp_path: Path) -> None:
    (result,) = read_results(finished_project(tmp_path / "p", {"a.png": {1: DOT}}))
    assert isinstance(result.path, Path)
    write_png(result.path, np.zeros((3, 3, 3), np.uint8))
    with pytest.raises(ImageError, match="is 3 x 3 pixels but was 8 x 6"):
        result.image()


def test_before_the_first_run_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no results"):
        next(maskcast.Project.open(tmp_path).results())


def test_the_whole_way_in_python(tmp_path: Path) -> None:
    root = tmp_path / "project"
    for number in range(3):
        image, mask = picture(number, discs=1)
        write_png(root / "references" / f"{number}.png", image)
        write_png(tmp_path / "labels" / f"{number}.png", mask.astype(np.uint8))
        write_png(root / "targets" / f"{number}.png", image)
    project = maskcast.Project.open(str(root), {"engine": "fake"})
    assert project.import_annotations("masks", tmp_path / "labels").annotated == 3
    assert project.run(limit=2).counts.done == 2
    assert project.run().counts.done == project.status().done == 3
    assert project.evaluate(tmp_path / "labels").overall.iou == pytest.approx(1, abs=0.1)
    assert [sorted(result.masks()) for result in project.results()] == [[1]] * 3
    assert project.export("yolo", tmp_path / "yolo", split=(0.5, 0.5)).images == 3
    assert project.export("cvat", tmp_path / "cvat", polygons=True).images == 3
    assert "<polygon" in (tmp_path / "cvat/annotations.xml").read_text("utf-8")


def test_there_is_nothing_else_in_the_package() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        _ = maskcast.nothing
