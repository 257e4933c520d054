"""What the documents show exists: commands, flags, files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer.main

from maskcast.cli import app
from maskcast.ui.controls import CONTROLS, FEEL, Control, Group, Where

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
PROGRAM: Any = typer.main.get_command(app)
COMMANDS = PROGRAM.commands


def shown_lines(document: Path) -> list[str]:
    """Command lines in code blocks."""
    blocks = re.findall(r"```(?:bash|sh|console)\n(.*?)```", document.read_text("utf-8"), re.DOTALL)
    return [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]


def called(words: list[str]) -> Any:  # noqa: ANN401 - typer's
    """The command of a line, or the command within it; the program where flags alone follow."""
    if words[0].startswith("-"):
        return PROGRAM
    command = COMMANDS[words[0]]
    parts = getattr(command, "commands", {})
    named = [word for word in words[1:2] if parts and not word.startswith("-")]
    return parts[named[0]] if named else command


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_and_flag_shown_exists(document: Path) -> None:
    for line in shown_lines(document):
        words = line.split("#")[0].split()
        if words[:1] != ["maskcast"]:
            continue
        flags = {flag for parameter in called(words[1:]).params for flag in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= flags | {"--help"}, line


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_make_target_shown_exists(document: Path) -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    shown = {line.split()[1] for line in shown_lines(document) if line.startswith("make ")}
    assert shown <= targets


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_into_the_repository_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", document.read_text("utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_the_page_on_labeling_shows_every_key_of_both_labelers() -> None:
    text = (ROOT / "docs" / "labeling.md").read_text("utf-8")
    rows = re.findall(r"^\| (.+) \| (.+?)(?: \((window|browser) only\))? \|$", text, re.MULTILINE)
    shown = [row for row in rows if row[0] != "keys or mouse"]
    assert shown == [
        (
            ", ".join([*(f"`{key}`" for key in control.captions), *control.how]),
            control.does,
            "" if is_both(control) else control.where.value,
        )
        for control in CONTROLS
    ]


def test_the_page_on_labeling_tells_reaches_and_steps() -> None:
    text = (ROOT / "docs" / "labeling.md").read_text("utf-8")
    words = text.partition("## How near is near")[2].partition("## ")[0].replace("\n", " ")
    assert f"tremble by {FEEL.click_slop:g} pixels" in words
    assert f"caught from {FEEL.handle_reach:g}, " in words
    assert f"deleted from {FEEL.delete_reach:g}." in words
    assert f"is {FEEL.zoom_step:g} times" in words
    assert f"from {FEEL.radii[0]:g} to {FEEL.radii[-1]:g} pixels" in words


def is_both(control: Control) -> bool:
    """Whether a line says nothing of where it is; some parts say it in their heading."""
    return control.where == Where.BOTH or control.group in (Group.KEYBOARD, Group.LARGE)


@pytest.mark.parametrize("readme", ["README.md", "README.ko.md"])
def test_every_command_is_in_both_readmes(readme: str) -> None:
    text = (ROOT / readme).read_text("utf-8")
    assert [name for name in COMMANDS if f"maskcast {name}" not in text] == []
    assert "make demo" in text
    assert "make test" in text
