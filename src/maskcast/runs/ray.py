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
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from importlib import import_module
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

from maskcast.engines.base import Engine, EngineInfo
from maskcast.errors import MaskcastError, RunError, SettingsError
from maskcast.runs.executor import Recipe, Worker, until
from maskcast.runs.ledger import TargetRow
from maskcast.runs.pipeline import WorkItem

_LEAST_CHUNK = 8
_LEAST_CHUNK_ON_GPU = 32
_CHUNKS_A_WORKER = 2  # while one has the engine, the other reads and writes
_WORKERS_STILLBORN = 3
_DEATHS_ALLOWED = 1
_WAIT_S = 0.5
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

    def run(
        self,
        recipe: Recipe,
        engine: Engine,
        items: Iterable[WorkItem],
        note: Callable[[str], None],
        stop: threading.Event,
    ) -> Iterator[Sequence[TargetRow]]:
        """See ``executor.Executor``; rows come as workers finish.

        Raises:
            SettingsError: if Ray is not installed, cannot be reached or has no room for a worker.
            RunError: if workers die before they are ready.
        """
        address = self.address or os.environ.get("RAY_ADDRESS") or "local"
        with _connected(address, recipe) as ray:
            needs = self._needs(ray, recipe, engine.info, note)
            limit = self._limit(ray, needs, note, waits=address != "local")
            pool = _Pool(ray, _for_worker(recipe, engine.info, needs), needs, limit, note)
            size = _chunk_size(recipe, engine.info, has_gpus=needs["GPU"] > 0)
            try:
                yield from pool.run(_chunks(items, size), stop)
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
    return size if info.seconds_per_target is not None else max(_LEAST_CHUNK, size)


@dataclass(eq=False)
class _Member:
    """A worker of the pool.

    Attributes:
        handle: the actor.
        flying: chunks that it has and that are not back yet; the first "chunk" of each worker is
            empty and stands for getting ready.
        alone: whether it has suspected targets and must get nothing else.
    """

    handle: Any
    flying: int = 0
    ready: bool = False
    alone: bool = False


@dataclass(frozen=True)
class _Flight:
    """What one call carries: a chunk, or nothing while a worker gets ready."""

    member: _Member
    items: tuple[WorkItem, ...] = ()


@dataclass
class _Pool:
    """The workers of one run and what they have in hand."""

    ray: ModuleType
    recipe: Recipe
    needs: dict[str, float]
    limit: int
    note: Callable[[str], None]
    members: list[_Member] = field(default_factory=list)
    flights: dict[Any, _Flight] = field(default_factory=dict)
    backlog: deque[tuple[WorkItem, ...]] = field(default_factory=deque)
    suspects: deque[tuple[WorkItem, ...]] = field(default_factory=deque)
    deaths: Counter[str] = field(default_factory=Counter)
    stillborn: int = 0

    def __post_init__(self) -> None:
        self._sent_recipe = self.ray.put(self.recipe)
        self._actor = self.ray.remote(RayWorker).options(
            num_cpus=self.needs["CPU"],
            num_gpus=self.needs["GPU"],
            max_restarts=0,  # a death must be seen here, to find out what caused it
            max_concurrency=_CHUNKS_A_WORKER + 1,  # one thread stays free for ``stop``
        )

    def run(
        self, chunks: Iterator[tuple[WorkItem, ...]], stop: threading.Event
    ) -> Iterator[Sequence[TargetRow]]:
        """Take all chunks through."""
        stopping = False
        while True:
            if stop.is_set() and not stopping:
                stopping = True
                for member in self.members:
                    member.handle.stop.remote()
            if stopping:
                self.backlog.clear()
                self.suspects.clear()
            else:
                self.backlog.extend(islice(chunks, max(0, self.limit - len(self.backlog))))
            self._start_workers()
            self._hand_out()
            self._dismiss_idle()
            if not self.flights:
                return
            landed, _ = self.ray.wait(list(self.flights), num_returns=1, timeout=_WAIT_S)
            for reference in landed:
                yield from self._land(reference)

    def close(self) -> None:
        """End all workers."""
        for member in reversed(self.members):
            self.ray.kill(member.handle)
        self.members.clear()
        self.flights.clear()

    def _start_workers(self) -> None:
        """One for each chunk that nobody will take soon, up to the limit."""
        starting = sum(not member.ready for member in self.members)
        waiting = len(self.backlog) + len(self.suspects)
        for _ in range(min(self.limit - len(self.members), waiting - starting)):
            member = _Member(self._actor.remote())
            self.members.append(member)
            self._send(member, member.handle.prepare.remote(self._sent_recipe))

    def _send(self, member: _Member, reference: object, items: tuple[WorkItem, ...] = ()) -> None:
        member.flying += 1
        self.flights[reference] = _Flight(member, items)

    def _hand_out(self) -> None:
        """A suspect goes to a worker that has nothing else; chunks to those with the least."""
        for member in self.members:
            if self.suspects and member.ready and not member.flying:
                member.alone = True
                suspect = self.suspects.popleft()
                self._send(member, member.handle.mask.remote(suspect), suspect)
        for filled in range(_CHUNKS_A_WORKER):
            for member in self.members:
                if self.backlog and self._takes(member) and member.flying == filled:
                    chunk = self.backlog.popleft()
                    self._send(member, member.handle.mask.remote(chunk), chunk)

    def _takes(self, member: _Member) -> bool:
        return member.ready and not member.alone

    def _dismiss_idle(self) -> None:
        """Give back, at the end, what an autoscaling cluster may use for others.

        Workers that are not ready by then have nothing to wait for; the cluster may never have room
        for them. They go first and the newest before all, lest they start in the room of others.
        """
        if self.backlog or self.suspects:
            return
        busy = {flight.member for flight in self.flights.values() if flight.items}
        newest_first = self.members[::-1]
        for member in sorted(newest_first, key=lambda one: one.ready):
            if member not in busy:
                self.ray.kill(member.handle)
                self.members.remove(member)
        self.flights = {
            reference: flight for reference, flight in self.flights.items() if flight.items
        }

    def _land(self, reference: object) -> Iterator[Sequence[TargetRow]]:
        flight = self.flights.pop(reference)
        flight.member.flying -= 1
        try:
            rows = self.ray.get(reference)
        except self.ray.exceptions.RayTaskError as error:
            raise _own_error(error) from error
        except self.ray.exceptions.RayError as error:
            yield from self._bury(flight, error)
            return
        flight.member.ready, flight.member.alone = True, False
        if not flight.items:
            self.stillborn = 0
            return
        yield rows

    def _bury(self, flight: _Flight, error: Exception) -> Iterator[Sequence[TargetRow]]:
        """A worker died with ``flight``: its targets become suspects, the guilty one fails."""
        if flight.member in self.members:
            self.members.remove(flight.member)
            self.ray.kill(flight.member.handle)  # it may only be out of reach
        is_blamed = not getattr(error, "preempted", False)  # a node was taken away
        if not flight.items:
            self.stillborn += is_blamed
            self._check_stillborn(error)
            return
        if not is_blamed:
            (self.suspects if flight.member.alone else self.backlog).appendleft(flight.items)
            self.note(f"a node was taken away; its {len(flight.items)} targets are done again")
            return
        for item in flight.items:
            self.deaths[item.image_id] += 1
        first = flight.items[0]
        if len(flight.items) == 1 and self.deaths[first.image_id] > _DEATHS_ALLOWED:
            yield [_set_aside(first, self.deaths[first.image_id])]
            return
        if len(flight.items) > 1:
            self.note(f"a worker died; its {len(flight.items)} targets are done again")
        # Narrowed down in two steps, so that a large shard is not torn into single targets.
        self.suspects.extend(
            _chunks(flight.items, _LEAST_CHUNK if len(flight.items) > _LEAST_CHUNK else 1)
        )

    def _check_stillborn(self, error: Exception) -> None:
        if self.stillborn >= _WORKERS_STILLBORN:
            detail = " ".join(str(error).split())
            raise RunError(
                f"{self.stillborn} workers died before they were ready ({detail}); look at the "
                "memory that the engine needs, and at Ray's logs"
            ) from error


def _set_aside(item: WorkItem, deaths: int) -> TargetRow:
    reason = (
        f"it killed its worker {deaths} times (the worker's process ended, perhaps for lack of "
        "memory); use a smaller image or leave it out"
    )
    return TargetRow(item.image_id, item.name, "failed", reason=reason)


class RayWorker:
    """What runs in an actor's process."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._worker: Worker | None = None

    def prepare(self, recipe: Recipe) -> None:
        """Build the engine and the memory bank.

        Raises:
            RunError: if the engine or the output here are not those of the run.
        """
        if recipe.lock is not None and not recipe.lock.exists():
            raise RunError(
                f"a worker on {os.uname().nodename} does not see the output folder "
                f"{recipe.lock.parent}; use a folder that all machines share, or a URL"
            )
        self._worker = Worker(recipe)

    def mask(self, items: tuple[WorkItem, ...]) -> list[TargetRow]:
        """Mask a chunk, a shard at most; fewer rows than items come back after ``stop``."""
        if self._worker is None:
            raise RunError("this worker was given targets before it was ready; start the run again")
        groups = self._worker.rows(until(self._stop, items))
        return [row for group in groups for row in group]

    def stop(self) -> None:
        """Finish what is in flight and begin no other target."""
        self._stop.set()


def _chunks(items: Iterable[WorkItem], size: int) -> Iterator[tuple[WorkItem, ...]]:
    """In chunks, with paths that mean the same in every process."""
    source = (
        replace(item, source=item.source.absolute()) if isinstance(item.source, Path) else item
        for item in items
    )
    while chunk := tuple(islice(source, size)):
        yield chunk


def _own_error(error: Exception) -> Exception:
    """What a worker raised: our own error as it is, another one with its class."""
    cause = getattr(error, "cause", error)
    if isinstance(cause, MaskcastError):
        return cause
    return RunError(
        f"a worker failed ({type(cause).__name__}: {cause}); start the same run again: it goes on "
        "where it stopped"
    )


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
