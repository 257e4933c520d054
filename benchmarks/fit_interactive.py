"""Fit the weights of live segmentation: what `interactive/fitted.py` holds.

For each kind of question (`interactive_questions`) the weights maximise the mean expected
intersection over union of the softmax choice: sum over the choices of their probability times
their true overlap, with L-BFGS, less a ridge penalty on the weights in deviations of what they
weigh. Every class of the packs and every kind of drawn scene counts the same, however many images
it has. The search begins at zero, so that nothing of an earlier fit is in it but the list of
questions.

    python benchmarks/fit_interactive.py PACKS [--limit N] [--scenes N] [--leave-out] [--seed N]

Without ``--leave-out`` the weights of all data are printed as the classes that hold them. With it
each class of the packs is judged with weights that were fitted without it, beside those of today
and those of all data: intersection over union after a box, after three clicks more, and after one
and three clicks without a box. Only what is better when left out should replace what is there.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from drawn_scenes import draw_scenes
from interactive import Tally, objects, play, tight_box
from interactive_questions import KINDS, Question, ask
from maskcast.engines.pixel.interactive.fitted import FITTED, Weights
from packs import PackClass, load_packs

RIDGE = 1e-4
ITERATIONS = 300
DIGITS = 3

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Sheet:
    """All questions of one kind, one below the other.

    Attributes:
        measures: (R, F) rows of all questions.
        overlap: (R,).
        starts: (Q,) first row of each question.
        counts: (Q,) rows of each.
        weight: (Q,) of each question; sums to 1.
    """

    measures: Floats
    overlap: Floats
    starts: npt.NDArray[np.intp]
    counts: npt.NDArray[np.intp]
    weight: Floats

    @classmethod
    def of(cls, questions: Sequence[Question]) -> Sheet:
        """Questions in which all groups count the same."""
        groups = [question.group for question in questions]
        sizes = {group: groups.count(group) for group in set(groups)}
        counts = np.array([len(question.overlap) for question in questions])
        return cls(
            np.concatenate([question.measures for question in questions]),
            np.concatenate([question.overlap for question in questions]),
            np.cumsum(counts) - counts,
            counts,
            np.array([1 / sizes[group] for group in groups]) / len(sizes),
        )

    def spread(self) -> Floats:
        """How much each measurement differs within a question, (F,): deviations."""
        means = np.add.reduceat(self.measures, self.starts) / self.counts[:, None]
        inner = self.measures - np.repeat(means, self.counts, axis=0)
        return np.asarray(np.maximum(inner.std(axis=0), 1e-9), np.float64)


def expected_overlap(sheet: Sheet, weights: Floats) -> tuple[float, Floats]:
    """Mean over the questions of the overlap expected of the softmax choice; its gradient (F,)."""
    scores = sheet.measures @ weights
    best = np.maximum.reduceat(scores, sheet.starts)
    chance = np.exp(scores - np.repeat(best, sheet.counts))
    chance /= np.repeat(np.add.reduceat(chance, sheet.starts), sheet.counts)
    expected = np.add.reduceat(chance * sheet.overlap, sheet.starts)
    surplus = chance * (sheet.overlap - np.repeat(expected, sheet.counts))
    gradient = (surplus * np.repeat(sheet.weight, sheet.counts)) @ sheet.measures
    return float(expected @ sheet.weight), np.asarray(gradient, np.float64)


def fit(questions: Sequence[Question], ridge: float = RIDGE) -> Floats:
    """Weights (F,) of questions of one kind."""
    sheet = Sheet.of(questions)
    spread = sheet.spread()

    def loss(scaled: Floats) -> tuple[float, Floats]:
        value, gradient = expected_overlap(sheet, scaled / spread)
        penalty = ridge * float(scaled @ scaled)
        return penalty - value, 2 * ridge * scaled - gradient / spread

    options = {"maxiter": ITERATIONS}
    found = minimize(loss, np.zeros(len(spread)), jac=True, method="L-BFGS-B", options=options)
    return np.asarray(found.x / spread, np.float64)


def fit_all(questions: Sequence[Question], ridge: float = RIDGE) -> Weights:
    """Weights of all kinds, rounded to what is worth writing down."""
    parts: list[Any] = []
    for kind, classes in KINDS.items():
        values = iter(fit([each for each in questions if each.kind == kind], ridge))
        parts += [
            weights(*(float(f"{next(values):.{DIGITS}g}") for _ in fields(weights)))
            for weights in classes
        ]
    return Weights(*parts)


def judge(pack: PackClass, limit: int | None, weights: Weights) -> Floats:
    """Mean IoU of a class after a box, three clicks more, one click and three without a box."""
    reached = []
    for image, truth in objects(pack, limit):
        boxed = play(image, truth, tight_box(truth), Tally(), weights=weights)
        clicked = play(image, truth, None, Tally(), weights=weights)
        reached.append([boxed[0], boxed[3], clicked[0], clicked[2]])
    return np.asarray(np.mean(reached, axis=0), np.float64)


def leave_out(
    packs: Sequence[PackClass], questions: Sequence[Question], limit: int | None, ridge: float
) -> None:
    """Print how each class fares with weights of today, of all data and of all other data."""
    everything = fit_all(questions, ridge)
    variants: dict[str, Callable[[PackClass], Weights]] = {
        "today": lambda _: FITTED,
        "fitted": lambda _: everything,
        "left out": lambda pack: fit_all(
            [question for question in questions if question.group != pack.key], ridge
        ),
    }
    print(f"| {'class':<28} | weights | box | box+3 | clicks 1 | clicks 3 |")
    print("|" + "---|" * 6)
    table: dict[str, list[Floats]] = {name: [] for name in variants}
    for pack in packs:
        for name, weights_for in variants.items():
            row = judge(pack, limit, weights_for(pack))
            table[name].append(row)
            print(f"| {pack.key:<28} | {name} | {_cells(row)} |", flush=True)
    for name, rows in table.items():
        print(f"| {'mean':<28} | {name} | {_cells(np.mean(rows, axis=0))} |")


def _cells(row: Floats) -> str:
    return " | ".join(f"{value:.3f}" for value in row)


def gather(packs: Sequence[PackClass], limit: int | None, scenes: int, seed: int) -> list[Question]:
    """All questions of the packs and of so many drawn scenes of each kind."""
    questions: list[Question] = []
    for pack in packs:
        for number, (image, truth) in enumerate(objects(pack, limit)):
            questions += ask(pack.key, image, truth, seed + number)
        print(f"  {pack.key}: {len(questions)} questions so far", flush=True)
    for number, scene in enumerate(draw_scenes(scenes, seed)):
        questions += ask(scene.kind, scene.image, scene.truth, seed + number)
    print(f"  drawn scenes: {len(questions)} questions in all", flush=True)
    return questions


def print_weights(weights: Weights) -> None:
    """The classes as they stand in `interactive/fitted.py`, without what they say."""
    for part in fields(weights):
        held = getattr(weights, part.name)
        print(f"class {type(held).__name__}:")
        for entry in fields(held):
            print(f"    {entry.name}: float = {getattr(held, entry.name):g}")


def main() -> None:
    """Gather, fit, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("packs", type=Path)
    parser.add_argument("--limit", type=int, default=20, help="images per class")
    parser.add_argument("--scenes", type=int, default=40, help="drawn scenes of each kind")
    parser.add_argument("--ridge", type=float, default=RIDGE)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--leave-out", action="store_true", help="judge each class without it")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    with threadpool_limits(1):
        packs = load_packs(options.packs)
        questions = gather(packs, options.limit, options.scenes, options.seed)
        if options.leave_out:
            leave_out(packs, questions, options.limit, options.ridge)
        else:
            print_weights(fit_all(questions, options.ridge))


if __name__ == "__main__":
    main()
