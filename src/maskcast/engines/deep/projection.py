"""Fewer numbers per token: the principal components of the references' own tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from maskcast.engines.deep.encoder import TokenMaps

COMPONENTS = 32
"""Token maps that the learner sees, as many as in the spike that proposed them (docs/adr/0040)."""

_MOST_TOKENS = 20_000
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
    def of(cls, maps: Sequence[TokenMaps], components: int = COMPONENTS) -> Projection:
        """The projection that keeps most of the references' variance (PCA of standardised tokens).

        Args:
            maps: of the references, of one encoder.
            components: most of them; fewer if tokens have fewer numbers.
        """
        tokens = _some_tokens(maps)
        mean = tokens.mean(axis=0, dtype=np.float64)
        spread = tokens.std(axis=0, dtype=np.float64) + _LEAST_SPREAD
        scaled = (tokens - mean) / spread
        variance, vectors = np.linalg.eigh(scaled.T @ scaled / len(scaled))
        kept = np.argsort(-variance, kind="stable")[:components]
        length = np.sqrt(np.maximum(variance[kept], _LEAST_SPREAD**2))
        axes = vectors[:, kept] / spread[:, None] / length
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
