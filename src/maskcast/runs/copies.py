"""The ledger of an output in a store: worked with here, copied there.

SQLite needs a real file, so the ledger lies in the user's state folder and a copy of it travels to
the output from time to time. The copy is what another machine goes on from.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from maskcast.io.storage import Url
from maskcast.project.folder import LEDGER_NAME, ProjectFolder
from maskcast.runs.ledger import Ledger, holds_ledger

_LEAST_INTERVAL_S = 60.0
_LARGEST_SHARE = 0.05


@contextmanager
def opened_ledger(project: ProjectFolder) -> Iterator[Ledger | None]:
    """The ledger here, or the copy that an output in a store has; None before the first run.

    Raises:
        RunError: if the ledger cannot be read.
        StorageError: if the store cannot be read.
    """
    path = project.ledger_path
    output = project.output_place
    with TemporaryDirectory() as folder:
        if not holds_ledger(path) and isinstance(output, Url) and not output.is_read_only:
            path = Path(folder) / LEDGER_NAME
            (output / LEDGER_NAME).download(path)
        if not holds_ledger(path):
            yield None
            return
        with Ledger.open(path) as ledger:
            yield ledger


class LedgerCopies:
    """Keeps a ledger here and its copy in a store together."""

    def __init__(self, output: Url, path: Path) -> None:
        self._copy = output / LEDGER_NAME
        self._path = path
        self._next = 0.0

    def fetch(self) -> None:
        """Bring the ledger here up to what the store has; call it before the ledger is opened.

        The copy decides whether there is a run: where it is missing, or belongs to other settings,
        the ledger here is set aside. Rows that only the copy has are taken over.

        Raises:
            StorageError: if the store cannot be read.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=self._path.parent) as folder:
            fetched = Path(folder) / LEDGER_NAME
            is_there = self._copy.download(fetched)
            if not holds_ledger(self._path):
                if is_there:
                    fetched.replace(self._path)
                return
            with Ledger.open(self._path) as here:
                belongs = is_there and self._take_over(here, fetched)
            if belongs:
                return
            self._set_aside()
            if is_there:
                fetched.replace(self._path)

    def put(self, ledger: Ledger, *, now: bool = False) -> None:
        """Copy the ledger to the store if it is time, or in any case if ``now``.

        Raises:
            StorageError: if the store cannot be written.
        """
        began = time.monotonic()
        if not now and began < self._next:
            return
        with TemporaryDirectory(dir=self._path.parent) as folder:
            file = Path(folder) / LEDGER_NAME
            ledger.copy_to(file)
            self._copy.upload(file)
        took = time.monotonic() - began
        self._next = began + max(_LEAST_INTERVAL_S, took / _LARGEST_SHARE)

    def _take_over(self, here: Ledger, fetched: Path) -> bool:
        with Ledger.open(fetched) as copy:
            if (copy.fingerprint, copy.run_id) != (here.fingerprint, here.run_id):
                return False
        here.take_over(fetched)
        return True

    def _set_aside(self) -> None:
        aside = self._path.with_name(f"{self._path.stem}-{datetime.now():%Y%m%d-%H%M%S-%f}.db")
        self._path.replace(aside)
        for suffix in ("-wal", "-shm"):  # emptied when the ledger was closed
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
