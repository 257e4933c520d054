"""An observer that shows nothing and remembers what it was told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from maskcast.quality.expectation import SelfTest
from maskcast.runs.ledger_rows import LedgerCounts, TargetRow
from maskcast.runs.stages import RunStage


@dataclass
class Quiet:
    """Keeps notes, rows, and what the self-test says."""

    notes: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    rows: list[TargetRow] = field(default_factory=list)

    def stage(self, stage: RunStage) -> None:
        """See ``RunObserver``."""

    def note(self, text: str) -> None:
        """See ``RunObserver``."""
        self.notes.append(text)

    def tested(self, selftest: SelfTest, names: Mapping[int, str]) -> None:
        """See ``RunObserver``."""
        self.expected += selftest.describe(names)

    def start(self, total: int, counts: LedgerCounts) -> None:
        """See ``RunObserver``."""

    def row(self, row: TargetRow) -> None:
        """See ``RunObserver``."""
        self.rows.append(row)
