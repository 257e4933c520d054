"""Nothing that maskcast reads can make it run code, and what it installs may be installed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from licences import brought_by, declared, installed, licence_of

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))

UNPICKLING = frozenset({"pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "joblib"})
"""Modules that make objects of any kind out of bytes."""
RUNNING = frozenset({"eval", "exec", "compile", "__import__"})
ASKED = {
    "torch.load": ("weights_only", True),
    "np.load": ("allow_pickle", False),
    "numpy.load": ("allow_pickle", False),
}
"""What these calls have to say, which else unpickle, or do so in some versions."""
FORBIDDEN = frozenset(
    {"os.system", "os.popen", "tempfile.mktemp", "yaml.load", "yaml.unsafe_load", "yaml.full_load"}
)


def unsafe(source: str) -> list[str]:
    """What in a module could run what it reads, as text."""
    return [found for node in ast.walk(ast.parse(source)) for found in _of_node(node)]


def _of_node(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (name.name for name in node.names if name.name.split(".")[0] in UNPICKLING)
    elif isinstance(node, ast.ImportFrom):
        names = [f"{node.module}.{name.name}" for name in node.names]
        yield from (name for name in names if name.split(".")[0] in UNPICKLING)
        # The types of trees are harmless; what parses is not.
        yield from (name for name in names if re.match(r"xml\..*(parse|fromstring|XML)", name))
    elif isinstance(node, ast.Call):
        yield from _of_call(node)


def _of_call(call: ast.Call) -> Iterator[str]:
    name = ast.unparse(call.func)
    given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
    if name in RUNNING | FORBIDDEN:
        yield name
    if given.get("shell", "False") != "False":
        yield f"{name} with a shell"
    if name in ASKED:
        keyword, value = ASKED[name]
        if given.get(keyword) != str(value):
            yield f"{name} without {keyword}={value}"


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "import os, pickle as p",
        "from marshal import loads",
        "from xml.etree.ElementTree import fromstring",
        "eval('1')",
        "exec(text)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "torch.load(path, weights_only=flag)",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "yaml.load(text, Loader)",
        "subprocess.run(line, shell=True)",
        "os.system(line)",
    ],
)
def test_unsafe_code_is_seen(source: str) -> None:
    assert unsafe(source)


def test_nothing_that_is_read_can_run() -> None:
    assert len(SOURCES) > 200
    seen = {path.relative_to(ROOT): unsafe(path.read_text("utf-8")) for path in SOURCES}
    assert {path: found for path, found in seen.items() if found} == {}


def test_the_page_of_licences_has_every_package_that_is_asked_for() -> None:
    page = (ROOT / "docs" / "licences.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| ([a-z0-9.-]+) \| (.+) \|$", page, re.MULTILINE))
    asked = {canonicalize_name(found.name) for listed in declared().values() for found in listed}
    assert set(rows) - {"package"} == asked
    here = {name: package for name in asked if (package := installed(name)) is not None}
    assert {name: rows[name] for name in here} == {
        name: licence_of(package) for name, package in here.items()
    }


def test_no_package_asks_that_programs_which_use_it_are_under_its_licence() -> None:
    packages = brought_by(found for listed in declared().values() for found in listed)
    assert len(packages) > 50
    licences = {name: licence_of(package) for name, package in packages.items()}
    binding = {n: told for n, told in licences.items() if re.search(r"\bA?GPL", told)}
    assert binding == {}
    assert [name for name, told in licences.items() if told == "unknown"] == []
