"""What a click corrects: the region around it that is wrong, as a whole.

A person clicks in the middle of what is missing or too much. Many regions around the click are
proposed: pixels that look like it, that a cue map or the hypotheses of the box put on its side,
that no edge separates from it, or simply a disc. Each is restricted to where the mask has the other
label, and measured: is the click in its middle, does its outline follow the old mask or stand free,
does it look like the label it has now or like the one it would get, do the hypotheses agree.

The whole mask may be wrong in the same way everywhere, so masks that replace it compete too, if
they agree with every click so far: other hypotheses, level sets of the belief, the mask grown or
shrunk by a few pixels. As for the box, a linear score becomes a probability and the choice is the
mask with the highest expected overlap; the weights were found in the same way.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from maskcast.engines.pixel.filters import SQUARE_3, SQUARE_7, Plane, as_plane, wide_blur
from maskcast.engines.pixel.interactive.box import (
    Hypotheses,
    Measures,
    Weights,
    mean_over,
    most_promising,
    score,
    side_gaps,
    soft_log,
)
from maskcast.engines.pixel.interactive.frame import Floats, Frame, Look
from maskcast.masks import Box
from maskcast.types import Mask

Index = npt.NDArray[np.intp]
"""Flat indices of pixels."""

CLICK_WEIGHTS: Weights = {
    "roundness": 1.18,
    "centred": 7.24,
    "centred_log": 1.31,
    "free_outline": -6.08,
    "share": -0.413,
    "share_squared": -0.133,
    "growth": -0.0993,
    "gap_change": -10.5,
    "belief": 0.627,
    "misfit": 1.09,
    "better_fit": 0.491,
    "shell_light": 0.408,
}
"""Effect of each measurement of a region around the click on its score."""

WHOLE_WEIGHTS: Weights = {
    "whole": -0.333,
    "merit": 0.887,
    "overlap": -1.4,
    "roundness": 1.67,
    "centred": -1.09,
}
"""Effect of each measurement of a mask that would replace the old one."""

_LIKENESS_SHARES = (0.03, 0.07, 0.12, 0.2, 0.32, 0.48, 0.68)
_LIKENESS_SIGMA = 2.2
_COLOR_WEIGHT = 2.0
_BELIEFS = (0.03, 0.1, 0.25, 0.5, 0.75, 0.9)
_RIDGE_SHARES = (0.75, 0.85, 0.93)
_LEAST_RIDGE = 0.8
_GROW_SHARES = (0.25, 0.5, 0.8)
_EDGE_SHARES = (0.5, 0.7, 0.85, 0.95)
_DISC_SIZES = (1, 2, 4)
_RIDGE_MAPS = ("dark_ridge", "bright_ridge", "dark_line", "bright_line")
_LEVEL_MAPS = ("dark_near", "bright_near", "dark_plane", "bright_plane", "color")
_HYPOTHESES = 16
_REPLACEMENTS = 16
_STEPS = (1, 2, 3)
_SAMPLES = 4000
_AREA_STEPS = 10
_SIDE_STEP = 3
_LOOK_NOISE = 0.5


@dataclass(frozen=True)
class Draft:
    """A mask on its way: what it is now and what it may yet be.

    Attributes:
        mask: bool (h, w).
        hypotheses: from the box, or from the first click if there is no box.
        settled: bool (h, w), what clicks have put right; only a click right there changes it again.
    """

    mask: Mask
    hypotheses: Hypotheses
    settled: Mask

    @classmethod
    def begin(cls, mask: Mask, hypotheses: Hypotheses) -> Draft:
        """A draft before the first click."""
        return cls(mask, hypotheses, np.zeros_like(mask))


@dataclass(frozen=True)
class Click:
    """One click in frame pixels."""

    column: int
    row: int
    positive: bool

    def on(self, mask: Mask) -> bool:
        """The value of a mask at the click."""
        return bool(mask[self.row, self.column])


@dataclass(frozen=True)
class Patch:
    """A region proposed to change its label.

    Attributes:
        mask: bool (h, w), one connected component that holds the click.
        area: its pixels.
        bounds: its smallest box.
    """

    mask: Mask
    area: int
    bounds: Box


def correct(frame: Frame, draft: Draft, click: Click, done: Sequence[Click]) -> Draft:
    """The draft with what a click says put right.

    Args:
        frame: what the draft lies on.
        draft: its mask has the wrong label at the click.
        click: the click to obey.
        done: earlier clicks; what they said stays so.
    """
    masks = draft.hypotheses.masks
    hypotheses = draft.hypotheses.doubt(masks[:, click.row, click.column] != click.positive)
    domain = _domain(frame, draft, click, done)
    patches = list(propose(frame, hypotheses, domain, click))
    choices = np.stack([patch.mask for patch in patches]) ^ draft.mask
    told = replace(draft, hypotheses=hypotheses)
    scores = score(measure_patches(frame, told, domain, click, patches), CLICK_WEIGHTS)
    wholes = list(replacements(told, click, done))
    if wholes:
        choices = np.concatenate([choices, np.stack(wholes)])
        others = score(measure_wholes(told, click, np.stack(wholes)), WHOLE_WEIGHTS)
        scores = np.concatenate([scores, others])
    answer = most_promising(choices, scores)
    changed = answer ^ draft.mask
    settled = (draft.settled & ~changed) | component_at(changed, click).mask
    return Draft(answer, hypotheses, settled)


def propose(frame: Frame, hypotheses: Hypotheses, domain: Mask, click: Click) -> Iterator[Patch]:
    """Regions around a click that may have to change their label, each once.

    Args:
        frame: what is looked at.
        hypotheses: what the object may be.
        domain: bool (h, w), pixels that may change; holds the click.
        click: in its middle, roughly.
    """
    seen = set()
    for picture in _pictures(frame, hypotheses, domain, click):
        region = picture & domain
        if not click.on(region):
            continue
        patch = component_at(region, click)
        x0, y0, x1, y1 = patch.bounds
        key = (
            round(_AREA_STEPS * math.log(patch.area)),
            *(side // _SIDE_STEP for side in (x0, y0, x1 - x0, y1 - y0)),
        )
        if key not in seen:
            seen.add(key)
            yield patch


def component_at(region: Mask, click: Click) -> Patch:
    """The 8-connected component of a region that holds a click."""
    height, width = region.shape
    filled = np.zeros((height + 2, width + 2), np.uint8)
    flags = 8 | cv2.FLOODFILL_MASK_ONLY | (1 << 8)
    area, _, _, bounds = cv2.floodFill(
        region.astype(np.uint8), filled, (click.column, click.row), (0,), flags=flags
    )
    x, y, across, down = bounds
    bounds = (x, y, x + across, y + down)
    return Patch(filled[1:-1, 1:-1].astype(np.bool_), int(area), bounds)


def replacements(draft: Draft, click: Click, done: Sequence[Click]) -> Iterator[Mask]:
    """Masks, bool (h, w), that may replace the draft's: they agree with every click."""
    for whole in _wholes(draft, click):
        mask = np.where(draft.settled, draft.mask, whole)
        if all(other.on(mask) == other.positive for other in (*done, click)):
            yield mask


def measure_patches(
    frame: Frame, draft: Draft, domain: Mask, click: Click, patches: Sequence[Patch]
) -> Measures:
    """What speaks for and against each proposal, by the names of `CLICK_WEIGHTS`."""
    masks = np.stack([patch.mask for patch in patches])
    shells = np.empty(masks.shape, np.uint8)
    free = np.empty(len(patches))
    allowed = domain.view(np.uint8)
    for i, pixels in enumerate(masks.view(np.uint8)):
        grown = cv2.dilate(pixels, SQUARE_3)
        shells[i] = cv2.bitwise_and(cv2.dilate(pixels, SQUARE_7) - grown, allowed)
        outline = grown - pixels
        free[i] = cv2.countNonZero(cv2.bitwise_and(outline, allowed))
        free[i] /= max(1, cv2.countNonZero(outline))
    area = np.array([patch.area for patch in patches], np.float64)
    depths = np.array([depth_at(patch.mask, click, patch.bounds) for patch in patches])
    looks, shell = Look.of(frame, masks), Look.of(frame, shells)
    inside, outside = Look.of(frame, draft.mask[None]), Look.of(frame, ~draft.mask[None])
    now, then = (outside, inside) if click.positive else (inside, outside)
    misfit, fit = _distance(looks, now), _distance(looks, then)
    share = np.log(area / np.count_nonzero(domain))
    belief = mean_over(draft.hypotheses.belief, masks.view(np.uint8))
    agreed = belief if click.positive else 1 - belief
    return {
        "roundness": np.log(depths[:, 0] / np.sqrt(area)),
        "centred": depths[:, 0] / depths[:, 1],
        "centred_log": np.log(depths[:, 0] / depths[:, 1] + 0.02),
        "free_outline": free,
        "share": share,
        "share_squared": share**2,
        "growth": np.log(area / max(1, int(np.count_nonzero(draft.mask)))),
        "gap_change": _gap_changes(frame, draft.mask, draft.mask ^ masks),
        "belief": np.log((agreed + 0.02) / (1.02 - agreed)),
        "misfit": soft_log(misfit),
        "better_fit": misfit - fit,
        "shell_light": np.where(shell.count[:, 0] > 1, soft_log(looks.contrast(shell)[:, 0]), -3),
    }


def measure_wholes(draft: Draft, click: Click, masks: npt.NDArray[np.bool_]) -> Measures:
    """The same for masks (N, h, w) that would replace the draft's, see `WHOLE_WEIGHTS`."""
    changes = masks ^ draft.mask
    everywhere = (0, 0, masks.shape[2], masks.shape[1])
    depths = np.array([depth_at(change, click, everywhere) for change in changes])
    area = changes.sum(axis=(1, 2)).astype(np.float64)
    both = (masks & draft.mask).sum(axis=(1, 2))
    return {
        "whole": np.ones(len(masks)),
        "merit": np.log(draft.hypotheses.merits_of(masks).astype(np.float64) + 0.01),
        "overlap": both / np.maximum(1, (masks | draft.mask).sum(axis=(1, 2))),
        "roundness": np.log(depths[:, 0] / np.sqrt(area)),
        "centred": depths[:, 0] / depths[:, 1],
    }


def depth_at(mask: Mask, click: Click, bounds: Box) -> tuple[float, float]:
    """Distance of the click from the outline of a mask, and the largest such distance.

    Args:
        mask: bool (h, w), True at the click.
        click: in the mask.
        bounds: a box that holds the mask.
    """
    x0, y0, x1, y1 = bounds
    part = np.ascontiguousarray(mask[y0:y1, x0:x1]).view(np.uint8)
    padded = cv2.copyMakeBorder(part, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, 3)
    return float(depth[click.row - y0 + 1, click.column - x0 + 1]), float(depth.max())


def _domain(frame: Frame, draft: Draft, click: Click, done: Sequence[Click]) -> Mask:
    """Pixels a click may change: of the other label, in the box if the click is, not settled."""
    domain = ~draft.mask if click.positive else draft.mask.copy()
    if not click.on(draft.settled):
        domain &= ~draft.settled
    if click.positive and click.on(frame.inside):
        domain &= frame.inside
    for other in done:
        if other.positive != click.positive:
            domain[other.row, other.column] = False
    domain[click.row, click.column] = True
    return domain


def _wholes(draft: Draft, click: Click) -> Iterator[Mask]:
    hypotheses, pixels = draft.hypotheses, draft.mask.view(np.uint8)
    best_first = np.argsort(-hypotheses.merits, kind="stable")[:_REPLACEMENTS]
    yield from hypotheses.masks[best_first]
    for level in _BELIEFS:
        yield hypotheses.belief >= level
    change = cv2.dilate if click.positive else cv2.erode
    for step in _STEPS:
        yield np.asarray(change(pixels, SQUARE_3, iterations=step), np.bool_)


def _gap_changes(frame: Frame, mask: Mask, changed: npt.NDArray[np.bool_]) -> Floats:
    """How much farther from the sides of the box masks (N, h, w) are than a mask was."""
    box = frame.box
    if box is None:
        return np.zeros(len(changed))

    def gap(pixels: Mask) -> float:
        x, y, width, height = cv2.boundingRect(pixels.view(np.uint8))
        gaps = side_gaps((x, y, x + width, y + height), box)
        return float(np.sqrt(gaps).mean()) if width else 1.0

    before = gap(mask)
    return np.array([gap(pixels) - before for pixels in changed])


def _distance(look: Look, other: Look) -> Floats:
    spread = (look.variance + other.variance) / 2 + _LOOK_NOISE
    distance: Floats = np.sqrt((np.square(look.mean - other.mean) / spread).sum(axis=1))
    return distance


def _pictures(frame: Frame, hypotheses: Hypotheses, domain: Mask, click: Click) -> Iterator[Mask]:
    yield domain
    some = np.flatnonzero(domain)
    some = some[:: max(1, some.size // _SAMPLES)]
    for colors in (frame.smooth, wide_blur(frame.lab, _LIKENESS_SIGMA)):
        yield from _alike(colors, domain, click, some)
    best_first = np.argsort(-hypotheses.merits, kind="stable")[:_HYPOTHESES]
    for mask in hypotheses.masks[best_first]:
        yield mask if click.positive else ~mask
    for level in _BELIEFS:
        belief = hypotheses.belief
        yield belief >= level if click.positive else belief <= level
    for name in (*_RIDGE_MAPS, *_LEVEL_MAPS):
        yield from _level_sets(name, hypotheses.maps[name], click, some)
    edges, edge = np.sort(frame.steepness.ravel()[some]), frame.steepness[click.row, click.column]
    for share in _EDGE_SHARES:
        yield frame.steepness <= max(edge, edges[int(share * (edges.size - 1))])
    depth, _ = depth_at(domain, click, (0, 0, frame.shape[1], frame.shape[0]))
    for size in _DISC_SIZES:
        disc = np.zeros(frame.shape, np.uint8)
        cv2.circle(disc, (click.column, click.row), int(depth * size + 1), 1, -1)
        yield disc.astype(np.bool_)


def _alike(colors: Plane, domain: Mask, click: Click, some: Index) -> Iterator[Mask]:
    """Pixels whose colour is near that at the click, for growing tolerance."""
    reach = 2 if max(domain.shape) > 40 else 1
    near = np.s_[
        max(0, click.row - reach) : click.row + reach + 1,
        max(0, click.column - reach) : click.column + reach + 1,
    ]
    difference = np.square(colors - colors[near][domain[near]].mean(axis=0))
    weights = np.array([[1.0, _COLOR_WEIGHT, _COLOR_WEIGHT]], np.float32)
    distance = as_plane(cv2.transform(difference, weights))
    ranked = np.sort(distance.ravel()[some])
    for share in _LIKENESS_SHARES:
        alike = distance <= ranked[int(share * (ranked.size - 1))]
        alike[click.row, click.column] = True
        yield alike


def _level_sets(name: str, cue: Plane, click: Click, some: Index) -> Iterator[Mask]:
    """Pixels on the click's side of a few levels of a cue map."""
    ranked, value = np.sort(cue.ravel()[some]), cue[click.row, click.column]
    rank = float(np.searchsorted(ranked, value)) / ranked.size

    def level(share: float) -> float:
        return float(ranked[int(share * (ranked.size - 1))])

    if not click.positive:
        for share in _GROW_SHARES:
            yield cue <= max(value, level(1 - (1 - rank) * share))
    elif name not in _RIDGE_MAPS:
        for share in _GROW_SHARES:
            yield cue >= min(value, level(rank * share))
    elif rank >= _LEAST_RIDGE:
        for share in _RIDGE_SHARES:
            yield cue >= min(value, level(min(share, rank)))
