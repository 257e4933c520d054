"""The web labeler gives away nothing but its project, and not even that without the password."""

from __future__ import annotations

import base64
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest

from maskcast.interchange.importing import import_annotations
from maskcast.project.folder import ProjectFolder
from maskcast.runs.run import run_project
from support import Maskcast, picture, write_png
from web_support import CLOSING, Answer, Quiet, Server, served

SECRET = b"SECRET-OUTSIDE-THE-PROJECT"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run once; with links that lead out of it, among targets and among results."""
    base = tmp_path_factory.mktemp("safety")
    folder = base / "project"
    image, mask = picture(1)
    write_png(folder / "references" / "r.png", image)
    write_png(base / "labels" / "r.png", mask.astype(np.uint8) * 255)
    for number in range(4):
        write_png(folder / "targets" / f"{number:04}.png", picture(number)[0])
    write_png(base / "outside.png", picture(5)[0])
    (base / "secret.jpg").write_bytes(SECRET)
    (folder / "targets" / "broken.png").write_bytes(b"")
    (folder / "maskcast.toml").write_text('engine = "fake"\n')
    (folder / "targets" / "link.png").symlink_to(base / "outside.png")
    opened = ProjectFolder.open(folder)
    import_annotations(opened, "masks", base / "labels")
    run_project(opened, Quiet())
    overlay = folder / "output" / "overlays" / "0000.jpg"
    overlay.unlink()
    overlay.symlink_to(base / "secret.jpg")
    return folder


@pytest.fixture(scope="module")
def server(project: Path) -> Iterator[Server]:
    with served(project) as running:
        yield running


def escapes(project: Path) -> list[str]:
    """Ways to name files that are not to be had."""
    files = [
        project.parent / "secret.jpg",
        project / "maskcast.toml",
        project / "output" / "run.db",
        project / "references" / "annotations.json",
        Path("/etc/passwd"),
    ]
    names = [name for file in files for name in (str(file), os.path.relpath(file, project))]
    return [*names, "....//maskcast.toml", "..\\maskcast.toml", "%2e%2e/maskcast.toml"]


def test_no_route_reads_a_path(server: Server, project: Path) -> None:
    for name in escapes(project):
        for encoded in (name, quote(name, safe=""), quote(quote(name, safe=""), safe="")):
            for before in (
                "/gradio_api/file=",
                "/gradio_api/file/",
                "/file=",
                "/static/",
                "/assets/",
                "/svelte/",
                "/maskcast/overlay?id=",
                "/maskcast/original?id=",
                "/maskcast/thumbnail?id=",
                "/maskcast/download?part=",
                "/gradio_api/proxy=file://",
                "/gradio_api/custom_component/1/client/component/",
            ):
                path = (before + encoded).replace(" ", "%20")
                answer = server.request(path)
                assert answer.status in {307, 400, 403, 404, 405}, path
                assert SECRET not in answer.body
                assert b"root:" not in answer.body
                assert b"engine =" not in answer.body


def test_links_out_of_the_project_are_not_followed(server: Server) -> None:
    assert server.request("/maskcast/original?id=0001.png").status == 200
    for kind in ("original", "thumbnail", "overlay"):
        assert server.request(f"/maskcast/{kind}?id=link.png").status == 404
    assert server.request("/maskcast/overlay?id=0001.png").status == 200
    assert server.request("/maskcast/overlay?id=0000.png").status == 404
    assert SECRET not in server.request("/maskcast/thumbnail?id=0000.png").body
    assert SECRET not in server.request("/maskcast/download").body


def test_the_annotate_tab_shows_references_and_no_other_picture(
    server: Server, project: Path
) -> None:
    def picture_of(name: str) -> Answer:
        message = {"do": "picture", "image": name}
        return server.request("/maskcast/annotate", "POST", json.dumps(message).encode())

    assert picture_of("r.png").json()["ok"]
    (project / "references" / "link.png").symlink_to(project.parent / "outside.png")
    outside = ("link.png", "../../outside.png", "../targets/0001.png", *escapes(project))
    for name in outside:
        assert picture_of(name).json().keys() == {"ok", "problem"}, name
    (project / "references" / "link.png").unlink()


def test_uploads_land_inside_and_replace_nothing(server: Server, project: Path) -> None:
    before = (project / "targets" / "0001.png").read_bytes()
    data = (project / "targets" / "0002.png").read_bytes()
    for name in ("../../0001.png", "/etc/0001.png", "..\\0001.png", "0001.png"):
        answer = server.request(f"/maskcast/upload?to=targets&name={quote(name)}", "POST", data)
        assert answer.status == 200, answer.body
        stored = project / "targets" / answer.json()["image_id"]
        assert stored.resolve().is_relative_to(project / "targets")
        assert stored.read_bytes() == data
    assert (project / "targets" / "0001.png").read_bytes() == before
    assert not (project.parent / "0001.png").exists()
    for to, name, content in (
        ("targets", "a.png", b"no picture"),
        ("targets", "maskcast.toml", data),
        ("references", "annotations.json", data),
        ("output", "a.png", data),
        ("..", "a.png", data),
    ):
        path = f"/maskcast/upload?to={to}&name={name}"
        assert server.request(path, "POST", content).status == 400


def test_wrong_words_are_answered_with_a_sentence(server: Server) -> None:
    for path in (
        "/maskcast/results?kind=x",
        "/maskcast/results?low=2",
        "/maskcast/results?object=0",
        "/maskcast/results?offset=x",
        "/maskcast/results?offset=99999999999999999999",
        "/maskcast/results?low=nan",
    ):
        assert server.request(path).status == 400, path
        assert server.request(path).json()["error"]
    wrong = (
        b"[]",
        b"{",
        b'{"engine": 3}',
        b'{"threshold": "x"}',
        b'{"threshold": 7}',
        b'{"weights": "/etc/passwd"}',
    )
    for body in (*wrong, b"x" * 200_000, b"[" * 90_000):
        assert server.request("/maskcast/start", "POST", body).status == 400, body[:20]
    for body in (b"[]", b"{", b"[" * 90_000, b"\xff"):
        answer = server.request("/maskcast/annotate", "POST", body)
        assert (answer.status, answer.json()["ok"]) == (400, False), body[:20]
    # Gradio's own route for what components ask breaks on one that it does not know.
    unknown = b'{"component_id": 999, "fn_name": "annotate", "data": {}, "session_hash": "x"}'
    json_type = {"content-type": "application/json"}
    for path in ("/gradio_api/component_server", "/gradio_api/component_server/"):
        assert server.request(path, "POST", unknown, json_type).status == 404
    assert server.request("/maskcast/run", headers={"Origin": "http://[::1"}).status == 200
    refused = server.request("/maskcast/stop", "POST", headers={"Origin": "http://[::1"})
    assert refused.status == 403
    assert server.request("/maskcast/results?limit=99999999").status == 200


def test_sentences_do_not_tell_where_the_project_is(server: Server, project: Path) -> None:
    (failed,) = server.request("/maskcast/results?kind=failed").json()["rows"]
    assert failed["reason"].startswith("targets/broken.png cannot be read")
    for path in ("/maskcast/run", "/maskcast/results", "/maskcast/engines", "/config", "/"):
        assert str(project.parent).encode() not in server.request(path).body


def test_other_sites_cannot_use_a_browser_that_is_here(server: Server) -> None:
    foreign = {"Origin": "https://evil.example"}
    for origin in (foreign, {"Origin": "http://[::1"}):
        assert server.request("/maskcast/stop", "POST", b"{}", origin).status == 403
    assert server.request("/", headers={"Host": "rebound.example"}).status == 421
    answer = server.request("/", headers=foreign)
    assert "access-control-allow-origin" not in answer.headers


def test_nothing_answers_without_the_password(project: Path) -> None:
    with served(project, env={"MASKCAST_AUTH": "kim:geheim"}) as server:
        wrong = {"Authorization": "Basic " + base64.b64encode(b"kim:Geheim").decode()}
        right = {"Authorization": "Basic " + base64.b64encode(b"kim:geheim").decode()}
        assert server.request("/", headers=right).status == 200
        assert server.request("/maskcast/run", headers=right).status == 200
        for path in (
            "/",
            "/config",
            "/theme.css",
            "/assets/index.js",
            "/login",
            "/token",
            "/gradio_api/info",
            "/gradio_api/startup-events",
            "/gradio_api/heartbeat/x",
            "/maskcast/run",
            "/maskcast/results",
            "/maskcast/download",
            "/nothing",
        ):
            assert server.request(path).status == 401, path
            assert server.request(path, headers=wrong).status in {401, 429}, path
        for path in ("/maskcast/start", "/maskcast/upload?to=targets&name=a.png", "/login"):
            assert server.request(path, "POST", b"{}").status == 401, path
        assert server.request("/", headers=right).status == 429, "so many wrong ones came"


def test_a_taken_port_is_told_in_one_sentence(project: Path, maskcast: Maskcast) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = maskcast("serve", project, "--port", str(port))
    assert ended.returncode == 1
    assert f"port {port}" in ended.stderr
    assert "give another --port" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_without_a_project_it_makes_one(tmp_path: Path) -> None:
    with served(cwd=tmp_path) as server:
        assert server.url.startswith("http://127.0.0.1:")
        (made,) = tmp_path.iterdir()
        assert sorted(path.name for path in made.iterdir()) == ["references", "targets"]
        write_png(tmp_path / "a.png", np.zeros((4, 4, 3), np.uint8))
        data = (tmp_path / "a.png").read_bytes()
        path = "/maskcast/upload?to=references&name=a.png"
        assert server.request(path, "POST", data).status == 200
        assert (made / "references" / "a.png").read_bytes() == data
        assert server.stop() == (0, f"{CLOSING}\n")
