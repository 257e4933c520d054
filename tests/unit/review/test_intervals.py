"""Bounds: against scipy's, published values, and by drawing many samples."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from maskcast.review.intervals import Anytime, fixed_bounds, most_hits, size_to_prove


@pytest.mark.parametrize(("hits", "count"), [(0, 1), (0, 50), (3, 50), (48, 50), (300, 1000)])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_bounds_are_those_of_clopper_and_pearson(hits: int, count: int, confidence: float) -> None:
    found = fixed_bounds(hits, count, confidence)
    known = binomtest(hits, count).proportion_ci(confidence, "exact")
    assert (found.low, found.high) == pytest.approx((known.low, known.high), abs=1e-9)


def test_a_worked_case() -> None:
    """81 of 263: 0.2527 to 0.3676, in Newcombe 1998, Statistics in Medicine 17, table I."""
    found = fixed_bounds(81, 263)
    assert (round(found.low, 4), round(found.high, 4)) == (0.2527, 0.3676)


def test_next_to_none_and_all_the_union_bound_holds() -> None:
    """One of two coins falls right for sure and the other with 1 - p: p is never ruled out."""
    assert fixed_bounds(1, 2).high == pytest.approx(1 - 0.025 / 2)
    assert fixed_bounds(1, 2).low == pytest.approx(0.025 / 2)
    assert fixed_bounds(49, 50).high > binomtest(49, 50).proportion_ci(0.95, "exact").high


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected 0\.\.3, got 4"):
        fixed_bounds(4, 3)
    with pytest.raises(ValueError, match=r"expected 0\.\.3, got -1"):
        Anytime(0.05).bounds(-1, 3)


@pytest.mark.parametrize("share", [0.02, 0.05, 0.3])
def test_whoever_looks_after_every_block_is_misled_rarely_enough(share: float) -> None:
    anytime = Anytime(0.05, 0.9)
    known = {
        (hits, count): anytime.bounds(hits, count)
        for count in range(10, 201, 10)
        for hits in range(count + 1)
        if abs(hits - share * count) < 25
    }
    generator = np.random.default_rng(0)
    throws = (generator.random((1000, 200)) < share).cumsum(axis=1)
    misled = 0
    for hits in throws[:, 9::10].tolist():
        seen = [known[found, 10 * (block + 1)] for block, found in enumerate(hits)]
        misled += any(not bounds.low <= share <= bounds.high for bounds in seen)
    assert misled <= 100 + 3 * np.sqrt(90)


def test_the_size_that_proves_it_is_the_first_that_is_likely_to() -> None:
    anytime = Anytime(0.05)
    assert most_hits(10, anytime) == -1
    size = size_to_prove(0.01, anytime)
    assert size is not None
    generator = np.random.default_rng(0)

    def proven(count: int) -> float:
        return float(np.mean(generator.binomial(count, 0.01, 40_000) <= most_hits(count, anytime)))

    assert proven(size) > 0.79
    assert proven(size - 10) < 0.81
    assert size_to_prove(0.05, anytime) is None
    assert size_to_prove(0.04, anytime, most=100) is None
