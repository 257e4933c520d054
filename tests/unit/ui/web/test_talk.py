"""The route of the Annotate tab: a message, an answer, and whoever waits holds up nobody else."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from maskcast.project.folder import ProjectFolder
from maskcast.ui.web.annotate import AnnotateService
from maskcast.ui.web.talk import Talk
from maskcast.ui.web.workspace import Workspace
from support import picture, write_png

ROUTE = "/maskcast/annotate"
THREADS_OF_ALL = 40
"""That the server has for whatever needs none of its own kind."""


class Waiting(AnnotateService):
    """Answers previews and pictures only once it may."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.workspace = workspace
        self.may_answer = threading.Event()
        self.at_once = 0
        self.most_at_once = 0

    def await_change(self, data: Mapping[str, Any]) -> None:
        assert data["do"] == "preview"

    def answer(self, data: Mapping[str, Any]) -> dict[str, Any]:
        if data["do"] == "list":
            return super().answer(data)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        assert self.may_answer.wait(20)
        self.at_once -= 1
        return {"ok": True}


@pytest.fixture
def service(tmp_path: Path) -> Waiting:
    write_png(tmp_path / "references" / "a.png", picture(1)[0])
    return Waiting(Workspace(ProjectFolder.open(tmp_path, {"engine": "fake"})))


@pytest.fixture
def client(service: Waiting) -> Iterator[TestClient]:
    talk = Talk(service.workspace, service, 100_000)
    with TestClient(Starlette(routes=[talk.route()])) as opened:
        yield opened


def test_a_message_is_answered(client: TestClient) -> None:
    answer = client.post(ROUTE, json={"do": "list"})
    assert answer.status_code == 200
    assert [entry["image"] for entry in answer.json()["references"]] == ["a.png"]


@pytest.mark.parametrize("body", [b"[]", b"{", b"[" * 90_000, b"\xff", b" " * 100_001])
def test_what_is_no_message_is_refused_in_words(client: TestClient, body: bytes) -> None:
    answer = client.post(ROUTE, content=body)
    assert answer.status_code == 400
    assert "the request is" in answer.json()["problem"]["text"]


@pytest.mark.parametrize("kind", ["preview", "picture", "thumbnails", "open"])
def test_a_list_does_not_wait_for_those_who_do(
    client: TestClient, service: Waiting, kind: str
) -> None:
    many = THREADS_OF_ALL + 10
    with ThreadPoolExecutor(many) as pool:
        waiting = [pool.submit(client.post, ROUTE, json={"do": kind}) for _ in range(many)]
        try:
            assert client.post(ROUTE, json={"do": "list"}).json()["ok"]
            assert not any(answer.done() for answer in waiting)
        finally:
            service.may_answer.set()
        assert all(answer.result().json() == {"ok": True} for answer in waiting)
    assert service.most_at_once <= 4
