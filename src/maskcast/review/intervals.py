"""What a sample proves of a share: exact bounds, also where one may stop when the answer is clear.

Answers are counted as if each were a throw of one coin. They may be throws of different coins, as
long as these show the share of the whole *on average*, as those of ``audit_sample`` do. That only
makes bounds safer:

- of a sample whose size was fixed before, the bounds of Clopper and Pearson (1934). Throws of
  different coins are less spread than those of their average one (Hoeffding 1956, "On the
  distribution of the number of successes in independent trials", theorem 4), except next to all or
  none, where the union bound takes the place of the binomial;
- of a sample that may stop when the answer is clear, a confidence sequence: the shares that a
  mixture of likelihood ratios cannot rule out (Robbins 1970, "Statistical methods related to the
  law of the iterated logarithm"). By Ville's inequality the true share is ever ruled out with at
  most the given probability, however often one looks. For different coins the ratio of a block has
  a mean of at most 1, as the geometric mean is at most the arithmetic one; so one looks after whole
  blocks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

_TINY: Final = 1e-12
"""Shares as near as this to 0 or 1 are never ruled out."""


@dataclass(frozen=True)
class Bounds:
    """A share lies between these, both in [0, 1]."""

    low: float
    high: float


def fixed_bounds(hits: int, count: int, confidence: float = 0.95) -> Bounds:
    """Bounds of a share from a sample whose size was fixed beforehand; 0 to 1 without a sample.

    Args:
        hits: so many of the sample have what the share is of.
        count: of the sample.
        confidence: in (0, 1): at least so often such bounds hold; each side fails half as often.

    Raises:
        ValueError: if hits are not in 0..count.
    """
    from scipy.special import betaincinv

    _check(hits, count)
    tail = (1 - confidence) / 2
    low = float(betaincinv(hits, count - hits + 1, tail)) if hits else 0.0
    high = float(betaincinv(hits + 1, count - hits, 1 - tail)) if hits < count else 1.0
    if hits == 1:
        low = min(low, tail / count)
    if hits == count - 1:
        high = max(high, 1 - tail / count)
    return Bounds(low, high)


@dataclass(frozen=True)
class Anytime:
    """Bounds that hold at whatever moment one looks, aimed at a share of interest.

    Attributes:
        aim: a share in (0, 1), which small ones are told from soonest.
        confidence: in (0, 1): so often the bounds hold at every moment.
    """

    aim: float
    confidence: float = 0.95

    def bounds(self, hits: int, count: int) -> Bounds:
        """Bounds of the share after ``count`` answers; 0 to 1 before the first.

        Raises:
            ValueError: if hits are not in 0..count.
        """
        from scipy.optimize import brentq

        _check(hits, count)
        if not count:
            return Bounds(0.0, 1.0)
        middle = hits / count
        limit = -math.log(1 - self.confidence)

        def excess(share: float) -> float:
            return self._evidence_against(share, hits, count) - limit

        least, most = _TINY, 1 - _TINY
        low = float(brentq(excess, least, middle)) if hits and excess(least) > 0 else 0.0
        high = float(brentq(excess, middle, most)) if hits < count and excess(most) > 0 else 1.0
        return Bounds(low, high)

    def _evidence_against(self, share: float, hits: int, count: int) -> float:
        """Logarithm of the mixture's likelihood over that of a share."""
        from scipy.special import betaln, xlog1py, xlogy

        first, second = 1.0, 4 / self.aim - 1  # a Beta prior with a mean of a quarter of the aim
        mixture = betaln(first + hits, second + count - hits) - betaln(first, second)
        return float(mixture - xlogy(hits, share) - xlog1py(count - hits, -share))


def most_hits(count: int, anytime: Anytime) -> int:
    """The most hits among ``count`` answers that still prove a share below the aim; -1 if none."""
    hits = -1
    while hits + 1 < anytime.aim * count and anytime.bounds(hits + 1, count).high < anytime.aim:
        hits += 1
    return hits


def size_to_prove(
    expected: float, anytime: Anytime, *, power: float = 0.8, step: int = 10, most: int = 5000
) -> int | None:
    """The answers after which a share is proven to be below the aim, if it is as expected.

    Args:
        expected: the share.
        anytime: the bounds to be, and the aim.
        power: so likely the proof is there by then, or before.
        step: sizes are multiples of it.
        most: no more than so many.

    Returns:
        The smallest such size; None if none up to ``most`` does.
    """
    from scipy.special import bdtr

    if expected >= anytime.aim:
        return None
    for count in range(step, most + 1, step):
        hits = most_hits(count, anytime)
        if hits >= 0 and bdtr(hits, count, expected) >= power:
            return count
    return None


def _check(hits: int, count: int) -> None:
    if not 0 <= hits <= count:
        raise ValueError(f"hits: expected 0..{count}, got {hits}")
