"""Wrong passwords: from each address more slowly with every further one, and so many from all."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cachetools import LRUCache

_FREE: Final = 5
_FIRST_WAIT: Final = 1.0
_LONGEST_WAIT: Final = 60.0
_FORGOTTEN_AFTER: Final = 3600.0
_KEPT_ADDRESSES: Final = 10_000
_FROM_ALL_PER_SECOND: Final = 5.0
_FROM_ALL_IN_A_ROW: Final = 50.0
_IPV6_NETWORK: Final = 64
"""Bits of an IPv6 address that a customer of a provider cannot change at will."""


@dataclass
class _Record:
    """Of one address.

    Attributes:
        wrong: passwords in a row.
        latest: when the last of them came.
        until: when the next one is looked at.
        is_known: whether the right one came from there before.
    """

    wrong: int = 0
    latest: float = 0.0
    until: float = 0.0
    is_known: bool = False


class Attempts:
    """How long who gave wrong passwords has to wait; for one event loop.

    After five wrong ones in a row an address waits 1, 2, 4 ... at most 60 seconds for each
    further one; meanwhile no password from there is looked at, the right one neither, or a guess
    could still be told from its answer. From all addresses together at most 5 a second are
    looked at (50 at once), because many addresses can be one person's; addresses that the right
    password came from before are left out of that, so that nobody at work is kept out.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Nobody has tried yet."""
        self._clock = clock
        self._records: LRUCache[str, _Record] = LRUCache(_KEPT_ADDRESSES)
        self._left_for_all, self._counted_at = _FROM_ALL_IN_A_ROW, clock()

    def seconds_to_wait(self, address: str) -> float:
        """Until a password from an address is looked at; 0 = it is now."""
        now = self._clock()
        record = self._records.get(_network(address), _Record())
        of_all = 0.0
        if not record.is_known:
            of_all = (1.0 - self._left_now(now)) / _FROM_ALL_PER_SECOND
        return max(0.0, record.until - now, of_all)

    def note(self, address: str, *, right: bool) -> None:
        """A password came from an address and was looked at."""
        now, key = self._clock(), _network(address)
        if right:
            self._records[key] = _Record(is_known=True)
            return
        self._left_for_all, self._counted_at = max(0.0, self._left_now(now) - 1.0), now
        record = self._records.get(key, _Record())
        if now - record.latest > _FORGOTTEN_AFTER:
            record.wrong = 0
        record.wrong, record.latest = record.wrong + 1, now
        if record.wrong >= _FREE:
            wait = _FIRST_WAIT * 2 ** min(record.wrong - _FREE, 16)
            record.until = now + min(wait, _LONGEST_WAIT)
        self._records[key] = record

    def _left_now(self, now: float) -> float:
        """Wrong passwords that may still come from all addresses."""
        gained = (now - self._counted_at) * _FROM_ALL_PER_SECOND
        return min(_FROM_ALL_IN_A_ROW, self._left_for_all + gained)


def _network(address: str) -> str:
    """What stands for an address: an IPv6 one counts with all of its network."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:  # of a server that listens at both kinds
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, _IPV6_NETWORK), strict=False))
