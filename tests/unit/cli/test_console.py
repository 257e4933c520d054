from __future__ import annotations

import io
import threading

import pytest
from rich.console import Console

from maskcast.cli.console import ConsoleObserver
from maskcast.errors import SettingsError
from maskcast.runs.ledger_rows import LedgerCounts, TargetRow


def test_a_long_list_announced_again_keeps_what_failed() -> None:
    text = io.StringIO()
    observer = ConsoleObserver(Console(file=text, width=200), threading.Event())
    with observer.shown():
        observer.start(10, LedgerCounts(done=2, empty=1, failed=4))
        observer.row(TargetRow("a.png", "a", "failed", reason="it is damaged"))
        observer.start(30, LedgerCounts(done=2, empty=1, failed=5))

    last = text.getvalue().splitlines()[-1]
    assert "3/30" in last
    assert "done 2, empty 1, failed 1" in last


def test_no_bar_stands_before_an_error_of_the_very_beginning() -> None:
    text = io.StringIO()
    observer = ConsoleObserver(Console(file=text, width=200), threading.Event())
    with pytest.raises(SettingsError), observer.shown():
        raise SettingsError("there is no such engine")
    assert text.getvalue().strip() == ""
