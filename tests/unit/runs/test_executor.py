"""A worker is what its recipe says, wherever it is built."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from maskcast.engines.base import EngineSettings
from maskcast.errors import RunError
from maskcast.io.read_options import DEFAULT_OPTIONS
from maskcast.runs.executor import Recipe, Worker
from maskcast.runs.sinks import FolderSink
from maskcast.runs.work import FileWork
from maskcast.types import Reference


def recipe(output: Path, signature: dict[str, object]) -> Recipe:
    image = np.zeros((4, 4, 3), np.uint8)
    image[:2] = 200
    return Recipe(
        engine="fake",
        settings=EngineSettings(),
        signature=signature,
        references=(Reference("r.png", image, {1: image[..., 0] > 100}),),
        work=FileWork(FolderSink(output), {}, None, DEFAULT_OPTIONS),
        shards=None,
        batch_size=None,
        workers=1,
        lock=None,
    )


def test_a_worker_with_another_engine_than_the_run_is_refused(tmp_path: Path) -> None:
    Worker(recipe(tmp_path, {"version": 1, "threshold": None}))
    with pytest.raises(RunError, match="same version and weights on every machine"):
        Worker(recipe(tmp_path, {"version": 2, "threshold": None}))
