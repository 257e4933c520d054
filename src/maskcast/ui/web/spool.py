"""Files of uploads until they have their name, and what a killed server left of them.

An upload is written where it will lie, under a temporary name that nothing lists. It is locked as
long as somebody works on it; the system frees the lock of a process that is gone.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from maskcast.io.atomic import is_temporary, temporary_name

if sys.platform != "win32":
    import fcntl

_OWNER: Final = "upload"


@contextmanager
def spooled(folder: Path) -> Iterator[tuple[Path, IO[bytes]]]:
    """A new and empty file in ``folder`` for the block, which then is gone unless it was renamed.

    Raises:
        OSError: if it cannot be made.
    """
    while True:
        path = folder / temporary_name(_OWNER)
        try:
            with path.open("xb") as file:
                if _lock(file, wait=True) and os.fstat(file.fileno()).st_nlink == 0:
                    continue  # another server took it for left behind before it was locked
                yield path, file
                return
        finally:
            path.unlink(missing_ok=True)


def remove_left_behind(folders: Iterable[Path]) -> int:
    """Remove what killed servers left of uploads, at any depth; what is being written stays.

    Links to folders are not followed; what cannot be removed stays.

    Returns:
        How many files were removed.
    """
    removed = 0
    for folder in folders:
        for parent, _, names in os.walk(folder):
            for name in names:
                if name.startswith(f".mc-{_OWNER}-") and is_temporary(name):
                    with suppress(OSError):
                        removed += _remove_unless_locked(Path(parent, name))
    return removed


def _remove_unless_locked(path: Path) -> bool:
    if sys.platform == "win32":
        path.unlink()  # which fails while it is open
        return True
    with path.open("rb") as file:
        if not _lock(file, wait=False):
            return False
        path.unlink()
    return True


def _lock(file: IO[bytes], *, wait: bool) -> bool:
    """Whether a file is locked now; it never is where that cannot be done."""
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
