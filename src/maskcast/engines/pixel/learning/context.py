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
from maskcast.engines.pixel.learning.features import FEATURES, pad_plane, upsample_rows
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
    """

    shape_levels: int = 3
    grown_levels: int = 4
    line: int = 9
    limit: float = 6.0


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


def build_context(logit: Plane) -> Context:
    """Compute everything but the full-resolution features of a logit map (H, W)."""
    share = float(np.sqrt(sigmoid(logit).mean()))
    padded = pad_plane(np.clip(logit, -_FIXED.limit, _FIXED.limit))
    probability = sigmoid(padded)
    coarse = []
    for level in range(1, FEATURES.levels):
        probability = half(probability)
        coarse.append(_level_features(probability, level))
    return Context(padded, tuple(coarse), share)


def strip_context(context: Context, top: int, bottom: int) -> Stack:
    """Context features of rows ``top`` to ``bottom``, float32 (C, h, w).

    Args:
        context: from `build_context`.
        top: first row, a multiple of `FEATURES.align`.
        bottom: row after the last, a multiple of `FEATURES.align`.
    """
    rows, columns = context.logit.shape
    above, below = min(FEATURES.halo, top), min(FEATURES.halo, rows - bottom)
    window = context.logit[top - above : bottom + below]
    inner = slice(above, above + bottom - top)
    probability = sigmoid(window)
    fine = _level_features(probability, 0)
    out = np.empty((context_count(), bottom - top, columns), np.float32)
    out[0] = window[inner]
    out[1] = probability[inner]
    out[2] = blur(window, 1.0)[inner]
    out[3] = context.share
    out[4 : 4 + len(fine)] = fine[:, inner]
    at = 4 + len(fine)
    for level, stack in enumerate(context.coarse, start=1):
        for plane in stack:
            out[at] = upsample_rows(plane, level, top, bottom)
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
