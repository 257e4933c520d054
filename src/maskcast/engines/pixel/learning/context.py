"""Context features: what a first probability map says about a pixel's surroundings.

Auto-context (Tu & Bai 2010): a second classifier sees the first one's probabilities around each
pixel and learns which of them hold together. Smoothed, grown and shrunk probabilities at several
scales, ridge strength (Hessian eigenvalues) and the best oriented line average tell a lone response
from the inside of a blob and from a stretch of a line.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from maskcast.engines.pixel.filters import (
    SQUARE_5,
    Plane,
    Stack,
    best_line,
    blur,
    eigenvalues,
    half,
    hessian,
)
from maskcast.engines.pixel.learning.exact import mean_of, total_of
from maskcast.engines.pixel.learning.features import FEATURES, Cut, pad_plane, upsample_part
from maskcast.engines.pixel.learning.perceptron import sigmoid


@dataclass(frozen=True)
class ContextConstants:
    """Fixed by hand, with ``benchmarks/accuracy.py`` on the measuring packs (docs/adr/0002).

    Attributes:
        shape_levels: finest levels of which eigenvalues and line means are taken.
        grown_levels: finest levels that are grown and shrunk.
        line: length in pixels of the line segments averaged over.
        limit: logits are clipped to this far from 0: how sure the first stage is beyond it says
            nothing.
        sample_side: rows and columns of the windows that a large picture's mean probability is
            taken from.
        sample_windows: about how many.
    """

    shape_levels: int = 3
    grown_levels: int = 4
    line: int = 9
    limit: float = 6.0
    sample_side: int = 256
    sample_windows: int = 64


_FIXED = ContextConstants()


@dataclass(frozen=True)
class Context:
    """A logit map made ready for `strip_context`.

    Attributes:
        logit: padded logits, clipped.
        coarse: context features of levels 1, 2, ... at their own resolution.
        share: square root of the map's mean probability.
    """

    logit: Plane
    coarse: tuple[Stack, ...]
    share: float


def context_count() -> int:
    """Number of planes that `strip_context` returns."""
    return 4 + FEATURES.levels + 2 * _FIXED.grown_levels + 3 * _FIXED.shape_levels


def sampled(height: int, width: int) -> list[tuple[int, int, int, int]]:
    """Windows (top, left, bottom, right) that a picture's mean probability is taken from.

    All of it, or of a large picture some, spread evenly, so that it can be told before all of it
    is looked at.
    """
    side, most = _FIXED.sample_side, _FIXED.sample_windows
    if height * width <= most * side * side:
        return [(0, 0, height, width)]
    across = min(most, max(1, round((most * width / height) ** 0.5)))
    tops, lefts = (
        np.linspace(0, max(0, length - side), count).astype(int) // side * side
        for length, count in ((height, max(1, most // across)), (width, across))
    )
    return [
        (top, left, min(height, top + side), min(width, left + side))
        for top in sorted({*tops.tolist()})
        for left in sorted({*lefts.tolist()})
    ]


def mean_probability(logit: Plane) -> float:
    """Of a whole logit map (H, W), as `sampled` says."""
    parts = [logit[t:b, left:right] for t, left, b, right in sampled(*logit.shape)]
    return mean_of(sum(total_of(sigmoid(part)) for part in parts), sum(p.size for p in parts))


def build_context(logit: Plane, mean: float | None = None) -> Context:
    """Compute everything but the full-resolution features of a logit map.

    Args:
        logit: float32 (H, W), of a picture or a part of it.
        mean: probability in the whole picture; None = ``logit`` is of the whole.
    """
    share = float(np.sqrt(mean_probability(logit) if mean is None else mean))
    padded = pad_plane(np.clip(logit, -_FIXED.limit, _FIXED.limit))
    probability = sigmoid(padded)
    coarse = []
    for level in range(1, FEATURES.levels):
        probability = half(probability)
        coarse.append(_level_features(probability, level))
    return Context(padded, tuple(coarse), share)


def strip_context(
    context: Context, top: int, bottom: int, columns: tuple[int, int] | None = None
) -> Stack:
    """Context features of rows ``top`` to ``bottom``, float32 (C, h, w).

    Args:
        context: from `build_context`.
        top: first row, a multiple of `FEATURES.align`.
        bottom: row after the last, a multiple of `FEATURES.align`.
        columns: first and after the last, multiples of `FEATURES.align`; None = all.
    """
    rows, width = context.logit.shape
    cut = Cut.of(columns, width)
    above, below = min(FEATURES.halo, top), min(FEATURES.halo, rows - bottom)
    window = context.logit[top - above : bottom + below, cut.taken]
    inner = slice(above, above + bottom - top), cut.inner
    probability = sigmoid(window)
    fine = _level_features(probability, 0)
    out = np.empty((context_count(), bottom - top, cut.count), np.float32)
    out[0] = window[inner]
    out[1] = probability[inner]
    out[2] = blur(window, 1.0)[inner]
    out[3] = context.share
    out[4 : 4 + len(fine)] = fine[:, *inner]
    at = 4 + len(fine)
    for level, stack in enumerate(context.coarse, start=1):
        for plane in stack:
            out[at] = upsample_part(plane, level, top, bottom, cut)
            at += 1
    return out


def _level_features(probability: Plane, level: int) -> Stack:
    smooth = blur(probability, 1.0)
    planes = [np.sqrt(smooth)]
    if level < _FIXED.grown_levels:
        planes += [cv2.dilate(smooth, SQUARE_5), cv2.erode(smooth, SQUARE_5)]
    if level < _FIXED.shape_levels:
        planes += eigenvalues(*hessian(smooth))
        planes.append(np.sqrt(best_line(probability, _FIXED.line)))
    return np.stack(planes).astype(np.float32, copy=False)
