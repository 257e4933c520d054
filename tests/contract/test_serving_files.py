"""The container of the web labeler: nobody's root, asked whether it is well, password in a file."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from maskcast.cli import app

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
PROGRAM: Any = typer.main.get_command(app)
SERVICE: Any = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]["maskcast"]


def check_call(words: list[str]) -> None:
    """Raises if the command line would not take these words."""
    command = PROGRAM.commands[words[0]]
    command.make_context(words[0], words[1:])


@pytest.mark.parametrize("stage", ["cpu", "cuda"])
def test_each_image_ends_as_a_user(stage: str) -> None:
    text = DOCKERFILE.split(f" AS {stage}\n", 1)[1].split("\nFROM ", 1)[0]
    assert re.findall(r"^USER (.+)$", text, re.MULTILINE) == ["maskcast"]
    assert text.rstrip().endswith("USER maskcast")


def test_the_image_serves_and_says_whether_it_is_well() -> None:
    call = re.search(r"^CMD (\[.+\])$", DOCKERFILE, re.MULTILINE)
    assert call is not None
    check_call(json.loads(call[1]))
    assert "HEALTHCHECK" in DOCKERFILE
    extras = re.findall(r"\[([a-z0-9,]+)\]\"", DOCKERFILE)
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    assert extras
    assert all(f"\n{extra} = [" in project for found in extras for extra in found.split(","))


def test_the_service_is_nobodys_root_and_has_its_password_from_a_secret() -> None:
    check_call(SERVICE["command"])
    assert SERVICE["command"][-2:] == ["--auth-file", "/run/secrets/password"]
    assert SERVICE["secrets"] == ["password"]
    assert SERVICE["user"] == "1000:1000"
    assert SERVICE["ports"] == ["127.0.0.1:7860:7860"]
    assert SERVICE["cap_drop"] == ["ALL"]
    assert f" AS {SERVICE['build']['target']}\n" in DOCKERFILE


def test_workflows_call_what_is_there() -> None:
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        jobs = yaml.safe_load(path.read_text("utf-8"))["jobs"]
        lines = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
        for line in lines:
            words = line.split()
            if words[0].startswith(".ci/"):
                assert (ROOT / words[0]).stat().st_mode & 0o100, line
            if words[0] == "maskcast":
                assert words[1] in PROGRAM.commands, line
