"""Whose turn it is on a busy processor: people who click come before the run."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from typing import Final

_MOST_NICENESS: Final = 19
_MORE_NICENESS: Final = 10
"""About a tenth of the processor beside a thread that wants all of it; all of it beside none."""


def give_way() -> None:
    """Let the calling thread, and those it starts from now on, compute where others do not.

    It holds as long as the threads live. Only Linux counts threads one by one; elsewhere nothing
    happens.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            thread = threading.get_native_id()
            niceness = os.getpriority(os.PRIO_PROCESS, thread) + _MORE_NICENESS
            os.setpriority(os.PRIO_PROCESS, thread, min(niceness, _MOST_NICENESS))
