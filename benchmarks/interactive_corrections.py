"""How many clicks it takes from an engine's mask to a good one, beside starting from nothing.

The engine ``pixel`` learns from the five references of the first draw and masks its targets. Those
with an intersection over union of 0.4 to 0.8 are corrected by a player who clicks in the middle of
the largest wrong region, until 0.90 are reached or nobody would go on. From nothing the same player
first draws a box round the largest thing, which counts as a click.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from interactive import iou, largest_component, next_click, tight_box
from maskcast.engines.base import EngineSettings, create_engine
from maskcast.engines.pixel.interactive.segment import segment_object
from maskcast.types import Mask, Prompts, Reference, RgbImage
from packs import PackClass, read_image, read_mask

GOOD = 0.9
DOUBTFUL = (0.4, 0.8)
MOST = 10
"""Clicks after which nobody goes on; one that did not get there counts as so many."""


@dataclass(frozen=True)
class Correction:
    """What it took to get one mask right.

    Attributes:
        before: intersection over union of what the engine found.
        clicks: from there on.
        after: what they reached.
        from_nothing: clicks and the box, where there is no mask to start from.
        reached_from_nothing: what these reached.
    """

    before: float
    clicks: int
    after: float
    from_nothing: int
    reached_from_nothing: float


def correct_class(item: PackClass, limit: int | None) -> Iterator[Correction]:
    """Correct what is doubtful of a class, at most ``limit`` masks."""
    done = 0
    for image, found, truth in _predicted(item):
        before = iou(found, truth)
        if not DOUBTFUL[0] <= before <= DOUBTFUL[1]:
            continue
        clicks, after = clicks_to(GOOD, image, found, truth)
        boxed = segment_object(image, Prompts(box=tight_box(largest_component(truth))))
        more, reached = clicks_to(GOOD, image, boxed, truth)
        yield Correction(before, clicks, after, min(MOST, 1 + more), reached)
        done += 1
        if done == limit:
            return


def table(corrections: dict[str, list[Correction]]) -> str:
    """A line for each class, and one for all masks together."""
    lines = [
        "| class | masks | before | clicks to 0.90 | there | from nothing | there |",
        "|---|---|---|---|---|---|---|",
    ]
    together = [correction for some in corrections.values() for correction in some]
    for key, some in {**corrections, "all masks": together}.items():
        if not some:
            continue
        figures = np.array(
            [
                (
                    correction.before,
                    correction.clicks,
                    correction.after >= GOOD,
                    correction.from_nothing,
                    correction.reached_from_nothing >= GOOD,
                )
                for correction in some
            ],
            np.float64,
        ).mean(axis=0)
        before, clicks, there, others, others_there = figures
        lines.append(
            f"| {key} | {len(some)} | {before:.2f} | {clicks:.1f} | {there:.0%} "
            f"| {others:.1f} | {others_there:.0%} |"
        )
    return "\n".join(lines)


def _predicted(item: PackClass) -> Iterator[tuple[RgbImage, Mask, Mask]]:
    """Targets with what the engine finds on them and what is there, if both are something."""
    split = item.splits[5, 0]
    references = [
        Reference(name, read_image(item.images[name]), {1: read_mask(item.masks[name])})
        for name in split.references
    ]
    engine = create_engine("pixel", EngineSettings(workers=os.cpu_count() or 1))
    bank = engine.memorize(references)
    for name in split.targets:
        image, truth = read_image(item.images[name]), read_mask(item.masks[name])
        (result,) = engine.propagate(bank, [image])
        if len(result.masks) and truth.any():
            yield image, result.masks[0], truth


def clicks_to(good: float, image: RgbImage, start: Mask, truth: Mask) -> tuple[int, float]:
    """Clicks until a mask is good, ``MOST`` if it does not get there, and what it came to."""
    points: list[tuple[float, float]] = []
    labels: list[bool] = []
    mask = start
    while len(points) < MOST and iou(mask, truth) < good:
        click = next_click(mask, truth)
        if click is None:
            break
        points.append(click[0])
        labels.append(click[1])
        prompts = Prompts(
            points=np.array(points, np.float32), point_labels=np.array(labels), start=start
        )
        mask = segment_object(image, prompts)
    reached = iou(mask, truth)
    return (len(points) if reached >= good else MOST), reached
