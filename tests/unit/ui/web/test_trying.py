"""Trying the references on a few targets, before the whole run."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from maskcast.engines.base import Engine
from maskcast.errors import SettingsError
from maskcast.interchange.importing import import_annotations
from maskcast.project.folder import ProjectFolder
from maskcast.project.references import LoadedReferences
from maskcast.ui import quick_learning
from maskcast.ui.quick_learning import QuicklyLearned
from maskcast.ui.web import trying
from maskcast.ui.web.routes import Api
from maskcast.ui.web.trying import Trial, TrialState
from maskcast.ui.web.uploads import UploadLimits
from maskcast.ui.web.workspace import Workspace
from support import picture, write_png

_LONG = 30.0


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    image, mask = picture(1, 2, (60, 80))
    write_png(tmp_path / "p" / "references" / "r.png", image)
    write_png(tmp_path / "labels" / "r.png", mask.astype(np.uint8) * 255)
    for number in range(9):
        write_png(tmp_path / "p" / "targets" / f"{number}.png", picture(number, 2, (60, 80))[0])
    opened = ProjectFolder.open(tmp_path / "p", {"engine": "fake"})
    import_annotations(opened, "masks", tmp_path / "labels")
    return opened


@pytest.fixture
def workspace(project: ProjectFolder) -> Iterator[Workspace]:
    made = Workspace(project)
    yield made
    made.close()


def finished(trial: Trial) -> TrialState:
    """The state once there is nothing more to come."""
    ended = threading.Event()
    for _ in range(int(_LONG / 0.02)):
        if (state := trial.state()).state in {"done", "failed", "no targets"}:
            return state
        ended.wait(0.02)
    raise AssertionError(f"the trial does not end: {trial.state().state}")


def test_six_targets_are_tried_and_chosen_ones_come_first(workspace: Workspace) -> None:
    number = workspace.trial.start(["7.png"])
    state = finished(workspace.trial)
    assert (state.number, state.state, state.error) == (number, "done", None)
    names = [tried.image_id for tried in state.tried]
    assert names[0] == "7.png"
    assert len(set(names)) == 6
    assert all(tried.objects and tried.picture for tried in state.tried)
    assert not workspace.project.output_folder.exists()


def test_what_cannot_be_tried_is_said(workspace: Workspace) -> None:
    with pytest.raises(SettingsError, match=r"there is no \.\./references/r\.png"):
        workspace.trial.start(["../references/r.png"])
    (workspace.project.targets_folder / "5.png").write_bytes(b"no picture")
    workspace.trial.start(["5.png"])
    broken = finished(workspace.trial).tried[0]
    assert broken.image_id == "5.png"
    assert "cannot be read" in (broken.problem or "")

    for path in workspace.project.targets_folder.iterdir():
        path.unlink()
    workspace.trial.start()
    assert finished(workspace.trial).state == "no targets"
    workspace.project.annotations_path.unlink()
    workspace.trial.start()
    assert "no reference is annotated" in (finished(workspace.trial).error or "")


def test_a_change_cancels_what_is_being_tried(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    learning, may_go_on = threading.Event(), threading.Event()
    shown: list[tuple[int, int]] = []
    learn, tell = quick_learning.learn_quickly, Trial._tell

    def slow(project: ProjectFolder, engine: Engine, loaded: LoadedReferences) -> QuicklyLearned:
        learning.set()
        assert may_go_on.wait(_LONG)
        return learn(project, engine, loaded)

    def noted(self: Trial, number: int, **changes: object) -> None:
        tell(self, number, **changes)
        tried = changes.get("tried", ())
        assert isinstance(tried, tuple)
        shown.append((number, len(tried)))

    monkeypatch.setattr(trying, "learn_quickly", slow)
    monkeypatch.setattr(Trial, "_tell", noted)
    workspace.trial.start()
    assert learning.wait(_LONG)
    second = workspace.trial.start()
    may_go_on.set()
    assert finished(workspace.trial).number == second == 2
    assert max(count for number, count in shown if number == 1) == 0
    assert max(count for number, count in shown if number == 2) == 6


def test_the_page_is_told_and_shown_what_is_found(project: ProjectFolder) -> None:
    workspace = Workspace(project)
    client = TestClient(Starlette(routes=Api(workspace, UploadLimits()).routes()))
    assert client.get("/maskcast/trial").json()["state"] == "idle"
    assert client.post("/maskcast/try", json={"ids": [3]}).status_code == 400
    number = client.post("/maskcast/try", json={"ids": ["2.png"]}).json()["number"]
    finished(workspace.trial)
    told = client.get("/maskcast/trial").json()
    assert told["number"] == number
    assert told["tried"][0]["id"] == "2.png"
    assert {found["id"] for found in told["tried"][0]["objects"]} == {1}
    shown = client.get(f"/maskcast/tried?id=2.png&number={number}")
    assert shown.content[:2] == b"\xff\xd8"
    assert client.get(f"/maskcast/tried?id=2.png&number={number + 1}").status_code == 404
    workspace.close()
