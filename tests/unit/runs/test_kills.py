"""Killed again and again, a run, its review and its update end as if nothing had been."""

from __future__ import annotations

from pathlib import Path
from random import Random

import kills


def test_twenty_kills_lose_nothing(tmp_path: Path) -> None:
    """A wider run of the same is ``benchmarks/kills.py``."""
    assert max(kills.stories(tmp_path, "fake", 20, 6, Random(2))) >= 20
