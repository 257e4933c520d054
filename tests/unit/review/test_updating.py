"""Corrections teach: the next generation, what it keeps, and the way back."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import maskcast
from maskcast.errors import ReviewError, RunError, SettingsError
from maskcast.project.annotations import Annotation, ObjectAnnotation, read_annotations
from maskcast.project.folder import TAUGHT_NAME
from maskcast.project.store import AnnotationStore
from maskcast.review.updating import prepared_update, run_again
from maskcast.runs.generations import is_renewed_halfway
from maskcast.runs.ledger import Ledger
from maskcast.runs.sinks import FolderSink
from maskcast.runs.swapping import generations_folder
from maskcast.types import Prompts
from quiet import Quiet
from support import picture, result_digests, write_png


@pytest.fixture
def project(tmp_path: Path) -> maskcast.Project:
    for number in range(4):
        image, mask = picture(number, discs=1)
        if number == 0:
            write_png(tmp_path / "references" / "r.png", image)
            write_png(tmp_path / "labels" / "r.png", mask.astype(np.uint8))
        write_png(tmp_path / "targets" / f"{number}.png", image)
    opened = maskcast.Project.open(tmp_path, {"engine": "fake"})
    opened.import_annotations("masks", tmp_path / "labels")
    opened.run()
    return opened


def corrected(project: maskcast.Project, image_id: str, object_id: int = 2) -> np.ndarray:
    """Let a target show a square of another object."""
    size = next(found for found in project.results() if found.image_id == image_id)
    mask = np.zeros((size.height, size.width), np.bool_)
    mask[3:9, 4:11] = True
    objects = {object_id: ObjectAnnotation(Prompts(), mask)}
    project.decide(
        [image_id],
        "corrected",
        correction=Annotation(image_id, *mask.shape, objects=objects),
    )
    return mask


def test_an_update_keeps_what_is_settled_and_makes_the_rest_anew(
    project: maskcast.Project,
) -> None:
    mask = corrected(project, "1.png")
    project.decide(["2.png"], "accepted")
    before = result_digests(project.output_folder)
    summary = project.update()
    assert (summary.generation, summary.is_complete, summary.taught, summary.kept) == (
        2,
        True,
        1,
        2,
    )
    assert summary.run.finished_now == 2
    results = {found.image_id: found for found in project.results()}
    np.testing.assert_array_equal(results["1.png"].masks()[2], mask)
    assert (results["1.png"].decision, results["2.png"].decision) == ("corrected", "accepted")
    assert 2 in results["0.png"].masks()  # the fake engine finds what any reference shows
    with Ledger.read(project.ledger_path) as ledger:
        assert "targets: 1.png" in ledger.fingerprint["references"]
    assert project.run().finished_now == 0  # the output and what it was taught belong together
    assert project.go_back() == 1
    assert result_digests(project.output_folder) == before
    assert project.run().finished_now == 0
    with pytest.raises(RunError, match="no generation before 1"):
        project.go_back()


def test_a_decision_taken_back_after_an_update_shows_what_the_engine_had_found(
    project: maskcast.Project,
) -> None:
    own = next(project.results()).masks()
    corrected(project, "0.png")
    project.update()
    project.take_back(["0.png"])
    found = next(project.results())
    assert found.decision is None
    assert found.masks().keys() == own.keys()
    np.testing.assert_array_equal(found.masks()[1], own[1])


def test_what_is_rejected_whole_teaches_as_clean(project: maskcast.Project) -> None:
    corrected(project, "1.png")
    project.decide(["3.png"], "rejected")
    taught = prepared_update(project).taught.annotations
    assert taught["3.png"].clean
    assert sorted(taught) == ["1.png", "3.png"]


def test_accepted_ones_teach_only_if_asked(project: maskcast.Project) -> None:
    project.decide(["1.png"], "accepted")
    with pytest.raises(ReviewError, match="nothing was corrected or rejected"):
        project.update()
    assert project.update(teach=3).taught == 1


def test_a_fresh_run_is_taught_what_the_last_update_was(project: maskcast.Project) -> None:
    corrected(project, "1.png")
    project.update()
    project.run(fresh=True)
    assert 2 in next(project.results()).masks()
    assert read_annotations(project.output_folder / TAUGHT_NAME).annotations.keys() == {"1.png"}


def test_what_changed_is_listed(project: maskcast.Project) -> None:
    corrected(project, "1.png")
    summary = project.update()
    listed = (project.output_folder / "changes.csv").read_text().splitlines()
    assert listed[0].startswith("image,object,area_before,area_after,gained,lost")
    assert len(listed) == 1 + len(summary.changes)
    assert {change.image_id for change in summary.changes} == {"0.png", "2.png", "3.png"}
    for change in summary.changes:
        assert change.after - change.before == change.gained - change.lost
    assert summary.to_json()["changed"]["targets"] == 3


def test_an_update_that_is_stopped_leaves_the_output_alone_and_goes_on(
    project: maskcast.Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    corrected(project, "1.png")
    before = result_digests(project.output_folder)

    class Stop(BaseException):
        """What a kill looks like from inside."""

    def killed(*_: object) -> None:
        raise Stop

    monkeypatch.setattr("maskcast.runs.generations.swap", killed)
    with pytest.raises(Stop):
        project.update()
    monkeypatch.undo()
    assert result_digests(project.output_folder) == before
    assert project.update().run.finished_now == 0  # all of it was done before the kill
    with Ledger.read(project.ledger_path) as ledger:
        assert ledger.generation == 2


@pytest.mark.parametrize("moment", [1, 2, 3])
def test_a_kill_while_folders_are_moved_leaves_either_generation_whole(
    project: maskcast.Project, moment: int
) -> None:
    corrected(project, "1.png")
    program = (
        "import os, sys, maskcast; from pathlib import Path; count = 0\n"
        "moment = int(sys.argv[2])\n"
        "def counting(function):\n"
        "    def counted(self, *arguments, **options):\n"
        "        global count\n"
        "        inside = 'generations' in str(self) or self.name == 'output'\n"
        "        if inside and self.is_dir() or self.name == 'moving.json': count += 1\n"
        "        if count >= moment: os.kill(os.getpid(), 9)\n"
        "        return function(self, *arguments, **options)\n"
        "    return counted\n"
        "import maskcast.runs.swapping as swapping\n"
        "move = swapping._move\n"
        "def moved(output, folder):\n"
        "    Path.rename = counting(Path.rename); Path.unlink = counting(Path.unlink)\n"
        "    move(output, folder)\n"
        "swapping._move = moved\n"
        "maskcast.Project.open(sys.argv[1], {'engine': 'fake'}).update()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(project.root), str(moment)], check=False
    )
    assert done.returncode == -9
    results = {found.image_id: found for found in project.results()}
    assert len(results) == 4
    assert project.run().finished_now == 0
    with Ledger.read(project.ledger_path) as ledger:
        assert ledger.generation == 2  # what was begun is finished
    assert not (generations_folder(project.output_folder) / "moving.json").exists()
    assert project.go_back() == 1
    assert len(list(project.results())) == 4


def test_updates_that_cannot_be_kept_apart_are_refused(
    project: maskcast.Project, tmp_path: Path
) -> None:
    corrected(project, "1.png")
    shutil.copy(project.ledger_path, tmp_path / "elsewhere.db")
    apart = maskcast.Project.open(
        tmp_path, {"engine": "fake", "paths": {"ledger": tmp_path / "elsewhere.db"}}
    )
    with pytest.raises(SettingsError, match="leave --ledger out"):
        apart.update()


def test_the_command_line_updates_and_goes_back(project: maskcast.Project) -> None:
    corrected(project, "1.png")
    command = [sys.executable, "-m", "maskcast", "run", str(project.root), "--engine", "fake"]
    done = subprocess.run([*command, "--update", "--json"], capture_output=True, check=True)
    assert json.loads(done.stdout)["generation"] == 2
    done = subprocess.run([*command, "--back", "--json"], capture_output=True, check=True)
    assert json.loads(done.stdout)["generation"] == 1
    done = subprocess.run([*command, "--back", "--update"], capture_output=True, check=False)
    assert (done.returncode, b"stand alone" in done.stderr) == (1, True)


def repaint(project: maskcast.Project, rows: slice) -> None:
    """Let the reference show its object in other rows."""
    store = AnnotationStore(project.annotations_path)
    annotation = store.read().annotations["r.png"]
    mask = np.zeros((annotation.height, annotation.width), np.bool_)
    mask[rows] = True
    objects = {1: ObjectAnnotation(Prompts(), mask)}
    store.save(replace(annotation, objects=objects), annotation.version)


def test_run_again_keeps_what_was_reviewed_and_lists_what_other_references_change(
    project: maskcast.Project,
) -> None:
    project.decide(["2.png"], "accepted")
    before = result_digests(project.output_folder)
    repaint(project, slice(0, 5))
    summary = run_again(project, Quiet())
    assert (summary.is_complete, summary.kept, summary.run.finished_now) == (True, 1, 3)
    assert {target.image_id for target in summary.changed} == {"0.png", "1.png", "3.png"}
    kept = result_digests(project.output_folder)
    assert {key: kept[key] for key in before if "/2" in key} == {
        key: digest for key, digest in before.items() if "/2" in key
    }
    assert project.run().finished_now == 0
    assert project.go_back() == 1
    assert result_digests(project.output_folder) == before


def test_what_was_begun_from_other_references_is_set_aside(project: maskcast.Project) -> None:
    repaint(project, slice(0, 5))
    stop = threading.Event()
    stop.set()
    assert not run_again(project, Quiet(), stop=stop).is_complete
    assert is_renewed_halfway(project)
    repaint(project, slice(0, 9))
    assert run_again(project, Quiet()).is_complete
    assert not is_renewed_halfway(project)
    (begun,) = generations_folder(project.output_folder).glob("begun-*")
    assert (begun / "run.db").exists()


def test_going_back_twice_never_shows_a_generation_that_was_left(
    project: maskcast.Project,
) -> None:
    for rows, number in ((slice(0, 5), 2), (slice(0, 9), 2)):
        repaint(project, rows)
        assert run_again(project, Quiet()).generation == number
        second = result_digests(project.output_folder)
        if rows.stop == 5:
            project.go_back()
    repaint(project, slice(0, 12))
    assert run_again(project, Quiet()).generation == 3
    assert project.go_back() == 2
    assert result_digests(project.output_folder) == second


def test_a_target_that_keeps_an_object_is_not_newly_empty(project: maskcast.Project) -> None:
    """Object 2 goes from a target in which object 1 stays as it is."""
    store = AnnotationStore(project.annotations_path)
    first = store.read().annotations["r.png"]
    top = np.zeros((first.height, first.width), np.bool_)
    top[:, :10] = True
    both = {**first.objects, 2: ObjectAnnotation(Prompts(), top)}
    store.save(replace(first, objects=both), first.version)
    run_again(project, Quiet())
    assert any(len(found.masks()) == 2 for found in project.results())
    store.save(first, first.version + 1)
    told = run_again(project, Quiet()).to_json()["changed"]
    assert told["targets"] > 0
    assert told["newly_empty"] == 0


def test_going_back_that_was_killed_is_finished_and_goes_no_further(
    project: maskcast.Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    corrected(project, "1.png")
    project.update()
    corrected(project, "2.png")
    project.update()

    def die(*_: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", die)
        with pytest.raises(KeyboardInterrupt):
            project.go_back()
    assert project.go_back() == 2
    with Ledger.read(project.ledger_path) as ledger:
        assert ledger.generation == 2
    assert project.go_back() == 1


def test_an_update_killed_at_its_very_start_goes_on(project: maskcast.Project) -> None:
    corrected(project, "1.png")
    coming = generations_folder(project.output_folder) / "next"
    coming.mkdir(parents=True)
    for name in (TAUGHT_NAME, "run.db", "run.db-journal", ".lock"):
        (coming / name).touch()
    (coming / TAUGHT_NAME).write_text('{"format": "maskcast-annotations", "version": 1}')
    assert project.update().generation == 2


def test_a_decision_that_was_killed_while_it_was_drawn_can_be_taken_back(
    project: maskcast.Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = result_digests(project.output_folder)

    def die(self: FolderSink, name: str, files: dict[str, bytes]) -> None:
        (self.root / "masks" / f"{name}.png").write_bytes(files[f"masks/{name}.png"])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(FolderSink, "put", die)
        with pytest.raises(KeyboardInterrupt):
            project.decide(["1.png"], "rejected")
    assert result_digests(project.output_folder) != before
    project.take_back(["1.png"])
    assert result_digests(project.output_folder) == before


def test_what_was_decided_since_holds_for_the_generation_gone_back_to(
    project: maskcast.Project,
) -> None:
    corrected(project, "0.png")
    project.update()
    project.decide(["1.png"], "rejected")
    assert project.go_back() == 1
    results = {found.image_id: found for found in project.results()}
    assert (results["1.png"].decision, results["1.png"].masks()) == ("rejected", {})
    with (project.output_folder / "verdicts.csv").open() as file:
        verdicts = {row["image"]: row["verdict"] for row in csv.DictReader(file)}
    assert (verdicts["0.png"], verdicts["1.png"]) == ("defect", "ok")
