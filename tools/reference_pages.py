"""Reference on the site that MkDocs builds: flags from ``--help``, Python from docstrings."""

from __future__ import annotations

import re
from typing import Any

from typer import Context
from typer.cli import get_docs_for_click
from typer.main import get_command

from maskcast.cli import app

PAGE = "flags.md"
_LISTS_OF_COMMANDS = re.compile(r"\*\*Commands\*\*:\n\n(?:\* .*\n)+\n")
_MARKS_OF_BLOCKS = re.compile(r"<p>::</p>|(?<=:):(?=</p>)")


def on_files(files: Any, config: Any) -> None:  # noqa: ANN401
    """Called by MkDocs once it knows the files of the site."""
    from mkdocs.structure.files import File  # of the environment that builds the site

    files.append(File.generated(config, PAGE, content=commands_page()))


def on_page_content(html: str, **_: object) -> str:
    """Called by MkDocs for every page that was rendered."""
    return without_marks_of_blocks(html)


def commands_page() -> str:
    """Markdown of all commands, without the lists of them that cut their sentences short."""
    command = get_command(app)
    text = get_docs_for_click(
        obj=command, ctx=Context(command), name="maskcast", title="Every command and flag"
    )
    return _LISTS_OF_COMMANDS.sub("", text)


def without_marks_of_blocks(html: str) -> str:
    """Without the double colons that stand before indented blocks in docstrings."""
    return _MARKS_OF_BLOCKS.sub("", html)
