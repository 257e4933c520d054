"""Projects of drawn images, and the real command line in its own process."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser

from support import MakeProject, Maskcast, command, picture, write_png
from web_support import launched_browser


@pytest.fixture
def maskcast() -> Maskcast:
    """Run a command to its end."""

    def run(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(*arguments), cwd=cwd, text=True, capture_output=True, check=False, timeout=300
        )

    return run


@pytest.fixture
def make_project(tmp_path: Path, maskcast: Maskcast) -> MakeProject:
    """A project: two annotated references, a clean one, drawn targets (each third empty)."""

    def make(targets: int = 6, folder: str = "project") -> Path:
        project = tmp_path / folder
        for number, discs in enumerate((2, 1, 0)):
            image, mask = picture(1000 + number, discs)
            write_png(project / "references" / f"r{number}.png", image)
            write_png(tmp_path / "labels" / f"r{number}.png", mask.astype(np.uint8) * 255)
        (project / "targets").mkdir()
        for number in range(targets):
            image, mask = picture(number, discs=0 if number % 3 == 2 else 1)
            write_png(project / "targets" / f"{number:04}.png", image)
            write_png(tmp_path / "truth" / f"{number:04}.png", mask.astype(np.uint8))
        imported = maskcast("import", "masks", tmp_path / "labels", "--project", project)
        assert imported.returncode == 0, imported.stderr
        return project

    return make


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real Chromium; gone after the module, because no asyncio.run works while it is there."""
    with launched_browser() as launched:
        yield launched
