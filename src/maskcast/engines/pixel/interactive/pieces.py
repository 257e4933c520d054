"""Clicks on a mask that is there already: each adds a piece to it or takes one away.

A click is in the middle of what is wrong, roughly, and what is wrong is no deeper there than the
click is: so the distance to the mask's outline says how large a window to look at. In it, regions
around the click are proposed and judged as for every correction (`click`); what the mask covers and
what it leaves out say what belongs to the object. The winner's border is placed at full resolution,
and nothing changes that does not hang together with the click.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from maskcast.engines.pixel.filters import SQUARE_3, Plane, enlarge, shrink
from maskcast.engines.pixel.interactive.border import place_border
from maskcast.engines.pixel.interactive.box import most_promising, no_hypotheses
from maskcast.engines.pixel.interactive.click import Draft, consider
from maskcast.engines.pixel.interactive.fitted import Weights
from maskcast.engines.pixel.interactive.frame import Frame, clip_box, cue_maps, likeness, make_frame
from maskcast.engines.pixel.interactive.kept_steps import Point
from maskcast.engines.pixel.interactive.proposals import Click
from maskcast.masks import Box, take_piece
from maskcast.types import Mask, RgbImage


@dataclass(frozen=True)
class PieceConstants:
    """Fixed by hand, with ``benchmarks/interactive.py --from-prediction`` on the measuring packs.

    Attributes:
        reach: of the window to each side of the click, in depths of the click.
        least_reach: the same in pixels, at least.
    """

    reach: float = 4.0
    least_reach: int = 32


_FIXED = PieceConstants()


def correct_pieces(image: RgbImage, start: Mask, points: Sequence[Point], weights: Weights) -> Mask:
    """A mask after clicks on it, in the order they were set.

    Args:
        image: uint8 (H, W, 3) RGB.
        start: bool (H, W), as it was before the clicks; unchanged.
        points: at pixel centres; one that the mask obeys already changes nothing.
        weights: of what speaks for each region.

    Returns:
        bool (H, W): a point's pixel obeys, and a point on the object only adds, another one only
        takes away.
    """
    mask = start
    for index, point in enumerate(points):
        if mask[int(point.y), int(point.x)] != point.positive:
            mask = _corrected(image, mask, point, points[:index], weights)
    for point in points:  # a later piece may have taken an earlier point with it
        if mask[int(point.y), int(point.x)] != point.positive:
            mask = mask.copy() if mask is start else mask
            mask[int(point.y), int(point.x)] = point.positive
    return mask


def _corrected(
    image: RgbImage, mask: Mask, point: Point, done: Sequence[Point], weights: Weights
) -> Mask:
    window = _window(mask, point)
    x0, y0, x1, y1 = window
    frame = make_frame(image, window, None)
    part = mask[y0:y1, x0:x1]
    click = Click(*frame.locate(point.x, point.y), point.positive)
    small = shrink(part.astype(np.float32), frame.shape) > 0.5
    small[click.row, click.column] = not point.positive
    before = [
        Click(*frame.locate(other.x, other.y), other.positive)
        for other in done
        if frame.contains(other.x, other.y)
    ]
    belief = likeness(frame, small)
    draft = Draft.begin(small, no_hypotheses(belief, cue_maps(frame)))
    choices = consider(frame, draft, click, before)
    became = most_promising(choices.masks, choices.scores(weights))
    placed = _placed(image[y0:y1, x0:x1], part, became, small ^ became, frame)
    corrected = mask.copy()
    corner = int(point.y) - y0, int(point.x) - x0
    corrected[y0:y1, x0:x1] = take_piece(part, placed, corner, point.positive)
    return corrected


def _placed(pixels: RgbImage, part: Mask, became: Mask, changed: Mask, frame: Frame) -> Mask:
    """A mask of the frame at full size, the old one where nothing changed."""
    height, width = part.shape
    if became.shape == part.shape:
        return became
    placed = place_border(pixels, became, changed, frame)
    zone = cv2.dilate(changed.view(np.uint8), SQUARE_3)
    near = enlarge(zone.astype(np.float32), (height, width)) > 0.5
    return np.where(near, placed, part)


def _window(mask: Mask, point: Point) -> Box:
    """As large as what a click may mean."""
    height, width = mask.shape
    column, row = int(point.x), int(point.y)
    reach = max(_FIXED.least_reach, round(_FIXED.reach * _depth(mask, column, row)))
    return clip_box(
        (column - reach, row - reach, column + reach + 1, row + reach + 1), height, width
    )


def _depth(mask: Mask, column: int, row: int) -> float:
    """Distance of a pixel from the nearest of the other label or from the border of the image."""
    same = (mask == mask[row, column]).view(np.uint8)
    padded = cv2.copyMakeBorder(same, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    depth: Plane = cv2.distanceTransform(padded, cv2.DIST_L2, 3)
    return float(depth[row + 1, column + 1])
