"""The routes of the Run and Results tabs, without a page around them."""

from __future__ import annotations

import csv
from base64 import b64decode
from functools import partial
from io import BytesIO
from pathlib import Path
from urllib.parse import urlencode
from zipfile import ZipFile

import numpy as np
import pytest
from cachetools import TTLCache
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from maskcast.engines.catalog import EngineEntry
from maskcast.interchange.importing import import_annotations
from maskcast.io.storage import Url
from maskcast.project.folder import ProjectFolder
from maskcast.runs.copies import fetch_ledger
from maskcast.runs.run import run_project
from maskcast.ui.web.routes import Api
from maskcast.ui.web.uploads import UploadLimits
from maskcast.ui.web.workspace import Workspace
from support import picture, write_png
from web_support import Quiet


def serving(project: ProjectFolder) -> TestClient:
    api = Api(Workspace(project), UploadLimits())
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


def test_layers_are_the_masks_that_are_on_disk(project: ProjectFolder) -> None:
    run_project(project, Quiet())
    client = serving(project)
    answer = client.get("/maskcast/layers?id=sub/a.png").json()
    assert answer["step"] == 1
    (layer,) = answer["layers"]
    sent, mask = layer["mask"], np.zeros((600, 800), np.bool_)
    rows = np.frombuffer(b64decode(sent["bits"]), np.uint8).reshape(sent["h"], -1)
    there = slice(sent["y"], sent["y"] + sent["h"]), slice(sent["x"], sent["x"] + sent["w"])
    mask[there] = np.unpackbits(rows, axis=1, count=sent["w"])
    path = project.output_folder / "id_masks" / "sub" / "a" / "1.png"
    with Image.open(path) as written:
        assert np.array_equal(mask, np.asarray(written) > 0)
    with (project.output_folder / "bboxes" / "sub" / "a.csv").open() as file:
        boxes = [[int(row[side]) for side in BOX] for row in csv.DictReader(file)]
    assert sorted(layer["boxes"]) == sorted(boxes)
    areas = [(xmax - xmin) * (ymax - ymin) for xmin, ymin, xmax, ymax in layer["boxes"]]
    assert areas == sorted(areas, reverse=True)
    assert client.get("/maskcast/results").json()["rows"][0]["objects"][0]["parts"] == len(boxes)

    path.unlink()
    missing = client.get("/maskcast/layers?id=sub/a.png")
    assert missing.status_code == 400
    assert "1.png" in missing.json()["error"]
    assert client.get("/maskcast/layers?id=sub/b.png").status_code == 404


BOX = ("xmin", "ymin", "xmax", "ymax")


def test_the_pixels_of_uploads_are_bounded_as_the_project_says(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", picture(1, 1, (40, 50))[0])
    data = (tmp_path / "a.png").read_bytes()
    for bound, status in ((1999, 400), (2000, 200)):
        opened = ProjectFolder.open(tmp_path, {"images": {"max_pixels": bound}})
        answer = serving(opened).post("/maskcast/upload?to=targets&name=a.png", content=data)
        assert answer.status_code == status, answer.json()


HOSTILE = (
    *("", " ", "x", "-1", "9" * 30, "9" * 5000, "1e999", "nan", "inf", "\u00b2", "\x00", "\ud800"),
    *("../r.png", "/etc/passwd", "a" * 5000, "[" * 5000, "\u202e", "'; DROP TABLE targets", "%00"),
)


@pytest.mark.parametrize(
    ("route", "names"),
    [
        ("results", ("kind", "object", "low", "high", "order", "offset", "limit")),
        ("thumbnail", ("id",)),
        ("overlay", ("id",)),
        ("original", ("id",)),
        ("download", ("part", "format")),
    ],
)
def test_no_value_breaks_a_route(
    project: ProjectFolder, route: str, names: tuple[str, ...]
) -> None:
    run_project(project, Quiet())
    client = serving(project)
    for name in names:
        for value in HOSTILE:
            query = urlencode({name: value}, errors="surrogatepass")
            answer = client.get(f"/maskcast/{route}?{query}")
            assert answer.status_code < 500, (name, value)
            if answer.status_code != 200:
                assert answer.json()["error"]
    assert client.get("/maskcast/results?offset=99999999999999999999").status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 90_000,
        b'{"a":' * 10_000,
        b'{"threshold": 1e999}',
        b'{"threshold": NaN}',
        b'{"threshold": ' + b"9" * 400 + b"}",
        b'{"threshold": ' + b"9" * 5000 + b"}",
        b'{"engine": "\\ud800"}',
        b'{"engine": "x", "how": []}',
        b"\xff\xfe",
        b"\x00",
    ],
    ids=lambda body: str(body[:16]),
)
def test_no_body_breaks_the_start_of_a_run(project: ProjectFolder, body: bytes) -> None:
    answer = serving(project).post("/maskcast/start", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_only_engines_that_are_offered_are_started(project: ProjectFolder) -> None:
    client = serving(project)
    answer = client.post("/maskcast/start", content=b'{"engine": "none such"}')
    assert answer.status_code == 400
    assert "none called 'none such'" in answer.json()["error"]


def test_weights_that_are_pulled_meanwhile_are_offered(
    project: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, pulled = [0.0], list[str]()

    def listed() -> list[EngineEntry]:
        return [EngineEntry(name, True, "cpu", False, "", "") for name in ("pixel", *pulled)]

    monkeypatch.setattr("maskcast.ui.web.routes.list_engines", listed)
    monkeypatch.setattr("maskcast.ui.web.routes.TTLCache", partial(TTLCache, timer=lambda: now[0]))
    client = serving(project)

    def names() -> list[str]:
        found = client.get("/maskcast/engines").json()["engines"]
        return [entry["name"] for entry in found]

    assert names() == ["pixel"]
    pulled.append("sam")
    now[0] += 10
    assert names() == ["pixel", "sam"]


def test_of_a_target_that_is_a_link_to_elsewhere_nothing_is_shown(
    project: ProjectFolder, tmp_path: Path
) -> None:
    write_png(tmp_path / "outside.png", picture(3, 2, (600, 800))[0])
    (project.targets_folder / "link.png").symlink_to(tmp_path / "outside.png")
    (project.targets_folder / "inner.png").symlink_to(project.targets_folder / "sub" / "a.png")
    run_project(project, Quiet())
    client = serving(project)
    for kind in ("overlay", "thumbnail", "original", "layers"):
        assert client.get(f"/maskcast/{kind}?id=link.png").status_code == 404, kind
        assert client.get(f"/maskcast/{kind}?id=inner.png").status_code == 200, kind
    (project.targets_folder / "sub" / "a.png").unlink()
    assert client.get("/maskcast/overlay?id=sub/a.png").status_code == 200, "it is only gone"
    packed = ZipFile(BytesIO(client.get("/maskcast/download").content)).namelist()
    assert "overlays/sub/a.jpg" in packed
    assert "masks/link.png" in packed
    assert "overlays/link.jpg" not in packed


def test_a_sentence_may_hold_half_a_character(project: ProjectFolder) -> None:
    project.annotations_path.write_text('{"version": "\\ud800"}')
    answer = serving(project).post("/maskcast/start", content=b'{"weights": "\\ud800"}')
    assert answer.status_code == 400
    assert answer.json()["error"]


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
    for kind in ("overlay", "original", "thumbnail", "layers"):
        packed, plain = (client.get(f"/maskcast/{kind}?id=sub/a.png") for client in clients)
        assert packed.status_code == 200
        assert packed.content == plain.content
    rows = [client.get("/maskcast/results").json()["rows"] for client in clients]
    shows = [row.pop("shows") for (row,) in rows]
    assert rows[0] == rows[1]
    assert shows[0] != shows[1]  # no browser takes the pictures of a run for those of another
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


def test_auto_is_offered_where_the_project_says_it(
    project: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("maskcast.ui.web.controller.RunController.start", lambda *_: True)
    found = serving(project).get("/maskcast/engines").json()
    assert "auto" not in {entry["name"] for entry in found["engines"]}
    client = serving(ProjectFolder.open(project.root, {"engine": "auto"}))
    found = client.get("/maskcast/engines").json()
    assert (found["engine"], found["engines"][0]["name"]) == ("auto", "auto")
    assert client.post("/maskcast/start", content=b'{"engine": "auto"}').status_code == 200
