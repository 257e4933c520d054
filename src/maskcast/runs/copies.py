"""The ledger of an output in a store: worked with here, copied there.

SQLite needs a real file, so the ledger lies in the user's state folder and a copy of it travels to
the output from time to time. The copy is what another machine goes on from.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from maskcast.errors import IdentityError, RunError
from maskcast.io.storage import Url
from maskcast.project.folder import LEDGER_NAME, ProjectFolder
from maskcast.runs import database
from maskcast.runs.identity import (
    check_identity_of_results,
    check_no_ledger_is_missing,
    run_of_output,
)
from maskcast.runs.ledger import Ledger, holds_ledger
from maskcast.runs.lock import output_lock
from maskcast.runs.swapping import finish_swap

_LEAST_INTERVAL_S = 60.0
_LARGEST_SHARE = 0.05


@contextmanager
def opened_ledger(project: ProjectFolder) -> Iterator[Ledger | None]:
    """The ledger, to be read, or the copy that an output in a store has; None before a run.

    Whoever reads results gets it from here, and so never that of another output.

    Raises:
        RunError: if the ledger cannot be read.
        IdentityError: if the output and the ledger belong to different runs.
        StorageError: if the store cannot be read.
    """
    finish_swap(project)
    path = project.ledger_path
    output = project.output_place
    with TemporaryDirectory() as folder:
        if not holds_ledger(path) and isinstance(output, Url) and not output.is_read_only:
            path = Path(folder) / LEDGER_NAME
            (output / LEDGER_NAME).download(path)
        if not holds_ledger(path):
            check_no_ledger_is_missing(output, project.ledger_path)
            yield None
            return
        with Ledger.read(path) as ledger:
            try:
                check_identity_of_results(output, ledger)
                yield ledger
            except sqlite3.Error as error:
                raise RunError(
                    f"the ledger {ledger.path} cannot be read just now ({error}); try again"
                ) from error


def fetch_ledger(project: ProjectFolder) -> None:
    """Bring the ledger of an output in a store here, if there is none, to be looked at repeatedly.

    Raises:
        RunLockedError: if a run of this machine is beginning there.
        RunError: if the ledger cannot be read.
        StorageError: if the store cannot be read.
    """
    output, path = project.output_place, project.ledger_path
    if isinstance(output, Url) and not output.is_read_only and not holds_ledger(path):
        with output_lock(project.state_folder):
            LedgerCopies.of(project, output).fetch()


class LedgerCopies:
    """Keeps a ledger here and its copy in a store together.

    Attributes:
        is_missing: there was no copy when one was fetched, and none was put yet.
    """

    def __init__(self, output: Url, path: Path, *, is_chosen: bool = False) -> None:
        """Keep them together.

        Args:
            output: where the copy is.
            path: the ledger here.
            is_chosen: a person named it.
        """
        self._output = output
        self._copy = output / LEDGER_NAME
        self._path = path
        self._is_chosen = is_chosen
        self._next = 0.0
        self.is_missing = False

    @classmethod
    def of(cls, project: ProjectFolder, output: Url) -> LedgerCopies:
        """Those of a project."""
        return cls(output, project.ledger_path, is_chosen=project.settings.paths.ledger is not None)

    def fetch(self) -> None:
        """Bring the ledger here up to what the store has; call it before the ledger is opened.

        Rows that only the copy has are taken over. Where the output is gone, or is another run's,
        the ledger here is set aside, unless a person named it.

        Raises:
            IdentityError: if a person named a ledger of another run.
            StorageError: if the store cannot be read.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=self._path.parent) as folder:
            fetched = Path(folder) / LEDGER_NAME
            is_there = self._copy.download(fetched)
            self.is_missing = not is_there
            if not holds_ledger(self._path):
                if is_there:
                    fetched.replace(self._path)
                return
            with Ledger.open(self._path) as here:
                belongs = self._take_over(here, fetched) if is_there else self._is_ours(here)
            if belongs:
                return
            if self._is_chosen:
                raise IdentityError(
                    f"the ledger {self._path} is of another run than the one whose results are in "
                    f"{self._output}; give the --output and the --ledger that belong together"
                )
            self._set_aside()
            if is_there:
                fetched.replace(self._path)

    def is_due(self) -> bool:
        """Whether it is time for a copy."""
        return time.monotonic() >= self._next

    def put(self, ledger: Ledger) -> None:
        """Copy the ledger to the store.

        Raises:
            StorageError: if the store cannot be written.
        """
        began = time.monotonic()
        with TemporaryDirectory(dir=self._path.parent) as folder:
            file = Path(folder) / LEDGER_NAME
            ledger.copy_to(file)
            self._copy.upload(file)
        self.is_missing = False
        took = time.monotonic() - began
        self._next = began + max(_LEAST_INTERVAL_S, took / _LARGEST_SHARE)

    def _take_over(self, here: Ledger, fetched: Path) -> bool:
        with Ledger.open(fetched) as copy:
            if (copy.fingerprint, copy.run_id) != (here.fingerprint, here.run_id):
                return False
        here.take_over(fetched)
        return True

    def _is_ours(self, here: Ledger) -> bool:
        """Whether the output, in which there is no copy, is that of the ledger."""
        found = run_of_output(self._output)
        return found == here.run_id or (self._is_chosen and found is None)

    def _set_aside(self) -> None:
        aside = self._path.with_name(f"{self._path.stem}-{datetime.now():%Y%m%d-%H%M%S-%f}.db")
        database.move(self._path, aside)
