"""The workers of a Ray run, and who has which targets in hand.

Ray is handed in, so that the pool can be tried without one. A worker that dies costs only time: its
targets are done again, one at a time, so that a target that kills its worker is found.
"""

from __future__ import annotations

import os
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

from maskcast.errors import MaskcastError, RunError
from maskcast.runs.executor import Recipe, Worker
from maskcast.runs.ledger_rows import TargetRow
from maskcast.runs.pipeline import WorkItem, until

LEAST_CHUNK = 8
"""Fewest targets of one call on a CPU, because calls cost."""

_CHUNKS_A_WORKER = 2  # while one has the engine, the other reads and writes
_WORKERS_STILLBORN = 3
_DEATHS_ALLOWED = 1
_WAIT_S = 0.5


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
class Pool:
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

    def begin(self, expected: int | None) -> None:
        """Start workers and wait until the first of them is ready.

        Args:
            expected: chunks that there will be; None = not known.

        Raises:
            RunError: if workers die before they are ready.
        """
        wanted = self.limit if expected is None else min(self.limit, max(1, expected))
        while not any(member.ready for member in self.members):
            while len(self.members) < wanted:
                self._start_worker()
            landed, _ = self.ray.wait(list(self.flights), num_returns=1, timeout=_WAIT_S)
            for reference in landed:
                for _ in self._land(reference):  # no rows come yet
                    pass

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
        free = sum(not (member.ready and member.flying) for member in self.members)
        waiting = len(self.backlog) + len(self.suspects)
        for _ in range(min(self.limit - len(self.members), waiting - free)):
            self._start_worker()

    def _start_worker(self) -> None:
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
        for member in sorted(newest_first, key=lambda member: member.ready):
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
            chunks(flight.items, LEAST_CHUNK if len(flight.items) > LEAST_CHUNK else 1)
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
        rows: list[TargetRow] = []
        self._worker.mask(until(self._stop, items), rows.extend)
        return rows

    def stop(self) -> None:
        """Finish what is in flight and begin no other target."""
        self._stop.set()


def chunks(items: Iterable[WorkItem], size: int) -> Iterator[tuple[WorkItem, ...]]:
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
