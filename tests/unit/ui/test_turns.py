"""So many pixels in work at once, first come, first served."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from maskcast.ui.turns import Turns


def wait_until(met: Callable[[], bool]) -> None:
    for _ in range(2000):
        if met():
            return
        time.sleep(0.002)
    raise AssertionError("it never came")


@contextmanager
def threads(*work: Callable[[], None]) -> Iterator[None]:
    """Runs each in a thread of its own, until all have ended."""
    started = [threading.Thread(target=each) for each in work]
    for thread in started:
        thread.start()
    yield
    for thread in started:
        thread.join(10)
        assert not thread.is_alive()


def test_never_more_pixels_than_the_bound_unless_alone() -> None:
    turns, lock = Turns(100), threading.Lock()
    in_work: list[int] = []
    seen = []

    def work(pixels: int) -> None:
        with turns.take(pixels):
            with lock:
                in_work.append(pixels)
                seen.append(tuple(in_work))
            time.sleep(0.001)
            with lock:
                in_work.remove(pixels)

    sizes = [10, 60, 40, 250, 50, 50, 1, 99, 100, 101, 30, 30, 30, 30] * 3
    with threads(*(lambda pixels=pixels: work(pixels) for pixels in sizes)):
        pass
    assert len(seen) == len(sizes)
    assert all(sum(now) <= 100 or len(now) == 1 for now in seen)
    assert any(len(now) > 1 for now in seen)


def test_a_large_one_is_not_overtaken() -> None:
    turns, done = Turns(10), []
    first_may_end = threading.Event()

    def first() -> None:
        with turns.take(6):
            first_may_end.wait(10)

    def then(name: str, pixels: int) -> None:
        with turns.take(pixels):
            done.append(name)

    with threads(first):
        wait_until(lambda: turns._in_work == 6)
        with threads(lambda: then("large", 10)):
            wait_until(lambda: len(turns._waiting) == 1)
            with threads(lambda: then("small", 1)):
                wait_until(lambda: len(turns._waiting) == 2)
                assert done == []
                first_may_end.set()
    assert done == ["large", "small"]


def test_what_is_decoded_in_a_turn_is_part_of_it() -> None:
    turns = Turns(10)
    with turns.take(10), turns.take(10):
        pass
    assert turns._in_work == 0


def test_a_turn_ends_with_an_error() -> None:
    turns = Turns(10)
    with pytest.raises(LookupError), turns.take(10):
        raise LookupError
    with turns.take(10):
        pass
