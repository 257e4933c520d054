"""A run on Ray: on every core or GPU of this machine, or on a cluster.

Workers are actors. Each builds the engine and the memory bank once, takes small chunks of targets,
writes the outputs where they belong and sends back ledger rows; the process that called ``run`` is
the only one that knows the list of targets and the ledger. A worker that dies costs only time: its
targets are done again, one at a time, so that a target that kills its worker is found.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from importlib import import_module
from types import ModuleType
from typing import Any

from maskcast.engines.base import Engine, EngineInfo
from maskcast.errors import SettingsError
from maskcast.quality.trials import Trial
from maskcast.runs.executor import Masker, Recipe
from maskcast.runs.pipeline import Record, WorkItem
from maskcast.runs.ray_pool import LEAST_CHUNK, Pool, chunks

_LEAST_CHUNK_ON_GPU = 32
_STORE_BYTES = 128 * 2**20
_MOST_THREADS = 8


@dataclass(frozen=True)
class RayExecutor:
    """Workers of a Ray cluster.

    Attributes:
        address: of a running cluster (``auto``, ``host:port``, ``ray://host:port``); None = the
            one named by ``RAY_ADDRESS``, else one is started on this machine for this run,
            reachable from this machine only.
        gpus_per_worker: GPUs, or part of one, that each worker gets; None = one if the engine
            computes on a GPU here, else none.
        max_workers: most workers at a time; more than fit makes an autoscaling cluster grow. None
            = as many as fit.
    """

    address: str | None = None
    gpus_per_worker: float | None = None
    max_workers: int | None = None

    @contextmanager
    def ready(
        self,
        recipe: Recipe,
        engine: Engine,
        note: Callable[[str], None],
        expected: int | None,
    ) -> Iterator[Masker]:
        """See ``executor.Executor``; a worker is ready.

        Raises:
            SettingsError: if Ray is not installed, cannot be reached or has no room for a worker.
            RunError: if workers die before they are ready.
        """
        address = self.address or os.environ.get("RAY_ADDRESS") or "local"
        with _connected(address, recipe) as ray:
            needs = self._needs(ray, recipe, engine.info, note)
            limit = self._limit(ray, needs, note, waits=address != "local")
            pool = Pool(ray, _for_worker(recipe, engine.info, needs), needs, limit, note)
            size = _chunk_size(recipe, engine.info, has_gpus=needs["GPU"] > 0)
            try:
                pool.begin(None if expected is None else -(-expected // size))
                yield _RayMasker(pool, size)
            finally:
                pool.close()

    def _needs(
        self, ray: ModuleType, recipe: Recipe, info: EngineInfo, note: Callable[[str], None]
    ) -> dict[str, float]:
        """Resources of one worker."""
        gpus = self.gpus_per_worker
        if gpus is None:
            gpus = 1.0 if info.device.startswith("cuda") else 0.0
        cluster = ray.cluster_resources()
        if not gpus and cluster.get("GPU") and info.seconds_per_target is not None:
            note(
                f"the cluster's {cluster['GPU']:g} GPUs are not used, because {info.name} computes "
                "on a CPU here; give --num-gpus-per-worker 1"
            )
        threads = recipe.workers
        if threads is None:
            share = cluster.get("CPU", 1) / max(1, cluster.get("GPU", 0) / gpus) if gpus else 1
            threads = int(min(max(share, 1), _MOST_THREADS))
        return {"CPU": float(threads), "GPU": gpus}

    def _limit(
        self, ray: ModuleType, needs: dict[str, float], note: Callable[[str], None], *, waits: bool
    ) -> int:
        """Most workers at a time."""
        cluster = ray.cluster_resources()
        room = int(min(cluster.get(name, 0) // need for name, need in needs.items() if need))
        if not room:
            wanted = f"{needs['CPU']:g} CPUs and {needs['GPU']:g} GPUs"
            there = f"{cluster.get('CPU', 0):g} and {cluster.get('GPU', 0):g}"
            if not waits:
                raise SettingsError(
                    f"a worker needs {wanted} and this machine has {there}; lower --workers or "
                    "--num-gpus-per-worker"
                )
            note(f"a worker needs {wanted} and the cluster has {there}; waiting for it to grow")
        return self.max_workers or max(room, 1)


@dataclass(frozen=True)
class _RayMasker:
    pool: Pool
    chunk_size: int
    trials: Sequence[Trial] = ()

    def mask(self, items: Iterable[WorkItem], stop: threading.Event, record: Record) -> None:
        """See ``executor.Masker``; the rows of a chunk come when all of it is done."""
        for rows in self.pool.run(chunks(items, self.chunk_size), stop):
            record(rows)


def _for_worker(recipe: Recipe, info: EngineInfo, needs: Mapping[str, float]) -> Recipe:
    """The recipe for a worker that has what it needs and nothing else."""
    threads, device = int(needs["CPU"]), recipe.settings.device
    if needs["GPU"] and device.startswith("cuda"):
        device = "cuda"  # a worker sees its own GPUs only, numbered from 0
    elif not needs["GPU"] and device == "auto" and info.device != "mps":
        device = "cpu"  # Ray hides GPUs only from workers that are given some
    settings = replace(recipe.settings, workers=threads, device=device)
    return replace(recipe, workers=threads, settings=settings)


def _chunk_size(recipe: Recipe, info: EngineInfo, *, has_gpus: bool) -> int:
    """Targets of one call: a shard, or a batch, or more where calls would count.

    Args:
        recipe: of the run.
        info: of the engine in this process, which may have no GPU where workers have.
        has_gpus: whether workers compute on GPUs.
    """
    if recipe.shards is not None:
        return recipe.shards.size
    size = recipe.batch_size or info.max_batch
    if has_gpus:
        return max(_LEAST_CHUNK_ON_GPU, size)
    return size if info.seconds_per_target is not None else max(LEAST_CHUNK, size)


@contextmanager
def _connected(address: str, recipe: Recipe) -> Iterator[ModuleType]:
    """Ray, connected; what was connected before stays so.

    Raises:
        SettingsError: if Ray is not installed or the cluster does not answer.
    """
    quiet = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
    if address == "local":
        # Read when Ray is imported: a cluster of one machine then listens on 127.0.0.1 only.
        quiet["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    for name, value in quiet.items():
        os.environ.setdefault(name, value)
    with _kept_handlers():
        ray = _import_ray()
        is_ours = not ray.is_initialized()
        if is_ours:
            _connect(ray, address, recipe)
    try:
        yield ray
    finally:
        if is_ours:
            ray.shutdown()


def _connect(ray: ModuleType, address: str, recipe: Recipe) -> None:
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address == "local":
        pictures = sum(reference.image.nbytes * 2 for reference in recipe.references)
        options |= {"include_dashboard": False, "object_store_memory": _STORE_BYTES + 2 * pictures}
        with suppress(Exception):  # a busy machine may be too slow at first
            ray.init(address=address, **options)
            return
        ray.shutdown()
    try:
        ray.init(address=address, **options)
    except Exception as error:
        reason = " ".join(str(error).split())
        advice = "look at Ray's logs, or leave --executor ray out"
        if address != "local":
            advice = (
                "start one with ray start --head, correct --address, or leave it out to use this "
                "machine"
            )
        raise SettingsError(
            f"no Ray cluster can be reached at {address} ({reason}); {advice}"
        ) from error


def _import_ray() -> ModuleType:
    try:
        return import_module("ray")
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        raise SettingsError(
            "--executor ray needs Ray, which is not installed; run: pip install 'maskcast[ray]'"
        ) from error


@contextmanager
def _kept_handlers() -> Iterator[None]:
    """Keep the handlers of Ctrl-C and SIGTERM, which Ray replaces by its own."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    handlers = [signal.getsignal(number) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, handlers, strict=True):
            signal.signal(number, handler)
