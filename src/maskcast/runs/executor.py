"""The seam between a run and the place where it computes.

A run hands an executor a recipe, waits until it is ready, and hands it the targets; rows for the
ledger come back as targets are finished. It never learns whether they come from threads of this
process (``LocalExecutor``) or from the workers of a cluster (``ray.RayExecutor``). What a worker
is, is the same everywhere: an engine, the memory bank it derived from the references of the recipe,
and the pipeline.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from maskcast.engines.base import (
    CrossFitted,
    Engine,
    EngineSettings,
    Probabilistic,
    create_engine,
)
from maskcast.errors import RunError
from maskcast.project.settings import usable_cores
from maskcast.quality.judge import Judge
from maskcast.quality.trials import Trial, trials_of
from maskcast.runs.ledger_rows import TargetRow
from maskcast.runs.pipeline import BatchRunner, Record, WorkItem, run_pipeline, until
from maskcast.runs.shards import Gathered, ShardPlan
from maskcast.runs.work import FileWork
from maskcast.types import MemoryBank, Reference


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


class Masker(Protocol):
    """What is ready to mask."""

    @property
    def trials(self) -> Sequence[Trial]:
        """What was found in references that were left out; empty where that is not known."""

    def mask(self, items: Iterable[WorkItem], stop: threading.Event, record: Record) -> None:
        """Mask ``items`` and hand over the rows of each when its files are in place, in any order.

        Rows come in groups that are recorded together or not at all: those of a shard would
        otherwise be done again in another one.

        Args:
            items: consumed lazily; never held whole.
            stop: once set, what is in flight is finished and no more is begun.
            record: is given the rows, from any thread, a moment after the files are in place.

        Raises:
            StorageError: if nothing more can be written.
            RunError: if no worker can be kept.
        """


class Executor(Protocol):
    """The seam: where targets are masked."""

    def ready(
        self,
        recipe: Recipe,
        engine: Engine,
        note: Callable[[str], None],
        expected: int | None,
    ) -> AbstractContextManager[Masker]:
        """Get ready, with the references learnt: what can keep a run from starting is raised here.

        Args:
            recipe: what every worker is built from.
            engine: one that is built from the recipe already, in this process.
            note: is told what the user should know.
            expected: targets that there are at least; None = not known yet.

        Raises:
            EngineError: if the engine cannot learn from the references.
            SettingsError: if the place cannot be had.
            RunError: if no worker can be started.
        """


class LocalExecutor:
    """Threads of this process."""

    @contextmanager
    def ready(
        self,
        recipe: Recipe,
        engine: Engine,
        note: Callable[[str], None],  # noqa: ARG002 (of the seam)
        expected: int | None,  # noqa: ARG002
    ) -> Iterator[Masker]:
        """See ``Executor``."""
        yield _LocalMasker(Worker(recipe, engine))


@dataclass(frozen=True)
class _LocalMasker:
    worker: Worker

    @property
    def trials(self) -> Sequence[Trial]:
        """See ``Masker``."""
        return self.worker.trials

    def mask(self, items: Iterable[WorkItem], stop: threading.Event, record: Record) -> None:
        """See ``Masker``."""
        self.worker.mask(until(stop, items), record)


class Worker:
    """An engine with its memory bank, ready for targets.

    ``mask`` may be called by several threads at a time: while one of them has the engine, the
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
        self._shards = recipe.shards
        self._threads = recipe.workers or usable_cores()
        bank = engine.memorize(recipe.references)
        self.trials = _trials(engine, bank, recipe.references)
        self._work = replace(recipe.work, judge=Judge.of(self.trials))
        keeper = recipe.work.keeper
        if keeper is not None and isinstance(engine, Probabilistic):
            keeper.begin(engine.calibration(bank))
        size = recipe.batch_size or engine.info.max_batch
        self._batches = BatchRunner(
            engine, bank, size, planes=keeper is not None, tiles=recipe.work.tiles
        )

    def mask(self, items: Iterable[WorkItem], record: Record) -> None:
        """Mask ``items``; rows as ``Masker.mask`` gives them.

        Those of a shard come once it is in place.
        """
        if self._shards is not None:
            self._mask_into_shards(iter(items), self._shards, record)
        else:
            run_pipeline(items, self._work, self._batches, self._threads, record)

    def _mask_into_shards(self, items: Iterator[WorkItem], plan: ShardPlan, record: Record) -> None:
        while chunk := list(islice(items, plan.size)):
            gathered = Gathered()
            work = replace(self._work, sink=gathered)
            rows: list[TargetRow] = []
            run_pipeline(chunk, work, self._batches, self._threads, rows.extend)
            done = [row for row in rows if row.state == "done"]
            shard = plan.write(done, gathered.results) if done else None
            record([replace(row, shard=shard) if row.state == "done" else row for row in rows])


def _trials(engine: Engine, bank: MemoryBank, references: Sequence[Reference]) -> list[Trial]:
    """What the engine found in references that it left out; none where it cannot tell."""
    if not isinstance(engine, CrossFitted):
        return []
    found = engine.held_out(bank)
    judge = Judge.of(trials_of(references, found))
    # The scores of trials are those that targets get.
    return trials_of(references, [judge.judge(result) for result in found])
