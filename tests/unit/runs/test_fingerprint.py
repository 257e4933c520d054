"""The fingerprint covers what results depend on, and differences are told in words."""

from __future__ import annotations

import numpy as np

from maskcast.engines.base import EngineInfo
from maskcast.io.images import IntensityWindow
from maskcast.runs.fingerprint import describe_changes, run_fingerprint
from maskcast.types import Reference

INFO = EngineInfo(
    "pixel",
    frozenset({"box"}),
    1,
    "cpu",
    needs_weights=False,
    signature={"threshold": None, "version": 1},
)
IMAGE = np.zeros((4, 5, 3), np.uint8)
MASK = np.eye(4, 5, dtype=np.bool_)


def fingerprint(**changes: object) -> dict[str, object]:
    arguments = {
        "info": INFO,
        "references": [Reference("a.png", IMAGE, {1: MASK})],
        "window": None,
        "least": {1: 1},
        **changes,
    }
    return dict(run_fingerprint(**arguments))  # type: ignore[arg-type]


def test_the_same_inputs_have_no_differences() -> None:
    assert describe_changes(fingerprint(), fingerprint()) == []


def test_a_moved_pixel_of_a_mask_names_the_reference() -> None:
    moved = [Reference("a.png", IMAGE, {1: np.roll(MASK, 1)})]
    assert describe_changes(fingerprint(), fingerprint(references=moved)) == [
        "references: a.png changed"
    ]


def test_added_and_removed_references_are_named() -> None:
    other = [Reference("b.png", IMAGE, {1: MASK})]
    assert describe_changes(fingerprint(), fingerprint(references=other)) == [
        "references: a.png removed, b.png added"
    ]


def test_option_and_window_changes_show_both_values() -> None:
    info = EngineInfo(
        "pixel",
        frozenset({"box"}),
        1,
        "cpu",
        needs_weights=False,
        signature={"threshold": 0.5, "version": 1},
    )
    now = fingerprint(info=info, window=IntensityWindow(0, 4095))
    assert describe_changes(fingerprint(), now) == [
        "engine settings: threshold None -> 0.5",
        "intensity window: None -> [0, 4095]",
    ]


def test_settings_of_another_engine_are_not_compared() -> None:
    other = EngineInfo(
        "other", frozenset({"box"}), 1, "cpu", needs_weights=False, signature={"version": "1"}
    )
    assert describe_changes(fingerprint(), fingerprint(info=other)) == ["engine: pixel -> other"]


def test_values_that_read_alike_are_told_apart() -> None:
    before = {"engine": "pixel", "engine settings": {"version": "1"}, "layout": "1"}
    now = {"engine": "pixel", "engine settings": {"version": 1}, "layout": 1}
    assert describe_changes(before, now) == [
        "engine settings: version '1' -> 1",
        "layout: '1' -> 1",
    ]


def test_batch_size_and_device_do_not_count() -> None:
    other = EngineInfo(
        "pixel", frozenset({"box"}), 64, "cuda:0", needs_weights=False, signature=INFO.signature
    )
    assert describe_changes(fingerprint(), fingerprint(info=other)) == []


def test_names_and_colours_that_0_1_kept_do_not_count() -> None:
    before = {**fingerprint(), "objects": {"1": ["void", [1, 2, 3]]}}
    assert describe_changes(before, fingerprint()) == []
