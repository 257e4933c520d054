"""Processes killed at random moments of runs, reviews and updates: nothing may be lost or differ.

The story of ``story.py`` is told once undisturbed. Then it is told again in processes that are
killed with SIGKILL, each at a random file operation or up to 3 ms after it, and started again until
the story is over::

    python benchmarks/kills.py [200] [--engine pixel] [--seed 0]
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

import story

LATEST: Final = 0.003
"""Seconds after a file operation, within which a process is killed."""

_OPERATIONS: Final = frozenset(
    {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.listdir"}
    | {"sqlite3.connect", "os.scandir"}
)
"""Audit events of Python that are counted."""


class Killer:
    """Tries steps in processes of their own, the first ones of each step until they are killed.

    Attributes:
        kills: that hit.
    """

    def __init__(self, a_step: int, dice: Random, counts: dict[str, int]) -> None:
        """A killer.

        Args:
            a_step: most kills in each step.
            dice: draws the moments.
            counts: step -> file operations of the step when nobody disturbs it.
        """
        self.kills = 0
        self._a_step = a_step
        self._dice = dice
        self._counts = counts
        self._left: dict[str, int] = {}

    def __call__(self, step: str, root: Path) -> bool:
        """Whether the step came to its end."""
        left = self._left.setdefault(step, self._a_step)
        moment = None
        if left:
            latest = max(1, self._counts[step] // self._a_step)
            moment = self._dice.randint(1, latest), self._dice.uniform(0, LATEST)
        ended = _in_a_process(step, root, moment)
        self._left[step] -= not ended
        self.kills += not ended
        return ended


def _count_into(counts: dict[str, int], step: str, root: Path) -> bool:
    """Do a step undisturbed and note its file operations."""
    ended = _in_a_process(step, root, None)
    counts[step] = int(_count_path(root).read_text())
    return ended


def _in_a_process(step: str, root: Path, moment: tuple[int, float] | None) -> bool:
    """Whether a step came to its end in a process of its own."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["maskcast.api", __name__])
    process = context.Process(target=_work, args=(step, root, moment))
    process.start()
    process.join()
    code = process.exitcode
    process.close()
    if code not in {0, -signal.SIGKILL}:
        raise AssertionError(f"{step} ended with {code} in {root}")
    return code == 0


def _work(step: str, root: Path, moment: tuple[int, float] | None) -> None:
    """Do a step, and die in it."""
    numbers, (at, delay) = itertools.count(1), moment or (0, 0.0)

    def note(event: str, _: tuple[object, ...]) -> None:
        if event in _OPERATIONS and next(numbers) == at:
            timer = threading.Timer(delay, os.kill, (os.getpid(), signal.SIGKILL))
            timer.daemon = True
            timer.start()

    sys.addaudithook(note)
    story.do(step, root)
    _count_path(root).write_text(str(next(numbers)))


def _count_path(root: Path) -> Path:
    return root.with_name(f"{root.name}-count")


def stories(folder: Path, engine: str, kills: int, a_step: int, dice: Random) -> Iterator[int]:
    """Stories of killed processes, each compared with the undisturbed one, until there are enough.

    Args:
        folder: to work in.
        engine: name of the engine.
        kills: at least so many.
        a_step: most kills in each step of a story.
        dice: draws the moments.

    Yields:
        The kills that hit so far.

    Raises:
        AssertionError: if something was lost or differs; the project is left where it is.
    """
    story.make_project(folder / "project", engine)
    counts: dict[str, int] = {}
    whole = story.tell(
        shutil.copytree(folder / "project", folder / "whole"), partial(_count_into, counts)
    )
    done = 0
    for number in itertools.count():
        root = shutil.copytree(folder / "project", folder / f"broken {number}")
        killer = Killer(a_step, dice, counts)
        story.compare(whole, story.tell(root, killer))
        shutil.rmtree(root)
        done += killer.kills
        yield done
        if done >= kills:
            return


def main() -> None:
    """Kill, compare and say how it went."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kills", nargs="?", type=int, default=200)
    parser.add_argument("--engine", default="pixel")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    dice = Random(given.seed)  # noqa: S311
    began, done = time.monotonic(), 0
    folder = Path(tempfile.mkdtemp(prefix="maskcast-kills-"))
    print(f"in {folder}, which is left there if something differs")
    for done in stories(folder, given.engine, given.kills, 3, dice):
        print(f"{done} kills, nothing lost", flush=True)
    shutil.rmtree(folder)
    print(f"{done} kills in {time.monotonic() - began:.0f} s: all ended alike")


if __name__ == "__main__":
    main()
