"""The web labeler as its users meet it: the real command, a real browser."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from maskcast.quality.expectation import SelfTest
from maskcast.runs.ledger_rows import LedgerCounts, TargetRow
from maskcast.runs.stages import RunStage
from support import command

CHROMIUM_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
CLOSING = "closing (Ctrl-C again to stop at once)"
"""What the server says when it was told to end."""

_PATIENCE_MS = 20_000
_NAMES = ("chromium", "chromium-browser", "google-chrome")


class Quiet:
    """Observes a run and says nothing."""

    def stage(self, stage: RunStage) -> None:
        pass

    def note(self, text: str) -> None:
        pass

    def tested(self, selftest: SelfTest, names: Mapping[int, str]) -> None:
        pass

    def start(self, total: int, counts: LedgerCounts) -> None:
        pass

    def row(self, row: TargetRow) -> None:
        pass


@dataclass(frozen=True)
class Answer:
    """What a server sent back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.body)
        return content


@dataclass(frozen=True)
class Server:
    """A running ``maskcast serve``."""

    url: str
    process: subprocess.Popen[str]

    def request(
        self,
        path: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a path exactly as it is: nothing normalises it on the way."""
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=60)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            found = {key.lower(): value for key, value in response.getheaders()}
            return Answer(response.status, found, response.read())
        finally:
            connection.close()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(urlsplit(self.url).port or 0)

    def kill(self) -> None:
        """End it with no chance to save anything."""
        self.process.kill()
        self.process.communicate(timeout=60)

    def stop(self) -> tuple[int, str]:
        """Press Ctrl-C; returns the exit code and what was said on stderr since."""
        self.process.send_signal(signal.SIGINT)
        _, said = self.process.communicate(timeout=60)
        return self.process.returncode, said


@contextmanager
def served(
    *arguments: str | Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    port: int = 0,
    most_files: int | None = None,
) -> Iterator[Server]:
    """``maskcast serve`` on a port of this machine (0 = a free one) until the end.

    With ``most_files`` it can have no more than these open at once.
    """
    line = command("serve", *arguments, "--port", str(port))
    if most_files is not None:
        line = ["sh", "-c", f'ulimit -n {most_files} && exec "$@"', "sh", *line]
    process = subprocess.Popen(
        line,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env={**os.environ, **(env or {})},
    )
    try:
        yield Server(_read_url(process), process)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
        elif process.stderr is not None:
            process.stderr.close()


def _read_url(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if match := re.search(r"is served at (\S+)", line):
            return match[1]
    raise AssertionError(f"the server did not start: {''.join(said)}")


@contextmanager
def launched_browser() -> Iterator[Browser]:
    """The system's Chromium; fails if there is none, because skipping would hide the tests."""
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        pytest.fail("these tests need a Chromium: install the package chromium")
    expect.set_options(timeout=_PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(CHROMIUM_FLAGS))
        yield browser
        browser.close()
