from importlib.metadata import distribution
from pathlib import Path

import pytest

from maskcast.engines.base import ENTRY_POINT_GROUP, installed_engines
from maskcast.engines.catalog import EngineEntry, list_engines


def test_engines_for_tests_are_not_in_the_users_list() -> None:
    ours = {
        point.name: point.value
        for point in distribution("maskcast").entry_points
        if point.group == ENTRY_POINT_GROUP
    }
    assert {"pixel", "deep", "sam2", "sam3", "edgetam"} <= set(ours)
    assert not {"fake", "fragile", "example"} & set(ours)
    assert all(value.startswith("maskcast.engines.") for value in ours.values())
    assert {"fake", "fragile"} <= set(installed_engines()), "tests/conftest.py announces them"


def test_the_list_begins_with_what_works_and_the_step_after_it() -> None:
    names = [entry.name for entry in list_engines()]
    assert names[:2] == ["pixel", "deep"]
    assert names[2:] == sorted(names[2:])


def test_what_is_offered_next_says_what_it_takes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    promises = {entry.name: entry.promise for entry in list_engines()}
    assert promises.pop("deep") == "better masks: one download of 88 MB"
    assert not any(promises.values())


def test_nothing_is_promised_of_an_engine_that_is_ready() -> None:
    (deep,) = (entry for entry in list_engines() if entry.is_next)
    ready = EngineEntry("deep", True, "cpu", True, "", "", deep.weights, is_next=True)
    assert ready.promise == ""
    assert ready.to_json()["promise"] == ""
