"""What live segmentation has to choose between, with how good each choice would be.

A question is a set of regions, what was measured of each, and its true intersection over union.
Three kinds are asked while a person works on an image: which region a box means, what a click
puts right (a region around it, or a mask that replaces all), and what a first click is on. Click
questions come up at the masks that the method itself reaches with the weights of today.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace

import cv2
import numpy as np
import numpy.typing as npt

from interactive import middle, next_click, tight_box
from maskcast.engines.pixel.interactive.box import (
    Measures,
    appearance,
    most_promising,
    score,
    shapes_in_box,
)
from maskcast.engines.pixel.interactive.click import Choices, consider
from maskcast.engines.pixel.interactive.fitted import (
    FITTED,
    BoxWeights,
    ClickWeights,
    StartWeights,
    WholeWeights,
)
from maskcast.engines.pixel.interactive.frame import (
    Floats,
    Frame,
    clip_box,
    cue_maps,
    make_frame,
    surround,
)
from maskcast.engines.pixel.interactive.kept_steps import Point
from maskcast.engines.pixel.interactive.segment import carry_out, first_sketch, hold
from maskcast.engines.pixel.interactive.start import survey, window_frame, windows
from maskcast.masks import Box
from maskcast.types import Mask, RgbImage

CLICKS = 4
MOST_SHAPES = 80
"""Of the shapes in a box so many are asked about: twice as many as are looked at when in use."""

LOOSE = 0.06
"""A box that is drawn loosely lies off by up to so much of its sides, on each side."""

KINDS: dict[str, tuple[type, ...]] = {
    "box": (BoxWeights,),
    "click": (ClickWeights, WholeWeights),
    "start": (StartWeights,),
}
"""The weights that answer each kind of question."""


@dataclass(frozen=True)
class Question:
    """What there is to choose between.

    Attributes:
        kind: one of ``KINDS``.
        group: the class of a pack, or the kind of a drawn scene.
        measures: float64 (N, F), what was measured of each, in the order of the weights' fields.
        overlap: float64 (N,), intersection over union of each with the truth.
    """

    kind: str
    group: str
    measures: Floats
    overlap: Floats


def ask(group: str, image: RgbImage, truth: Mask, seed: int) -> Iterator[Question]:
    """All questions about one object, bool (H, W), in an image."""
    rng = np.random.default_rng(seed)
    tight = whole_box(tight_box(truth))
    for box in (tight, loosely(tight, truth.shape, rng)):
        yield from ask_box(group, image, truth, box)
    yield from ask_clicks(group, image, truth, tight)
    yield from ask_clicks(group, image, truth, None)
    rows, columns = np.nonzero(truth)
    some = int(rng.integers(len(rows)))
    for place in (middle(truth), (columns[some] + 0.5, rows[some] + 0.5)):
        yield ask_start(group, image, truth, place)


def ask_box(group: str, image: RgbImage, truth: Mask, box: Box) -> Iterator[Question]:
    """Which region a box means; nothing if there is none in it."""
    frame = make_frame(image, surround(box, *truth.shape), box)
    inside = frame.box or (0, 0, *frame.shape[::-1])
    shapes = shapes_in_box(frame, inside, cue_maps(frame))
    if not len(shapes):
        return
    promise = score(shapes.fit, FITTED.box)
    chosen = np.argsort(-promise, kind="stable")[:MOST_SHAPES]
    masks = shapes.masks(chosen)
    measures = {name: values[chosen] for name, values in shapes.fit.items()}
    yield _question("box", group, [measures | appearance(frame, masks)], frame, masks, truth)


def ask_clicks(group: str, image: RgbImage, truth: Mask, box: Box | None) -> Iterator[Question]:
    """What each click puts right, of somebody who clicks where the mask is most wrong."""
    done: list[Point] = []
    if box is None:
        done.append(Point(*middle(truth), positive=True))
    sketch = first_sketch(image, box, tuple(done), FITTED)
    for _ in range(CLICKS):
        wrong = next_click(carry_out(image, sketch, done), truth)
        if wrong is None:
            return
        point = Point(*wrong[0], wrong[1])
        sketch = hold(image, box, point, sketch)
        (click,) = sketch.clicks([point])
        if click.on(sketch.draft.mask) != click.positive:
            told = sketch.draft.told(click)
            choices = consider(sketch.frame, told, click, sketch.clicks(done))
            yield _click_question(group, choices, sketch.frame, truth)
            best = most_promising(choices.masks, choices.scores(FITTED))
            sketch = replace(sketch, draft=told.become(best, click))
        done.append(point)


def ask_start(group: str, image: RgbImage, truth: Mask, place: tuple[float, float]) -> Question:
    """What a first click is on, over windows of all sizes."""
    parts = []
    for window in windows(place, *truth.shape):
        frame = window_frame(image, window)
        masks, measures = survey(frame, cue_maps(frame), place, ())
        parts.append(_question("start", group, [measures], frame, masks, truth))
    return Question(
        "start",
        group,
        np.concatenate([part.measures for part in parts]),
        np.concatenate([part.overlap for part in parts]),
    )


def _click_question(group: str, choices: Choices, frame: Frame, truth: Mask) -> Question:
    parts = [choices.patches, choices.wholes] if choices.wholes else [choices.patches]
    return _question("click", group, parts, frame, choices.masks, truth)


def _question(
    kind: str,
    group: str,
    parts: Sequence[Measures],
    frame: Frame,
    masks: npt.NDArray[np.bool_],
    truth: Mask,
) -> Question:
    """A question about masks (N, h, w), whose rows each part measured by its own weights."""
    blocks = []
    for position, weights in enumerate(KINDS[kind]):
        names = [entry.name for entry in fields(weights)]
        rows = [
            np.stack([part[name] for name in names], axis=1)
            if number == position
            else np.zeros((len(next(iter(part.values()))), len(names)))
            for number, part in enumerate(parts)
        ]
        blocks.append(np.concatenate(rows))
    return Question(kind, group, np.concatenate(blocks, axis=1), overlaps(frame, masks, truth))


def overlaps(frame: Frame, masks: npt.NDArray[np.bool_], truth: Mask) -> Floats:
    """Intersection over union of masks (N, h, w) with what a frame's pixels hold of the truth.

    A pixel of the frame counts with the share of it that is object; what lies outside the frame is
    missed by all.
    """
    x0, y0, x1, y1 = frame.window
    part = truth[y0:y1, x0:x1].astype(np.float32)
    share = cv2.resize(part, frame.shape[::-1], interpolation=cv2.INTER_AREA)
    flat = masks.reshape(len(masks), -1).astype(np.float32)
    unit = part.size / share.size
    both = unit * (flat @ share.ravel())
    either = unit * flat.sum(axis=1) + np.count_nonzero(truth) - both
    return np.asarray(both / either, np.float64)


def whole_box(box: npt.NDArray[np.float32]) -> Box:
    """Edges as whole pixels."""
    x0, y0, x1, y1 = (int(edge) for edge in box)
    return x0, y0, x1, y1


def loosely(box: Box, shape: tuple[int, ...], rng: np.random.Generator) -> Box:
    """The box as somebody in a hurry draws it; never empty."""
    x0, y0, x1, y1 = box
    off = rng.uniform(-LOOSE, LOOSE, 4) * (x1 - x0, y1 - y0, x1 - x0, y1 - y0)
    left, top, right, bottom = (round(edge + by) for edge, by in zip(box, off, strict=True))
    return clip_box((left, top, max(right, left + 1), max(bottom, top + 1)), *shape[:2])
