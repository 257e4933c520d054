"""The house: which room may use which, read from the imports themselves.

``docs/architecture.md`` draws the order; this test holds the code to the drawing.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "maskcast"
PAGE = ROOT / "docs" / "architecture.md"

SHARED_NAMES = frozenset(
    {"coco", "cvat", "demo", "engine", "engines", "exporting", "importing"}
    | {
        "geojson",
        "imagefolder",
        "labelme",
        "labelstudio",
        "options",
        "references",
        "results",
        "review",
        "run",
        "scene",
        "voc",
        "weights",
        "yolo",
    }
)
"""The same idea on two sides of a seam: a command and what it calls, the page and the window, one
engine and another, the writer of a format and its reader."""


def modules() -> dict[str, Path]:
    """Dotted name -> file of every module of maskcast."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(path: Path) -> Iterator[str]:
    """Every maskcast module that ``path`` imports, wherever in it; names of a package too."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield node.module or ""
            yield from (f"{node.module}.{name.name}" for name in node.names)


def room(module: str) -> str:
    """The part directly below ``maskcast`` that a module lies in."""
    return module.partition(".")[2].partition(".")[0]


def drawn_order() -> list[set[str]]:
    """The rooms as ``docs/architecture.md`` lists them, lowest first; commas join equals."""
    section = PAGE.read_text("utf-8").split("## The order of the rooms", 1)[1]
    block = re.search(r"```\n(.*?)```", section, re.DOTALL)
    assert block, f"{PAGE} has no block that lists the rooms"
    lines = [line.split("  ")[0].strip() for line in block.group(1).splitlines() if line.strip()]
    return [{name.strip().rstrip("/") for name in line.split(",")} for line in lines]


def test_the_page_lists_every_room_once() -> None:
    rooms = [name for level in drawn_order() for name in level]
    assert sorted(rooms) == sorted(set(map(room, modules())) - {"", "__main__"})


def test_no_room_uses_one_above_it() -> None:
    level = {name: index for index, names in enumerate(drawn_order()) for name in names}
    known = modules()
    upward = [
        f"{module} imports {other}"
        for module, path in known.items()
        if room(module) in level
        for other in imported(path)
        if other in known and room(other) in level and level[room(other)] > level[room(module)]
    ]
    assert upward == []


def test_rooms_of_one_line_do_not_use_each_other() -> None:
    beside = {name: names - {name} for names in drawn_order() for name in names}
    known = modules()
    crossing = [
        f"{module} imports {other}"
        for module, path in known.items()
        for other in imported(path)
        if other in known and room(other) in beside.get(room(module), set())
    ]
    assert crossing == []


def test_modules_do_not_import_each_other_in_a_circle() -> None:
    known = modules()
    uses = {
        module: {other for other in imported(path) if other in known and other != module}
        for module, path in known.items()
    }
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " -> ".join([*trail[trail.index(module) :], module])
        if module not in done:
            for other in sorted(uses[module]):
                visit(other, (*trail, module))
            done.add(module)

    for module in uses:
        visit(module, ())


def test_no_two_modules_share_a_name() -> None:
    places = defaultdict(list)
    for module in modules():
        places[module.rsplit(".", 1)[-1]].append(module)
    shared = {name: found for name, found in places.items() if len(found) > 1}
    assert {name: found for name, found in shared.items() if name not in SHARED_NAMES} == {}
    assert set(shared) == SHARED_NAMES, "a name that is no longer shared leaves the list"


@pytest.mark.parametrize("folder", ["src", "benchmarks", "examples"])
def test_one_is_not_the_name_of_a_variable(folder: str) -> None:
    named = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if (isinstance(node, ast.Name) and node.id == "one" and isinstance(node.ctx, ast.Store))
        or (isinstance(node, ast.arg) and node.arg == "one")
    ]
    assert named == []
