"""Who gets past the guard: the right password, pages of this server, the listed routes."""

from __future__ import annotations

import base64
from collections.abc import Mapping

import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from maskcast.ui.web.guard import Guard, Password, is_loopback

PASSWORD = Password("kim", "s3:cret")


def ask(
    method: str,
    path: str,
    headers: Mapping[str, str] | None = None,
    password: Password | None = None,
    *,
    any_host: bool = False,
) -> int:
    guard = Guard(PlainTextResponse("inside"), password, any_host=any_host)
    client = TestClient(guard, base_url="http://localhost:7860")
    return int(client.request(method, path, headers=dict(headers or {})).status_code)


def basic(text: str) -> dict[str, str]:
    return {"authorization": f"Basic {base64.b64encode(text.encode()).decode()}"}


@pytest.mark.parametrize("path", ["/", "/assets/index.js", "/maskcast/run", "/theme.css"])
def test_what_the_page_needs_is_open(path: str) -> None:
    assert ask("GET", path) == 200


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file/etc/passwd",
        "/gradio_api/proxy=http://example.org",
        "/gradio_api/upload",
        "/gradio_api/mcp/",
        "/monitoring",
        "/docs",
        "/openapi.json",
        "/maskcast",
    ],
)
def test_what_it_does_not_need_is_not_there(path: str) -> None:
    assert ask("GET", path) == 404
    assert ask("POST", path) == 404


@pytest.mark.parametrize("path", ["/", "/maskcast/run", "/assets/a.js", "/nothing"])
def test_nothing_answers_without_the_password(path: str) -> None:
    assert ask("GET", path, password=PASSWORD) == 401


@pytest.mark.parametrize("given", ["kim:s3", "kim", ":", "kim:s3:cret ", "lee:s3:cret"])
def test_another_password_is_refused(given: str) -> None:
    assert ask("GET", "/", basic(given), PASSWORD) == 401


@pytest.mark.parametrize("header", ["Basic %%%", "Basic", "", "Bearer abc", "Basic \xff"])
def test_a_malformed_password_is_refused(header: str) -> None:
    client = TestClient(
        Guard(PlainTextResponse("inside"), PASSWORD, any_host=False), base_url="http://localhost"
    )
    headers = {b"authorization": header.encode("latin-1")}
    assert client.get("/", headers=headers).status_code == 401


def test_the_password_lets_in_with_letters_of_any_script() -> None:
    assert ask("GET", "/", basic("kim:s3:cret"), PASSWORD) == 200
    assert ask("GET", "/", basic("김:비밀"), Password("김", "비밀")) == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:8000"},
        {"origin": "http://[::1"},
        {"origin": "http://localhost:7860@evil.example"},
        {"origin": ""},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_pages_of_other_sites_change_nothing(headers: dict[str, str]) -> None:
    assert ask("POST", "/maskcast/start", headers) == 403


def test_pages_of_this_server_and_scripts_do() -> None:
    own = {"origin": "http://localhost:7860", "sec-fetch-site": "same-origin"}
    assert ask("POST", "/maskcast/start", own) == 200
    assert ask("POST", "/maskcast/start") == 200


def test_a_foreign_name_pointed_at_this_machine_gets_nothing() -> None:
    assert ask("GET", "/", {"host": "rebound.example:7860"}) == 421
    assert ask("GET", "/", {"host": "rebound.example:7860"}, any_host=True) == 200


def test_answers_forbid_other_hosts_and_frames() -> None:
    guard = Guard(PlainTextResponse("inside"), None, any_host=True)
    policy = TestClient(guard).get("/").headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost", "LOCALHOST."])
def test_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["::", "192.168.0.2", "example.org", "", "localhost.eu"])
def test_not_loopback(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize("host", ["[::1", "]", "localhost:7860:1[", "%", " "])
def test_a_host_that_is_none_gets_nothing(host: str) -> None:
    assert ask("GET", "/", {"host": host}) == 421


def test_guesses_are_refused_unlooked_at() -> None:
    guard = Guard(PlainTextResponse("inside"), PASSWORD, any_host=False)
    client = TestClient(guard, base_url="http://localhost:7860", client=("192.0.2.1", 1))
    for _ in range(5):
        assert client.get("/", headers=basic("kim:wrong")).status_code == 401
    for given in ("kim:wrong", "kim:s3:cret"):
        answer = client.get("/", headers=basic(given))
        assert answer.status_code == 429
        assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert client.get("/").status_code == 401, "it is still said what is missing"
    other = TestClient(guard, base_url="http://localhost:7860", client=("192.0.2.2", 1))
    assert other.get("/", headers=basic("kim:s3:cret")).status_code == 200


def test_the_right_password_is_never_slowed() -> None:
    guard = Guard(PlainTextResponse("inside"), PASSWORD, any_host=False)
    client = TestClient(guard, base_url="http://localhost:7860", client=("192.0.2.1", 1))
    for _ in range(100):
        assert client.get("/", headers=basic("kim:s3:cret")).status_code == 200
