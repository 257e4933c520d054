"""The licences of everything that maskcast installs, as a page.

It reads what is installed beside it, so it is run where all extras are::

    python tools/licences.py > docs/licences.md
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).parents[1]

FOR_DEVELOPERS: Final = frozenset({"test", "dev", "docs"})
"""Extras that nobody needs who uses maskcast."""

_NAMES: Final = (
    ("LGPL", r"LGPL|lesser general public"),
    ("GPL", r"GPL|general public licen"),
    ("MPL-2.0", r"MPL|mozilla public"),
    ("Apache-2.0", r"apache"),
    ("PSF-2.0", r"PSF|python software foundation|matplotlib"),
    ("MIT", r"MIT\b"),
    ("BSD", r"BSD"),
    ("ISC", r"ISC\b"),
)
"""How packages without an SPDX expression say it, most binding first."""

_HEAD: Final = """\
# Licences

maskcast itself is under the Apache License 2.0. It installs the packages below and contains none of
them. Written by `tools/licences.py` from what packages say of themselves; a test compares the
packages that maskcast names. Versions and the packages that those bring may differ on your machine.

None is under GPL or AGPL. `zipstream-ng` (extra `web`) is under the LGPL 3.0, which asks nothing of
who installs and calls it. On a machine with an NVIDIA GPU, `torch` also brings NVIDIA's libraries,
which are under NVIDIA's own terms. Weights have licences of their own ([engines](engines.md)).
"""


def declared() -> dict[str, list[Requirement]]:
    """Extra ("" = always) -> what ``pyproject.toml`` asks for, without other extras of maskcast."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    asked = {"": project["dependencies"], **project["optional-dependencies"]}
    return {
        extra: [found for line in lines if (found := Requirement(line)).name != "maskcast"]
        for extra, lines in asked.items()
        if extra not in FOR_DEVELOPERS
    }


def licence_of(package: Distribution) -> str:
    """An SPDX expression, or the name of the licence as far as the package tells it."""
    for expression in _told(package, "License-Expression"):
        return expression
    classifiers = [text for text in _told(package, "Classifier") if text.startswith("License ::")]
    words = classifiers + [text.strip().split("\n")[0] for text in _told(package, "License")]
    for name, pattern in _NAMES:
        if any(re.search(pattern, text, re.IGNORECASE) for text in words):
            return name
    return "unknown"


def _told(package: Distribution, field: str) -> list[str]:
    return [str(text) for text in package.metadata.get_all(field) or ()]


def brought_by(requirements: Iterable[Requirement]) -> dict[str, Distribution]:
    """Name -> package, of these and of all that they bring; those not installed are left out."""
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = list(requirements)
    while waiting:
        requirement = waiting.pop()
        key = canonicalize_name(requirement.name), frozenset(requirement.extras)
        package = installed(requirement.name)
        if package is None or key in seen:
            continue
        seen.add(key)
        found[key[0]] = package
        waiting += _needed(package, requirement.extras)
    return found


def installed(name: str) -> Distribution | None:
    """A package of this environment; None if it is not here."""
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _needed(package: Distribution, extras: set[str]) -> Iterator[Requirement]:
    for line in package.requires or ():
        requirement = Requirement(line)
        environments = [{"extra": extra} for extra in ("", *extras)]
        if requirement.marker is None or any(map(requirement.marker.evaluate, environments)):
            yield requirement


def _page() -> Iterator[str]:
    yield _HEAD
    by_extra = declared()
    always = brought_by(by_extra[""])
    for extra, requirements in sorted(by_extra.items()):
        named = {canonicalize_name(requirement.name) for requirement in requirements}
        packages = brought_by(requirements)
        new = {key: found for key, found in packages.items() if not extra or key not in always}
        if not named:
            continue
        yield f"## {f'Extra `{extra}`' if extra else 'Always'}\n"
        yield "| package | licence |\n|---|---|"
        yield from (f"| {key} | {licence_of(new[key])} |" for key in sorted(named & new.keys()))
        brought = [f"{key} ({licence_of(new[key])})" for key in sorted(new.keys() - named)]
        yield ""
        if brought:
            yield f"They bring: {', '.join(brought)}.\n"


if __name__ == "__main__":
    sys.stdout.write("\n".join(_page()).rstrip() + "\n")
