"""The routes behind the thresholds of the large view."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from maskcast.engines.planes import HIGHEST
from maskcast.interchange.importing import import_annotations
from maskcast.project.folder import ProjectFolder
from maskcast.runs.ledger import Ledger
from maskcast.runs.run import run_project
from maskcast.ui.web.routes import Api
from maskcast.ui.web.uploads import UploadLimits
from maskcast.ui.web.workspace import Workspace
from support import picture, write_png
from web_support import Quiet


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    image, mask = picture(1, 2)
    write_png(tmp_path / "p" / "references" / "r.png", image)
    write_png(tmp_path / "labels" / "r.png", mask.astype(np.uint8) * 255)
    for number in (1, 2):
        write_png(tmp_path / "p" / "targets" / f"t{number}.png", picture(number, number)[0])
    opened = ProjectFolder.open(tmp_path / "p", {"engine": "fake"})
    import_annotations(opened, "masks", tmp_path / "labels")
    return opened


def keeping(project: ProjectFolder) -> ProjectFolder:
    return ProjectFolder.open(project.root, {"engine": "fake", "keep_probabilities": "1MB"})


@pytest.fixture
def workspace(project: ProjectFolder) -> Workspace:
    return Workspace(project)


@pytest.fixture
def client(workspace: Workspace) -> TestClient:
    return TestClient(Starlette(routes=Api(workspace, UploadLimits()).routes()))


def finish(workspace: Workspace) -> None:
    """Wait until the run is done."""
    thread = workspace.runs._thread
    assert thread is not None
    thread.join()
    assert workspace.runs.progress().error is None


def layers(client: TestClient, **parameters: Any) -> Any:  # noqa: ANN401 (JSON)
    return client.get(f"/maskcast/layers?{urlencode({'id': 't2.png', **parameters})}")


def test_without_planes_there_is_nothing_to_choose(
    project: ProjectFolder, client: TestClient
) -> None:
    assert client.get("/maskcast/thresholds").json() == {"objects": []}
    run_project(project, Quiet())
    assert client.get("/maskcast/thresholds").json() == {"objects": []}
    refused = layers(client, cuts="{}")
    assert refused.status_code == 400
    assert "no probabilities are kept" in refused.json()["error"]


def test_what_can_be_chosen_is_told(project: ProjectFolder, client: TestClient) -> None:
    run_project(keeping(project), Quiet())
    state = client.get("/maskcast/thresholds").json()
    assert (state["kept"], state["cuts"]) == (2, {})
    assert len(state["probabilities"]) == HIGHEST
    (found,) = state["objects"]
    assert state["probabilities"][found["level"]] == pytest.approx(0.5)
    assert sum(found["counts"]) == 2 * 64 * 80


def test_a_choice_is_tried_on_one_and_laid_over_all(
    project: ProjectFolder, workspace: Workspace, client: TestClient
) -> None:
    run_project(keeping(project), Quiet())
    own = layers(client).json()
    assert layers(client, cuts="{}").json() == own
    nothing = {"1": {"smallest": 10_000}}
    assert layers(client, cuts=json.dumps(nothing)).json()["layers"] == []
    assert layers(client).json() == own, "it was only tried"

    answer = client.post("/maskcast/rethreshold", json={"cuts": nothing})
    assert answer.json() == {"started": True}
    finish(workspace)
    assert layers(client).json()["layers"] == []
    assert client.get("/maskcast/thresholds").json()["cuts"] == nothing
    with Ledger.read(project.ledger_path) as ledger:
        assert ledger.fingerprint["thresholds"] == nothing
        assert ledger.generation == 2
    assert client.get("/maskcast/run").json()["renewed"] == {"targets": 2, "newly_empty": 2}

    client.post("/maskcast/rethreshold", json={"cuts": {}})
    finish(workspace)
    assert layers(client).json() == own


@pytest.mark.parametrize("cuts", ["[]", "{", '{"1": {"threshold": 2}}', '{"x": {}}', "[" * 9999])
def test_no_choice_breaks_a_route(project: ProjectFolder, client: TestClient, cuts: str) -> None:
    run_project(keeping(project), Quiet())
    assert layers(client, cuts=cuts).status_code == 400
    body = f'{{"cuts": {cuts}}}'.encode()
    assert client.post("/maskcast/rethreshold", content=body).status_code == 400
