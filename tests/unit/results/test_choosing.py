"""The engine that a run takes with ``auto``."""

from __future__ import annotations

from pathlib import Path

import pytest

from maskcast import Project
from maskcast.engines.base import installed_engines
from maskcast.errors import EngineError, SettingsError
from maskcast.project.folder import ProjectFolder
from maskcast.quality.expectation import SelfTest
from maskcast.quality.trials import Trial
from maskcast.results import choosing
from maskcast.results.choosing import choose_engine, reached, settled
from maskcast.runs.ledger import Ledger
from quiet import Quiet
from runnable import runnable_project


def trial(object_id: int, iou: float, *, is_shown: bool = True, area: int = 9) -> Trial:
    return Trial("r", object_id, is_shown, iou, area, 0.5)


KNOWN = {
    "pixel": (trial(1, 0.6), trial(2, 0.5)),
    "fake": (trial(1, 0.9), trial(2, 0.4)),
    "broken": None,
    "missing": None,
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ProjectFolder:
    """Two engines that can be tested, one that cannot and one that is not ready."""
    made = runnable_project(tmp_path / "p")

    def tested(opened: ProjectFolder) -> SelfTest:
        name = opened.settings.engine
        trials = KNOWN[name]
        if trials is None:
            raise EngineError("no luck")
        return SelfTest(name, trials)

    def is_ready(_: ProjectFolder, name: str) -> bool:
        return name != "missing"

    monkeypatch.setattr(choosing, "tested_alone", tested)
    monkeypatch.setattr(choosing, "_is_ready", is_ready)
    monkeypatch.setattr(choosing, "installed_engines", lambda: dict.fromkeys(KNOWN))
    return ProjectFolder.open(made.root, {"engine": "auto"})


def test_the_engine_that_does_best_is_taken_and_says_why(project: ProjectFolder) -> None:
    notes: list[str] = []
    assert settled(project, notes.append).settings.engine == "fake"
    assert notes == [
        "auto: fake does best on references left out: 0.65 (pixel 0.55)",
        "auto: object 2 alone would be better with pixel (0.50 against 0.40)",
        "auto: broken could not be tested: no luck",
    ]


def test_results_are_gone_on_with_by_their_engine(project: ProjectFolder) -> None:
    project.output_folder.mkdir()
    Ledger.create(project.ledger_path, {"engine": "pixel"}).close()
    notes: list[str] = []
    assert settled(project, notes.append).settings.engine == "pixel"
    assert not notes
    assert settled(project, notes.append, fresh=True).settings.engine == "fake"


def test_a_named_engine_is_left_as_it_is(project: ProjectFolder) -> None:
    named = ProjectFolder.open(project.root, {"engine": "pixel"})
    assert settled(named, print) is named


def test_weights_need_the_name_of_an_engine(project: ProjectFolder) -> None:
    with pytest.raises(SettingsError, match="weights are of one engine"):
        settled(ProjectFolder.open(project.root, {"engine": "auto", "weights": "w"}), print)


def test_alone_it_is_not_tested(project: ProjectFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "installed_engines", lambda: {"broken": None})
    assert choose_engine(project).why == ("auto: broken is the only engine that is ready here",)


def test_false_alarms_count_against_an_engine() -> None:
    alarm = trial(1, 0.0, is_shown=False)
    silent = trial(1, 0.0, is_shown=False, area=0)
    assert reached([trial(1, 0.8), alarm]) == {1: 0.4}
    assert reached([trial(1, 0.8), silent]) == {1: 0.9}


def test_a_run_takes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are really tested, on views of the only reference; the fake one finds what is bright."""
    known = {name: point for name, point in installed_engines().items() if name in KNOWN}
    monkeypatch.setattr(choosing, "installed_engines", lambda: known)
    project = Project.open(runnable_project(tmp_path / "p", targets=1).root, {"engine": "auto"})
    quiet = Quiet()
    project.run(observer=quiet)
    (sentence,) = [note for note in quiet.notes if "does best on references left out" in note]
    with Ledger.read(project.ledger_path) as ledger:
        assert sentence.startswith(f"auto: {ledger.fingerprint['engine']} does best")
    again = Quiet()
    assert project.run(observer=again).finished_now == 0
    assert not any(note.startswith("auto") for note in again.notes)
