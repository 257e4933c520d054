"""Where to begin when there is no box: the object under the first click, at a size yet unknown.

Windows of growing size around the click are looked at; in each, regions around the click are
proposed as for a correction. All proposals of all windows compete in one linear score, and the
winner's window becomes the frame of the later clicks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from maskcast.engines.pixel.filters import SQUARE_3, SQUARE_7, Plane
from maskcast.engines.pixel.interactive.box import (
    Hypotheses,
    Measures,
    mean_over,
    no_hypotheses,
    score,
    soft_log,
    weigh,
)
from maskcast.engines.pixel.interactive.fitted import StartWeights
from maskcast.engines.pixel.interactive.frame import (
    Frame,
    Look,
    clip_box,
    cue_maps,
    make_frame,
)
from maskcast.engines.pixel.interactive.proposals import Click, Patch, depth_at, propose
from maskcast.masks import Box
from maskcast.types import RgbImage


@dataclass(frozen=True)
class StartConstants:
    """Fixed by hand, with ``benchmarks/interactive.py`` on the measuring packs (docs/adr/0003).

    Attributes:
        first_reach: pixels from the click to the sides of the smallest window.
        reach_step: how many times as far the next window reaches.
        window_area: most pixels of a window's frame.
    """

    first_reach: int = 24
    reach_step: int = 3
    window_area: int = 9216


_FIXED = StartConstants()


@dataclass(frozen=True)
class Start:
    """The first region of an object.

    Attributes:
        frame: of the window in which it was found.
        hypotheses: the proposals of that window, at least one.
    """

    frame: Frame
    hypotheses: Hypotheses


def start_at(
    image: RgbImage,
    point: tuple[float, float],
    avoid: Sequence[tuple[float, float]],
    weights: StartWeights,
) -> Start:
    """Find the object under a click.

    Args:
        image: uint8 (H, W, 3) RGB.
        point: the click, x and y in image pixels.
        avoid: points that are not on the object.
        weights: of what speaks for each proposal.
    """
    best_score, best = -np.inf, None
    for window in windows(point, image.shape[0], image.shape[1]):
        frame = window_frame(image, window)
        maps = cue_maps(frame)
        masks, measures = survey(frame, maps, point, avoid)
        scores = score(measures, weights)
        if best is None or scores.max() > best_score:
            best_score = float(scores.max())
            best = Start(frame, weigh(masks, scores, maps))
    if best is None:
        raise ValueError("an image has at least one window")
    return best


def windows(point: tuple[float, float], height: int, width: int) -> Iterator[Box]:
    """Windows around a point, each larger than the one before, up to the whole image."""
    column, row = int(point[0]), int(point[1])
    reach = _FIXED.first_reach
    while True:
        window = (column - reach, row - reach, column + reach + 1, row + reach + 1)
        clipped = clip_box(window, height, width)
        yield clipped
        if clipped == (0, 0, width, height):
            return
        reach *= _FIXED.reach_step


def window_frame(image: RgbImage, window: Box) -> Frame:
    """The small frame in which a window is searched."""
    return make_frame(image, window, None, _FIXED.window_area)


def survey(
    frame: Frame,
    maps: dict[str, Plane],
    point: tuple[float, float],
    avoid: Sequence[tuple[float, float]],
) -> tuple[npt.NDArray[np.bool_], Measures]:
    """Regions around a point, bool (N, h, w), and what speaks for and against each."""
    click = Click(*frame.locate(*point), positive=True)
    domain = np.ones(frame.shape, np.bool_)
    for other in avoid:
        if frame.contains(*other):
            column, row = frame.locate(*other)
            domain[row, column] = False
    domain[click.row, click.column] = True
    unknown = no_hypotheses(np.full(frame.shape, 0.5, np.float32), maps)
    patches = list(propose(frame, unknown, domain, click))
    return np.stack([patch.mask for patch in patches]), _measure(frame, patches, click)


def _measure(frame: Frame, patches: Sequence[Patch], click: Click) -> Measures:
    masks = np.stack([patch.mask for patch in patches])
    edges, shells = np.empty(masks.shape, np.uint8), np.empty(masks.shape, np.uint8)
    for i, pixels in enumerate(masks.view(np.uint8)):
        grown = cv2.dilate(pixels, SQUARE_3)
        edges[i], shells[i] = grown - pixels, cv2.dilate(pixels, SQUARE_7) - grown
    area = np.array([patch.area for patch in patches], np.float64)
    depths = np.array([depth_at(patch.mask, click, patch.bounds) for patch in patches])
    look, whole = Look.of(frame, masks), Look.of(frame, np.ones((1, *frame.shape), np.uint8))
    shell, rest = look.contrast(Look.of(frame, shells)), look.contrast(whole.without(look))
    edge = mean_over(frame.steepness, edges)
    share = np.log(area / frame.inside.size)
    return {
        "share": share,
        "share_squared": share**2,
        "roundness": np.log(depths[:, 0] / np.sqrt(area)),
        "centred": depths[:, 0] / depths[:, 1],
        "shell_color": soft_log(np.hypot(shell[:, 1], shell[:, 2])),
        "color": soft_log(np.hypot(rest[:, 1], rest[:, 2])),
        "edge": soft_log(edge / frame.strong_edge),
        "edge_strength": soft_log(edge),
    }
