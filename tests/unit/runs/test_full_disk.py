"""A disk that runs full anywhere: a run, its review and its update say so, and then go on."""

from __future__ import annotations

from pathlib import Path

import pytest

import full_disk


def test_a_disk_that_runs_full_loses_nothing(tmp_path: Path) -> None:
    """A closer run of the same is ``benchmarks/full_disk.py``."""
    try:
        said = list(full_disk.stories(tmp_path, "fake", 0, 17))
    except full_disk.CannotMountError as error:
        pytest.skip(f"mounting a small disk needs root: {error}")
    assert set(said[0]) == {"run", "review", "update", "back"}
    sentences = [sentence for story in said for sentence in story.values()]
    assert all("free some space" in sentence for sentence in sentences)
    assert len(sentences) >= 8
