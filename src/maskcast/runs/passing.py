"""One pass over the pending targets: list, mask, record, count."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import chain, islice
from pathlib import Path

from maskcast.engines.base import EngineInfo
from maskcast.io.storage import Place
from maskcast.quality.expectation import SelfTest
from maskcast.quality.trials import Trial
from maskcast.runs.copies import LedgerCopies
from maskcast.runs.executor import Masker
from maskcast.runs.ledger import Ledger
from maskcast.runs.ledger_rows import TargetRow
from maskcast.runs.pending import PendingTargets
from maskcast.runs.pipeline import WorkItem
from maskcast.runs.recorder import Recorder
from maskcast.runs.summary import RunObserver, RunSummary

_LOOK_AHEAD = 10_000
_ANNOUNCE_GROWTH = 1.2
_MOST_NOTES = 5

MakeReady = Callable[[int], AbstractContextManager[Masker]]
"""Gets ready to mask, for at least so many targets."""


@dataclass
class Pass:
    """One pass over the pending targets.

    Attributes:
        info: of the engine.
        targets: what is to be done.
        ledger: what is done is recorded there.
        observer: is told.
        stop: set to end early.
        copies: of the ledger, of an output in a store.
        names: object id -> name, for the self-test; None leaves it out.
    """

    info: EngineInfo
    targets: PendingTargets
    ledger: Ledger
    observer: RunObserver
    stop: threading.Event
    copies: LedgerCopies | None
    names: Mapping[int, str] | None = None
    _finished: int = 0
    _noted: dict[str, list[str]] = field(default_factory=dict)
    _announced: int = 0

    def run(self, make_ready: MakeReady, limit: int | None, output: Place) -> RunSummary:
        """Take the targets through, and count."""
        items = self.targets.items()
        # What is listed soon is listed first, so that people see how much there is to do.
        first = list(islice(items, _LOOK_AHEAD))
        has_all = len(first) < _LOOK_AHEAD
        if has_all:
            self._tell_notes()
        self._announce()
        began = time.monotonic()
        if first:
            self._take(make_ready, islice(chain(first, items), limit), output)
        if not has_all:
            has_all = self._list_on(items)
        seconds = time.monotonic() - began
        self._tell_how_read()
        self.ledger.retag(self.targets.touched)
        if self.copies is not None and self.copies.is_missing:
            self._copy()
        gone = self.targets.gone() if has_all else []
        aside = [*gone, *self.targets.again]
        return RunSummary(
            output,
            self.targets.listed,
            self.ledger.counts().without(self.ledger.counts_of(aside)),
            self._finished,
            self.targets.pending - self._finished,
            seconds,
            self.stop.is_set(),
            has_all,
            len(gone),
        )

    def _take(self, make_ready: MakeReady, items: Iterator[WorkItem], output: Place) -> None:
        _warn_if_slow(self.info, self.targets.pending, self.observer)
        self._copy()
        try:
            with make_ready(self.targets.pending) as masker:
                self._test(masker.trials)
                with Recorder(self.ledger, self._tell, output=output) as recorder:
                    masker.mask(self._copying(items), self.stop, recorder.record)
        finally:
            self._copy()

    def _test(self, trials: Sequence[Trial]) -> None:
        """Tell how good it will be, once for the same references."""
        if self.names is None or not trials or self.ledger.selftest is not None:
            return
        selftest = SelfTest(self.info.name, tuple(trials))
        self.ledger.keep_selftest(selftest)
        self.observer.tested(selftest, self.names)

    def _copying(self, items: Iterator[WorkItem]) -> Iterator[WorkItem]:
        """The same items; the ledger's copy is renewed as they are taken."""
        for item in items:
            if self.copies is not None and self.copies.is_due():
                self._copy()
            yield item

    def _copy(self) -> None:
        if self.copies is not None:
            with Ledger.read(self.ledger.path) as ledger:
                self.copies.put(ledger)

    def _tell(self, rows: list[TargetRow]) -> None:
        """These are recorded."""
        for row in rows:
            self.targets.again.discard(row.image_id)
            self.observer.row(row)
            for note in row.notes:
                self._noted.setdefault(note, []).append(row.image_id)
        self._finished += len(rows)
        if self.targets.listed > _ANNOUNCE_GROWTH * self._announced:
            self._announce()

    def _announce(self) -> None:
        """Tell of targets that are there and done as they are now."""
        self._announced = self.targets.listed
        aside = [*self.targets.again, *self.targets.gone_so_far()]
        counts = self.ledger.counts().without(self.ledger.counts_of(aside))
        self.observer.start(self._announced, counts)

    def _list_on(self, items: Iterator[WorkItem]) -> bool:
        """Count what was not taken, where that is quick; returns whether all is counted."""
        if isinstance(self.targets.place, Path):
            deque(items, maxlen=0)
        elif next(items, None) is not None:
            return False
        self._tell_notes()
        return True

    def _tell_how_read(self) -> None:
        """Say once for all it concerns how targets were read, such as that pages were left out."""
        noted = sorted(self._noted.items(), key=lambda entry: -len(entry[1]))
        for note, image_ids in noted[:_MOST_NOTES]:
            count = f" and {len(image_ids) - 1} more" if len(image_ids) > 1 else ""
            self.observer.note(f"{image_ids[0]}{count}: {note}")
        if len(noted) > _MOST_NOTES:
            self.observer.note("maskcast status tells more of how targets were read")

    def _tell_notes(self) -> None:
        for sentence in self.targets.notes():
            self.observer.note(sentence)


def _warn_if_slow(info: EngineInfo, targets: int, observer: RunObserver) -> None:
    if info.seconds_per_target is None:
        return
    seconds = info.seconds_per_target
    whole = timedelta(seconds=round(seconds * targets))
    faster = f"; faster: --engine {' or '.join(info.faster)}" if info.faster else ""
    observer.note(
        f"{info.name} on {info.device} takes about {seconds:.0f} s or more for a target, so at "
        f"least {whole} (h:mm:ss) for these {targets}{faster}"
    )
