"""What all tabs share does not make one wait for another's engine."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from maskcast.engines.base import Engine
from maskcast.project.folder import ProjectFolder
from maskcast.ui.web.workspace import Workspace


def test_tabs_do_not_wait_while_the_engine_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(ProjectFolder.open(tmp_path, {"engine": "fake"}))
    made = ProjectFolder.create_engine
    begun, go_on = threading.Event(), threading.Event()

    def slow(project: ProjectFolder) -> Engine:
        begun.set()
        assert go_on.wait(10)
        return made(project)

    found = []

    def open_another_tab() -> None:
        desk = workspace.new_desk()
        found.append(workspace.desk(desk.name) is desk)

    monkeypatch.setattr(ProjectFolder, "create_engine", slow)
    clicking = threading.Thread(target=workspace.segmenter)
    clicking.start()
    assert begun.wait(10)
    tab = threading.Thread(target=open_another_tab)
    tab.start()
    tab.join(5)
    answered_meanwhile = list(found)
    go_on.set()
    clicking.join(10)
    tab.join(10)
    assert answered_meanwhile == [True]


def test_the_engine_is_made_once(tmp_path: Path) -> None:
    workspace = Workspace(ProjectFolder.open(tmp_path, {"engine": "fake"}))
    assert workspace.segmenter() is workspace.segmenter()
    workspace.close()
