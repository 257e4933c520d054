"""What Ray workers are given."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from maskcast.engines.base import EngineInfo, EngineSettings
from maskcast.runs.executor import Recipe
from maskcast.runs.ray import RayExecutor, _chunk_size, _for_worker
from maskcast.runs.shards import ShardPlan

INFO = EngineInfo("sam2", frozenset({"box"}), 2, "cpu", needs_weights=True)
SLOW = replace(INFO, seconds_per_target=9.0)


def recipe(device: str = "auto", **changes: Any) -> Recipe:  # noqa: ANN401
    given = Recipe(
        engine="sam2",
        settings=EngineSettings(device=device),
        signature={},
        references=(),
        work=cast(Any, None),
        shards=None,
        batch_size=None,
        workers=None,
        lock=None,
    )
    return replace(given, **changes)


@pytest.mark.parametrize(
    ("asked", "here", "gpus", "given"),
    [
        ("auto", "cpu", 1.0, "auto"),
        ("auto", "cuda:0", 0.5, "auto"),
        ("cuda:3", "cuda:3", 1.0, "cuda"),
        ("auto", "cuda:0", 0.0, "cpu"),
        ("auto", "cpu", 0.0, "cpu"),
        ("auto", "mps", 0.0, "auto"),
        ("cuda", "cuda:0", 0.0, "cuda"),
    ],
)
def test_a_worker_takes_the_gpus_it_was_given_and_no_others(
    asked: str, here: str, gpus: float, given: str
) -> None:
    info = replace(INFO, device=here)
    settings = _for_worker(recipe(asked), info, {"CPU": 3.0, "GPU": gpus}).settings
    assert (settings.device, settings.workers) == (given, 3)


@pytest.mark.parametrize(
    ("info", "batch_size", "has_gpus", "size"),
    [
        (INFO, None, False, 8),
        (SLOW, None, False, 2),
        (SLOW, None, True, 32),  # the process that was started has no GPU, its workers have
        (replace(INFO, max_batch=64), None, True, 64),
        (SLOW, 5, False, 5),
    ],
)
def test_calls_are_large_enough_for_the_workers_engine(
    info: EngineInfo, batch_size: int | None, has_gpus: bool, size: int
) -> None:
    assert _chunk_size(recipe(batch_size=batch_size), info, has_gpus=has_gpus) == size
    packed = recipe(shards=ShardPlan(Path("out"), "0" * 8, 500), batch_size=batch_size)
    assert _chunk_size(packed, info, has_gpus=has_gpus) == 500


def test_gpus_of_the_cluster_that_are_not_used_are_told() -> None:
    ray = cast(Any, SimpleNamespace(cluster_resources=lambda: {"CPU": 64.0, "GPU": 8.0}))
    for executor, info, told, needs in (
        (RayExecutor(), SLOW, 1, {"CPU": 1.0, "GPU": 0.0}),
        (RayExecutor(gpus_per_worker=1), SLOW, 0, {"CPU": 8.0, "GPU": 1.0}),
        (RayExecutor(gpus_per_worker=0.5), SLOW, 0, {"CPU": 4.0, "GPU": 0.5}),
        (RayExecutor(), replace(INFO, device="cuda:0"), 0, {"CPU": 8.0, "GPU": 1.0}),
        (RayExecutor(), INFO, 0, {"CPU": 1.0, "GPU": 0.0}),
    ):
        notes: list[str] = []
        assert executor._needs(ray, recipe(), info, notes.append) == needs
        assert len(notes) == told
