"""Decoding pictures takes memory: so many pixels are in work at once, whoever asks."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

PIXELS_AT_ONCE: Final = 48_000_000
"""Four photographs of a telephone; about half a gigabyte while they are decoded."""


class Turns:
    """Gives threads their turns, first come, first served; safe to share between threads.

    A picture of more pixels than the bound gets its turn when nothing else is in work. So a large
    one waits for its turn, but never for ever, and memory is bounded by the larger of the two.
    """

    def __init__(self, pixels: int = PIXELS_AT_ONCE) -> None:
        """Let ``pixels`` be in work at once."""
        self._bound = pixels
        self._in_work = 0
        self._changed = threading.Condition()
        self._waiting: deque[object] = deque()
        self._own = threading.local()

    @contextmanager
    def take(self, pixels: int) -> Iterator[None]:
        """Wait for a turn and have it for the block.

        A thread that has one already goes on at once: what it decodes on the way is part of it.

        Args:
            pixels: that the block holds in memory at most.
        """
        if getattr(self._own, "has_turn", False):
            yield
            return
        share = min(pixels, self._bound)
        self._begin(share)
        self._own.has_turn = True
        try:
            yield
        finally:
            self._own.has_turn = False
            with self._changed:
                self._in_work -= share
                self._changed.notify_all()

    def _begin(self, share: int) -> None:
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
            try:
                self._changed.wait_for(
                    lambda: self._waiting[0] is ticket and self._in_work + share <= self._bound
                )
                self._in_work += share
            finally:
                self._waiting.remove(ticket)
                self._changed.notify_all()
