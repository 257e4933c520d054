"""What a run tells while it goes on, and when it ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from maskcast.io.printable import counted, printable
from maskcast.io.storage import Place
from maskcast.quality.expectation import SelfTest
from maskcast.runs.ledger_rows import LedgerCounts, TargetRow
from maskcast.runs.stages import RunStage


class RunObserver(Protocol):
    """Is told how a run goes.

    Calls of ``row``, and of ``start`` after the first of them, come from a thread of the run, one
    at a time; all others from the thread that called ``run_project``. What an observer raises
    ends the run.
    """

    def stage(self, stage: RunStage) -> None:
        """A part of the run began, e.g. learning from the references."""

    def note(self, text: str) -> None:
        """Something the user should know."""

    def tested(self, selftest: SelfTest, names: Mapping[int, str]) -> None:
        """What references that were left out let expect, and the objects' names by their ids."""

    def start(self, total: int, counts: LedgerCounts) -> None:
        """The targets begin: ``total`` listed so far, ``counts`` from before.

        Called again, with what holds then, while a long list is still being read.
        """

    def row(self, row: TargetRow) -> None:
        """One target is finished and recorded."""


@dataclass(frozen=True)
class RunSummary:
    """What a run came to.

    Attributes:
        output: the output folder or place.
        total: targets in the folder.
        counts: done (empty ones included), empty and failed, over all runs on this output.
        finished_now: targets done or failed by this run.
        pending: targets still to be done.
        seconds: time this run took, from learning to the last file.
        stopped: whether it was asked to stop.
        listed_all: whether ``total`` and ``pending`` are all there are; a list in a store is not
            read to its end only to be counted.
        gone: targets that the ledger holds and that are not there any more; ``counts`` leaves
            them out.
    """

    output: Place
    total: int
    counts: LedgerCounts
    finished_now: int
    pending: int
    seconds: float
    stopped: bool
    listed_all: bool = True
    gone: int = 0

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "output": str(self.output),
            "targets": self.total,
            "done": self.counts.done,
            "empty": self.counts.empty,
            "failed": self.counts.failed,
            "pending": self.pending,
            "finished_now": self.finished_now,
            "seconds": round(self.seconds, 3),
            "stopped": self.stopped,
            "listed_all": self.listed_all,
            "gone": self.gone,
        }

    def describe(self) -> str:
        """A few sentences for a person."""
        more = "" if self.listed_all else " or more"
        counts = self.counts
        done = f"done {counts.done} of {self.total}{more} (of these empty {counts.empty})"
        lines = [f"{self.output}: {done}, failed {counts.failed}, pending {self.pending}{more}"]
        if self.gone:
            lines[0] += f", {counted(self.gone, 'target')} {'is' if self.gone == 1 else 'are'} gone"
        if self.counts.failed:
            lines.append("maskcast status tells why; starting again tries the failed ones again")
        if self.pending:
            lines.append("start the same command again to go on")
        return "\n".join(map(printable, lines))
