"""Live segmentation: box, points and brush strokes of one object to its mask, at every click.

The heavy part works on a small frame around the prompts (`interactive_frame`): hypotheses for the
box (`interactive_box`) or for a first click without a box (`interactive_start`), then one
correction per click that the mask does not obey yet (`interactive_click`). The border is placed at
full resolution (`interactive_border`), and brush strokes are composed on top, pixel by pixel.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from maskcast.engines.pixel.interactive_border import move, place_border
from maskcast.engines.pixel.interactive_box import Hypotheses, box_hypotheses
from maskcast.engines.pixel.interactive_click import Click, Draft, correct
from maskcast.engines.pixel.interactive_frame import (
    Frame,
    Rect,
    cue_maps,
    include,
    make_frame,
    surround,
)
from maskcast.engines.pixel.interactive_start import start_at
from maskcast.types import Mask, Prompts, RgbImage


@dataclass(frozen=True)
class _Point:
    x: float
    y: float
    positive: bool


def segment_object(image: RgbImage, prompts: Prompts) -> Mask:
    """The mask of one object.

    A box and points outside the image are clipped to it. The pixel of a positive point is in the
    mask, that of a negative point is not; of points on the same pixel the last one counts. Without
    a box and without a positive point only the brush adds pixels. Painted pixels are in the mask
    and erased pixels are not, whatever the points say.

    Args:
        image: uint8 (H, W, 3) RGB.
        prompts: in pixels of the image.

    Returns:
        bool (H, W).
    """
    height, width = image.shape[:2]
    mask = np.zeros((height, width), np.bool_)
    box = None if prompts.box is None else _whole_pixels(prompts.box.tolist(), height, width)
    points = _points(prompts, height, width)
    if box is not None or any(point.positive for point in points):
        frame, small = _draft(image, box, points)
        x0, y0, x1, y1 = frame.window
        mask[y0:y1, x0:x1] = place_border(image[y0:y1, x0:x1], small)
        for point in points:
            mask[int(point.y), int(point.x)] = point.positive
    if prompts.paint is not None:
        mask |= prompts.paint
    if prompts.erase is not None:
        mask &= ~prompts.erase
    return mask


def _draft(image: RgbImage, box: Rect | None, points: list[_Point]) -> tuple[Frame, Mask]:
    """The mask in the pixels of a frame that holds every prompt."""
    frame, draft = _first(image, box, points)
    frame, draft = _hold_all(image, box, points, frame, draft)
    done: list[Click] = []
    for point in points:
        click = Click(*frame.locate(point.x, point.y), point.positive)
        if click.on(draft.mask) != click.positive:
            draft = replace(draft, mask=correct(frame, draft, click, done))
        done.append(click)
    return frame, draft.mask


def _first(image: RgbImage, box: Rect | None, points: list[_Point]) -> tuple[Frame, Draft]:
    """What the box, or else the first positive point, says by itself."""
    height, width = image.shape[:2]
    if box is not None:
        frame = make_frame(image, surround(box, height, width), box)
        hypotheses = box_hypotheses(frame, frame.box or (0, 0, *frame.shape[::-1]))
        best = hypotheses.best()
        return frame, Draft(frame.inside if best is None else best, hypotheses)
    first = next(point for point in points if point.positive)
    avoid = [(point.x, point.y) for point in points if not point.positive]
    start = start_at(image, (first.x, first.y), avoid)
    best = start.hypotheses.best()
    return start.frame, Draft(start.frame.inside if best is None else best, start.hypotheses)


def _hold_all(
    image: RgbImage, box: Rect | None, points: list[_Point], frame: Frame, draft: Draft
) -> tuple[Frame, Draft]:
    """The draft moved to a frame that holds every point."""
    height, width = image.shape[:2]
    window = frame.window
    for point in points:
        window = include(window, point.x, point.y, height, width)
    if window == frame.window:
        return frame, draft
    wide = make_frame(image, window, box)
    mask = move(draft.mask.astype(np.float32), frame.window, window, wide.shape) > 0.5
    belief = move(draft.hypotheses.belief, frame.window, window, wide.shape)
    nothing = np.zeros((0, *wide.shape), np.bool_)
    hypotheses = Hypotheses(nothing, np.zeros(0, np.float32), belief, cue_maps(wide))
    return wide, Draft(mask, hypotheses)


def _whole_pixels(box: list[float], height: int, width: int) -> Rect:
    """A box in whole pixels: sides sorted, grown to pixel edges, clipped, never empty."""
    x0, x1 = sorted((box[0], box[2]))
    y0, y1 = sorted((box[1], box[3]))
    left, top = int(np.clip(x0, 0, width - 1)), int(np.clip(y0, 0, height - 1))
    right = int(np.clip(np.ceil(x1), left + 1, width))
    bottom = int(np.clip(np.ceil(y1), top + 1, height))
    return left, top, right, bottom


def _points(prompts: Prompts, height: int, width: int) -> list[_Point]:
    """The points in the order they were set, clipped to the image."""
    points = []
    for (x, y), positive in zip(prompts.points.tolist(), prompts.point_labels, strict=True):
        column, row = np.clip(np.floor(x), 0, width - 1), np.clip(np.floor(y), 0, height - 1)
        points.append(_Point(float(column) + 0.5, float(row) + 0.5, bool(positive)))
    return points
