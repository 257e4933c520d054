"""What the command line shows a person: progress, tables, sentences. All of it on stderr."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from maskcast.io.printable import printable
from maskcast.quality.expectation import SelfTest
from maskcast.results.evaluation import Evaluation
from maskcast.runs.ledger_rows import LedgerCounts, TargetRow
from maskcast.runs.stages import RunStage

_MOMENT = 0.5
"""Seconds of work after which a person wants to see that it goes on."""


class ConsoleObserver:
    """Shows a run as a progress bar with rate, time left, and done / empty / failed."""

    def __init__(self, console: Console, stop: threading.Event) -> None:
        self._console = console
        self._stop = stop
        self._counts = {"done": 0, "empty": 0, "failed": 0}
        self._running = False
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _RateColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[counts]}"),
            console=console,
        )
        self._task = self._progress.add_task(str(RunStage("reading")), total=None, counts="")

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show progress, and let Ctrl-C or SIGTERM finish what is in flight first."""
        previous = {
            number: signal.signal(number, self._interrupt)
            for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            with self._progress:
                try:
                    yield
                except BaseException:
                    # A bar that tells of nothing would be left standing before the error.
                    self._progress.update(self._task, visible=self._running)
                    self._progress.live.transient = not self._running
                    raise
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def stage(self, stage: RunStage) -> None:
        """See ``RunObserver``."""
        self._progress.update(self._task, description=str(stage))

    def note(self, text: str) -> None:
        """See ``RunObserver``."""
        self._console.print(f"note: {printable(text)}", markup=False, highlight=False)

    def tested(self, selftest: SelfTest, names: Mapping[int, str]) -> None:
        """See ``RunObserver``."""
        for sentence in selftest.describe(names):
            self.note(sentence)

    def start(self, total: int, counts: LedgerCounts) -> None:
        """See ``RunObserver``; failures of earlier runs are tried again and so do not count."""
        self._counts |= {"done": counts.done, "empty": counts.empty}
        self._progress.update(
            self._task,
            total=total,
            completed=counts.done + self._counts["failed"],
            counts=self._describe_counts(),
        )

    def row(self, row: TargetRow) -> None:
        """See ``RunObserver``."""
        self._running = True
        self._counts[row.state] += 1
        self._counts["empty"] += row.is_empty
        if row.reason is not None:
            self.note(f"{row.image_id} failed: {row.reason}")
        description = str(RunStage("masking"))
        self._progress.update(
            self._task, description=description, advance=1, counts=self._describe_counts()
        )

    def _describe_counts(self) -> str:
        return ", ".join(f"{name} {count}" for name, count in self._counts.items())

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        """Ask the run to stop; a second time, or before the first target, stop at once."""
        if self._stop.is_set() or not self._running:
            signal.default_int_handler(number, frame)
        self._stop.set()
        self.note("stopping: the targets in flight are being finished (again to stop at once)")


@contextmanager
def shown_progress(doing: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr for work that takes more than a moment; where nobody looks there is none.

    Args:
        doing: what is done, in one word.

    Yields:
        To be told how much is done, and of how much.
    """
    console = Console(stderr=True)
    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    task = progress.add_task(doing, total=None)
    begun = time.monotonic()
    shown = False

    def told(done: int, total: int) -> None:
        nonlocal shown
        if not shown and console.is_terminal and time.monotonic() - begun > _MOMENT:
            progress.start()
            shown = True
        if shown:
            progress.update(task, completed=done, total=total)

    try:
        yield told
    finally:
        progress.stop()


class _RateColumn(TextColumn):
    """Targets per second."""

    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Task) -> Text:
        return Text("" if not task.speed else f"{task.speed:.1f}/s")


def evaluation_table(evaluation: Evaluation, title: str) -> Table:
    """A table with one line per object and one overall."""
    table = Table(title=Text(printable(title), "table.title"))
    table.add_column("object")
    for heading in ("IoU", "mean IoU", "Dice", "boundary F", "presence precision", "recall"):
        table.add_column(heading, justify="right")
    lines = [
        (f"{object_id} {score.name}", score) for object_id, score in evaluation.objects.items()
    ]
    for label, score in [*lines, ("overall", evaluation.overall)]:
        table.add_row(
            Text(printable(label)),
            *map(
                _figure,
                (
                    score.iou,
                    score.mean_iou,
                    score.dice,
                    score.boundary_f,
                    score.presence.precision,
                    score.presence.recall,
                ),
            ),
        )
    return table


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
