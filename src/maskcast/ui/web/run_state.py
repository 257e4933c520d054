"""How the run of a served project stands, and what it was started with."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from pydantic import ValidationError

from maskcast.errors import SettingsError
from maskcast.languages import LANGUAGES, Language
from maskcast.project.folder import ProjectFolder
from maskcast.project.settings import Settings
from maskcast.quality.expectation import SelfTest
from maskcast.runs.generations import UpdateSummary
from maskcast.runs.ledger_rows import LedgerCounts, TargetRow
from maskcast.runs.reference_changes import ReferenceChanges
from maskcast.runs.stages import RunStage
from maskcast.runs.summary import RunSummary
from maskcast.ui.web.earlier import Renewed

KEPT_PROBABILITIES: Final = 2_000_000_000
"""Bytes of them that runs of the page keep, unless the project says otherwise."""

_KEPT_NOTES: Final = 20
_RATE_SECONDS: Final = 20.0
_PATIENCE_SECONDS: Final = 5.0

SelfTestTold = Mapping[Language, tuple[str, ...]]
"""Sentences by language; empty where nothing was tested."""


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


def keeping_planes(project: ProjectFolder) -> ProjectFolder:
    """The project, whose runs keep probabilities unless it says otherwise."""
    if project.settings.keep_probabilities is not None:
        return project
    kept = project.settings.model_copy(update={"keep_probabilities": KEPT_PROBABILITIES})
    return replace(project, settings=kept)


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
        selftest: what references that were left out let expect, in sentences by language.
        error: why the last run could not start or go on; None if it could.
        can_start_afresh: whether moving the old output aside would help.
        differs: why the last run could not go on with these results, one phrase a topic, where
            running again would help.
        since: references that changed since the results were made; None if that is not known.
        renewed: what running again changed last; None if these are the first results.
        is_halfway: whether running again was begun and is not done; the results are still the
            earlier ones.
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
    selftest: SelfTestTold = field(default_factory=dict)
    error: str | None = None
    can_start_afresh: bool = False
    differs: tuple[str, ...] = ()
    since: ReferenceChanges | None = None
    renewed: Renewed | None = None
    is_halfway: bool = False
    choice: RunChoice | None = None

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)


def told_selftest(selftest: SelfTest, names: Mapping[int, str]) -> SelfTestTold:
    """What a self-test says, in every language that a page may be in."""
    return {lang: tuple(selftest.describe(names, lang)) for lang in LANGUAGES}


@dataclass
class Rate:
    """Targets per second of late, from counts seen now and then."""

    samples: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=1000))

    def note(self, count: int) -> None:
        """So many are done now."""
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
class Live:
    """Observes one run. Written by its thread only; pages read what is there."""

    state: str = "idle"
    now: RunStage = field(default_factory=lambda: RunStage("reading"))
    choice: RunChoice | None = None
    counts: LedgerCounts = field(default_factory=lambda: LedgerCounts(0, 0, 0))
    total: int = 0
    notes: deque[str] = field(default_factory=lambda: deque(maxlen=_KEPT_NOTES))
    selftest: SelfTestTold = field(default_factory=dict)
    error: str | None = None
    can_start_afresh: bool = False
    differs: tuple[str, ...] = ()
    summary: RunSummary | None = None
    rate: Rate = field(default_factory=Rate)

    def stage(self, stage: RunStage) -> None:
        """See ``RunObserver``."""
        self.now = stage

    def note(self, text: str) -> None:
        """See ``RunObserver``."""
        self.notes.append(text)

    def tested(self, selftest: SelfTest, names: Mapping[int, str]) -> None:
        """See ``RunObserver``."""
        self.selftest = told_selftest(selftest, names)

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

    def take(self, updated: UpdateSummary) -> None:
        """Another generation was made; what it changed the results themselves tell."""
        self.summary = updated.run

    def fail(
        self, error: str, *, can_start_afresh: bool = False, differs: tuple[str, ...] = ()
    ) -> None:
        """The run could not start or go on."""
        self.error, self.can_start_afresh, self.differs = error, can_start_afresh, differs

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
            selftest=self.selftest,
            choice=self.choice,
        )
