"""The seam between a run and the place where it computes.

A run hands an executor a recipe and the targets, and takes ledger rows back; it never learns
whether they came from threads of this process (``LocalExecutor``) or from the workers of a cluster
(``ray.RayExecutor``). What a worker is, is the same everywhere: an engine, the memory bank it
derived from the references of the recipe, and the pipeline.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from maskcast.engines.base import Engine, EngineSettings, create_engine
from maskcast.errors import RunError
from maskcast.project.settings import usable_cores
from maskcast.runs.ledger import TargetRow
from maskcast.runs.pipeline import BatchRunner, WorkItem, run_pipeline
from maskcast.runs.shards import Gathered, ShardPlan
from maskcast.runs.work import FileWork
from maskcast.types import Reference


@dataclass(frozen=True)
class Recipe:
    """All a worker needs besides the targets; small enough to be sent to other machines.

    Attributes:
        engine: name of the engine.
        settings: what the engine is built with.
        signature: the engine's facts that results depend on; every worker must have the same.
        references: decoded, with their masks.
        work: how targets are read and results written.
        shards: how results are packed; None = not.
        batch_size: targets per engine call; None = as many as the engine takes profitably.
        workers: CPU threads of one worker; None = the executor's own choice.
        lock: lies in the output folder, and who does not see it would write elsewhere; None for a
            store.
    """

    engine: str
    settings: EngineSettings
    signature: Mapping[str, Any]
    references: tuple[Reference, ...]
    work: FileWork
    shards: ShardPlan | None
    batch_size: int | None
    workers: int | None
    lock: Path | None


class Executor(Protocol):
    """The seam: where targets are masked."""

    def run(
        self,
        recipe: Recipe,
        engine: Engine,
        items: Iterable[WorkItem],
        note: Callable[[str], None],
        stop: threading.Event,
    ) -> Iterator[Sequence[TargetRow]]:
        """Mask ``items`` and yield the row of each when its files are in place, in any order.

        Rows come in groups that are recorded together or not at all: those of a shard would
        otherwise be done again in another one.

        Args:
            recipe: what every worker is built from.
            engine: one that is built from the recipe already, in this process.
            items: consumed lazily; never held whole.
            note: is told what the user should know.
            stop: once set, what is in flight is finished and no more is begun.

        Raises:
            StorageError: if nothing more can be written.
            RunError: if no worker can be started or kept.
        """


class LocalExecutor:
    """Threads of this process."""

    def run(
        self,
        recipe: Recipe,
        engine: Engine,
        items: Iterable[WorkItem],
        note: Callable[[str], None],  # noqa: ARG002 (of the seam)
        stop: threading.Event,
    ) -> Iterator[Sequence[TargetRow]]:
        """See ``Executor``; rows come in the order of ``items``."""
        yield from Worker(recipe, engine).rows(until(stop, items))


class Worker:
    """An engine with its memory bank, ready for targets.

    ``rows`` may be called by several threads at a time: while one of them has the engine, the
    others read and write.

    Raises:
        RunError: if the engine here would not give the results of the recipe's.
    """

    def __init__(self, recipe: Recipe, engine: Engine | None = None) -> None:
        engine = engine or create_engine(recipe.engine, recipe.settings)
        if dict(engine.info.signature) != dict(recipe.signature):
            raise RunError(
                f"the engine {recipe.engine!r} of a worker is not the one this run began with "
                f"({dict(recipe.signature)} expected, {dict(engine.info.signature)} found); "
                "install the same version and weights on every machine"
            )
        self._work = recipe.work
        self._shards = recipe.shards
        self._threads = recipe.workers or usable_cores()
        bank = engine.memorize(recipe.references)
        self._batches = BatchRunner(engine, bank, recipe.batch_size or engine.info.max_batch)

    def rows(self, items: Iterable[WorkItem]) -> Iterator[Sequence[TargetRow]]:
        """Mask ``items``; groups as ``Executor.run`` gives them.

        Those of a shard come once it is in place.
        """
        if self._shards is not None:
            return self._sharded_rows(iter(items), self._shards)
        each = run_pipeline(items, self._work, self._batches, self._threads)
        return ([row] for row in each)

    def _sharded_rows(
        self, items: Iterator[WorkItem], plan: ShardPlan
    ) -> Iterator[Sequence[TargetRow]]:
        while chunk := list(islice(items, plan.size)):
            gathered = Gathered()
            work = replace(self._work, sink=gathered)
            rows = list(run_pipeline(chunk, work, self._batches, self._threads))
            done = [row for row in rows if row.state == "done"]
            shard = plan.write(done, gathered.results) if done else None
            yield [replace(row, shard=shard) if row.state == "done" else row for row in rows]


def until(stop: threading.Event, items: Iterable[WorkItem]) -> Iterator[WorkItem]:
    """``items``, ending early once ``stop`` is set."""
    for item in items:
        if stop.is_set():
            return
        yield item
