"""A disk that is full at every 4 kB of a run, a review, an update and the way back.

The story of ``story.py`` is told once with room enough. Then it is told again and again on a disk
in memory on which only so many pages are free, one more each time, until none of its steps runs
out of them::

    sudo python benchmarks/full_disk.py [--engine pixel] [--stride 1]

A step that fails must say so in a sentence of maskcast; what the ledger calls done must be whole,
and every decision that was made must be there. Then the disk is made large, the story goes on, and
in the end results, ledger and decisions must be those of the story with room enough. Mounting a
disk needs root, and Linux.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import story
from maskcast.errors import MaskcastError

PAGE: Final = 4096
"""Bytes; what a file system in memory hands out."""

ROOM: Final = 64 * 2**20
"""Bytes of a disk that is large enough."""


class CannotMountError(Exception):
    """No disk can be mounted here."""


class Disk:
    """A disk in memory, mounted on a folder, whose size can be changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def leave_free(self, pages: int) -> None:
        """So many pages can be written from now on."""
        usage = shutil.disk_usage(self.folder)
        _mount("-o", f"remount,size={usage.used + pages * PAGE}", str(self.folder))

    def enlarge(self) -> None:
        """There is room enough."""
        _mount("-o", f"remount,size={ROOM}", str(self.folder))


@contextmanager
def mounted(folder: Path) -> Iterator[Disk]:
    """A new disk on a folder, until the end.

    Raises:
        CannotMountError: if mounting is not allowed, or not known here.
    """
    folder.mkdir(parents=True)
    _mount("-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(folder))
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def _mount(*arguments: str) -> None:
    try:
        subprocess.run(["mount", *arguments], check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise CannotMountError("there is no mount here") from error
    except subprocess.CalledProcessError as error:
        raise CannotMountError(error.stderr.strip()) from error


class Filler:
    """Does the first try of each step with little room, and the next with enough.

    Attributes:
        said: step -> what maskcast said when it ran out of room.
    """

    def __init__(self, disk: Disk, free: int) -> None:
        """A filler.

        Args:
            disk: that the project is on.
            free: pages, when a step begins.
        """
        self.said: dict[str, str] = {}
        self._disk = disk
        self._free = free

    def __call__(self, step: str, root: Path) -> bool:
        """Whether the step came to its end; with room enough it must."""
        if step in self.said:
            return story.do(step, root)
        self._disk.leave_free(self._free)
        try:
            return story.do(step, root)
        except MaskcastError as error:
            self.said[step] = str(error)
            return False
        finally:
            self._disk.enlarge()


def stories(folder: Path, engine: str, first: int, stride: int) -> Iterator[dict[str, str]]:
    """Stories with more and more room, each compared with the one that had enough.

    Args:
        folder: to work in.
        engine: name of the engine.
        first: pages that are free in the first story.
        stride: pages more in each story.

    Yields:
        Step -> what was said when it ran out of room; the last one is empty.

    Raises:
        AssertionError: if something was lost or differs.
        CannotMountError: if no disk can be mounted.
    """
    story.make_project(folder / "project", engine)
    whole = story.tell(shutil.copytree(folder / "project", folder / "whole"), story.do)
    for number in itertools.count():
        with mounted(folder / f"disk {number}") as disk:
            root = shutil.copytree(folder / "project", disk.folder, dirs_exist_ok=True)
            filler = Filler(disk, first + number * stride)
            story.compare(whole, story.tell(root, filler))
        yield filler.said
        if not filler.said:
            return


def main() -> None:
    """Fill, compare and say how it went."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", default="pixel")
    parser.add_argument("--stride", type=int, default=1)
    given = parser.parse_args()
    began, failures = time.monotonic(), 0
    with tempfile.TemporaryDirectory(prefix="maskcast-disk-") as folder:
        for said in stories(Path(folder), given.engine, 0, given.stride):
            failures += len(said)
            print(f"{failures} times full, nothing lost", flush=True)
    print(f"{failures} times full in {time.monotonic() - began:.0f} s: all ended alike")


if __name__ == "__main__":
    main()
