"""Writing rows to the ledger within a moment, whatever the rest of the run is busy with.

The engine has a run's own thread for as long as a batch takes, so rows are recorded in another one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue

from maskcast.io.storage import Place
from maskcast.runs.ledger import Ledger
from maskcast.runs.ledger_rows import TargetRow
from maskcast.runs.settling import settle_results

_COMMIT_EVERY_S = 0.1


class Recorder:
    """Records rows from a thread of its own; ``record`` may be called from any thread.

    Rows that come within a moment of each other share a commit, before which all their files are
    brought to the disk: a power cut leaves no row without its files. Groups are recorded whole.
    What went wrong in that thread is raised where the next rows are handed over, or at the end.
    """

    def __init__(
        self,
        ledger: Ledger,
        tell: Callable[[list[TargetRow]], None],
        *,
        output: Place | None = None,
        are_redrawn: bool = False,
    ) -> None:
        """Write to ``ledger``, which nobody else uses meanwhile.

        Args:
            ledger: open to be written to.
            tell: is given rows once they are recorded, in that thread; what it raises ends the
                run, after everything is recorded that is handed over until then.
            output: where the files of the rows are, which are settled first; None = nowhere.
            are_redrawn: whether the results only look otherwise than before.
        """
        self._put = ledger.record_redrawn if are_redrawn else ledger.record_all
        self._tell = tell
        self._output = output
        self._queue: SimpleQueue[Sequence[TargetRow] | None] = SimpleQueue()
        self._failure: BaseException | None = None
        self._is_broken = False
        self._thread = threading.Thread(target=self._work, name="maskcast-record")

    def __enter__(self) -> Recorder:
        self._thread.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """Record what was handed over, and end.

        Raises:
            StorageError: if the ledger cannot be written, unless something else went wrong first.
        """
        self._queue.put(None)
        self._thread.join()
        if self._failure is not None and kind is None:
            raise self._failure

    def record(self, rows: Sequence[TargetRow]) -> None:
        """Hand over a group of rows whose files are in place.

        Raises:
            StorageError: if the ledger could not be written before.
        """
        self._queue.put(rows)
        if self._failure is not None:
            raise self._failure

    def _work(self) -> None:
        last = float("-inf")  # the first one at once, for whoever watches
        while (rows := self._queue.get()) is not None:
            bunch = [*rows]
            ended = self._gather(bunch, last + _COMMIT_EVERY_S)
            self._write(bunch)
            last = time.monotonic()
            if ended:
                return

    def _gather(self, bunch: list[TargetRow], until: float) -> bool:
        """Add what comes until a moment; returns whether that was all."""
        while True:
            try:
                rows = self._queue.get(timeout=max(0.0, until - time.monotonic()))
            except Empty:
                return False
            if rows is None:
                return True
            bunch.extend(rows)
            if time.monotonic() >= until:
                return False

    def _write(self, bunch: list[TargetRow]) -> None:
        try:
            if not self._is_broken:
                if self._output is not None:
                    settle_results(self._output, bunch)
                self._put(bunch)
        except BaseException as error:  # noqa: BLE001 (raised in the thread that waits for it)
            self._is_broken, self._failure = True, error
        try:
            if self._failure is None:
                self._tell(bunch)
        except BaseException as error:  # noqa: BLE001
            self._failure = error
