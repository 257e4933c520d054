"""Many people at one server while a run is going: what a click and a list wait for.

``maskcast serve`` with the engine ``pixel``, a reference of 1 megapixel for each person, and enough
targets that the run lasts. Each person is a thread that says over HTTP what the page says: a click
with its preview beside it, the lists after it, a look around every five seconds, the progress of
the run and the results. They share the server's processors.
"""

from __future__ import annotations

import http.client
import json
import os
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from maskcast.demo.wafers import KINDS, DemoImage, draw_inspection_image
from maskcast.interchange.importing import import_annotations
from maskcast.project.folder import ProjectFolder
from support import write_png
from web_support import Server, served

SIDE = 1000
PAUSE_S = 4.0
"""Between two clicks of a person, on average."""

LOOK_AROUND_S = 5.0
LISTS_AFTER_S = 0.35
TARGETS = 3000
REACH = 40
"""Pixels from the middle of an object to a point on it, along each side."""

_KINDS = ("click", "list", "results", "progress")


@dataclass
class Spent:
    """Milliseconds of whatever was asked, by kind; safe to share between threads.

    Attributes:
        times: kind -> milliseconds.
        problems: what was answered in place of a mask.
    """

    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    problems: list[str] = field(default_factory=list)

    @contextmanager
    def timed(self, kind: str) -> Iterator[None]:
        """Note how long the block takes."""
        began = time.perf_counter()
        yield
        self.times[kind].append((time.perf_counter() - began) * 1000)


def measure(clients: int, seconds: float, *, with_run: bool) -> None:
    """Measure and print a table."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        _make_project(project, clients)
        with served(project) as server:
            spent, rate = Spent(), 0.0
            before = _memory(server, "VmRSS")
            if with_run:
                _begin_run(server)
            first = _ask(server, "run")
            began = time.monotonic()
            _let_them_work(server, clients, seconds, spent)
            ended = time.monotonic()
            last = _ask(server, "run")
            if with_run:
                assert last["state"] == "running", last
                rate = (last["done"] - first["done"]) / (ended - began)
            _print(clients, spent, rate)
            peak = _memory(server, "VmHWM")
    print(f"memory of the server: {before} MB before, {peak} MB at most")
    print(f"problems: {len(spent.problems)} {spent.problems[:3]}")


def _make_project(project: Path, clients: int) -> None:
    rng = np.random.default_rng(0)
    scenes = [draw_inspection_image(rng, KINDS) for _ in range(4)]
    image = _quarters([scene.image for scene in scenes])
    label = _quarters([_label_map(scene) for scene in scenes])
    for number in range(clients + 1):
        shifted = np.roll(image, number * 7, axis=1)
        write_png(project / "references" / f"{number:03}.png", shifted)
    write_png(project / "labels" / "000.png", label)
    first = project / "targets" / "0000.png"
    write_png(first, image)
    for number in range(1, TARGETS):
        os.link(first, first.with_name(f"{number:04}.png"))
    import_annotations(ProjectFolder.open(project), "masks", project / "labels")


def _quarters(parts: list[npt.NDArray[np.uint8]]) -> npt.NDArray[np.uint8]:
    return np.vstack([np.hstack(parts[:2]), np.hstack(parts[2:])])[:SIDE, :SIDE]


def _label_map(scene: DemoImage) -> npt.NDArray[np.uint8]:
    found = np.zeros(scene.image.shape[:2], np.uint8)
    for object_id, mask in scene.masks.items():
        found[mask] = object_id
    return found


def _begin_run(server: Server) -> None:
    server.request("/maskcast/start", "POST", b"{}")
    while _ask(server, "run")["done"] == 0:
        time.sleep(0.2)


def _let_them_work(server: Server, clients: int, seconds: float, spent: Spent) -> None:
    everybody = threading.Barrier(clients)
    with ThreadPoolExecutor(clients) as pool:
        people = [
            pool.submit(_Person(server, number, spent).work, everybody, seconds)
            for number in range(clients)
        ]
        for person in people:
            person.result()


class _Person:
    """Somebody with a tab of their own, and a reference."""

    def __init__(self, server: Server, number: int, spent: Spent) -> None:
        self._port = server.port
        self._image = f"{number + 1:03}.png"
        self._rng = np.random.default_rng(number)
        self._spent = spent
        self._lines = threading.local()
        self._known: list[int] = []
        self._number = 0
        self._place = np.zeros(2)
        self._desk = ""

    def work(self, everybody: threading.Barrier, seconds: float) -> None:
        """Annotate for so long, once everybody has a reference in hand."""
        with ThreadPoolExecutor(1) as beside:
            time.sleep(self._rng.uniform(0, LOOK_AROUND_S))
            self._desk = self._say(do="start")["desk"]
            self._say(do="open", desk=self._desk, image=self._image)
            self._say(do="picture", image=self._image)
            everybody.wait()
            until = time.monotonic() + seconds
            time.sleep(self._rng.uniform(0, PAUSE_S))
            looked = time.monotonic()
            while time.monotonic() < until:
                self._click(beside)
                time.sleep(LISTS_AFTER_S)
                self._look("list", lambda: self._say(do="list"))
                if time.monotonic() - looked > LOOK_AROUND_S:
                    looked = time.monotonic()
                    self._say(do="refresh", desk=self._desk)
                    self._look("list", lambda: self._say(do="list"))
                    self._look("progress", lambda: self._request("GET", "run"))
                    self._look("results", lambda: self._request("GET", "results?limit=100"))
                time.sleep(self._rng.exponential(PAUSE_S - LISTS_AFTER_S))

    def _click(self, beside: ThreadPoolExecutor) -> None:
        """One point more, three on each object."""
        if self._number % 3 == 0:
            self._place = self._rng.uniform(2 * REACH, SIDE - 2 * REACH, 2)
        object_id = 1 + self._number // 3 % 16
        self._number += 1
        x, y = (float(value) for value in self._place + self._rng.uniform(-REACH, REACH, 2))
        step = {"kind": "point", "object": object_id, "x": x, "y": y, "positive": True}
        with self._spent.timed("click"):
            change = beside.submit(
                self._say,
                do="change",
                desk=self._desk,
                image=self._image,
                number=self._number,
                steps=[step],
            )
            reply = self._say(do="preview", desk=self._desk, number=self._number)
            change.result()
        entry = reply.get("scene", {}).get("objects", {}).get(str(object_id))
        if "problem" in reply or entry is None or entry["pending"]:
            self._spent.problems.append(str(reply.get("problem", "no mask")))

    def _look(self, kind: str, ask: Callable[[], object]) -> None:
        with self._spent.timed(kind):
            ask()

    def _say(self, **message: object) -> dict[str, Any]:
        if "desk" in message:
            message["known"] = self._known
        reply = self._request("POST", "annotate", json.dumps(message))
        if "scene" in reply:
            self._known = [entry["key"] for entry in reply["scene"]["objects"].values()]
        return reply

    def _request(self, method: str, route: str, body: str | None = None) -> dict[str, Any]:
        if not hasattr(self._lines, "line"):
            self._lines.line = http.client.HTTPConnection("127.0.0.1", self._port, timeout=120)
        line: http.client.HTTPConnection = self._lines.line
        try:
            line.request(method, f"/maskcast/{route}", body)
            response = line.getresponse()
        except (BrokenPipeError, ConnectionResetError, http.client.RemoteDisconnected):
            line.close()  # it was idle for long; a browser asks again too
            line.request(method, f"/maskcast/{route}", body)
            response = line.getresponse()
        answer: dict[str, Any] = json.loads(response.read())
        return answer


def _ask(server: Server, route: str) -> dict[str, Any]:
    return server.request(f"/maskcast/{route}").json()


def _memory(server: Server, name: str) -> int:
    """Megabytes."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith(name))
    return int(line.split()[1]) // 1024


def _print(clients: int, spent: Spent, rate: float) -> None:
    print(f"{clients} people, run at {rate:.1f} targets/s, load {os.getloadavg()[0]:.1f}")
    print("| asked for | times | median ms | 90 % ms | slowest ms |")
    print("|---|---|---|---|---|")
    for kind in _KINDS:
        if times := spent.times[kind]:
            row = [np.median(times), np.percentile(times, 90), max(times)]
            print(f"| {kind} | {len(times)} | " + " | ".join(f"{v:.0f}" for v in row) + " |")
