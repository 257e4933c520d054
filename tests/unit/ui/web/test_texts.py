from __future__ import annotations

import re
from pathlib import Path

import pytest

import maskcast.ui.web
from maskcast.errors import SettingsError
from maskcast.ui.web.texts import Texts

STATIC = Path(maskcast.ui.web.__file__).parent / "static"
PAGE = STATIC / "annotate"


def _used_keys() -> set[str]:
    """Keys that the page of the Annotate tab asks for."""
    html = (PAGE / "annotate.html").read_text("utf-8")
    used = set(re.findall(r'data-(?:text|label)="([^"]+)"', html))
    for script in PAGE.glob("*.js"):
        words = script.read_text("utf-8")
        used |= set(re.findall(r'\btext\(\s*"([^"]+)"', words))
        used |= set(re.findall(r'"((?:help|hint|key)\.\w+)"', words))
    return used | {"slot", "slot.here"}


def test_every_text_of_the_page_exists_and_none_is_left_over() -> None:
    known = {key.removeprefix("annotate.") for key in Texts().tables("annotate.")["en"]}

    help_rows = set(re.findall(r'\["[^"]+", "([a-z.]+)"\]', (PAGE / "keys.js").read_text("utf-8")))
    assert known == _used_keys() | help_rows


def test_every_text_of_the_other_tabs_exists_and_none_is_left_over() -> None:
    used = set()
    for tab in ("run", "results", "shared"):
        for path in (STATIC / tab).iterdir():
            words = path.read_text("utf-8")
            used |= set(re.findall(r'["`]((?:run|results|shared)\.[a-z_]+)', words))
    # Put together from the state of a run.
    states = {key for key in Texts().tables()["en"] if key.startswith("run.state_")}

    assert used - {"run.state_"} | states == set(
        Texts().tables("run.", "results.", "shared.")["en"]
    )


def test_both_languages_fill_in_the_same_words() -> None:
    tables = Texts().tables()

    assert tables["en"].keys() == tables["ko"].keys()
    for key, english in tables["en"].items():
        assert english
        assert tables["ko"][key]
        assert set(re.findall(r"\{\w+\}", english)) == set(
            re.findall(r"\{\w+\}", tables["ko"][key])
        )


def test_a_fixed_language_is_spoken_and_others_are_left_to_the_browser() -> None:
    assert Texts("en")["tab.run"] == "Run"
    assert Texts("ko")["tab.run"] == "실행"
    assert "tab.run" in Texts()["tab.run"]


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(SettingsError, match="en, ko"):
        Texts("xx")


def test_nothing_is_fetched_from_elsewhere() -> None:
    files = [path for path in STATIC.rglob("*") if path.is_file()]

    assert len(files) > 10
    for path in files:
        found = re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}", path.read_text("utf-8"))
        assert [link for link in found if "w3.org" not in link] == [], path.name
