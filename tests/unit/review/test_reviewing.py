"""Decisions, what results show of them, and what is left."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import maskcast
from finished import SIZE, finished_project
from formats_support import mask_of
from maskcast.errors import ExportError, ReviewError
from maskcast.interchange.exporting import export_project
from maskcast.interchange.options import ExportOptions
from maskcast.project.annotations import Annotation, ObjectAnnotation
from maskcast.results.result import Result
from maskcast.review.reviewing import above, count_review, decide, take_back, waiting
from maskcast.types import Prompts
from support import picture, result_digests, write_png

RING = mask_of("########", "#......#", "#.##.#.#", "#.##...#", "#......#", "########")
DOT = mask_of("........", ".#......", "........", "........", "........", "........")
BAR = mask_of("........", "........", "..####..", "........", "........", "........")


@pytest.fixture
def project(tmp_path: Path) -> maskcast.Project:
    found = {"a.png": {1: RING, 2: DOT}, "deep/b.png": {1: DOT}, "c.png": {}}
    finished_project(tmp_path / "p", found, {1: 0.9, 2: 0.4})
    return maskcast.Project.open(tmp_path / "p")


def correction(image_id: str) -> Annotation:
    return Annotation(image_id, *SIZE, objects={2: ObjectAnnotation(Prompts(), BAR)})


def result(project: maskcast.Project, image_id: str) -> Result:
    return next(found for found in project.results() if found.image_id == image_id)


def test_a_corrected_mask_is_in_all_four_folders_and_comes_back_to_the_byte(
    project: maskcast.Project,
) -> None:
    before = result_digests(project.output_folder)
    decide(project, ["a"], "corrected", "ann", correction=correction("a.png"))
    output = project.output_folder
    assert sorted(path.name for path in (output / "id_masks/a").iterdir()) == ["2.png"]
    np.testing.assert_array_equal(np.asarray(Image.open(output / "id_masks/a/2.png")) > 0, BAR)
    np.testing.assert_array_equal(np.asarray(Image.open(output / "masks/a.png")), BAR * 2)
    with (output / "bboxes/a.csv").open() as file:
        assert [row["xmax"] for row in csv.DictReader(file)] == ["6"]
    assert result(project, "a.png").decision == "corrected"
    np.testing.assert_array_equal(result(project, "a.png").masks()[2], BAR)
    take_back(project, "bob", ["a.png"])
    assert result_digests(output) == before
    assert result(project, "a.png").decision is None


def test_what_is_rejected_is_gone(project: maskcast.Project) -> None:
    decide(project, ["a.png"], "rejected", "ann", objects=[1])
    assert list(result(project, "a.png").masks()) == [2]
    decide(project, ["a.png"], "rejected", "ann")
    assert result(project, "a.png").masks() == {}
    decide(project, ["a.png"], "accepted", "ann")
    assert list(result(project, "a.png").masks()) == [1, 2]


def test_a_target_without_result_is_refused_before_anything_is_decided(
    project: maskcast.Project,
) -> None:
    with pytest.raises(ReviewError, match=r"no result of 'z\.png'"):
        decide(project, ["a.png", "z.png"], "accepted", "ann")
    assert count_review(project).decided["accepted"] == 0
    with pytest.raises(ReviewError, match="ann decided nothing"):
        take_back(project, "ann")


def test_counts_and_queue_know_what_is_left(project: maskcast.Project) -> None:
    assert [entry.image_id for entry in waiting(project, "name")] == [
        "a.png",
        "c.png",
        "deep/b.png",
    ]
    assert waiting(project, "doubt")[0].image_id == "a.png"
    assert waiting(project, "doubt")[0].doubt == pytest.approx(0.6)
    assert above(project, 0.8) == ["deep/b.png"]
    decide(project, ["a.png"], "undecided", "ann")
    decide(project, ["c.png"], "accepted", "ann")
    counts = count_review(project)
    assert (counts.left, counts.stale) == (1, 0)
    assert counts.decided == {"accepted": 1, "corrected": 0, "rejected": 0, "undecided": 1}
    assert [entry.image_id for entry in waiting(project)] == ["deep/b.png"]
    assert {entry.image_id for entry in waiting(project, again=True)} == {"deep/b.png", "a.png"}


def test_exports_know_decisions(project: maskcast.Project, tmp_path: Path) -> None:
    def exported(name: str, options: ExportOptions) -> set[str]:
        export_project(project, "masks", tmp_path / name, options)
        return {path.stem for path in (tmp_path / name / "masks").rglob("*.png")}

    with pytest.raises(ExportError, match="3 are left out"):
        exported("none", ExportOptions(only="reviewed"))
    decide(project, ["a.png"], "corrected", "ann", correction=correction("a.png"))
    decide(project, ["c.png"], "undecided", "ann")
    assert exported("reviewed", ExportOptions(only="reviewed")) == {"a"}
    assert exported("accepted", ExportOptions(only="accepted")) == {"a"}
    assert exported("scores", ExportOptions(only="accepted", min_score=0.5)) == {"a", "b"}
    assert exported("all", ExportOptions()) == {"a", "b", "c"}
    np.testing.assert_array_equal(
        np.asarray(Image.open(tmp_path / "all/masks/a.png")), np.where(BAR, 2, 0)
    )


def runnable(root: Path) -> maskcast.Project:
    for number in range(2):
        image, mask = picture(number, discs=1)
        write_png(root / "references" / f"{number}.png", image)
        write_png(root / "labels" / f"{number}.png", mask.astype(np.uint8))
        write_png(root / "targets" / f"{number}.png", image)
    project = maskcast.Project.open(root, {"engine": "fake"})
    project.import_annotations("masks", root / "labels")
    project.run()
    return project


def test_decisions_outlive_a_fresh_run_and_a_target_done_again(tmp_path: Path) -> None:
    project = runnable(tmp_path)
    own = result_digests(project.output_folder)
    decide(project, ["0.png"], "rejected", "ann")
    assert result(project, "0.png").masks() == {}
    project.run(redo=["0.png"])
    assert result(project, "0.png").masks() == {}
    project.run(fresh=True)
    assert (result(project, "0.png").masks(), result(project, "0.png").decision) == ({}, "rejected")
    take_back(project, "ann")
    assert result_digests(project.output_folder) == own


def test_a_decision_does_not_hold_for_another_picture_of_the_same_name(tmp_path: Path) -> None:
    project = runnable(tmp_path)
    decide(project, ["0.png"], "rejected", "ann")
    write_png(project.targets_folder / "0.png", picture(7, discs=1)[0])
    project.run()
    assert result(project, "0.png").masks() != {}
    assert result(project, "0.png").decision is None
    assert count_review(project).stale == 1
    assert len(waiting(project)) == 2
