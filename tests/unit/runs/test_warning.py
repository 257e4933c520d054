"""A run that will take long says so before it starts, and names what is faster."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fake_engine import FakeEngine
from maskcast.engines.base import EngineSettings
from maskcast.runs import passing


class Listener:
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


ABOUT_A_MINUTE = (
    "fake on cpu takes about 61 s or more for a target, so at least 1:42:00 (h:mm:ss) "
    "for these 100; faster: --engine sam2 or pixel"
)
THREE_SECONDS = (
    "fake on cpu takes about 3 s or more for a target, so at least 0:05:00 (h:mm:ss) for these 100"
)


@pytest.mark.parametrize(
    ("seconds", "faster", "expected"),
    [
        (None, (), []),
        (61.2, ("sam2", "pixel"), [ABOUT_A_MINUTE]),
        (3.0, (), [THREE_SECONDS]),
    ],
)
def test_a_slow_run_is_announced(
    seconds: float | None,
    faster: tuple[str, ...],
    expected: list[str],
) -> None:
    info = FakeEngine(EngineSettings()).info
    listener = Listener()
    passing._warn_if_slow(
        replace(info, seconds_per_target=seconds, faster=faster),
        100,
        listener,  # type: ignore[arg-type]
    )
    assert listener.notes == expected
