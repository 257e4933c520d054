"""The routes of the Run and Results tabs, without a page around them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from maskcast.interchange.importing import import_annotations
from maskcast.io.storage import Url
from maskcast.project.folder import ProjectFolder
from maskcast.project.store import AnnotationStore
from maskcast.runs.copies import fetch_ledger
from maskcast.runs.run import run_project
from maskcast.ui.web.api import Api
from maskcast.ui.web.controller import RunController
from maskcast.ui.web.uploads import UploadLimits
from support import picture, write_png
from web_support import Quiet


def serving(project: ProjectFolder) -> TestClient:
    store = AnnotationStore(project.annotations_path)
    api = Api(project, store, RunController(project), UploadLimits())
    return TestClient(Starlette(routes=api.routes()))


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    image, mask = picture(1, 2, (600, 800))
    write_png(tmp_path / "p" / "references" / "r.png", image)
    write_png(tmp_path / "labels" / "r.png", mask.astype(np.uint8) * 255)
    write_png(tmp_path / "p" / "targets" / "sub" / "a.png", image)
    opened = ProjectFolder.open(tmp_path / "p", {"engine": "fake"})
    import_annotations(opened, "masks", tmp_path / "labels")
    return opened


def test_before_a_run_there_is_nothing_and_no_error(project: ProjectFolder) -> None:
    client = serving(project)
    assert client.get("/maskcast/results").json() == {"total": 0, "rows": [], "objects": []}
    assert client.get("/maskcast/run").json()["total"] == 1
    assert client.get("/maskcast/overlay?id=sub/a.png").status_code == 404
    assert client.get("/maskcast/original?id=sub/a.png").status_code == 404
    assert "no results yet" in client.get("/maskcast/download").json()["error"]


def test_progress_tells_how_many_references_have_objects(project: ProjectFolder) -> None:
    client = serving(project)
    write_png(project.references_folder / "more.png", picture(2, 2, (600, 800))[0])
    assert client.get("/maskcast/run").json()["references"] == 1
    project.annotations_path.write_text("no annotations")
    assert client.get("/maskcast/run").json()["references"] is None
    project.annotations_path.unlink()
    assert client.get("/maskcast/run").json()["references"] == 0


def test_pictures_of_a_target(project: ProjectFolder, tmp_path: Path) -> None:
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
        opened = ProjectFolder.open(tmp_path, {"images": {"max_pixels": bound}})
        answer = serving(opened).post("/maskcast/upload?to=targets&name=a.png", content=data)
        assert answer.status_code == status, answer.json()


@pytest.fixture
def shard(project: ProjectFolder) -> Path:
    """The only shard of the project's results."""
    run_project(project, Quiet(), shard_size=5)
    (found,) = (project.output_folder / "shards").iterdir()
    return found


def test_pictures_of_results_in_shards(project: ProjectFolder, shard: Path, tmp_path: Path) -> None:
    whole = ProjectFolder.open(
        project.root, {"engine": "fake", "paths": {"output": tmp_path / "whole"}}
    )
    run_project(whole, Quiet())
    clients = serving(project), serving(whole)
    for kind in ("overlay", "original", "thumbnail"):
        packed, plain = (client.get(f"/maskcast/{kind}?id=sub/a.png") for client in clients)
        assert packed.status_code == 200
        assert packed.content == plain.content
    assert clients[0].get("/maskcast/results").json() == clients[1].get("/maskcast/results").json()
    assert shard.is_file()


def test_a_missing_shard_is_told_without_its_folder(project: ProjectFolder, shard: Path) -> None:
    client = serving(project)
    shard.rename(project.root / "away")
    answer = client.get("/maskcast/overlay?id=sub/a.png")
    assert answer.status_code == 400
    assert f"the shard output/shards/{shard.name} is missing" in answer.json()["error"]
    original = serving(project).get("/maskcast/thumbnail?id=sub/a.png")
    assert original.status_code == 200, "the target is shown instead"
    shard.symlink_to(project.root / "away")
    assert client.get("/maskcast/overlay?id=sub/a.png").status_code == 404, "it leads out"


def test_results_in_a_store_are_shown(
    project: ProjectFolder, shard: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsspec = pytest.importorskip("fsspec")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    fsspec.filesystem("memory").put(str(project.output_folder), "/served", recursive=True)
    place = Url("memory", "served")
    stored = ProjectFolder.open(project.root, {"engine": "fake", "paths": {"output": place}})
    fetch_ledger(stored)
    client = serving(stored)
    assert client.get("/maskcast/results").json()["total"] == 1
    shown = serving(project).get("/maskcast/overlay?id=sub/a.png").content
    assert client.get("/maskcast/overlay?id=sub/a.png").content == shown
    assert client.get("/maskcast/download?format=coco").status_code == 200
    refused = client.get("/maskcast/download").json()["error"]
    assert "is in a store" in refused
    assert "memory://" not in refused
    fsspec.filesystem("memory").rm(f"/served/shards/{shard.name}")
    gone = serving(stored).get("/maskcast/overlay?id=sub/a.png").json()["error"]
    assert f"the shard served/shards/{shard.name} is missing" in gone
