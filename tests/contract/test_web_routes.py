"""Whatever a page asks of a route: an answer, or a sentence that names no folder of the server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from finished import finished_project
from formats_support import mask_of
from maskcast.review.decisions import DECISIONS
from maskcast.runs.outputs import PARTS
from maskcast.ui.web.controller import RunController
from maskcast.ui.web.routes import Api
from maskcast.ui.web.uploads import UploadLimits
from maskcast.ui.web.workspace import Workspace

RING = mask_of("########", "#......#", "#.##.#.#", "#.##...#", "#......#", "########")

KEYS = (
    *("by", "correction", "cuts", "decision", "engine", "format", "high", "how", "id", "kind"),
    *("lang", "limit", "low", "name", "object", "objects", "offset", "order", "page", "part"),
    *("shows", "threshold", "to", "weights", "who"),
)
"""Of the questions of all routes."""

WORDS = (
    *("", "a.png", "deep/b.png", "c.png", "../p/maskcast.toml", "a.png/../../x", "/etc/passwd"),
    *(
        "all",
        "found",
        "empty",
        "failed",
        "name",
        "best",
        "worst",
        "doubt",
        "useful",
        "ann",
        "references",
    ),
    *("targets", "0", "1", "-1", "1e999", "nan", "9" * 30, "fake", "pixel", "coco", "yolo", "ko"),
    *('{"objects": {"1": 0.5}}', "[]", "null", "[" * 2000, "again", "go on", *DECISIONS, *PARTS),
)

TEXTS = st.sampled_from(WORDS) | st.text(max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)


@dataclass(frozen=True)
class Served:
    """A project with results, in which no run starts.

    Attributes:
        root: of the project.
        routes: that pages ask.
        client: a page.
    """

    root: Path
    routes: list[Route]
    client: TestClient


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("served") / "p"
    found = {"a.png": {1: RING}, "deep/b.png": {2: RING}, "c.png": {}}
    project = finished_project(root, found, failed={"d.png": f"{root}/targets/d.png is cut off"})
    routes = Api(Workspace(project), UploadLimits()).routes()
    with pytest.MonkeyPatch.context() as patched:
        for name in ("start", "rethreshold", "back"):
            patched.setattr(RunController, name, lambda *_: True)
        with TestClient(Starlette(routes=routes)) as client:
            yield Served(root, [route for route in routes if isinstance(route, Route)], client)


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(
    which=st.integers(0, 10_000),
    query=st.dictionaries(st.sampled_from(KEYS), TEXTS, max_size=5),
    body=st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=5) | VALUES,
    cut=st.integers(0, 3),
)
def test_every_route_answers_anything(
    served: Served,
    which: int,
    query: dict[str, str],
    body: object,
    cut: int,
) -> None:
    route = served.routes[which % len(served.routes)]
    text = json.dumps(body)
    sent = {name: value.encode("utf-8", "replace") for name, value in query.items()}
    answer = served.client.request(
        next(iter((route.methods or {"GET"}) - {"HEAD"})),
        route.path,
        params=sent,
        content=text[: len(text) - cut if cut == 1 else None],
    )
    assert answer.status_code in {200, 400, 404}, answer.text
    if answer.status_code != 200:
        assert answer.json()["error"]
    if "json" in answer.headers["content-type"]:
        assert str(served.root) not in answer.text
