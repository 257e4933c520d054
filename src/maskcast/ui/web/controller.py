"""The run of a served project: one background thread, and a state that any page can read.

The thread belongs to the server and not to a browser tab, so a run goes on when tabs close, and a
tab that opens later sees it. It calls ``run_project`` as ``maskcast run`` does; what it shows
before and after comes from the ledger, so runs of the command line are seen too.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final, Literal

from maskcast.errors import (
    FingerprintError,
    IdentityError,
    MaskcastError,
    RunError,
    SettingsError,
)
from maskcast.io.stamps import FileStamp, stamp_of
from maskcast.project.bin import Bin
from maskcast.project.folder import ProjectFolder
from maskcast.project.store import AnnotationStore
from maskcast.results.choosing import settled
from maskcast.results.verdicts import write_verdicts
from maskcast.review.applying import show_decisions
from maskcast.review.updating import (
    rethreshold_project,
    return_to_earlier,
    run_again,
    update_project,
)
from maskcast.runs.copies import opened_ledger
from maskcast.runs.cuts import Cuts
from maskcast.runs.generations import (
    is_renewed_halfway,
    keeps_generations,
)
from maskcast.runs.ledger import Ledger
from maskcast.runs.ledger_rows import LedgerCounts
from maskcast.runs.reference_changes import ReferenceChanges, ReferenceWatch
from maskcast.runs.run import run_project
from maskcast.ui.web.earlier import Renewed, renewed
from maskcast.ui.web.priority import give_way
from maskcast.ui.web.run_state import (
    Live,
    Rate,
    RunChoice,
    RunProgress,
    SelfTestTold,
    keeping_planes,
    told_selftest,
)

logger = logging.getLogger(__name__)

_LISTING_SECONDS: Final = 3.0
_LISTING_SHARE: Final = 30
_WATCH_SECONDS: Final = 0.5

HowToRun = Literal["go on", "again", "fresh", "update"]
_Stamp = tuple[tuple[FileStamp | None, ...], frozenset[str]]


class RunController:
    """Starts and stops the run of one project; safe to use from any thread."""

    def __init__(
        self,
        project: ProjectFolder,
        store: AnnotationStore | None = None,
        removed: Bin | None = None,
        turn: Callable[[str], AbstractContextManager[None]] | None = None,
    ) -> None:
        """Nothing is read or started yet.

        Args:
            project: that is served.
            store: reads its annotations; None = a new one.
            removed: its bin; None = a new one.
            turn: of whoever decodes a reference, by image id.
        """
        self._project = project
        self._bin = removed or Bin(project, store)
        self._watch = ReferenceWatch(project, store, turn)
        self._watcher = ThreadPoolExecutor(1, "maskcast-watch")
        self._watched: Future[ReferenceChanges] | None = None
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._live = Live()
        self._counting = threading.Lock()
        self._listing: tuple[float, int] | None = None
        self._ledger: tuple[_Stamp, _Recorded] | None = None
        self._removed: tuple[int | None, Mapping[str, str]] | None = None
        self._seen = Rate()

    @property
    def is_running(self) -> bool:
        """Whether a run of this server is in progress."""
        return self._thread is not None and self._thread.is_alive()

    def start(self, choice: RunChoice, how: HowToRun = "go on") -> bool:
        """Start a run.

        Args:
            choice: engine and threshold.
            how: ``go on`` with what is there; ``again``, with the earlier results kept as the
                generation before; ``fresh``, with the old output moved aside; ``update``, in
                which corrections teach.

        Returns:
            False if one is in progress already.

        Raises:
            SettingsError: if the choice is not usable.
        """
        project = keeping_planes(choice.apply(self._project))
        chosen = replace(choice, engine=project.settings.engine)
        return self._begin(partial(self._run, project, how), chosen)

    def rethreshold(self, cuts: Cuts) -> bool:
        """Lay other thresholds over all results, as the next generation.

        Returns:
            False if a run is in progress.
        """
        return self._begin(partial(self._cut, cuts), None)

    def _begin(self, work: Callable[[Live], None], choice: RunChoice | None) -> bool:
        with self._lock:
            if self.is_running:
                return False
            self._stop.clear()
            self._live = Live(state="preparing", choice=choice)
            # Not a daemon: the interpreter must not end in the middle of a file.
            self._thread = threading.Thread(
                target=self._work, args=(work, self._live), name="maskcast-run"
            )
            self._thread.start()
            return True

    def stop(self) -> None:
        """Ask the run in progress to finish what is in flight and end."""
        self._stop.set()

    def close(self) -> bool:
        """Stop and wait; whether a run was cut short by it."""
        running = self.is_running
        self.stop()
        if self._thread is not None:
            self._thread.join()
        summary = self._live.summary
        return running and (summary is None or summary.pending > 0)

    def note_new_target(self) -> None:
        """A target was added here; the folder is not listed again for each."""
        with self._counting:
            self._removed = None  # it may have the name of one
            if self._listing is not None:
                until, count = self._listing
                self._listing = until, count + 1

    def forget_listing(self) -> None:
        """Targets went or came back."""
        with self._counting:
            self._listing = None

    def removed_targets(self) -> Mapping[str, str]:
        """Image id -> its name in the bin, of targets that no other picture replaced since."""
        stamp = self._bin.stamp()
        if self._removed is None or self._removed[0] != stamp:
            entries = self._bin.entries()
            folder = self._project.targets_place
            found = {
                entry.image_id: entry.name for entry in reversed(entries) if entry.kind == "targets"
            }
            gone = {key: name for key, name in found.items() if not (folder / key).exists()}
            self._removed = stamp, gone
        return self._removed[1]

    def progress(self) -> RunProgress:
        """How the run stands now."""
        live = self._live
        if self.is_running:
            return live.progress(stopping=self._stop.is_set(), total=self._count_targets())
        return self._recorded(live)

    def back(self) -> int:
        """Put the results before the last renewal in the place of those that are there.

        Returns:
            The generation that is shown now.

        Raises:
            RunError, SettingsError, StorageError: see ``updating.return_to_earlier``.
        """
        with self._lock:
            if self.is_running:
                raise RunError("a run is in progress; stop it first")
            self._live = Live()
            return return_to_earlier(self._project, self._live.note)

    def _work(self, work: Callable[[Live], None], live: Live) -> None:
        give_way()
        try:
            work(live)
            write_verdicts(self._project)
        except FingerprintError as error:
            live.fail(str(error), differs=error.changes)
        except MaskcastError as error:
            live.fail(str(error), can_start_afresh=isinstance(error, IdentityError))
        except Exception as error:
            logger.exception("the run broke")
            live.fail(f"the run broke ({type(error).__name__}: {error}); the server's log has more")
        finally:
            self._listing, self._seen = None, Rate()

    def _run(self, project: ProjectFolder, how: HowToRun, live: Live) -> None:
        project = settled(project, live.note, fresh=how in {"again", "fresh"})
        if how == "update" or (how == "again" and keeps_generations(project)):
            renew = update_project if how == "update" else run_again
            live.take(renew(project, live, stop=self._stop))
        else:
            live.summary = run_project(project, live, fresh=how != "go on", stop=self._stop)
            show_decisions(project, live.note)

    def _cut(self, cuts: Cuts, live: Live) -> None:
        rethreshold_project(self._project, live, cuts, stop=self._stop)

    def _recorded(self, live: Live) -> RunProgress:
        """What the ledger holds, while no run of ours is in progress."""
        try:
            recorded = self._read_ledger()
        except (MaskcastError, sqlite3.Error) as error:
            return RunProgress(
                total=self._count_targets(),
                error=str(error),
                can_start_afresh=isinstance(error, IdentityError),
            )
        counts = recorded.counts
        self._seen.note(counts.done + counts.failed)
        elsewhere, rate = self._seen.is_growing(), self._seen.value()
        total = self._count_targets()
        left = max(0, total - counts.done - counts.failed)
        return RunProgress(
            elsewhere=elsewhere,
            total=total,
            done=counts.done,
            empty=counts.empty,
            failed=counts.failed,
            rate=rate if elsewhere else None,
            seconds_left=left / rate if elsewhere and rate else None,
            notes=tuple(live.notes),
            selftest=recorded.selftest,
            error=live.error,
            can_start_afresh=live.can_start_afresh,
            differs=live.differs,
            since=self._changed_since(recorded.fingerprint),
            renewed=recorded.renewed,
            is_halfway=is_renewed_halfway(self._project),
            choice=live.choice or recorded.choice,
        )

    def _changed_since(self, fingerprint: Mapping[str, Any] | None) -> ReferenceChanges | None:
        """None as well while large references are still being looked at: no page waits for that."""
        if fingerprint is None:
            return None
        with self._counting:
            if self._watched is None or self._watched.done():
                self._watched = self._watcher.submit(self._watch.compare, fingerprint)
            watched = self._watched
        try:
            return watched.result(_WATCH_SECONDS)
        except (MaskcastError, TimeoutError):  # a run, and Annotate, tell why
            return None

    def _read_ledger(self) -> _Recorded:
        path = self._project.ledger_path
        files = (path, path.with_name(f"{path.name}-wal"))
        removed = self.removed_targets()
        stamp = tuple(stamp_of(file) for file in files), frozenset(removed)
        if self._ledger is None or self._ledger[0] != stamp:
            recorded = _Recorded()
            with opened_ledger(self._project) as ledger:
                if ledger is not None:
                    recorded = _Recorded(
                        ledger.counts().without(ledger.counts_of(sorted(removed))),
                        self._choice_of(ledger.fingerprint),
                        self._told_before(ledger),
                        ledger.fingerprint,
                        renewed(self._project, ledger),
                    )
            self._ledger = stamp, recorded
        return self._ledger[1]

    def _told_before(self, ledger: Ledger) -> SelfTestTold:
        """What the self-test said before the run."""
        selftest = ledger.selftest
        if selftest is None:
            return {}
        specs = self._project.object_specs({trial.object_id for trial in selftest.trials})
        return told_selftest(selftest, {key: spec.name for key, spec in specs.items()})

    def _choice_of(self, fingerprint: Mapping[str, Any]) -> RunChoice:
        """What makes ``maskcast serve`` go on where those results end; weights have no name there.

        So a page that opens after a restart of the server offers the same settings again.
        """
        threshold = fingerprint.get("engine settings", {}).get("threshold")
        if threshold == self._project.settings.threshold:
            threshold = None
        return RunChoice(fingerprint.get("engine"), threshold)

    def _count_targets(self) -> int:
        with self._counting:  # whoever asks meanwhile would only list the same again
            return self._counted_targets()

    def _counted_targets(self) -> int:
        now = time.monotonic()
        listing = self._listing
        if listing is None or now > listing[0]:
            try:
                groups = self._project.stream_targets().groups()
                count = sum(len(images.names) for group in groups for images in group)
            except SettingsError:
                count = 0
            took = time.monotonic() - now
            # A long list is not read again and again only to be counted.
            listing = now + max(_LISTING_SECONDS, _LISTING_SHARE * took), count
            self._listing = listing
        return listing[1]


@dataclass(frozen=True)
class _Recorded:
    """What the ledger holds; all of it empty while there is none."""

    counts: LedgerCounts = field(default_factory=lambda: LedgerCounts(0, 0, 0))
    choice: RunChoice | None = None
    selftest: SelfTestTold = field(default_factory=dict)
    fingerprint: Mapping[str, Any] | None = None
    renewed: Renewed | None = None
