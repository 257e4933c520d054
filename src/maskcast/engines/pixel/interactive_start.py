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

from maskcast.engines.pixel.interactive_box import Hypotheses, Measures, soft_log, weigh
from maskcast.engines.pixel.interactive_click import Click, Patch, depth_at, propose, score
from maskcast.engines.pixel.interactive_frame import (
    Frame,
    Look,
    Plane,
    Rect,
    clip_rect,
    cue_maps,
    make_frame,
)
from maskcast.types import Mask, RgbImage

START_WEIGHTS: Measures = {
    "share": -2.60,
    "share_squared": -0.478,
    "roundness": 3.00,
    "centred": 6.73,
    "shell_color": 2.25,
    "color": 0.988,
    "edge": 3.18,
    "edge_strength": 1.20,
}
"""Effect of each measurement of a proposal on its score."""

_FIRST_REACH = 24
_REACH_STEP = 3
_WINDOW_AREA = 9216
_SQUARE = np.ones((3, 3), np.uint8)


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
    image: RgbImage, point: tuple[float, float], avoid: Sequence[tuple[float, float]]
) -> Start:
    """Find the object under a click.

    Args:
        image: uint8 (H, W, 3) RGB.
        point: the click, x and y in image pixels.
        avoid: points that are not on the object.
    """
    best_score, best = -np.inf, None
    for window in windows(point, image.shape[0], image.shape[1]):
        frame = make_frame(image, window, None, _WINDOW_AREA)
        maps = cue_maps(frame)
        surveyed = survey(frame, maps, point, avoid)
        scores = np.array([score(measures, START_WEIGHTS) for _, measures in surveyed])
        if best is None or scores.max() > best_score:
            best_score = float(scores.max())
            masks = np.stack([mask for mask, _ in surveyed])
            best = Start(frame, weigh(masks, scores, maps))
    if best is None:
        raise ValueError("an image has at least one window")
    return best


def windows(point: tuple[float, float], height: int, width: int) -> Iterator[Rect]:
    """Windows around a point, each larger than the one before, up to the whole image."""
    column, row = int(point[0]), int(point[1])
    reach = _FIRST_REACH
    while True:
        window = (column - reach, row - reach, column + reach + 1, row + reach + 1)
        clipped = clip_rect(window, height, width)
        yield clipped
        if clipped == (0, 0, width, height):
            return
        reach *= _REACH_STEP


def survey(
    frame: Frame,
    maps: dict[str, Plane],
    point: tuple[float, float],
    avoid: Sequence[tuple[float, float]],
) -> list[tuple[Mask, Measures]]:
    """Regions around a point, bool (h, w), and what speaks for and against each."""
    click = Click(*frame.locate(*point), positive=True)
    domain = np.ones(frame.shape, np.bool_)
    for other in avoid:
        if frame.contains(*other):
            column, row = frame.locate(*other)
            domain[row, column] = False
    domain[click.row, click.column] = True
    nothing = np.zeros((0, *frame.shape), np.bool_)
    belief = np.full(frame.shape, 0.5, np.float32)
    hypotheses = Hypotheses(nothing, np.zeros(0, np.float32), belief, maps)
    whole = Look.of(frame.channels, np.ones(frame.shape, np.uint8))
    return [
        (patch.mask, _measure(frame, patch, click, whole))
        for patch in propose(frame, hypotheses, domain, click)
    ]


def _measure(frame: Frame, patch: Patch, click: Click, whole: Look) -> Measures:
    pixels = patch.mask.view(np.uint8)
    radius, largest = depth_at(patch.mask, click, np.s_[0 : frame.shape[0], 0 : frame.shape[1]])
    grown = cv2.dilate(pixels, _SQUARE)
    look = Look.of(frame.channels, pixels)
    shell = look.contrast(Look.of(frame.channels, cv2.dilate(grown, _SQUARE, iterations=2) - grown))
    rest = look.contrast(whole.without(look))
    share = float(np.log(patch.area / pixels.size))
    edge = cv2.mean(frame.gradient, mask=grown - pixels)[0]
    return {
        "share": share,
        "share_squared": share**2,
        "roundness": float(np.log(radius / np.sqrt(patch.area))),
        "centred": radius / largest,
        "shell_color": soft_log(float(np.hypot(shell[1], shell[2]))),
        "color": soft_log(float(np.hypot(rest[1], rest[2]))),
        "edge": soft_log(edge / frame.strong_edge),
        "edge_strength": soft_log(edge),
    }
