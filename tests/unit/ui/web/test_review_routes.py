"""The routes of the Review tab, without a page around them."""

from __future__ import annotations

import time
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Self

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from finished import finished_project
from formats_support import mask_of
from maskcast.project.folder import ProjectFolder
from maskcast.review import decisions
from maskcast.review.decisions import DecisionLog
from maskcast.ui.web.routes import Api
from maskcast.ui.web.uploads import UploadLimits
from maskcast.ui.web.workspace import Workspace

RING = mask_of("########", "#......#", "#.##.#.#", "#.##...#", "#......#", "########")
DOT = mask_of("........", ".#......", "........", "........", "........", "........")


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    found = {"a.png": {1: RING, 2: DOT}, "deep/b.png": {1: DOT}, "c.png": {}}
    return finished_project(tmp_path / "p", found, {1: 0.9, 2: 0.4})


@pytest.fixture
def client(project: ProjectFolder) -> TestClient:
    routes = Api(Workspace(project), UploadLimits()).routes()
    return TestClient(Starlette(routes=routes))


def waiting(client: TestClient, page: str = "", order: str = "name") -> list[str]:
    answer = client.get("/maskcast/review", params={"page": page, "order": order})
    return [row["id"] for row in answer.json()["rows"]]


def test_what_waits_is_told_with_what_was_found(client: TestClient) -> None:
    answer = client.get("/maskcast/review?order=doubt").json()
    assert answer["rows"][0]["id"] == "a.png"
    assert [found["id"] for found in answer["rows"][0]["objects"]] == [1, 2]
    assert answer["counts"]["left"] == 3
    assert answer["per_minute"] is None
    assert client.get("/maskcast/review?order=size").status_code == 400


def test_a_decision_is_shown_and_taken_back(client: TestClient) -> None:
    content = {"id": "a.png", "decision": "rejected", "objects": [1], "who": "ann"}
    answer = client.post("/maskcast/decide", json=content).json()
    assert [found["id"] for found in answer["row"]["objects"]] == [2]
    assert (answer["row"]["decision"], answer["counts"]["left"]) == ("rejected", 2)
    assert waiting(client) == ["c.png", "deep/b.png"]
    answer = client.post("/maskcast/undo", json={"who": "bob"})
    assert (answer.status_code, "bob decided nothing" in answer.json()["error"]) == (400, True)
    answer = client.post("/maskcast/undo", json={"who": "ann"}).json()
    assert [found["id"] for found in answer["row"]["objects"]] == [1, 2]
    assert answer["row"]["decision"] is None
    assert len(waiting(client)) == 3


class Clock(datetime):
    """Shows one moment after another; in the middle it is put back by an hour."""

    _moments = iter(("10:00:00", "10:00:10", "09:00:10", "09:00:20", *3 * ("08:00:00",)))

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return cls.fromisoformat(f"2026-03-29T{next(cls._moments)}").replace(tzinfo=tz)


def test_a_clock_that_is_put_back_changes_neither_order_nor_pace(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decisions, "datetime", Clock)
    for name in ("a.png", "c.png", "deep/b.png", "a.png"):
        content = {"id": name, "decision": "accepted", "who": "ann"}
        if name == "deep/b.png":
            content["decision"] = "rejected"
        answer = client.post("/maskcast/decide", json=content).json()
    assert answer["per_minute"] == 6  # one in ten seconds, twice
    undone = [
        client.post("/maskcast/undo", json={"who": "ann"}).json()["row"]["id"] for _ in range(3)
    ]
    assert undone == ["a.png", "deep/b.png", "c.png"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"id": "z.png", "decision": "accepted"}, "no result of 'z.png'"),
        ({"id": "a.png", "decision": "corrected"}, "decision: expected"),
        ({"id": "a.png"}, "decision: expected"),
        ({"id": "a.png", "decision": "rejected", "objects": [0]}, "objects: expected"),
        ({"id": 3, "decision": "accepted"}, "id: expected a text"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(
    client: TestClient, content: dict[str, object], sentence: str
) -> None:
    answer = client.post("/maskcast/decide", json=content)
    assert (answer.status_code, sentence in answer.json()["error"]) == (400, True)


def test_a_picture_in_somebodys_hands_is_not_offered_to_another(client: TestClient) -> None:
    client.post("/maskcast/hold", json={"id": "a.png", "page": "first"})
    assert "a.png" in waiting(client, "first")
    assert "a.png" not in waiting(client, "second")


def test_the_pace_leaves_pauses_out(client: TestClient, project: ProjectFolder) -> None:
    with DecisionLog.open(project.review_folder) as log:
        for image_id in ("a.png", "c.png"):
            log.record(image_id, "accepted", "ann")
            time.sleep(0.01)
    answer = client.get("/maskcast/review?who=ann").json()
    assert answer["per_minute"] > 60
    assert answer["seconds_left"] is not None


def test_before_a_run_it_says_what_to_do(tmp_path: Path) -> None:
    for folder in ("references", "targets"):
        (tmp_path / folder).mkdir()
    routes = Api(Workspace(ProjectFolder.open(tmp_path)), UploadLimits()).routes()
    answer = TestClient(Starlette(routes=routes)).get("/maskcast/review")
    assert (answer.status_code, "run maskcast run first" in answer.json()["error"]) == (400, True)
