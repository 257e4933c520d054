"""Progress of work that counts something, shown only where it takes a while."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)

_PATIENCE = 1.0
"""Seconds after which a person wants to see that something is going on."""


class CountedProgress:
    """A bar that appears after a second and goes away in the end."""

    def __init__(self, console: Console) -> None:
        """Show progress on ``console``."""
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._task = self._progress.add_task("", total=None)
        self._begin = time.monotonic()
        self._is_shown = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._is_shown:
            self._progress.stop()

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Say what is being done, and how much of how much is done."""
        self._progress.update(self._task, description=stage, completed=done, total=total)
        if not self._is_shown and time.monotonic() - self._begin > _PATIENCE:
            self._is_shown = True
            self._progress.start()
