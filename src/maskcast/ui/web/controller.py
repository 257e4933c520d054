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
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from maskcast.errors import FingerprintError, IdentityError, MaskcastError, SettingsError
from maskcast.project.folder import ProjectFolder
from maskcast.project.settings import Settings
from maskcast.results.verdicts import write_verdicts
from maskcast.review.applying import show_decisions
from maskcast.review.updating import update_project
from maskcast.runs.copies import opened_ledger
from maskcast.runs.ledger import Ledger, LedgerCounts, TargetRow
from maskcast.runs.run import run_project
from maskcast.runs.stages import RunStage
from maskcast.runs.summary import RunSummary
from maskcast.ui.web.priority import give_way

logger = logging.getLogger(__name__)

_KEPT_NOTES: Final = 20
_RATE_SECONDS: Final = 20.0
_LISTING_SECONDS: Final = 3.0
_LISTING_SHARE: Final = 30
_PATIENCE_SECONDS: Final = 5.0

_Stamp = tuple[tuple[int, int] | None, ...]


@dataclass(frozen=True)
class RunChoice:
    """What a person chooses before a run; None = as the project is set.

    Attributes:
        engine: name of the engine.
        weights: what it computes with; None with another engine than the project's: its own choice.
        threshold: probability in (0, 1) above which a pixel is the object.
    """

    engine: str | None = None
    threshold: float | None = None
    weights: str | None = None

    def apply(self, project: ProjectFolder) -> ProjectFolder:
        """The project as ``maskcast run`` opens it with these flags.

        Raises:
            SettingsError: if a value is out of range.
        """
        chosen = {key: value for key, value in asdict(self).items() if value is not None}
        if self.engine not in {None, project.settings.engine}:
            chosen["weights"] = self.weights  # the project's are those of its own engine
        try:
            settings = Settings.model_validate({**project.settings.model_dump(), **chosen})
        except ValidationError as error:
            problem = error.errors()[0]
            name = ".".join(map(str, problem["loc"]))
            raise SettingsError(f"{name}: {problem['msg']}, got {problem['input']!r}") from error
        return replace(project, settings=settings)


@dataclass(frozen=True)
class RunProgress:
    """How a run stands.

    Attributes:
        state: ``idle``, ``preparing``, ``running`` or ``stopping``.
        elsewhere: the ledger grows although no run of this server writes to it.
        stage: what the run is busy with; None while it is idle.
        total: targets in the folder.
        done: finished, empty ones included, over all runs on this output.
        empty: of those done, how many show nothing.
        failed: could not be done.
        rate: targets per second of late; None if unknown.
        seconds_left: at that rate; None if unknown.
        notes: what the user should know, the latest last.
        error: why the last run could not start or go on; None if it could.
        can_start_afresh: whether moving the old output aside would help.
        choice: of the run that was started last, else of the results as far as the ledger knows
            it; None if there are none.
    """

    state: str = "idle"
    elsewhere: bool = False
    stage: RunStage | None = None
    total: int = 0
    done: int = 0
    empty: int = 0
    failed: int = 0
    rate: float | None = None
    seconds_left: float | None = None
    notes: tuple[str, ...] = ()
    error: str | None = None
    can_start_afresh: bool = False
    choice: RunChoice | None = None

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)


class RunController:
    """Starts and stops the run of one project; safe to use from any thread."""

    def __init__(self, project: ProjectFolder) -> None:
        """Nothing is read or started yet."""
        self._project = project
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._live = _Live()
        self._counting = threading.Lock()
        self._listing: tuple[float, int] | None = None
        self._ledger: tuple[_Stamp, LedgerCounts, RunChoice | None, tuple[str, ...]] | None = None
        self._seen = _Rate()

    @property
    def is_running(self) -> bool:
        """Whether a run of this server is in progress."""
        return self._thread is not None and self._thread.is_alive()

    def start(self, choice: RunChoice, *, fresh: bool = False, update: bool = False) -> bool:
        """Start a run, or go on with the one that was stopped.

        Args:
            choice: engine and threshold.
            fresh: move the old output aside first.
            update: let corrections teach and make the next generation.

        Returns:
            False if one is in progress already.

        Raises:
            SettingsError: if the choice is not usable.
        """
        project = choice.apply(self._project)
        with self._lock:
            if self.is_running:
                return False
            self._stop.clear()
            chosen = replace(choice, engine=project.settings.engine)
            self._live = _Live(state="preparing", choice=chosen)
            # Not a daemon: the interpreter must not end in the middle of a file.
            work = partial(self._run, project, self._live, fresh=fresh, update=update)
            self._thread = threading.Thread(target=work, name="maskcast-run")
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
            if self._listing is not None:
                until, count = self._listing
                self._listing = until, count + 1

    def progress(self) -> RunProgress:
        """How the run stands now."""
        live = self._live
        if self.is_running:
            return live.progress(stopping=self._stop.is_set(), total=self._count_targets())
        return self._recorded(live)

    def _run(self, project: ProjectFolder, live: _Live, *, fresh: bool, update: bool) -> None:
        give_way()
        try:
            if update:
                updated = update_project(project, live, stop=self._stop)
                live.note(updated.describe())
                live.summary = updated.run
                return
            live.summary = run_project(project, live, fresh=fresh, stop=self._stop)
            show_decisions(project, live.note)
            write_verdicts(project)
        except MaskcastError as error:
            can_start_afresh = isinstance(error, (FingerprintError, IdentityError))
            live.fail(str(error), can_start_afresh=can_start_afresh)
        except Exception as error:
            logger.exception("the run broke")
            live.fail(f"the run broke ({type(error).__name__}: {error}); the server's log has more")
        finally:
            self._listing, self._seen = None, _Rate()

    def _recorded(self, live: _Live) -> RunProgress:
        """What the ledger holds, while no run of ours is in progress."""
        try:
            counts, choice, told = self._read_ledger()
        except (MaskcastError, sqlite3.Error) as error:
            return RunProgress(total=self._count_targets(), error=str(error))
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
            notes=tuple(live.notes) or told,
            error=live.error,
            can_start_afresh=live.can_start_afresh,
            choice=live.choice or choice,
        )

    def _read_ledger(self) -> tuple[LedgerCounts, RunChoice | None, tuple[str, ...]]:
        path = self._project.ledger_path
        stamp = tuple(_stamp(file) for file in (path, path.with_name(f"{path.name}-wal")))
        if self._ledger is None or self._ledger[0] != stamp:
            counts, choice, told = LedgerCounts(0, 0, 0), None, tuple[str, ...]()
            with opened_ledger(self._project) as ledger:
                if ledger is not None:
                    counts, choice = ledger.counts(), self._choice_of(ledger.fingerprint)
                    told = self._told_before(ledger)
            self._ledger = stamp, counts, choice, told
        return self._ledger[1:]

    def _told_before(self, ledger: Ledger) -> tuple[str, ...]:
        """What the self-test said before the run."""
        selftest = ledger.selftest
        if selftest is None:
            return ()
        specs = self._project.object_specs({trial.object_id for trial in selftest.trials})
        return tuple(selftest.describe({key: spec.name for key, spec in specs.items()}))

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


@dataclass
class _Rate:
    """Targets per second of late, from counts seen now and then."""

    samples: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=1000))

    def note(self, count: int) -> None:
        now = time.monotonic()
        if self.samples and count < self.samples[-1][1]:
            self.samples.clear()
        if not self.samples or count > self.samples[-1][1]:
            self.samples.append((now, count))
        while len(self.samples) > 2 and now - self.samples[0][0] > _RATE_SECONDS:
            self.samples.popleft()

    def value(self) -> float | None:
        """None until two counts were seen."""
        if len(self.samples) < 2:
            return None
        (began, before), (ended, count) = self.samples[0], self.samples[-1]
        # Waiting longer than for the last target lowers the rate; polling does not.
        pause = max(ended - self.samples[-2][0], time.monotonic() - ended)
        return (count - before) / max(ended - began, pause, 1e-3)

    def is_growing(self) -> bool:
        """Whether the next count is not overdue yet."""
        if len(self.samples) < 2:
            return False
        (before, _), (latest, _) = self.samples[-2], self.samples[-1]
        return time.monotonic() - latest < max(_PATIENCE_SECONDS, 3 * (latest - before))


@dataclass
class _Live:
    """Observes one run. Written by its thread only; pages read what is there."""

    state: str = "idle"
    now: RunStage = field(default_factory=lambda: RunStage("reading"))
    choice: RunChoice | None = None
    counts: LedgerCounts = field(default_factory=lambda: LedgerCounts(0, 0, 0))
    total: int = 0
    notes: deque[str] = field(default_factory=lambda: deque(maxlen=_KEPT_NOTES))
    error: str | None = None
    can_start_afresh: bool = False
    summary: RunSummary | None = None
    rate: _Rate = field(default_factory=_Rate)

    def stage(self, stage: RunStage) -> None:
        """See ``RunObserver``."""
        self.now = stage

    def note(self, text: str) -> None:
        """See ``RunObserver``."""
        self.notes.append(text)

    def start(self, total: int, counts: LedgerCounts) -> None:
        """See ``RunObserver``."""
        # What failed before is tried again and counted anew.
        self.total, self.counts = total, replace(counts, failed=self.counts.failed)

    def row(self, row: TargetRow) -> None:
        """See ``RunObserver``."""
        self.state = "running"
        self.now = replace(self.now, name="masking")
        done, failed = row.state == "done", row.state == "failed"
        before = self.counts
        self.counts = LedgerCounts(
            before.done + done, before.empty + row.is_empty, before.failed + failed
        )
        self.rate.note(self.counts.done + self.counts.failed)

    def fail(self, error: str, *, can_start_afresh: bool = False) -> None:
        """The run could not start or go on."""
        self.error, self.can_start_afresh = error, can_start_afresh

    def progress(self, *, stopping: bool, total: int) -> RunProgress:
        """How it stands, while it is in progress."""
        counts, rate = self.counts, self.rate.value()
        total = self.total or total
        left = max(0, total - counts.done - counts.failed)
        return RunProgress(
            state="stopping" if stopping else self.state,
            stage=self.now,
            total=total,
            done=counts.done,
            empty=counts.empty,
            failed=counts.failed,
            rate=rate,
            seconds_left=left / rate if rate else None,
            notes=tuple(self.notes),
            choice=self.choice,
        )


def _stamp(path: Path) -> tuple[int, int] | None:
    """Tells whether a file changed; None if there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
