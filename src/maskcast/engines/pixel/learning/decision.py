"""From a logit map to a mask and a score, and how the limits are calibrated.

The limits (threshold, hysteresis, smallest component) are those with the best IoU on maps of
references that the maps' models never learned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
import numpy.typing as npt

from maskcast.engines.pixel.filters import Plane
from maskcast.engines.pixel.learning.exact import mean_of, total_of
from maskcast.engines.pixel.learning.perceptron import sigmoid
from maskcast.engines.pixel.learning.snapping import snap
from maskcast.types import Mask


@dataclass(frozen=True)
class DecisionConstants:
    """Fixed by hand, with ``benchmarks/accuracy.py`` on the measuring packs (docs/adr/0002).

    Attributes:
        thresholds: float32 (T,), logits tried as the threshold.
        steps_up: logits above the threshold tried as what a component's peak must exceed.
        areas: pixels tried as the smallest component.
        hopeless: pooled IoU below which the curve of thresholds says nothing.
        usual: the logit that thresholds are pulled to. Targets differ from the references, and what
            differs gets lower logits than maps of references can tell.
        prior: IoU that a threshold must earn per squared logit from there.
        cost: IoU that each step of hysteresis or of smallest area must earn.
        harm: pooled IoU on the references that snapping may cost.
        second_harm: share of the pooled IoU on the references that the second stage may cost. Few
            references tell a small loss from none too badly to act on it.
        alarm: IoU that a false component on all clean references weighs.
        safe_area: share of the smallest areas shown that a smallest area may reach.
        rare_area: quantile of the areas shown that counts as their smallest.
        doubt: references' worth of IoU that pulls the reliability to 1.
        least_doubt: scores stay this far from 0 and 1.
    """

    thresholds: npt.NDArray[np.float32] = field(
        default_factory=lambda: np.arange(-4.0, 4.01, 0.25, dtype=np.float32)
    )
    steps_up: tuple[float, ...] = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
    areas: tuple[int, ...] = (1, 4, 8, 16, 32, 64, 128, 256)
    hopeless: float = 0.02
    usual: float = -0.5
    prior: float = 0.12
    cost: float = 0.003
    harm: float = 0.01
    second_harm: float = 0.2
    alarm: float = 0.1
    safe_area: float = 0.25
    rare_area: float = 0.1
    doubt: float = 1.0
    least_doubt: float = 0.02


_FIXED = DecisionConstants()


SIGNALS = ("steadiness", "certainty")
"""What `measure` gives."""

_HIGHEST = 30
"""Pixels that evidence is the mean of: a single one may be noise."""

STEP = np.float32(2.0)
"""Logits by which the threshold is moved to see whether a mask is steady."""


@dataclass(frozen=True)
class Decision:
    """How logits become a mask.

    Attributes:
        low: a pixel above this logit may belong to the object.
        high: a component belongs only if its highest logit is above this.
        area: smallest component kept, in pixels.
        snapped: whether components' thresholds move to image edges.
        reliability: what scores are multiplied with, so that on references left out they equal
            the IoU on average; in (0, 1].
    """

    low: float
    high: float
    area: int
    snapped: bool
    reliability: float


@dataclass(frozen=True)
class _Components:
    """Components of one map at one threshold: their highest logit, area and true pixels."""

    peak: npt.NDArray[np.float32]
    area: npt.NDArray[np.int64]
    hits: npt.NDArray[np.int64]


def decide(logits: Plane, planes: Sequence[Plane], decision: Decision) -> tuple[Mask, float]:
    """Mask bool (H, W) and score in [0, 1] of one object.

    Args:
        logits: float32 (H, W).
        planes: the image's normalised channels, float32, at least (H, W).
        decision: the calibrated limits.
    """
    low = decision.low
    mask = snap(logits, planes, low) if decision.snapped else np.asarray(logits > low)
    labels, peak, area = _components(logits, mask)
    kept = (peak > decision.high) & (area >= decision.area)
    mask = np.concatenate([[False], kept])[labels]
    return mask, _score(logits, mask, decision)


def measure(logits: Plane, mask: Mask, decision: Decision) -> dict[str, float]:
    """How sure the map is of a mask that has a pixel: each in [0, 1].

    ``steadiness`` is the IoU of what a much higher threshold would leave of the mask with what a
    much lower one would add to it (Kirillov et al. 2023, *Segment Anything*, "stability score"),
    ``certainty`` the mean probability inside.
    """
    margins = logits - np.float32(decision.low)
    inside = margins[mask]
    wide = np.count_nonzero(mask | (margins > -STEP))
    sure = np.count_nonzero(inside > STEP)
    return signals_of(int(sure), int(wide), mean_of(total_of(sigmoid(inside)), inside.size))


def highest_of(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The few highest of some logits, (N,) or (H, W), ascending; evidence is told by them."""
    if logits.ndim > 1 and len(logits) > _HIGHEST:
        # So many rows reach what the least of the best rows does: nothing below is among them.
        least = np.partition(logits.max(axis=1), -_HIGHEST)[-_HIGHEST]
        logits = logits[logits >= least]
    count = min(_HIGHEST, logits.size)
    return np.sort(np.partition(logits, -count, axis=None)[-count:])


def evidence_of(highest: npt.NDArray[np.float32], decision: Decision) -> float:
    """How far a picture's highest logits are above the threshold in the mean.

    One that is far below counts as `STEP` below: of large pictures no more is known.
    """
    margins = np.maximum(highest - np.float32(decision.low), -STEP)
    return float(margins.mean(dtype=np.float64))


def signals_of(sure: int, wide: int, certainty: float) -> dict[str, float]:
    """The signals of a mask, by name.

    Args:
        sure: its pixels that are far above the threshold.
        wide: pixels that it would have with a much lower one, its own included.
        certainty: mean probability inside.
    """
    return dict(zip(SIGNALS, (sure / wide, certainty), strict=True))


def calibrate(
    maps: Sequence[Plane],
    truths: Sequence[Mask],
    channels: Sequence[Sequence[Plane]],
    threshold: float | None,
    unknown: Sequence[Mask | None] | None = None,
) -> Decision:
    """The best limits for one object.

    Args:
        maps: logits (H, W) of references, from models that did not learn them.
        truths: their true masks.
        channels: per reference, the image's normalised channels.
        threshold: probability to use instead of the best one, or None.
        unknown: per reference, pixels of which nothing is known, and which no truth holds.
    """
    known = [None if pixels is None else ~pixels for pixels in unknown or [None] * len(maps)]
    low = (
        _best_threshold(*_overlaps(maps, truths, known), truths)
        if threshold is None
        else float(np.log(threshold / (1 - threshold)))
    )
    choices = [[np.asarray(logits > low) for logits in maps]]
    if threshold is None:
        choices.append([snap(z, planes, low) for z, planes in zip(maps, channels, strict=True)])
    choices = [list(map(_within, masks, known)) for masks in choices]
    tables = [_table(maps, masks, truths, low) for masks in choices]
    # Snapping only where it does no harm to the references.
    snapped = len(tables) > 1 and bool(tables[1][0, 0] > tables[0][0, 0] - _FIXED.harm)
    table = tables[int(snapped)]
    # Stricter limits must earn something on the references before they are trusted on targets.
    cost = _FIXED.cost * (np.arange(len(_FIXED.steps_up))[:, None] + np.arange(len(_FIXED.areas)))
    cost = cost + np.where(np.array(_FIXED.areas) > _smallest_area(truths), 1.0, 0.0)
    alarms = _FIXED.alarm * _false_alarms(maps, choices[int(snapped)], truths, low)
    best = np.unravel_index(int(np.argmax(table - cost - alarms)), table.shape)
    up, small = (int(position) for position in best)
    plain = Decision(low, low + _FIXED.steps_up[up], _FIXED.areas[small], snapped, 1.0)
    return replace(plain, reliability=_reliability(maps, truths, channels, known, plain))


def second_helps(
    before: Sequence[Plane],
    after: Sequence[Plane],
    truths: Sequence[Mask],
    unknown: Sequence[Mask | None],
) -> bool:
    """Whether the second stage does no clear harm to references that its networks did not learn.

    Where the first stage's maps are hopeless it learned from noise, and no reference can tell.

    Args:
        before: first-stage logits (H, W) of references, from models that did not learn them.
        after: both stages' logits of the same.
        truths: their true masks.
        unknown: per reference, pixels of which nothing is known.
    """
    known = [None if pixels is None else ~pixels for pixels in unknown]
    reached = _reached(before, truths, known)
    needed = reached * (1 - _FIXED.second_harm)
    return reached >= _FIXED.hopeless and _reached(after, truths, known) >= needed


def _reached(maps: Sequence[Plane], truths: Sequence[Mask], known: Sequence[Mask | None]) -> float:
    """Pooled IoU at the threshold that `calibrate` would choose."""
    both, either = _overlaps(maps, truths, known)
    at = int(np.searchsorted(_FIXED.thresholds, _best_threshold(both, either, truths)))
    return float(both[:, at].sum() / max(either[:, at].sum(), 1))


def _within(mask: Mask, known: Mask | None) -> Mask:
    return mask if known is None else mask & known


def _best_threshold(
    both: npt.NDArray[np.float64], either: npt.NDArray[np.float64], truths: Sequence[Mask]
) -> float:
    """Threshold with the best IoU, pooled and per image, and not far from the usual one.

    Few references make a ragged optimum, so the curves are smoothed and a weak prior pulls.

    Args:
        both: from `_overlaps`.
        either: from `_overlaps`.
        truths: the true masks.
    """
    shown = np.array([truth.any() for truth in truths])
    pooled = both.sum(axis=0) / np.maximum(either.sum(axis=0), 1)
    single = (both[shown] / np.maximum(either[shown], 1)).mean(axis=0)
    if pooled.max() < _FIXED.hopeless:
        return 0.0
    value = sum(_smoothed(curve) / max(float(curve.max()), 1e-6) for curve in (pooled, single)) / 2
    return float(
        _FIXED.thresholds[np.argmax(value - _FIXED.prior * (_FIXED.thresholds - _FIXED.usual) ** 2)]
    )


def _overlaps(
    maps: Sequence[Plane], truths: Sequence[Mask], known: Sequence[Mask | None]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Intersection and union per map and threshold, float64 (maps, thresholds)."""
    both = np.empty((len(maps), len(_FIXED.thresholds)))
    either = np.empty_like(both)
    for index, (logits, truth, pixels) in enumerate(zip(maps, truths, known, strict=True)):
        bins = np.searchsorted(_FIXED.thresholds, logits.ravel())
        size = len(_FIXED.thresholds) + 1
        counted = bins if pixels is None else bins[pixels.ravel()]
        above = _count_above(np.bincount(counted, minlength=size))
        both[index] = _count_above(np.bincount(bins[truth.ravel()], minlength=size))
        either[index] = above + truth.sum() - both[index]
    return both, either


def _count_above(histogram: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    return np.asarray(np.cumsum(histogram[::-1])[::-1][1:])


def _table(
    maps: Sequence[Plane], masks: Sequence[Mask], truths: Sequence[Mask], low: float
) -> npt.NDArray[np.float64]:
    """Pooled IoU for every step of hysteresis and smallest area."""
    parts = [_measure(*triple) for triple in zip(maps, masks, truths, strict=True)]
    peak = np.concatenate([part.peak for part in parts])
    area = np.concatenate([part.area for part in parts])
    hits = np.concatenate([part.hits for part in parts])
    total = sum(int(truth.sum()) for truth in truths)
    table = np.zeros((len(_FIXED.steps_up), len(_FIXED.areas)))
    for up, small in np.ndindex(table.shape):
        kept = (peak > low + _FIXED.steps_up[up]) & (area >= _FIXED.areas[small])
        inside = int(hits[kept].sum())
        table[up, small] = inside / max(total + int(area[kept].sum()) - inside, 1)
    return table


def _smallest_area(truths: Sequence[Mask]) -> float:
    """Largest smallest-area that is safe: targets may show objects smaller than the references."""
    areas = np.concatenate(
        [
            cv2.connectedComponentsWithStats(truth.astype(np.uint8))[2][1:, cv2.CC_STAT_AREA]
            for truth in truths
        ]
    )
    return (
        max(1.0, float(np.quantile(areas, _FIXED.rare_area)) * _FIXED.safe_area)
        if len(areas)
        else 1.0
    )


def _false_alarms(
    maps: Sequence[Plane], masks: Sequence[Mask], truths: Sequence[Mask], low: float
) -> npt.NDArray[np.float64]:
    """Share of clean references with any component left, for every step and smallest area.

    In pooled IoU a few false pixels cost nothing, but a person who looks at clean parts minds.
    """
    clean = [i for i, truth in enumerate(truths) if not truth.any()]
    table = np.zeros((len(_FIXED.steps_up), len(_FIXED.areas)))
    for index in clean:
        part = _measure(maps[index], masks[index], truths[index])
        for up, small in np.ndindex(table.shape):
            kept = (part.peak > low + _FIXED.steps_up[up]) & (part.area >= _FIXED.areas[small])
            table[up, small] += bool(kept.any()) / len(clean)
    return table


def _reliability(
    maps: Sequence[Plane],
    truths: Sequence[Mask],
    channels: Sequence[Sequence[Plane]],
    known: Sequence[Mask | None],
    decision: Decision,
) -> float:
    """IoU per unit of score on the references, pulled to 1 as long as there are few."""
    reached = promised = _FIXED.doubt
    for logits, truth, planes, pixels in zip(maps, truths, channels, known, strict=True):
        mask, score = decide(logits, planes, decision)
        mask = _within(mask, pixels)
        if mask.any():
            reached += float((mask & truth).sum() / (mask | truth).sum())
            promised += score
    return min(reached / promised, 1.0)


def _components(
    logits: Plane, mask: Mask
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Labels (H, W), 0 = background, and highest logit and area per component."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=8
    )
    peak = np.full(count, -np.inf, np.float32)
    at, values = np.asarray(labels[mask], np.intp), logits[mask]
    np.maximum.at(peak, at, values)
    area = stats[1:, cv2.CC_STAT_AREA].astype(np.int64)
    return np.asarray(labels, np.int32), peak[1:], area


def _measure(logits: Plane, mask: Mask, truth: Mask) -> _Components:
    labels, peak, area = _components(logits, mask)
    hits = np.bincount(labels[truth], minlength=len(area) + 1)[1:]
    return _Components(peak, area, hits.astype(np.int64))


def _smoothed(curve: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Weighted mean over five neighbouring thresholds."""
    padded = np.pad(curve, 2, mode="edge")
    weights = np.array([1, 2, 3, 2, 1]) / 9
    return np.asarray(sum(weight * padded[i : i + len(curve)] for i, weight in enumerate(weights)))


def _score(logits: Plane, mask: Mask, decision: Decision) -> float:
    """Expected IoU of the mask, from how far its pixels lie above the limits."""
    if not mask.any():
        return 0.0
    inside = logits[mask]
    certain = mean_of(total_of(sigmoid(inside - np.float32(decision.low))), inside.size)
    return score_of(certain, float(inside.max()), decision)


def score_of(certain: float, highest: float, decision: Decision) -> float:
    """Expected IoU of a mask that has a pixel.

    Args:
        certain: mean probability inside.
        highest: logit inside.
        decision: the limits.
    """
    peak = float(sigmoid(np.float32(highest - decision.high)))
    score = certain * (0.5 + 0.5 * peak) * decision.reliability
    return float(np.clip(score, _FIXED.least_doubt, 1 - _FIXED.least_doubt))
