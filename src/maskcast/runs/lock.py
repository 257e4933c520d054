"""The lock that keeps two runs out of one output, and out of one ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from maskcast.errors import RunLockedError, StorageError
from maskcast.project.folder import ProjectFolder

LOCK_NAME = ".lock"


class RunLock:
    """Held by a run from before it reads anything until it ends.

    The operating system lets go of it when a process dies, so that a killed run blocks nothing.
    """

    def __init__(self, project: ProjectFolder) -> None:
        """Nothing is locked yet."""
        self._output = project.state_folder
        self._ledger = project.ledger_path
        self._held = ExitStack()

    def __enter__(self) -> RunLock:
        self._held.enter_context(output_lock(self._output))
        if self._ledger.parent.absolute() != self._output.absolute():
            try:
                self._held.enter_context(_ledger_lock(self._ledger))
            except BaseException:
                self._held.close()
                raise
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def renew(self) -> None:
        """Lock the output folder again, which was moved aside; the old one stays locked too.

        Raises:
            RunLockedError: if another run was quicker.
            StorageError: if the folder cannot be made.
        """
        self._held.enter_context(output_lock(self._output))


@contextmanager
def output_lock(output: Path) -> Iterator[None]:
    """Hold the lock of an output folder, which is made if it is missing.

    Raises:
        RunLockedError: if another process holds it; a killed one does not.
        StorageError: if the folder cannot be written.
    """
    with _locked(
        output / LOCK_NAME,
        f"another run is writing to {output}; wait until it ends, stop it, or give another "
        "--output",
        f"the output folder {output} cannot be written ({{reason}}); make it writable or give "
        "another --output",
    ):
        yield


def lock_of_ledger(path: Path) -> Path:
    """The file beside a ledger that is locked while it is written, if it lies elsewhere."""
    return path.with_name(f"{path.name}{LOCK_NAME}")


@contextmanager
def _ledger_lock(path: Path) -> Iterator[None]:
    with _locked(
        lock_of_ledger(path),
        f"another run is writing to the ledger {path}; wait until it ends, stop it, or give "
        "another --ledger",
        f"the ledger {path} cannot be written ({{reason}}); make its folder writable or give "
        "another --ledger",
    ):
        yield


@contextmanager
def _locked(path: Path, taken: str, unwritable: str) -> Iterator[None]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path, timeout=0)
        lock.acquire()
    except Timeout as error:
        raise RunLockedError(taken) from error
    except OSError as error:
        raise StorageError(unwritable.replace("{reason}", error.strerror or str(error))) from error
    try:
        yield
    finally:
        lock.release()
