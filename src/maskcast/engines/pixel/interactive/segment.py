"""Live segmentation: box, points and brush strokes of one object to its mask, at every click.

The heavy part works on a small frame around the prompts (`frame`): hypotheses for the
box (`box`) or for a first click without a box (`start`), then one
correction per click that the mask does not obey yet (`click`). The border is placed at
full resolution (`border`). Clicks on a mask that was there before are `pieces`. Brush strokes
are composed on top, pixel by pixel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from maskcast.engines.base import MOST_POINTS
from maskcast.engines.pixel.interactive.border import move, place_border
from maskcast.engines.pixel.interactive.box import box_hypotheses, no_hypotheses
from maskcast.engines.pixel.interactive.click import Draft, correct
from maskcast.engines.pixel.interactive.fitted import FITTED, Weights
from maskcast.engines.pixel.interactive.frame import (
    Frame,
    cue_maps,
    include,
    make_frame,
    surround,
)
from maskcast.engines.pixel.interactive.holes import open_holes
from maskcast.engines.pixel.interactive.kept_steps import Key, Memory, Point
from maskcast.engines.pixel.interactive.pieces import correct_pieces
from maskcast.engines.pixel.interactive.proposals import Click
from maskcast.engines.pixel.interactive.start import start_at
from maskcast.masks import Box
from maskcast.types import Mask, Prompts, RgbImage


@dataclass(frozen=True)
class Sketch:
    """What the prompts so far say.

    Attributes:
        frame: holds the box and the points so far.
        draft: in its pixels.
    """

    frame: Frame
    draft: Draft

    def clicks(self, points: Sequence[Point]) -> list[Click]:
        """Points in the frame's pixels."""
        return [Click(*self.frame.locate(point.x, point.y), point.positive) for point in points]


def segment_object(
    image: RgbImage,
    prompts: Prompts,
    memory: Memory[Sketch] | None = None,
    weights: Weights = FITTED,
) -> Mask:
    """The mask of one object.

    A box and points outside the image are clipped to it. The pixel of a positive point is in the
    mask, that of a negative point is not; of points on the same pixel the last one counts. Points
    beyond the first ``MOST_POINTS`` have a say in their own pixel only. Without a box and without a
    positive point only the brush adds pixels. Painted pixels are in the mask and erased pixels are
    not, whatever the points say.

    A mask to start from is joined with what is in the box, and points correct both, see `pieces`.

    Args:
        image: uint8 (H, W, 3) RGB.
        prompts: in pixels of the image.
        memory: sketches of earlier calls with the same weights, added to; it only ever saves time.
        weights: of what speaks for each hypothesis.

    Returns:
        bool (H, W).
    """
    height, width = image.shape[:2]
    mask = np.zeros((height, width), np.bool_)
    box = None if prompts.box is None else _whole_pixels(prompts.box.tolist(), height, width)
    points = _points(prompts, height, width)
    memory = Memory(1) if memory is None else memory
    if prompts.start is not None:
        boxed = (
            mask if box is None else carry_out(image, _sketch(image, box, (), memory, weights), ())
        )
        mask = correct_pieces(image, prompts.start | boxed, points[:MOST_POINTS], weights)
    elif box is not None or any(point.positive for point in points):
        sketch = _sketch(image, box, _shaping(points, box), memory, weights)
        mask = carry_out(image, sketch, points)
    if prompts.paint is not None:
        mask |= prompts.paint
    if prompts.erase is not None:
        mask &= ~prompts.erase
    return mask


def _shaping(points: tuple[Point, ...], box: Box | None) -> tuple[Point, ...]:
    """The points that shape the mask; without a box, the first positive one is among them."""
    first = points[:MOST_POINTS]
    if box is not None or any(point.positive for point in first):
        return first
    return (*first[:-1], next(point for point in points if point.positive))


def carry_out(image: RgbImage, sketch: Sketch, points: Sequence[Point]) -> Mask:
    """The mask of a sketch at the size of the image, bool (H, W); points are obeyed."""
    mask = np.zeros(image.shape[:2], np.bool_)
    x0, y0, x1, y1 = sketch.frame.window
    draft, pixels = sketch.draft, image[y0:y1, x0:x1]
    mask[y0:y1, x0:x1] = place_border(pixels, draft.mask, draft.settled, sketch.frame)
    for point in points:
        mask[int(point.y), int(point.x)] = point.positive
    return mask


def _sketch(
    image: RgbImage,
    box: Box | None,
    points: tuple[Point, ...],
    memory: Memory[Sketch],
    weights: Weights,
) -> Sketch:
    """Follow the prompts in the order they were set, from the longest beginning remembered."""
    picture = memory.digest(image)
    first = 0 if box else 1 + next(i for i, point in enumerate(points) if point.positive)
    for done in range(len(points), first - 1, -1):
        sketch = memory.recall(Key(picture, image.shape, box, points[:done]))
        if sketch is not None:
            break
    else:
        done, sketch = first, first_sketch(image, box, points[:first], weights)
    for count in range(done + 1, len(points) + 1):
        sketch = _follow(image, box, points[:count], sketch, weights)
    memory.keep(Key(picture, image.shape, box, points), sketch)
    return sketch


def first_sketch(
    image: RgbImage, box: Box | None, points: tuple[Point, ...], weights: Weights
) -> Sketch:
    """What the box says, or else the first positive point, the last of the points given."""
    if box is None:
        *before, point = points
        start = start_at(
            image, (point.x, point.y), [(other.x, other.y) for other in before], weights.start
        )
        frame, hypotheses = start.frame, start.hypotheses
    else:
        frame = make_frame(image, surround(box, *image.shape[:2]), box)
        hypotheses = box_hypotheses(frame, frame.box or (0, 0, *frame.shape[::-1]), weights.box)
    best = hypotheses.best()
    if best is None:
        return Sketch(frame, Draft.begin(frame.inside, hypotheses))
    return Sketch(frame, Draft.begin(open_holes(frame, best, hypotheses), hypotheses))


def _follow(
    image: RgbImage,
    box: Box | None,
    points: tuple[Point, ...],
    sketch: Sketch,
    weights: Weights,
) -> Sketch:
    """The sketch after the last of the points."""
    *done, point = points
    sketch = hold(image, box, point, sketch)
    (click,) = sketch.clicks([point])
    if click.on(sketch.draft.mask) == click.positive:
        return sketch
    corrected = correct(sketch.frame, sketch.draft, click, sketch.clicks(done), weights)
    return Sketch(sketch.frame, corrected)


def hold(image: RgbImage, box: Box | None, point: Point, sketch: Sketch) -> Sketch:
    """The sketch on a frame that holds a point well."""
    old, draft = sketch.frame, sketch.draft
    window = include(old.window, point.x, point.y, *image.shape[:2])
    if window == old.window:
        return sketch
    frame = make_frame(image, window, box)
    mask = move(draft.mask.astype(np.float32), old.window, window, frame.shape) > 0.5
    belief = move(draft.hypotheses.belief, old.window, window, frame.shape)
    settled = move(draft.settled.astype(np.float32), old.window, window, frame.shape) > 0.5
    return Sketch(frame, Draft(mask, no_hypotheses(belief, cue_maps(frame)), settled))


def _whole_pixels(box: list[float], height: int, width: int) -> Box:
    """A box in whole pixels: sides sorted, grown to pixel edges, clipped, never empty."""
    x0, x1 = sorted((box[0], box[2]))
    y0, y1 = sorted((box[1], box[3]))
    left, top = int(np.clip(x0, 0, width - 1)), int(np.clip(y0, 0, height - 1))
    right = int(np.clip(np.ceil(x1), left + 1, width))
    bottom = int(np.clip(np.ceil(y1), top + 1, height))
    return left, top, right, bottom


def _points(prompts: Prompts, height: int, width: int) -> tuple[Point, ...]:
    """The points in the order they were set, clipped to the image, at pixel centres."""
    points = []
    for (x, y), positive in zip(prompts.points.tolist(), prompts.point_labels, strict=True):
        column, row = np.clip(np.floor(x), 0, width - 1), np.clip(np.floor(y), 0, height - 1)
        points.append(Point(float(column) + 0.5, float(row) + 0.5, bool(positive)))
    return tuple(points)
