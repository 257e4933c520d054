"""The pool of workers against a Ray of our own, in every order that things may happen in."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, cast

import pytest

from maskcast.errors import RunError
from maskcast.runs.executor import Recipe
from maskcast.runs.ledger_rows import TargetRow
from maskcast.runs.pipeline import WorkItem
from maskcast.runs.ray_pool import Pool, RayWorker


class RayError(Exception):
    preempted = False


class RayTaskError(RayError):
    cause: Exception


@dataclass(eq=False)
class Call:
    actor: Actor
    name: str
    argument: Any
    result: Any = None
    error: Exception | None = None


@dataclass(eq=False)
class Actor:
    """An actor; its methods are called as Ray's are."""

    ray: FakeRay
    is_alive: bool = True
    has_room: bool = False

    def __getattr__(self, name: str) -> SimpleNamespace:
        def remote(argument: Any = None) -> Call:  # noqa: ANN401
            call = Call(self, name, argument)
            if name != "stop":
                self.ray.calls.append(call)
            return call

        return SimpleNamespace(remote=remote)


@dataclass
class FakeRay:
    """As much of Ray as the pool uses: ``room`` actors run, the others wait.

    Attributes:
        room: actors that fit.
        seed: of the order in which calls return.
        deadly: image ids that end their worker.
        unlucky: of so many calls with targets, one in ten takes its node away.
        born: how many actors got room.
    """

    room: int = 2
    seed: int = 0
    deadly: frozenset[str] = frozenset()
    unlucky: int = 0
    is_stillborn: bool = False
    born: int = 0
    killed: int = 0
    calls: list[Call] = field(default_factory=list)
    actors: list[Actor] = field(default_factory=list)
    exceptions: ClassVar = SimpleNamespace(RayError=RayError, RayTaskError=RayTaskError)

    def __post_init__(self) -> None:
        self._order = random.Random(self.seed)

    def put(self, value: object) -> object:
        return value

    def remote(self, kind: type) -> SimpleNamespace:
        assert kind is RayWorker
        return SimpleNamespace(options=lambda **_: SimpleNamespace(remote=self._new))

    def _new(self) -> Actor:
        self.actors.append(Actor(self))
        self._make_room()
        return self.actors[-1]

    def _make_room(self) -> None:
        running = sum(actor.is_alive and actor.has_room for actor in self.actors)
        for actor in self.actors:
            if actor.is_alive and not actor.has_room and running < self.room:
                actor.has_room = True
                running += 1
                self.born += 1

    def kill(self, actor: Actor) -> None:
        self.killed += actor.is_alive
        self._end(actor, RayError("killed"))

    def _end(self, actor: Actor, error: Exception) -> None:
        actor.is_alive = False
        for call in self.calls:
            if call.actor is actor and call.result is None:
                call.error = call.error or error
        self._make_room()

    def wait(
        self,
        calls: list[Call],
        num_returns: int,  # noqa: ARG002 (of Ray)
        timeout: float,  # noqa: ARG002
    ) -> tuple[list[Call], list[Call]]:
        able = [call for call in calls if call.error or call.actor.has_room]
        assert able, "the run waits for something that will never come"
        call = self._order.choice(able)
        if call.error is None:
            self._do(call)
        return [call], [other for other in calls if other is not call]

    def _do(self, call: Call) -> None:
        if call.name == "prepare":
            if self.is_stillborn:
                self._end(call.actor, RayError("out of memory"))
            call.result = []
            return
        if self.unlucky and self._order.randrange(10) == 0:
            self.unlucky -= 1
            error = RayError("the node is gone")
            error.preempted = True
            self._end(call.actor, error)
        elif self.deadly & {item.image_id for item in call.argument}:
            self._end(call.actor, RayError("the worker died"))
        else:
            call.result = [TargetRow(item.image_id, item.name, "done") for item in call.argument]

    def get(self, call: Call) -> Any:  # noqa: ANN401
        if call.error is not None:
            raise call.error
        return call.result


RECIPE = cast(Recipe, SimpleNamespace())


def chunks(count: int, size: int = 4) -> Iterator[tuple[WorkItem, ...]]:
    names = [f"{number:03}" for number in range(count)]
    items = [WorkItem(f"{name}.png", Path(name), name) for name in names]
    return (tuple(items[start : start + size]) for start in range(0, count, size))


def take(
    ray: FakeRay,
    count: int,
    limit: int = 2,
    at_row: Callable[[int], None] = lambda _: None,
    stop: threading.Event | None = None,
    size: int = 4,
) -> tuple[list[TargetRow], list[str]]:
    notes: list[str] = []
    pool = Pool(cast(Any, ray), RECIPE, {"CPU": 1.0, "GPU": 0.0}, limit, notes.append)
    rows: list[TargetRow] = []
    for group in pool.run(chunks(count, size), stop or threading.Event()):
        rows += group
        at_row(len(rows))
    pool.close()
    assert not any(actor.is_alive for actor in ray.actors), "a worker was left"
    return rows, notes


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("size", [1, 4, 20])
def test_every_target_comes_back_once_whatever_dies_and_whenever(seed: int, size: int) -> None:
    deadly = frozenset({"003.png", "004.png", "040.png"})
    ray = FakeRay(room=3, seed=seed, deadly=deadly, unlucky=4)
    rows, notes = take(ray, 41, limit=5, size=size)
    assert sorted(row.image_id for row in rows) == [f"{number:03}.png" for number in range(41)]
    assert {row.image_id for row in rows if row.state == "failed"} == deadly
    if ray.unlucky < 4:
        assert any("a node was taken away" in note for note in notes)


def test_workers_that_the_cluster_has_no_room_for_are_not_waited_for() -> None:
    ray = FakeRay(room=2)
    rows, _ = take(ray, 40, limit=9)
    assert len(rows) == 40
    assert len(ray.actors) == 9, "a cluster that grows is asked to by workers that wait"
    assert ray.born == 2, "a worker was built for nothing"


@pytest.mark.parametrize("seed", range(20))
def test_stopping_begins_nothing_and_waits_for_no_new_worker(seed: int) -> None:
    stop = threading.Event()
    ray = FakeRay(room=2, seed=seed, deadly=frozenset({"030.png"}))
    rows, _ = take(ray, 400, limit=9, at_row=lambda _: stop.set(), stop=stop)
    assert 1 <= len(rows) <= 2 * 2 * 4, "more than two workers had in hand"
    assert ray.born == 2


def test_workers_that_die_before_they_are_ready_end_the_run() -> None:
    with pytest.raises(RunError, match=r"3 workers died before they were ready \(out of memory\)"):
        take(FakeRay(is_stillborn=True), 40)


def test_no_targets_start_no_worker() -> None:
    ray = FakeRay()
    assert take(ray, 0) == ([], [])
    assert ray.actors == []
