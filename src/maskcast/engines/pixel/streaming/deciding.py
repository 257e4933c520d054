"""From the logits of a large picture to masks and scores, rows of tiles at a time.

Does what `learning.decision`, `learning.snapping` and `learning.rivals` do of a whole picture, by
passes over what `logit_store` kept: components are labelled where they are, and united where they
touch across rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from maskcast.engines.large import LargeSegmentation, PackedMask
from maskcast.engines.pixel.filters import Plane
from maskcast.engines.pixel.learning.decision import (
    SIGNALS,
    STEP,
    Decision,
    evidence_of,
    highest_of,
    score_of,
    signals_of,
)
from maskcast.engines.pixel.learning.exact import mean_of, total_of
from maskcast.engines.pixel.learning.features import Light, normalise, strips
from maskcast.engines.pixel.learning.perceptron import sigmoid
from maskcast.engines.pixel.learning.snapping import Profiles, around, levels_around
from maskcast.engines.pixel.streaming.logit_store import NOWHERE, LogitStore
from maskcast.engines.uniting import Labels, Uniting, remove_small_parts
from maskcast.io.windowed import Picture
from maskcast.types import Mask

Rows = Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Seen:
    """A large picture whose logits are known.

    Attributes:
        picture: for its edges.
        light: what its intensities are normalised by.
        color: whether opponent colours are used.
        rows: (top, bottom) of each row of tiles.
        store: the logits.
    """

    picture: Picture
    light: Light
    color: bool
    rows: Rows
    store: LogitStore


def floor_of(decision: Decision) -> float:
    """The logit below which pixels have no say."""
    lowest = decision.low - float(STEP)
    return min(lowest, float(levels_around(decision.low)[0])) if decision.snapped else lowest


def decide_large(
    seen: Seen, decisions: Mapping[int, Decision], *, exclusive: bool
) -> LargeSegmentation:
    """See `model.decided`.

    Args:
        seen: the picture.
        decisions: object id -> how its logits become a mask, ascending, in the store's order.
        exclusive: whether a pixel belongs to one object at most.
    """
    found = [
        candidate
        for index, (object_id, decision) in enumerate(decisions.items())
        if (candidate := _candidate(seen, index, object_id, decision)) is not None
    ]
    if exclusive and len(found) > 1:
        found = _settle(seen, found)
    return LargeSegmentation(
        height=seen.picture.height,
        width=seen.picture.width,
        object_ids=np.array([candidate.object_id for candidate in found], np.int32),
        masks=tuple(candidate.mask for candidate in found),
        scores=np.array([candidate.score for candidate in found], np.float32),
        signals={
            name: np.array([candidate.signals[name] for candidate in found], np.float32)
            for name in SIGNALS
        },
        evidence=max(
            _evidence(seen, index, decision) for index, decision in enumerate(decisions.values())
        ),
    )


def _evidence(seen: Seen, index: int, decision: Decision) -> float:
    rows = [highest_of(seen.store.rows(row, index)) for row in range(len(seen.rows))]
    return evidence_of(highest_of(np.concatenate(rows)), decision)


@dataclass(frozen=True)
class _Candidate:
    """An object, before objects contest pixels; see `model`."""

    index: int
    object_id: int
    decision: Decision
    mask: PackedMask
    score: float
    signals: Mapping[str, float]


def _candidate(seen: Seen, index: int, object_id: int, decision: Decision) -> _Candidate | None:
    height, width = seen.picture.height, seen.picture.width
    mask = PackedMask(height, width)
    for (top, _), rows in zip(seen.rows, _above_threshold(seen, index, decision), strict=True):
        mask.put(top, rows)
    peaks, areas, numbers = _measured(seen, index, mask)
    if len(peaks) == 1:
        return None
    kept = (peaks > decision.high) & (areas >= decision.area)
    kept[0] = False
    sums = _Sums()
    for row, labels in enumerate(_labels(seen, mask)):
        top, _ = seen.rows[row]
        inside = kept[numbers[labels]]
        mask.put(top, inside)
        sums.add(seen.store.rows(row, index), inside, decision)
    if not sums.area:
        return None
    certain = mean_of(sums.certain, sums.area)
    signals = signals_of(sums.sure, sums.wide, certain)
    return _Candidate(
        index, object_id, decision, mask, score_of(certain, sums.highest, decision), signals
    )


@dataclass
class _Sums:
    """What score and signals are made of; see `decision.measure`."""

    area: int = 0
    certain: int = 0
    sure: int = 0
    wide: int = 0
    highest: float = float("-inf")

    def add(self, logits: Plane, inside: Mask, decision: Decision) -> None:
        margins = logits - np.float32(decision.low)
        self.wide += int(np.count_nonzero(inside | (margins > -STEP)))
        if not inside.any():
            return
        shown = margins[inside]
        self.area += shown.size
        self.sure += int(np.count_nonzero(shown > STEP))
        self.certain += total_of(sigmoid(shown))
        self.highest = max(self.highest, float(logits[inside].max()))


def _above_threshold(seen: Seen, index: int, decision: Decision) -> Iterator[Mask]:
    """Pixels above the threshold, their component's own where it is snapped; rows by rows."""
    store, count = seen.store, len(seen.rows)
    if not decision.snapped:
        yield from (store.rows(row, index) > decision.low for row in range(count))
        return
    levels = levels_around(decision.low)
    uniting = Uniting()
    profiles = _Growing(len(levels))
    for row in range(count):
        labels = uniting.add(store.rows(row, index) > levels[0])
        profiles.grow(uniting.count)
        if labels.any():
            _add_profiles(seen, index, row, labels, profiles.sums, levels)
    numbers, united = uniting.united()
    thresholds = profiles.sums.joined(numbers, united).thresholds(levels, decision.low)
    thresholds[0] = np.inf
    again = Uniting()
    for row in range(count):
        logits = store.rows(row, index)
        yield logits > thresholds[numbers[again.add(logits > levels[0])]]


class _Growing:
    """Profiles of components of which more and more are met."""

    def __init__(self, levels: int) -> None:
        self.sums = Profiles.empty(1, levels)

    def grow(self, count: int) -> None:
        """Make room for ``count`` components."""
        more = ((0, count - len(self.sums.edge)), (0, 0))
        self.sums = Profiles(np.pad(self.sums.edge, more), np.pad(self.sums.length, more))


def _add_profiles(
    seen: Seen,
    index: int,
    row: int,
    labels: Labels,
    sums: Profiles,
    levels: npt.NDArray[np.float64],
) -> None:
    """Add what a row of tiles says of its components' edges."""
    height, width = seen.picture.height, seen.picture.width
    top, bottom = seen.rows[row]
    wide = around(top, bottom, height)
    logits = _with_neighbours(seen, index, row, wide)
    for first, last in strips(bottom - top, width):
        part = labels[first:last]
        if not part.any():
            continue
        rows = around(top + first, top + last, height)
        inner = slice(top + first - rows.start, top + last - rows.start)

        def planes(rows: slice = rows) -> Sequence[Plane]:
            image = seen.picture.read(rows.start, 0, rows.stop, width)
            return normalise(image, color=seen.color, light=seen.light)[0]

        sums.add(
            logits[rows.start - wide.start : rows.stop - wide.start], planes, part, inner, levels
        )


def _with_neighbours(seen: Seen, index: int, row: int, wide: slice) -> Plane:
    """The logits of a row of tiles and of the few rows that belong to those above and below."""
    top, bottom = seen.rows[row]
    parts = []
    if wide.start < top:
        parts.append(seen.store.rows(row - 1, index)[wide.start - top :])
    if wide.stop > bottom:
        parts.append(seen.store.rows(row + 1, index)[: wide.stop - bottom])
    own = seen.store.rows(row, index)
    return np.concatenate([*parts[: wide.start < top], own, *parts[wide.start < top :]])


def _labels(seen: Seen, mask: PackedMask) -> Iterator[Labels]:
    """Components of a mask, numbered as `Uniting` does; each row of tiles is read when asked."""
    uniting = Uniting()
    for top, bottom in seen.rows:
        yield uniting.add(mask.rows(top, bottom))


def _measured(
    seen: Seen, index: int, mask: PackedMask
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64], npt.NDArray[np.intp]]:
    """Highest logit and area of each component, the background first, and numbers to them."""
    uniting = Uniting()
    peaks, areas = [np.full(1, -np.inf, np.float32)], [np.zeros(1, np.int64)]
    for row, (top, bottom) in enumerate(seen.rows):
        before = uniting.count
        labels = uniting.add(mask.rows(top, bottom))
        new = uniting.count - before
        if not new:
            continue
        inside = labels > 0
        at = labels[inside].astype(np.intp) - before
        peak = np.full(new, -np.inf, np.float32)
        np.maximum.at(peak, at, seen.store.rows(row, index)[inside])
        peaks.append(peak)
        areas.append(np.bincount(at, minlength=new).astype(np.int64))
    numbers, count = uniting.united()
    peak, area = np.full(count, -np.inf, np.float32), np.zeros(count, np.int64)
    np.maximum.at(peak, numbers, np.concatenate(peaks))
    np.add.at(area, numbers, np.concatenate(areas))
    return peak, area, numbers


def _settle(seen: Seen, found: list[_Candidate]) -> list[_Candidate]:
    """Give every contested pixel to the object with the highest margin; see `rivals.settle`."""
    changed = [False] * len(found)
    for row, (top, bottom) in enumerate(seen.rows):
        masks = [candidate.mask.rows(top, bottom) for candidate in found]
        if sum(mask.any() for mask in masks) < 2:
            continue
        owner = np.full(masks[0].shape, -1, np.int16)
        best = np.full(masks[0].shape, -np.inf, np.float32)
        for number, (candidate, mask) in enumerate(zip(found, masks, strict=True)):
            logits = seen.store.rows(row, candidate.index)
            margin = np.where(mask, logits - np.float32(candidate.decision.low), NOWHERE)
            stronger = mask & (margin > best)
            best[stronger] = margin[stronger]
            owner[stronger] = number
        for number, (candidate, mask) in enumerate(zip(found, masks, strict=True)):
            own = owner == number
            if (own != mask).any():
                changed[number] = True
                candidate.mask.put(top, own)
    for candidate, is_less in zip(found, changed, strict=True):
        if is_less:
            remove_small_parts(candidate.mask, candidate.decision.area)
    return [candidate for candidate in found if candidate.mask.any_in(0, candidate.mask.height)]
