from importlib.metadata import distribution

from maskcast.engines.base import ENTRY_POINT_GROUP, installed_engines
from maskcast.engines.catalog import list_engines


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
