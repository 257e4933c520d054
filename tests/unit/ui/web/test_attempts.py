"""Guessing passwords is slow, from one address and from many."""

from __future__ import annotations

import pytest

from maskcast.ui.web.attempts import Attempts


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def attempts(clock: Clock) -> Attempts:
    return Attempts(clock)


def guess(
    attempts: Attempts, clock: Clock, address: str, seconds: float, pause: float = 0.01
) -> int:
    """How many passwords somebody can have looked at."""
    looked_at, end = 0, clock.now + seconds
    while clock.now < end:
        if attempts.seconds_to_wait(address) <= 0:
            attempts.note(address, right=False)
            looked_at += 1
        clock.now += pause
    return looked_at


def test_an_hour_of_guessing_is_some_seventy_guesses(attempts: Attempts, clock: Clock) -> None:
    assert 50 < guess(attempts, clock, "192.0.2.1", 3600, pause=0.5) < 75


def test_a_slip_of_the_fingers_costs_nothing(attempts: Attempts, clock: Clock) -> None:
    assert guess(attempts, clock, "192.0.2.1", 0.04) == 4
    assert attempts.seconds_to_wait("192.0.2.1") == 0
    attempts.note("192.0.2.1", right=True)
    assert guess(attempts, clock, "192.0.2.1", 0.04) == 4
    assert attempts.seconds_to_wait("192.0.2.1") == 0


def test_others_do_not_wait(attempts: Attempts, clock: Clock) -> None:
    guess(attempts, clock, "192.0.2.1", 10)
    assert attempts.seconds_to_wait("192.0.2.1") > 1
    assert attempts.seconds_to_wait("192.0.2.2") == 0


def test_it_is_forgotten(attempts: Attempts, clock: Clock) -> None:
    guess(attempts, clock, "192.0.2.1", 100)
    clock.now += 3700
    assert guess(attempts, clock, "192.0.2.1", 0.04) == 4
    assert attempts.seconds_to_wait("192.0.2.1") == 0


@pytest.mark.parametrize("pattern", ["2001:db8::{:x}", "::ffff:192.0.2.1%{}", "192.0.2.1"])
def test_the_addresses_of_one_network_count_together(
    attempts: Attempts, clock: Clock, pattern: str
) -> None:
    for number in range(1, 30):
        guess(attempts, clock, pattern.format(number), 0.01)
    assert attempts.seconds_to_wait(pattern.format(99)) > 0.5


def test_addresses_of_the_older_kind_are_told_apart(attempts: Attempts, clock: Clock) -> None:
    """On a server that listens at both kinds of addresses."""
    guess(attempts, clock, "::ffff:192.0.2.1", 10)
    assert attempts.seconds_to_wait("::ffff:192.0.2.2") == 0


def test_many_addresses_are_no_way_round(attempts: Attempts, clock: Clock) -> None:
    looked_at = sum(guess(attempts, clock, f"10.0.{n % 250}.{n % 241}", 0.01) for n in range(6000))
    assert looked_at < 50 + 60 * 5 + 10, "in one minute"


def test_who_is_at_work_is_not_kept_out_by_them(attempts: Attempts, clock: Clock) -> None:
    attempts.note("192.0.2.7", right=True)
    for number in range(1000):
        guess(attempts, clock, f"10.1.{number % 250}.{number % 241}", 0.01)
    assert attempts.seconds_to_wait("192.0.2.8") > 0
    assert attempts.seconds_to_wait("192.0.2.7") == 0
