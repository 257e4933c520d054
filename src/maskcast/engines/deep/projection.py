"""Fewer numbers per token: those that tell the references' contents apart, whatever the view.

Of all directions the ones are kept whose variance over the references is largest beside what they
change by when the same is shown otherwise: maximum noise fraction (Green et al. 1988, "A
transformation for ordering multispectral data in terms of image quality"), with the changes of
altered copies as noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from maskcast.engines.deep.encoder import TokenMaps

COMPONENTS = 32
"""Token maps that the learner sees, as many as in the spike that proposed them (docs/adr/0040)."""

Changes = npt.NDArray[np.float32]
"""float32 (N, C): by how much numbers of a token change though it shows the same."""

_MOST_TOKENS = 20_000
_EVEN_NOISE = 0.1
"""Noise that every direction has, as a share of the mean variance: with much of it, these are the
principal components. Fixed with ``benchmarks/accuracy.py`` on the measuring packs."""

_LEAST_SPREAD = 1e-3


@dataclass(frozen=True)
class Projection:
    """Standardises tokens and turns them onto fewer axes, each of spread 1 on the references.

    Attributes:
        mean: float32 (C,).
        axes: float32 (C, D), deviations from the mean times these are the components.
    """

    mean: npt.NDArray[np.float32]
    axes: npt.NDArray[np.float32]

    @classmethod
    def of(
        cls, maps: Sequence[TokenMaps], changes: Sequence[Changes], components: int = COMPONENTS
    ) -> Projection:
        """The projection of tokens that are standardised first.

        Args:
            maps: of the references, of one encoder.
            changes: see `Changes`; none makes it the principal components.
            components: most of them; fewer if tokens have fewer numbers.
        """
        tokens = _some_tokens(maps)
        mean = tokens.mean(axis=0, dtype=np.float64)
        spread = tokens.std(axis=0, dtype=np.float64) + _LEAST_SPREAD
        variance = _products([tokens - mean], spread)
        even = _EVEN_NOISE * np.trace(variance) / len(variance) + _LEAST_SPREAD**2
        noise = _products(changes, spread) / 2 + even * np.eye(len(variance))
        level, turned = np.linalg.eigh(noise)
        whitened = turned / np.sqrt(level)
        ratio, vectors = np.linalg.eigh(whitened.T @ variance @ whitened)
        kept = np.argsort(-ratio, kind="stable")[:components]
        axes = whitened @ vectors[:, kept]
        length = np.sqrt(np.maximum(np.einsum("cd,ce,ed->d", axes, variance, axes), _LEAST_SPREAD))
        axes = axes / spread[:, None] / length
        return cls(mean.astype(np.float32), axes.astype(np.float32))

    def apply(self, maps: TokenMaps) -> npt.NDArray[np.float32]:
        """Components float32 (D, h, w) of token maps (C, h, w)."""
        out = np.empty((self.axes.shape[1], *maps.shape[1:]), np.float32)
        offset = (self.axes.T @ self.mean)[:, None]
        for row in range(maps.shape[1]):  # a large picture's tokens fill memory once, not twice
            out[:, row] = self.axes.T @ maps[:, row].astype(np.float32) - offset
        return out


def _some_tokens(maps: Sequence[TokenMaps]) -> npt.NDArray[np.float32]:
    """Up to so many tokens of all maps together, float32 (N, C)."""
    counts = [values[0].size for values in maps]
    total, first = sum(counts), np.cumsum([0, *counts[:-1]])
    chosen = np.arange(total)
    if total > _MOST_TOKENS:
        drawn = np.random.default_rng(0).choice(total, _MOST_TOKENS, replace=False)
        chosen = np.sort(drawn)
    parts = [
        values.reshape(len(values), -1)[
            :, chosen[(chosen >= start) & (chosen < start + count)] - start
        ]
        for values, start, count in zip(maps, first, counts, strict=True)
    ]
    return np.concatenate(parts, axis=1).T.astype(np.float32)


def _products(
    rows: Sequence[npt.NDArray[np.floating]], spread: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Mean over all rows of the products of every two of their numbers, float64 (C, C)."""
    total = np.zeros((len(spread), len(spread)))
    for part in rows:
        scaled = part / spread
        total += scaled.T @ scaled
    return total / max(sum(map(len, rows)), 1)
