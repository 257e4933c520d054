"""Whatever is asked of the web labeler, its page goes on answering, within bounds."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from support import picture, write_png
from web_support import CLOSING, Server, served

FEW_FILES = 256


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bounds")
    write_png(folder / "references" / "r.png", picture(1)[0])
    (folder / "targets").mkdir()
    return folder


@pytest.fixture
def server(project: Path) -> Iterator[Server]:
    with served(project, env={"MASKCAST_AUTH": "kim:geheim"}, most_files=FEW_FILES) as running:
        yield running


def test_connections_that_say_nothing_keep_nobody_out(server: Server) -> None:
    with ExitStack() as opened:
        for _ in range(400):
            opened.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=10))
        for _ in range(20):
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
            connection.request("GET", "/")
            assert connection.getresponse().status == 401
            connection.close()
    code, said = server.stop()
    assert code == 0
    *warned, last = said.splitlines()
    assert last == CLOSING
    assert len(warned) <= 1, said


def test_no_route_takes_a_body_of_any_length(project: Path) -> None:
    with served(project) as running:
        before = _memory(running)
        for path in ("gradio_api/queue/join", "maskcast/annotate", "theme.css", "no"):
            assert _send_much(running, path) in {b"", b"404", b"405", b"413"}, path
        assert _memory(running) < before + 30_000_000


def _send_much(server: Server, path: str) -> bytes:
    """The status of the answer to 60 MB; empty if the connection was ended."""
    head = f"POST /{path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        try:
            connection.sendall(f"{head}Content-Length: 60000000\r\n\r\n".encode())
            for _ in range(60):
                connection.sendall(b" " * 1_000_000)
            return connection.recv(100).split()[1]
        except ConnectionError:
            return b""


def test_what_a_killed_server_left_of_an_upload_goes_at_the_next_start(tmp_path: Path) -> None:
    targets = tmp_path / "targets"
    targets.mkdir()
    head = "POST /maskcast/upload?to=targets&name=a.png HTTP/1.1\r\nHost: localhost\r\n"
    with (
        served(tmp_path) as running,
        socket.create_connection(("127.0.0.1", running.port), timeout=10) as connection,
    ):
        connection.sendall(f"{head}Content-Length: 200000\r\n\r\n".encode() + b"x" * 100_000)
        _wait_for(lambda: any(path.stat().st_size for path in targets.iterdir()))
        running.kill()
    (left,) = targets.iterdir()
    with served(tmp_path):
        _wait_for(lambda: not left.exists())


def test_large_pictures_that_come_at_once_are_decoded_one_by_one(tmp_path: Path) -> None:
    """Eight of 30 megapixels, whose samples alone are 90 MB each."""
    (tmp_path / "targets").mkdir()
    picture_file = tmp_path / "a.png"
    write_png(picture_file, np.zeros((5000, 6000, 3), np.uint8))
    data = picture_file.read_bytes()
    with served(tmp_path) as running, ThreadPoolExecutor(8) as pool:
        before = _memory(running)
        paths = [f"/maskcast/upload?to=targets&name={number}.png" for number in range(8)]
        answers = pool.map(lambda path: running.request(path, "POST", data), paths)
        assert [answer.status for answer in answers] == [200] * 8
        assert _memory(running) - before < 250_000_000


def _wait_for(met: Callable[[], bool]) -> None:
    for _ in range(1000):
        if met():
            return
        time.sleep(0.01)
    raise AssertionError("it never came")


def _memory(server: Server) -> int:
    """Bytes that the server has used at most so far."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    (peak,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(peak.split()[1]) * 1024
