"""Cutting masks anew out of kept probabilities, as the next generation."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from maskcast.engines.planes import probability_of
from maskcast.errors import FingerprintError, RunError, SettingsError
from maskcast.interchange.importing import import_annotations
from maskcast.project.folder import ProjectFolder
from maskcast.results.report import render_report
from maskcast.review.reviewing import decide
from maskcast.review.updating import rethreshold_project
from maskcast.runs.cuts import Cut, Cuts
from maskcast.runs.generations import go_back
from maskcast.runs.kept_planes import planes_path, read_planes
from maskcast.runs.ledger import Ledger
from maskcast.runs.ledger_rows import TargetRow
from maskcast.runs.outputs import read_id_mask
from maskcast.runs.run import run_project
from support import GRAY, RED, picture, result_digests, write_png
from web_support import Quiet

NAMES = [f"sub/t{number}" for number in range(4)]  # with as many discs
WIDE = Cuts({1: Cut(0.2)})
NOTHING = Cuts({1: Cut(smallest=10_000)})


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    root = tmp_path / "p"
    image, mask = picture(1, 2)
    write_png(root / "references" / "r.png", image)
    write_png(tmp_path / "labels" / "r.png", mask.astype(np.uint8) * 255)
    for number, name in enumerate(NAMES):
        write_png(root / "targets" / f"{name}.png", picture(number, number)[0])
    (root / "targets" / "bad.png").write_bytes(b"no picture")
    flags = {"engine": "fake", "keep_probabilities": "1MB", "workers": 2}
    opened = ProjectFolder.open(root, flags)
    import_annotations(opened, "masks", tmp_path / "labels")
    run_project(opened, Quiet())
    return opened


def rows_of(project: ProjectFolder) -> dict[str, TargetRow]:
    with Ledger.read(project.ledger_path) as ledger:
        return {row.name: row for row in ledger.rows()}


def mask_of(project: ProjectFolder, name: str) -> npt.NDArray[np.bool_]:
    return read_id_mask(project.output_folder / "id_masks" / name / "1.png")


def ramp() -> npt.NDArray[np.uint8]:
    """From gray on the left to the red of discs on the right."""
    share = np.linspace(0, 1, 80)[None, :, None]
    row = share * np.array(RED) + (1 - share) * np.array(GRAY)
    return np.asarray(np.repeat(np.rint(row), 64, axis=0), np.uint8)


def test_a_threshold_is_laid_over_all_targets(project: ProjectFolder) -> None:
    write_png(project.targets_folder / "sub" / "ramp.png", ramp())
    run_project(project, Quiet())
    with Ledger.open(project.ledger_path) as ledger:
        ledger.record(replace(rows_of(project)["sub/ramp"], evidence=1.5))
    before = mask_of(project, "sub/ramp")
    summary = rethreshold_project(project, Quiet(), Cuts({1: Cut(0.2)}))
    assert (summary.generation, summary.is_complete, summary.cut) == (2, True, 5)
    now, rows = mask_of(project, "sub/ramp"), rows_of(project)
    planes = read_planes(planes_path(project.output_folder, "sub/ramp")).planes
    probabilities = np.vectorize(probability_of)(planes[1])
    assert (probabilities[now] > 0.19).all()  # a level is not exactly 0.2
    assert (probabilities[~now] < 0.21).all()
    assert now.sum() > before.sum() + 64
    assert now[before].all()
    assert rows["sub/ramp"].objects[0].area == now.sum()
    assert rows["sub/ramp"].evidence == 1.5
    assert rows["bad"].state == "failed"
    (change,) = [change for change in summary.changes if change.image_id == "sub/ramp.png"]
    assert (change.gained, change.lost) == (now.sum() - before.sum(), 0)
    assert change.score_after is not None
    assert change.score_before is not None
    assert change.score_after < change.score_before
    rethreshold_project(project, Quiet(), Cuts({1: Cut(0.8)}))
    assert mask_of(project, "sub/ramp").sum() < before.sum() - 64


def test_nothing_chosen_gives_back_what_the_engine_found_to_the_byte(
    project: ProjectFolder,
) -> None:
    first, rows = result_digests(project.output_folder), rows_of(project)
    emptied = rethreshold_project(project, Quiet(), NOTHING)
    assert sum(target.is_newly_empty for target in emptied.changed) == 3
    assert not list(project.output_folder.glob("id_masks/sub/*/*.png"))
    assert all(not row.objects for row in rows_of(project).values())
    rethreshold_project(project, Quiet(), Cuts({}))
    again = {k: v for k, v in result_digests(project.output_folder).items() if k != "changes.csv"}
    assert again == first
    assert rows_of(project) == rows
    with Ledger.read(project.ledger_path) as ledger:
        assert "thresholds" not in ledger.fingerprint


def test_going_back_finds_the_results_before(project: ProjectFolder) -> None:
    first = result_digests(project.output_folder)
    rethreshold_project(project, Quiet(), NOTHING)
    assert go_back(project) == 1
    assert result_digests(project.output_folder) == first


def test_what_people_settled_stays(project: ProjectFolder) -> None:
    decide(project, ["sub/t3.png"], "rejected", "A")
    decide(project, ["sub/t2.png"], "accepted", "A")
    kept = mask_of(project, "sub/t2")
    summary = rethreshold_project(project, Quiet(), NOTHING)
    assert (summary.settled, summary.cut) == (2, 2)
    rows = rows_of(project)
    assert rows["sub/t3"].decision == "rejected"
    assert rows["sub/t2"].decision == "accepted"
    assert np.array_equal(mask_of(project, "sub/t2"), kept)
    assert not rows["sub/t1"].objects


def test_targets_that_cannot_be_cut_stay_and_are_told(project: ProjectFolder) -> None:
    planes_path(project.output_folder, "sub/t1").unlink()
    planes_path(project.output_folder, "sub/t2").write_bytes(b"no planes")
    write_png(project.targets_folder / "sub" / "t3.png", picture(8)[0])  # another picture
    masks = {name: mask_of(project, name) for name in NAMES[1:]}
    summary = rethreshold_project(project, Quiet(), NOTHING)
    assert summary.without_planes == 1
    assert set(summary.left) == {"sub/t2.png", "sub/t3.png"}
    assert "damaged" in summary.left["sub/t2.png"]
    for name, mask in masks.items():
        assert np.array_equal(mask_of(project, name), mask)


def test_a_later_run_cuts_new_targets_alike(project: ProjectFolder) -> None:
    rethreshold_project(project, Quiet(), NOTHING)
    write_png(project.targets_folder / "later.png", picture(3, 3)[0])
    run_project(project, Quiet())
    assert not rows_of(project)["later"].objects
    kept = read_planes(planes_path(project.output_folder, "later"))
    assert kept.own, "of the engine's own masks"
    rethreshold_project(project, Quiet(), Cuts({}))
    assert rows_of(project)["later"].objects
    with pytest.raises(FingerprintError, match="engine settings"):
        run_project(ProjectFolder.open(project.root, {"engine": "fake", "threshold": 0.4}), Quiet())


def test_one_that_is_stopped_leaves_the_output_as_it_was(project: ProjectFolder) -> None:
    first, stop = result_digests(project.output_folder), threading.Event()
    stop.set()
    summary = rethreshold_project(project, Quiet(), NOTHING, stop=stop)
    assert not summary.is_complete
    assert result_digests(project.output_folder) == first
    assert rethreshold_project(project, Quiet(), NOTHING).is_complete


def test_the_report_tells_what_was_chosen(project: ProjectFolder) -> None:
    assert "chosen after the run" not in render_report(project, "en")
    rethreshold_project(project, Quiet(), Cuts({1: Cut(0.3, smallest=5)}))
    assert "1 object 1: threshold 0.3, smallest part 5" in render_report(project, "en")
    assert "1 object 1: 임계값 0.3, 최소 조각 5" in render_report(project, "ko")


def test_what_cannot_be_done_is_said(project: ProjectFolder) -> None:
    with pytest.raises(SettingsError, match="no object 7; they show: 1"):
        rethreshold_project(project, Quiet(), Cuts({7: Cut(0.5)}))
    (project.output_folder / "probabilities" / "calibration.json").unlink()
    with pytest.raises(RunError, match="no probabilities are kept"):
        rethreshold_project(project, Quiet(), WIDE)
