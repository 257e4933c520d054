"""The scripts of the page: their addresses, what is kept by browsers, what is not there."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

import maskcast.ui.web
from maskcast.ui.web.assets import Scripts, page_scripts
from maskcast.ui.web.guard import Guard

STATIC = Path(maskcast.ui.web.__file__).parent / "static"
MODULES = {"run/main.js": b"export const a = 1;", "shared/b.js": b"export const b = 2;"}


def served(scripts: Scripts) -> TestClient:
    guard = Guard(Starlette(routes=[scripts.route()]), None, any_host=False)
    return TestClient(guard, base_url="http://localhost:7860")


def test_a_module_is_kept_for_good_and_behind_the_guard() -> None:
    scripts = Scripts(MODULES)

    answer = served(scripts).get(f"/{scripts.address('run/main.js')}")

    assert (answer.status_code, answer.content) == (200, b"export const a = 1;")
    # A browser runs no module of another type, and with nosniff it does not guess.
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "immutable" in answer.headers["cache-control"]
    assert "default-src 'self'" in answer.headers["content-security-policy"]


def test_an_update_of_any_module_is_seen_at_all_addresses() -> None:
    old = Scripts(MODULES)
    new = Scripts({**MODULES, "shared/b.js": b"export const b = 3;"})

    assert new.address("run/main.js") != old.address("run/main.js")
    answer = served(new).get(f"/{old.address('run/main.js')}")
    assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store")


def test_the_same_modules_have_the_same_addresses() -> None:
    assert Scripts(dict(reversed(MODULES.items()))).digest == Scripts(MODULES).digest
    moved = {"run/main.jse": b"xport const a = 1;", "shared/b.js": MODULES["shared/b.js"]}
    assert Scripts(moved).digest != Scripts(MODULES).digest


@pytest.mark.parametrize(
    "name", ["run/other.js", "run/progress.html", "../guard.py", "..%2fguard.py", "%2fetc%2fpasswd"]
)
def test_only_modules_are_there(name: str) -> None:
    scripts = page_scripts()
    assert served(scripts).get(f"/{scripts.address(name)}").status_code == 404


def test_the_page_names_its_modules_below_wherever_it_is() -> None:
    scripts = Scripts(MODULES)
    assert not scripts.address("run/main.js").startswith("/")
    assert f'"{scripts.address("run/main.js")}"' in scripts.loader("run/main.js")
    linked = re.findall(r'href="([^"]+)"', scripts.preloads())
    assert linked == [scripts.address(name) for name in MODULES]


def test_modules_import_only_what_is_served() -> None:
    found = {path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*.js")}
    client, scripts = served(page_scripts()), page_scripts()
    assert len(found) > 20
    for name in sorted(found):
        module = client.get(f"/{scripts.address(name)}").text
        assert module == (STATIC / name).read_text("utf-8")
        for imported in re.findall(r'\bfrom "([^"]+)"', module):
            assert imported.startswith("."), f"{name} imports {imported}"
            path = PurePosixPath(name).parent
            for part in imported.split("/"):
                path = path.parent if part == ".." else path / part
            assert path.as_posix() in found, f"{name} imports {imported}"
            # A tab uses what is shared, never what is another tab's, but for the canvas of
            # Annotate, on which Review corrects.
            own = name.split("/")[0]
            canvas = "annotate" if own == "review" else own
            assert path.parts[0] in ("shared", own, canvas), f"{name} imports {imported}"


def test_every_module_is_checked_for_types() -> None:
    unchecked = [
        path.name
        for path in STATIC.rglob("*.js")
        if not path.read_text("utf-8").startswith("// @ts-check\n")
    ]
    assert unchecked == []
