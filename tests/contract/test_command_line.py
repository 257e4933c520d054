"""What scripts, shells and bug reports ask of the command line."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from maskcast import __version__
from maskcast.cli import app
from maskcast.cli.diagnosis import diagnose
from maskcast.interchange.formats import FORMATS
from maskcast.interchange.reading.readers import READ_FORMATS

SECTIONS = [
    "versions", "machine", "packages", "extras", "engines", "devices", "folders", "fonts",
    "display", "ports", "environment",
]  # fmt: skip


def completions(words: str) -> list[str]:
    """What bash gets for the last of these words."""
    asked = {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1)}
    ended = subprocess.run(
        [sys.executable, "-m", "maskcast"],
        env={**os.environ, "_MASKCAST_COMPLETE": "complete_bash", **asked},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.split()


def test_a_shell_completes_commands_and_formats() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert sorted(completions("maskcast ")) == sorted(commands)
    assert completions("maskcast exp") == ["export"]
    assert sorted(completions("maskcast export ")) == sorted(FORMATS)
    expected = [name for name in READ_FORMATS if name.startswith("c")]
    assert completions("maskcast import c") == expected
    assert "--min-area" in completions("maskcast export coco --min")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_can_be_shown_its_script(shell: str) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "maskcast", "--show-completion", shell],
        env={**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "_MASKCAST_COMPLETE" in shown.stdout, shown.stderr


def test_doctor_tells_each_section_on_stdout(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "maskcast", "doctor", str(tmp_path), "--json"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    facts = json.loads(ended.stdout)
    assert list(facts) == SECTIONS
    assert facts["versions"]["maskcast"] == __version__
    assert facts["engines"]["pixel"] == "ready on cpu"
    assert all("cannot be told" not in told for told in facts.values())
    assert "no maskcast.toml" in facts["folders"]["project"]
    page = subprocess.run(command[:-1], capture_output=True, text=True, check=True).stdout
    assert [line for line in page.splitlines() if not line.startswith(" ")] == SECTIONS
    assert not list(tmp_path.iterdir())


def test_doctor_tells_nothing_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home of someone"
    (home / "project").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("HF_TOKEN", "hf_0123456789")
    monkeypatch.setenv("MASKCAST_AUTH", "me:opensesame")
    monkeypatch.setenv("HF_ENDPOINT", "https://me:letmein@mirror.example")
    monkeypatch.setattr(
        "maskcast.cli.diagnosis._display",
        lambda: {"window": "hf_0123456789 at https://me:letmein@mirror.example"},
    )
    facts = diagnose(home / "project")
    text = json.dumps(facts)
    assert not [word for word in ("0123456789", "sesame", "letmein", "someone") if word in text]
    assert facts["environment"]["MASKCAST_AUTH"] == "set"
    assert facts["folders"]["project"].startswith("~/project: can be written")


def test_doctor_says_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> dict[str, str]:
        raise OSError("the driver is gone")

    (tmp_path / "maskcast.toml").write_text("engine = 3\n")
    monkeypatch.setattr("maskcast.cli.diagnosis._devices", fail)
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        monkeypatch.setattr("maskcast.cli.diagnosis._DEFAULT_PORT", port)
        facts = diagnose(tmp_path)
    assert facts["devices"] == {"cannot be told": "OSError: the driver is gone"}
    assert "not usable:" in facts["folders"]["project"]
    assert facts["ports"][str(port)].startswith("taken")
