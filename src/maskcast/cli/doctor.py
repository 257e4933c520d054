"""``doctor``: one page on this machine, for a bug report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from maskcast.cli.options import JsonOption, ProjectArgument, print_json, say
from maskcast.io.printable import printable


def doctor(project: ProjectArgument = Path(), as_json: JsonOption = False) -> None:
    """Print what a bug report needs: versions, devices, extras, folders, fonts; nothing secret."""
    from maskcast.cli.diagnosis import diagnose

    facts = diagnose(project)
    if as_json:
        print_json(facts)
        return
    for section, told in facts.items():
        say(section)
        if not told:
            say("  nothing")
        width = max(map(len, told), default=0)
        for name, value in told.items():
            if isinstance(value, Mapping):
                value = ", ".join(f"{package} {version}" for package, version in value.items())
            say(f"  {name:{width}}  {printable(str(value))}")
