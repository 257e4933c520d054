"""What a suggestion spares a person who annotates references: actions with it and without.

Of each class the references of the first draw are annotated one after another. When some are done,
``pixel`` learns from them in its quick way and fills in the next one. The player of
``interactive_corrections`` then clicks until an intersection over union of 0.80 is reached, or
takes the suggestion back, which is an action, if starting from nothing is less; from nothing a box
round the largest thing is drawn first, an action too. One who cannot get there in ten counts as
ten.
Seconds are the processor's, over all threads.

    python benchmarks/suggesting.py PACKS [--after 1 2 4]
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from interactive import iou, largest_component, tight_box
from interactive_corrections import MOST, clicks_to
from maskcast.engines.base import EngineSettings, QuickLearner, create_engine
from maskcast.engines.pixel.interactive.segment import segment_object
from maskcast.types import Mask, Prompts, Reference, RgbImage
from packs import PackClass, load_packs, read_image, read_mask

GOOD = 0.8


@dataclass(frozen=True)
class Suggestion:
    """What filling in a reference came to.

    Attributes:
        suggested: intersection over union of what was filled in.
        actions: from there on.
        without: clicks and the box, from nothing.
        seconds: of the processor, for learning and filling in.
    """

    suggested: float
    actions: int
    without: int
    seconds: float


def suggest(item: PackClass, done: int) -> Suggestion | None:
    """Fill in the reference after the first ``done``; None if the class has too few."""
    names = [name for name in item.splits[5, 0].references if read_mask(item.masks[name]).any()]
    if len(names) <= done:
        return None
    references = [
        Reference(name, read_image(item.images[name]), {1: read_mask(item.masks[name])})
        for name in names[: done + 1]
    ]
    *taught, blank = references
    image, truth = blank.image, blank.masks[1]
    engine = create_engine("pixel", EngineSettings(workers=os.cpu_count() or 1))
    if not isinstance(engine, QuickLearner):
        raise SystemExit("pixel has no quick way to learn any more.")
    start = time.process_time()
    (found,) = engine.propagate(engine.memorize_quickly(taught), [image])
    seconds = time.process_time() - start
    filled = found.masks[0] if len(found.masks) else np.zeros_like(truth)
    without = _actions_from_nothing(image, truth)
    if filled.any():  # nothing is filled in where nothing is found
        clicks, _ = clicks_to(GOOD, image, filled, truth)
        actions = min(clicks, 1 + without)
    else:
        actions = without
    return Suggestion(iou(filled, truth), actions, without, seconds)


def _actions_from_nothing(image: RgbImage, truth: Mask) -> int:
    boxed = segment_object(image, Prompts(box=tight_box(largest_component(truth))))
    return min(MOST, 1 + clicks_to(GOOD, image, boxed, truth)[0])


def lines(done: int, suggestions: dict[str, Suggestion]) -> Iterator[str]:
    """A row of the table for each class, and one for their mean."""
    rows = {
        key: (some.suggested, some.actions, some.without, some.seconds)
        for key, some in suggestions.items()
    }
    mean = tuple(np.mean(list(rows.values()), axis=0).tolist())
    for key, (suggested, actions, without, seconds) in {**rows, "mean": mean}.items():
        figures = f"{suggested:.2f} | {actions:.1f} | {without:.1f} | {seconds:.1f}"
        yield f"| {done} | {key} | {figures} |"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("packs", type=Path)
    parser.add_argument("--after", type=int, nargs="+", default=[1, 2, 4], help="references done")
    options = parser.parse_args()
    print("| done | class | IoU filled in | actions with it | without | seconds |")
    print("|---|---|---|---|---|---|")
    for done in options.after:
        measured = {item.key: suggest(item, done) for item in load_packs(options.packs)}
        known = {key: some for key, some in measured.items() if some is not None}
        print(*lines(done, known), sep="\n", flush=True)


if __name__ == "__main__":
    main()
