"""What was written reaches the disk before anything says that it is there.

A written and renamed file survives the end of its process, but not a power cut: the system writes
it out when it likes, and in any order.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from maskcast.errors import StorageError
from maskcast.io.atomic import raise_if_storage


def settle(folder: Path, files: Callable[[], Iterable[Path]]) -> None:
    """Return once files that were written are on the disk, with their names.

    Linux writes out all of a file system in a single call, which takes about as long for hundreds
    of small files as for a few; elsewhere each file and folder is synced. What a disk, or the
    server of a network share, then does is theirs.

    Args:
        folder: that the files are in, at any depth.
        files: called for their paths where they are synced each; those that are gone are left out.

    Raises:
        StorageError: if the disk is full, may not be written any more, or fails.
    """
    try:
        if sys.platform == "linux":
            _sync_file_system(folder)
        else:
            _sync_each(folder, files())
    except OSError as error:
        raise_if_storage(error, folder)
        raise StorageError(
            f"{folder} cannot be written to its disk ({error.strerror or error}); look after the "
            "disk, then start again: it goes on where it stopped"
        ) from error


def _sync_file_system(folder: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if libc.syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(folder))
    finally:
        os.close(descriptor)


def _sync_each(folder: Path, files: Iterable[Path]) -> None:
    folders: dict[Path, None] = {}
    for path in files:
        if path.exists():
            with path.open("rb+") as file:
                os.fsync(file.fileno())
            inside = [parent for parent in path.parents if parent.is_relative_to(folder)]
            folders.update(dict.fromkeys(inside))
    for parent in folders:
        _sync_folder(parent)


def _sync_folder(path: Path) -> None:
    if os.name == "nt":  # keeps names by itself, and syncs no folders
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
