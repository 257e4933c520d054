"""Leaving references out of a project, and what a run tells first."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maskcast import Project
from maskcast.cli.judging import LanguageName, selftest
from maskcast.interchange.importing import import_annotations
from maskcast.project.folder import ProjectFolder
from maskcast.quality.expectation import SelfTest
from maskcast.results.selftesting import PICTURES, run_selftest
from maskcast.runs.ledger import Ledger
from maskcast.runs.run import run_project
from quiet import Quiet
from runnable import SIZE, runnable_project
from support import picture, write_png


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    """Three references with one object."""
    project = runnable_project(tmp_path / "p", targets=2)
    labels = tmp_path / "more"
    for name, seed in (("s.png", 1001), ("t.png", 1002)):
        image, mask = picture(seed, size=SIZE)
        write_png(project.references_folder / name, image)
        write_png(labels / name, mask.astype(np.uint8) * 255)
    import_annotations(project, "masks", labels)
    return project


def test_each_reference_is_left_out_and_drawn(project: ProjectFolder) -> None:
    steps: list[tuple[int, int]] = []
    tested = run_selftest(project, lambda done, total: steps.append((done, total)))
    assert [trial.image_id for trial in tested.selftest.trials] == ["r.png", "s.png", "t.png"]
    assert tested.selftest.gains.keys() == {"r.png", "s.png", "t.png"}
    assert steps[-1] == (6, 6)  # three alone, three pairs
    with Image.open(tested.pictures / "s.jpg") as shown:
        assert shown.size == (2 * SIZE[1], SIZE[0])


def test_the_command_speaks_the_language_that_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = runnable_project(tmp_path / "p").root
    selftest(root, engine="fake", lang=LanguageName.KO)
    said = capsys.readouterr().out
    assert "예상 IoU" in said
    assert f"주석과 예측을 나란히 놓은 그림: {root / PICTURES / 'fake'}" in said
    assert "expect" not in said


def test_views_of_a_single_reference_are_a_weak_test(tmp_path: Path) -> None:
    """The engine needs all that it learned: nothing can be left out."""
    tested = run_selftest(runnable_project(tmp_path / "p"))
    (trial,) = tested.selftest.trials
    assert trial.image_id == "r.png"
    assert tested.selftest.is_weak
    assert "altered views of it were masked" in tested.selftest.describe(tested.names)[1]
    shown = sorted(path.name for path in tested.pictures.iterdir())
    assert len(shown) == 4
    assert SelfTest.from_json(tested.selftest.to_json()) == tested.selftest


def test_a_run_tells_first_how_good_it_will_be_and_keeps_it(project: ProjectFolder) -> None:
    opened = Project.open(project.root, {"engine": "pixel"})
    quiet = Quiet()
    run_project(opened, quiet, limit=1)
    assert any("expect an IoU of" in said for said in quiet.expected)
    with Ledger.read(opened.ledger_path) as ledger:
        kept = ledger.selftest
        assert all(found.right is not None for row in ledger.rows() for found in row.objects)
        assert all(row.evidence is not None for row in ledger.rows())
    assert kept is not None
    assert all(trial.evidence is not None for trial in kept.trials)
    assert {trial.image_id for trial in kept.trials} == {"r.png", "s.png", "t.png"}
    again = Quiet()
    run_project(opened, again)
    assert not again.expected


def test_a_run_can_leave_the_self_test_out(project: ProjectFolder) -> None:
    opened = Project.open(project.root, {"engine": "pixel"})
    quiet = Quiet()
    run_project(opened, quiet, limit=1, selftest=False)
    assert not quiet.expected
    with Ledger.read(opened.ledger_path) as ledger:
        assert ledger.selftest is None
