"""Engines are found by name; what is missing is told with the line that gets it."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import numpy as np
import pytest

from maskcast.engines import base
from maskcast.engines.base import EngineSettings, create_engine, shown_object_ids
from maskcast.engines.catalog import list_engines
from maskcast.engines.pixel.engine import PixelEngine
from maskcast.errors import EngineMissingError, SettingsError
from maskcast.types import Reference

IMAGE = np.zeros((2, 3, 3), np.uint8)


def test_an_unknown_engine_lists_those_that_are_there() -> None:
    with pytest.raises(SettingsError, match=r"no engine 'sam9'; installed are: .*pixel"):
        create_engine("sam9", EngineSettings())


@pytest.fixture
def broken_engine(monkeypatch: pytest.MonkeyPatch) -> str:
    point = EntryPoint("broken", "no_such_package_of_ours.engine:Engine", base.ENTRY_POINT_GROUP)
    known = base.installed_engines() | {"broken": point}
    monkeypatch.setattr(base, "installed_engines", lambda: known)
    monkeypatch.setattr("maskcast.engines.catalog.installed_engines", lambda: known)
    return "broken"


def test_an_engine_without_its_package_gives_the_pip_line(broken_engine: str) -> None:
    with pytest.raises(EngineMissingError, match="pip install no_such_package_of_ours"):
        create_engine(broken_engine, EngineSettings())


def test_the_list_shows_ready_and_missing_engines(broken_engine: str) -> None:
    entries = {entry.name: entry for entry in list_engines()}
    assert entries["pixel"].ready
    assert not entries[broken_engine].ready
    assert "pip install" in entries[broken_engine].next_step


def test_pixel_takes_no_gpu_and_no_foreign_options() -> None:
    with pytest.raises(SettingsError, match="CPU only"):
        PixelEngine(EngineSettings(device="cuda"))
    with pytest.raises(SettingsError, match="no option 'beam'"):
        PixelEngine(EngineSettings(options={"beam": 1}))


def test_an_all_false_mask_shows_nothing() -> None:
    shown, hidden = np.ones((2, 3), np.bool_), np.zeros((2, 3), np.bool_)
    references = [Reference("a", IMAGE, {9: hidden, 4: shown}), Reference("b", IMAGE, {2: shown})]
    assert shown_object_ids(references) == (2, 4)


def test_a_references_name_and_an_empty_mask_do_not_change_its_digest() -> None:
    shown, hidden = np.ones((2, 3), np.bool_), np.zeros((2, 3), np.bool_)
    assert base.reference_digest(Reference("a", IMAGE, {1: shown})) == base.reference_digest(
        Reference("b", IMAGE, {1: shown, 2: hidden})
    )
    assert base.reference_digest(Reference("a", IMAGE, {1: shown})) != base.reference_digest(
        Reference("a", IMAGE, {2: shown})
    )
    brighter = Reference("a", IMAGE + np.uint8(1), {1: shown})
    assert base.reference_digest(brighter) != base.reference_digest(
        Reference("a", IMAGE, {1: shown})
    )
    wide = Reference("a", IMAGE.reshape(3, 2, 3), {1: shown.reshape(3, 2)})
    assert base.reference_digest(wide) != base.reference_digest(Reference("a", IMAGE, {1: shown}))


def test_unknown_pixels_change_a_digest_only_where_there_are_some() -> None:
    shown, hidden = np.ones((2, 3), np.bool_), np.zeros((2, 3), np.bool_)
    plain = base.reference_digest(Reference("a", IMAGE, {}))
    assert base.reference_digest(Reference("a", IMAGE, {}, hidden)) == plain
    assert base.reference_digest(Reference("a", IMAGE, {}, shown)) != plain


def test_the_list_shows_the_weights_on_offer() -> None:
    entries = {entry.name: entry for entry in list_engines()}
    assert entries["pixel"].weights == ()
    offers = {offer.name: offer for offer in entries["sam2"].weights}
    assert list(offers) == ["sam2.1-tiny", "sam2.1-small", "sam2.1-base-plus", "sam2.1-large"]
    assert offers["sam2.1-tiny"].licence == "Apache-2.0"
    assert entries["sam3"].to_json()["weights"][0]["name"] == "sam3"
