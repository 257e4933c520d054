from __future__ import annotations

import re
from pathlib import Path

import pytest

import maskcast.ui.web
from maskcast.errors import SettingsError
from maskcast.ui.web.texts import Texts

STATIC = Path(maskcast.ui.web.__file__).parent / "static"


def _used_keys(known: set[str]) -> set[str]:
    """Keys that templates, scripts and the server ask for.

    A key whose end is put together (``run.stage_${name}``) stands for all that begin so.
    """
    files = [*STATIC.rglob("*.html"), *STATIC.rglob("*.js"), *STATIC.parent.glob("*.py")]
    asking = [path for path in files if not path.name.endswith("texts.py")]
    words = "\n".join(path.read_text("utf-8") for path in asking)
    tabs = "annotate|run|results|review|shared|tab"
    used = set(re.findall(rf'"((?:{tabs})\.[a-z_.]+)"', words))
    begun = set(re.findall(rf"`((?:{tabs})\.[a-z_.]+)\$", words))
    assert begun
    for beginning in begun:
        found = {key for key in known if key.startswith(beginning)}
        assert found, beginning
        used |= found
    return used


def test_every_text_that_is_asked_for_exists_and_none_is_left_over() -> None:
    known = set(Texts().tables()["en"])

    assert _used_keys(known) == known


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
