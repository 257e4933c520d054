"""What a click corrects: the region around it that is wrong, as a whole.

A person clicks in the middle of what is missing or too much. Many regions around the click are
proposed: pixels that look like it, that a cue map or the hypotheses of the box put on its side,
that no edge separates from it, or simply a disc. Each is restricted to where the mask has the other
label, and measured: is the click in its middle, does its outline follow the old mask or stand free,
does it look like the label it has now or like the one it would get, do the box hypotheses agree. A
linear score chooses; the weights maximise the expected overlap after the click, as for the box.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from maskcast.engines.pixel.interactive_box import Hypotheses, Measures, side_gaps, soft_log
from maskcast.engines.pixel.interactive_frame import Frame, Look, Plane, Rect, blur
from maskcast.types import Mask

CLICK_WEIGHTS: Measures = {
    "roundness": 2.48,
    "centred": 8.45,
    "centred_log": 2.06,
    "free_outline": -6.71,
    "share": -0.507,
    "share_squared": -0.196,
    "growth": -0.440,
    "gap_change": -9.93,
    "belief": 1.17,
    "misfit": 0.943,
    "better_fit": 0.554,
    "shell_light": 0.513,
}
"""Effect of each measurement of a proposal on its score."""

_LIKENESS_SHARES = (0.03, 0.06, 0.1, 0.16, 0.24, 0.34, 0.46, 0.6, 0.75)
_LIKENESS_SIGMA = 2.2
_COLOR_WEIGHT = 2.0
_BELIEFS = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9)
_RIDGE_SHARES = (0.75, 0.85, 0.93)
_LEAST_RIDGE = 0.8
_GROW_SHARES = (0.25, 0.5, 0.8)
_EDGE_SHARES = (0.5, 0.7, 0.85, 0.95)
_DISC_SIZES = (1, 2, 4)
_RIDGE_MAPS = ("dark_ridge", "bright_ridge", "dark_line", "bright_line")
_LEVEL_MAPS = ("dark_near", "bright_near", "dark_plane", "bright_plane", "color")
_HYPOTHESES = 40
_SAMPLES = 4000
_LOOK_NOISE = 0.5
_LEAST_SHELL = 4
_SQUARE = np.ones((3, 3), np.uint8)


@dataclass(frozen=True)
class Draft:
    """A mask on its way: what it is now and what it may yet be.

    Attributes:
        mask: bool (h, w).
        hypotheses: from the box, or from the first click if there is no box.
    """

    mask: Mask
    hypotheses: Hypotheses


@dataclass(frozen=True)
class Click:
    """One click in frame pixels."""

    column: int
    row: int
    positive: bool

    def on(self, plane: npt.NDArray[np.generic]) -> bool:
        """The value of a mask at the click."""
        return bool(plane[self.row, self.column])


@dataclass(frozen=True)
class Patch:
    """A region proposed to change its label.

    Attributes:
        mask: bool (h, w), one connected component that holds the click.
        area: its pixels.
        bounds: ``x, y, width, height``.
    """

    mask: Mask
    area: int
    bounds: Rect


def correct(frame: Frame, draft: Draft, click: Click, others: list[Click]) -> Mask:
    """The mask with the wrong region around a click put right.

    Args:
        frame: what the draft lies on.
        draft: its mask has the wrong label at the click.
        click: the click to obey.
        others: earlier clicks; what they said stays so.
    """
    domain = _domain(frame, draft.mask, click)
    for other in others:
        if other.positive != click.positive:
            domain[other.row, other.column] = False
    domain[click.row, click.column] = True
    meter = PatchMeter(frame, draft, domain, click)
    patches = list(propose(frame, draft.hypotheses, domain, click))
    scores = [score(meter.measure(patch), CLICK_WEIGHTS) for patch in patches]
    chosen = patches[int(np.argmax(scores))].mask
    return draft.mask | chosen if click.positive else draft.mask & ~chosen


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
        key = (patch.area, patch.bounds)
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
    return Patch(filled[1:-1, 1:-1].astype(np.bool_), int(area), (x, y, across, down))


class PatchMeter:
    """Measures the proposals of one click."""

    def __init__(self, frame: Frame, draft: Draft, domain: Mask, click: Click) -> None:
        """Take the looks that all proposals are compared with."""
        self._frame, self._draft, self._domain, self._click = frame, draft, domain, click
        self._area = max(1, int(np.count_nonzero(draft.mask)))
        self._domain_area = int(np.count_nonzero(domain))
        inside = Look.of(frame.channels, draft.mask.view(np.uint8))
        outside = Look.of(frame.channels, (~draft.mask).view(np.uint8))
        self._now, self._then = (outside, inside) if click.positive else (inside, outside)
        self._gap = self._gap_of(draft.mask)

    def measure(self, patch: Patch) -> Measures:
        """What speaks for and against a proposal, by the names of `CLICK_WEIGHTS`."""
        around = _widen(patch.bounds, self._frame.shape)
        mask = np.ascontiguousarray(patch.mask[around])
        domain = self._domain[around]
        pixels = mask.view(np.uint8)
        radius, largest = depth_at(mask, self._click, around)
        grown = cv2.dilate(pixels, _SQUARE).astype(np.bool_)
        outline = grown & ~mask
        free = int(np.count_nonzero(outline & domain))
        channels = self._frame.channels[around]
        look = Look.of(channels, pixels)
        shell = cv2.dilate(pixels, _SQUARE, iterations=3).astype(np.bool_) & ~grown & domain
        share = float(np.log(patch.area / self._domain_area))
        misfit, fit = _distance(look, self._now), _distance(look, self._then)
        return {
            "roundness": float(np.log(radius / np.sqrt(patch.area))),
            "centred": radius / largest,
            "centred_log": float(np.log(radius / largest + 0.02)),
            "free_outline": free / max(1, int(np.count_nonzero(outline))),
            "share": share,
            "share_squared": share**2,
            "growth": float(np.log(patch.area / self._area)),
            "gap_change": self._gap_change(patch),
            "belief": self._belief(pixels, around),
            "misfit": soft_log(misfit),
            "better_fit": misfit - fit,
            "shell_light": soft_log(_light_contrast(look, channels, shell)),
        }

    def _belief(self, pixels: npt.NDArray[np.uint8], around: tuple[slice, slice]) -> float:
        belief = cv2.mean(self._draft.hypotheses.belief[around], mask=pixels)[0]
        agreed = belief if self._click.positive else 1 - belief
        return float(np.log((agreed + 0.02) / (1.02 - agreed)))

    def _gap_of(self, mask: Mask) -> float:
        """How far a mask is from touching all sides of the box; 1 if it is empty."""
        if self._frame.box is None or not mask.any():
            return 1.0
        return float(np.sqrt(side_gaps(mask, self._frame.box)).mean())

    def _gap_change(self, patch: Patch) -> float:
        if self._frame.box is None:
            return 0.0
        mask = self._draft.mask
        changed = mask | patch.mask if self._click.positive else mask & ~patch.mask
        return self._gap_of(changed) - self._gap


def score(measures: Measures, weights: Measures) -> float:
    """Weighted sum of the measures that have a weight."""
    return sum(weight * measures[name] for name, weight in weights.items())


def _domain(frame: Frame, mask: Mask, click: Click) -> Mask:
    """Pixels that a click may change: of the other label, in the box if the click is."""
    if not click.positive:
        return mask.copy()
    return ~mask & frame.inside if click.on(frame.inside) else ~mask


def _pictures(frame: Frame, hypotheses: Hypotheses, domain: Mask, click: Click) -> Iterator[Mask]:
    yield domain
    some = max(1, int(np.count_nonzero(domain)) // _SAMPLES)
    for colors in (frame.smooth, blur(frame.lab, _LIKENESS_SIGMA)):
        yield from _alike(colors, domain, click, some)
    best_first = np.argsort(-hypotheses.merits, kind="stable")[:_HYPOTHESES]
    for mask in hypotheses.masks[best_first]:
        yield mask if click.positive else ~mask
    for level in _BELIEFS:
        belief = hypotheses.belief
        yield belief >= level if click.positive else belief <= level
    for name in (*_RIDGE_MAPS, *_LEVEL_MAPS):
        yield from _level_sets(name, hypotheses.maps[name], domain, click, some)
    edges = np.sort(frame.gradient[domain][::some])
    for share in _EDGE_SHARES:
        strength = max(
            edges[int(share * (edges.size - 1))], frame.gradient[click.row, click.column]
        )
        yield frame.gradient <= strength
    depth, _ = depth_at(domain, click, np.s_[0 : frame.shape[0], 0 : frame.shape[1]])
    for size in _DISC_SIZES:
        disc = np.zeros(frame.shape, np.uint8)
        cv2.circle(disc, (click.column, click.row), int(depth * size + 1), 1, -1)
        yield disc.astype(np.bool_)


def _alike(colors: Plane, domain: Mask, click: Click, some: int) -> Iterator[Mask]:
    """Pixels whose colour is near that at the click, for growing tolerance."""
    reach = 2 if max(domain.shape) > 40 else 1
    near = np.s_[
        max(0, click.row - reach) : click.row + reach + 1,
        max(0, click.column - reach) : click.column + reach + 1,
    ]
    difference = np.square(colors - colors[near][domain[near]].mean(axis=0))
    weights = np.array([[1.0, _COLOR_WEIGHT, _COLOR_WEIGHT]], np.float32)
    distance = np.asarray(cv2.transform(difference, weights), np.float32)
    ranked = np.sort(distance[domain][::some])
    for share in _LIKENESS_SHARES:
        alike = distance <= ranked[int(share * (ranked.size - 1))]
        alike[click.row, click.column] = True
        yield alike


def _level_sets(name: str, cue: Plane, domain: Mask, click: Click, some: int) -> Iterator[Mask]:
    """Pixels on the click's side of a few levels of a cue map."""
    ranked, value = np.sort(cue[domain][::some]), cue[click.row, click.column]
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


def _widen(bounds: Rect, shape: tuple[int, int]) -> tuple[slice, slice]:
    x, y, across, down = bounds
    rows = slice(max(0, y - 4), min(shape[0], y + down + 4))
    return rows, slice(max(0, x - 4), min(shape[1], x + across + 4))


def depth_at(mask: Mask, click: Click, around: tuple[slice, slice]) -> tuple[float, float]:
    """Distance of the click from the outline of a mask, and the largest such distance."""
    rows, columns = around
    padded = np.pad(mask.view(np.uint8), 1)
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, 3)
    here = depth[click.row - rows.start + 1, click.column - columns.start + 1]
    return float(here), float(depth.max())


def _distance(look: Look, other: Look) -> float:
    spread = (look.variance + other.variance) / 2 + _LOOK_NOISE
    return float(np.sqrt((np.square(look.mean - other.mean) / spread).sum()))


def _light_contrast(look: Look, channels: Plane, shell: Mask) -> float:
    if np.count_nonzero(shell) < _LEAST_SHELL:
        return 0.0
    return float(look.contrast(Look.of(channels, shell.view(np.uint8)))[0])
