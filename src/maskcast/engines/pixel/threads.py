"""The engine's own threads are all there are: BLAS and OpenCV start none while it computes.

The engine divides its work by itself, into as many threads as the user allows. Threads that the
libraries add on top would break that promise, and cost more than they gain: on small pictures they
mostly wait for one another. A sum that is divided among threads may also round otherwise.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache

import cv2
from threadpoolctl import ThreadpoolController


class _Hold:
    """Keeps the libraries to one thread as long as anybody wants that; then gives back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wanted = 0
        self._before = ExitStack()

    def take(self) -> None:
        with self._lock:
            self._wanted += 1
            if self._wanted == 1:
                self._before.callback(cv2.setNumThreads, cv2.getNumThreads())
                cv2.setNumThreads(1)
                self._before.enter_context(_libraries().limit(limits=1))

    def give_back(self) -> None:
        with self._lock:
            self._wanted -= 1
            if not self._wanted:
                self._before.close()


_HOLD = _Hold()


@cache
def _libraries() -> ThreadpoolController:
    """The loaded linear algebra libraries; found once, because looking takes milliseconds."""
    return ThreadpoolController()


@contextmanager
def single_threaded_libraries() -> Iterator[None]:
    """Hold BLAS and OpenCV to the calling thread, in the whole process; may be nested."""
    _HOLD.take()
    try:
        yield
    finally:
        _HOLD.give_back()
