"""The routes of the Run and Results tabs, without a page around them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from maskcast.importing import import_annotations
from maskcast.project import Project
from maskcast.runs.run import run_project
from maskcast.ui.store import AnnotationStore
from maskcast.ui.web.api import Api
from maskcast.ui.web.controller import RunController
from maskcast.ui.web.uploads import UploadLimits
from support import picture, write_png
from web_support import Quiet


def serving(project: Project) -> TestClient:
    store = AnnotationStore(project.annotations_path)
    api = Api(project, store, RunController(project), UploadLimits())
    return TestClient(Starlette(routes=api.routes()))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    image, mask = picture(1, 2, (600, 800))
    write_png(tmp_path / "p" / "references" / "r.png", image)
    write_png(tmp_path / "labels" / "r.png", mask.astype(np.uint8) * 255)
    write_png(tmp_path / "p" / "targets" / "sub" / "a.png", image)
    opened = Project.open(tmp_path / "p", {"engine": "fake"})
    import_annotations(opened, "masks", tmp_path / "labels")
    return opened


def test_before_a_run_there_is_nothing_and_no_error(project: Project) -> None:
    client = serving(project)
    assert client.get("/maskcast/results").json() == {"total": 0, "rows": [], "objects": []}
    assert client.get("/maskcast/run").json()["total"] == 1
    assert client.get("/maskcast/overlay?id=sub/a.png").status_code == 404
    assert client.get("/maskcast/original?id=sub/a.png").status_code == 404
    assert "no results yet" in client.get("/maskcast/download").json()["error"]


def test_progress_tells_how_many_references_have_objects(project: Project) -> None:
    client = serving(project)
    write_png(project.references_folder / "more.png", picture(2, 2, (600, 800))[0])
    assert client.get("/maskcast/run").json()["references"] == 1
    project.annotations_path.write_text("no annotations")
    assert client.get("/maskcast/run").json()["references"] is None
    project.annotations_path.unlink()
    assert client.get("/maskcast/run").json()["references"] == 0


def test_pictures_of_a_target(project: Project, tmp_path: Path) -> None:
    run_project(project, Quiet())
    client = serving(project)
    overlay = client.get("/maskcast/overlay?id=sub/a.png")
    assert overlay.content == (project.output_folder / "overlays" / "sub" / "a.jpg").read_bytes()
    sizes = {}
    for kind in ("original", "thumbnail"):
        (tmp_path / f"{kind}.jpg").write_bytes(client.get(f"/maskcast/{kind}?id=sub/a.png").content)
        with Image.open(tmp_path / f"{kind}.jpg") as shown:
            sizes[kind] = shown.size
            pixels = np.asarray(shown.resize((800, 600)), np.float64)
        with Image.open(project.targets_folder / "sub" / "a.png") as target:
            difference = pixels - np.asarray(target)
        if kind == "original":
            assert np.abs(difference).mean() < 5
    assert sizes == {"original": (800, 600), "thumbnail": (320, 240)}


def test_the_pixels_of_uploads_are_bounded_as_the_project_says(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", picture(1, 1, (40, 50))[0])
    data = (tmp_path / "a.png").read_bytes()
    for bound, status in ((1999, 400), (2000, 200)):
        opened = Project.open(tmp_path, {"images": {"max_pixels": bound}})
        answer = serving(opened).post("/maskcast/upload?to=targets&name=a.png", content=data)
        assert answer.status_code == status, answer.json()
