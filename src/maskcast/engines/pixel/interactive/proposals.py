"""Regions around a click: what the person may mean.

A person clicks in the middle of something. What that is, is not known: pixels that look like the
click, that a cue map or the hypotheses of the box put on its side, that no edge separates from it,
or simply a disc.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from maskcast.engines.pixel.filters import Plane, as_plane, wide_blur
from maskcast.engines.pixel.interactive.box import Hypotheses
from maskcast.engines.pixel.interactive.frame import Frame
from maskcast.masks import Box
from maskcast.types import Mask

Index = npt.NDArray[np.intp]
"""Flat indices of pixels."""


@dataclass(frozen=True)
class ProposalConstants:
    """Fixed by hand, with ``benchmarks/interactive.py`` on the measuring packs (docs/adr/0003).

    Attributes:
        likeness_shares: pixels are alike in these shares of what may change.
        likeness_sigma: of the blur of the colours that are compared, besides unblurred ones.
        color_weight: of a difference in a or b against one in L, squared.
        beliefs: levels of the hypotheses' belief.
        ridge_maps: cue maps of ridges.
        ridge_shares: levels of those.
        least_ridge: share of what may change that lies below a click on a ridge.
        level_maps: the other cue maps that are cut.
        grow_shares: levels of those, in shares of the way from the click's level.
        edge_shares: no edge steeper than in these shares separates from the click.
        disc_sizes: radii of discs, in the click's depth.
        hypotheses: most promising ones that propose a region.
        samples: about so many pixels say what the levels are.
        area_steps: regions are the same if their areas are, in this many steps per factor e,
        side_step: and the sides of their boxes, in steps of this many pixels.
    """

    likeness_shares: tuple[float, ...] = (0.03, 0.07, 0.12, 0.2, 0.32, 0.48, 0.68)
    likeness_sigma: float = 2.2
    color_weight: float = 2.0
    beliefs: tuple[float, ...] = (0.03, 0.1, 0.25, 0.5, 0.75, 0.9)
    ridge_maps: tuple[str, ...] = ("dark_ridge", "bright_ridge", "dark_line", "bright_line")
    ridge_shares: tuple[float, ...] = (0.75, 0.85, 0.93)
    least_ridge: float = 0.8
    level_maps: tuple[str, ...] = (
        "dark_near",
        "bright_near",
        "dark_plane",
        "bright_plane",
        "color",
    )
    grow_shares: tuple[float, ...] = (0.25, 0.5, 0.8)
    edge_shares: tuple[float, ...] = (0.5, 0.7, 0.85, 0.95)
    disc_sizes: tuple[int, ...] = (1, 2, 4)
    hypotheses: int = 16
    samples: int = 4000
    area_steps: int = 10
    side_step: int = 3


_FIXED = ProposalConstants()


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
            round(_FIXED.area_steps * math.log(patch.area)),
            *(side // _FIXED.side_step for side in (x0, y0, x1 - x0, y1 - y0)),
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


def _pictures(frame: Frame, hypotheses: Hypotheses, domain: Mask, click: Click) -> Iterator[Mask]:
    yield domain
    some = np.flatnonzero(domain)
    some = some[:: max(1, some.size // _FIXED.samples)]
    for colors in (frame.smooth, wide_blur(frame.lab, _FIXED.likeness_sigma)):
        yield from _alike(colors, domain, click, some)
    best_first = np.argsort(-hypotheses.merits, kind="stable")[: _FIXED.hypotheses]
    for mask in hypotheses.masks[best_first]:
        yield mask if click.positive else ~mask
    for level in _FIXED.beliefs:
        belief = hypotheses.belief
        yield belief >= level if click.positive else belief <= level
    for name in (*_FIXED.ridge_maps, *_FIXED.level_maps):
        yield from _level_sets(name, hypotheses.maps[name], click, some)
    edges, edge = np.sort(frame.steepness.ravel()[some]), frame.steepness[click.row, click.column]
    for share in _FIXED.edge_shares:
        yield frame.steepness <= max(edge, edges[int(share * (edges.size - 1))])
    depth, _ = depth_at(domain, click, (0, 0, frame.shape[1], frame.shape[0]))
    for size in _FIXED.disc_sizes:
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
    weights = np.array([[1.0, _FIXED.color_weight, _FIXED.color_weight]], np.float32)
    distance = as_plane(cv2.transform(difference, weights))
    ranked = np.sort(distance.ravel()[some])
    for share in _FIXED.likeness_shares:
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
        for share in _FIXED.grow_shares:
            yield cue <= max(value, level(1 - (1 - rank) * share))
    elif name not in _FIXED.ridge_maps:
        for share in _FIXED.grow_shares:
            yield cue >= min(value, level(rank * share))
    elif rank >= _FIXED.least_ridge:
        for share in _FIXED.ridge_shares:
            yield cue >= min(value, level(min(share, rank)))
