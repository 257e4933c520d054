"""How well scores and probabilities tell which masks to trust.

    python benchmarks/calibration.py PACKS [--seeds 0 1 2] [--shots 1 5] [--targets 10]
    python benchmarks/calibration.py PACKS --fit      # prints the constants of quality/prior.py

Each pack is judged by a prior that was fitted on the other packs. Every mask that the engine finds
in a target counts. Of the scores: the mean absolute error, and the share of the possible gain in
area under the risk-coverage curve (Geifman & El-Yaniv 2017; risk = 1 - IoU) over a random order,
within a class and seed: the gains of all of them, summed, by the largest there could be. Of the
probabilities that a mask is right (IoU of at least 0.5): the calibration error in 10 bins (Naeini
et al. 2015), pooled over all masks and as mean over classes.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from maskcast.engines.base import CrossFitted, EngineSettings, create_engine
from maskcast.masks import iou
from maskcast.quality.judge import Judge
from maskcast.quality.prior import WITH_MARGINS, Prior, log_odds
from maskcast.quality.trials import trials_of
from maskcast.types import Reference
from packs import PackClass, load_packs, read_image, read_mask

Values = NDArray[np.float64]

_RIDGE = 1e-3
_BINS = 10


@dataclass(frozen=True)
class Judged:
    """A mask of which the truth is known.

    Attributes:
        pack: that it is of.
        group: class and seed.
        key: class.
        shots: references that were learned from.
        iou: of the mask.
        odds: float64 (M,), log odds of what the prior measures.
        before: the engine's own score.
    """

    pack: str
    group: str
    key: str
    shots: int
    iou: float
    odds: Values
    before: float


def main() -> None:
    """Mask, judge each pack by the others, print the figures or the constants."""
    arguments = _arguments()
    known: list[Judged] = []
    for item in load_packs(arguments.packs):
        if arguments.classes and item.name not in arguments.classes:
            continue
        for shots in arguments.shots:
            for seed in arguments.seeds:
                known += _masked(item, shots, seed, arguments.targets)
                print(f"{item.key} {shots} references, seed {seed}: done", flush=True)
    if arguments.fit:
        for target in ("score", "right"):
            print(f"    {target}={tuple(fitted(known, target).round(3).tolist())},")
    scores, right = crossed(known, "score"), crossed(known, "right")
    before = np.array([mask.before for mask in known])
    for shots in arguments.shots:
        chosen = np.array([mask.shots == shots for mask in known])
        some = [mask for mask in known if mask.shots == shots]
        print(_line(f"{shots} references", some, scores[chosen], right[chosen]))
        print(_line(f"{shots} references, engine's own", some, before[chosen], before[chosen]))


def crossed(known: Sequence[Judged], target: str) -> Values:
    """Float64 (N,): each mask by a prior that never saw its pack."""
    out = np.zeros(len(known))
    for pack in {mask.pack for mask in known}:
        weights = fitted([mask for mask in known if mask.pack != pack], target)
        prior = replace(WITH_MARGINS, score=tuple(weights.tolist()))
        for index, mask in enumerate(known):
            if mask.pack == pack:
                out[index] = _applied(prior, mask)
    return out


def fitted(known: Sequence[Judged], target: str) -> Values:
    """Bias and weights with the least cross-entropy; every class and seed weighs the same."""
    odds = np.stack([mask.odds for mask in known])
    ious = np.array([mask.iou for mask in known])
    truth = ious if target == "score" else (ious >= 0.5).astype(np.float64)
    groups = [f"{mask.group} {mask.shots}" for mask in known]
    weight = 1 / np.array([groups.count(group) for group in groups])
    mean, spread = odds.mean(axis=0), odds.std(axis=0) + 1e-6
    inputs = np.column_stack([np.ones(len(known)), (odds - mean) / spread])

    def loss(weights: Values) -> tuple[float, Values]:
        likely = 1 / (1 + np.exp(-inputs @ weights))
        entropy = -truth * np.log(likely + 1e-9) - (1 - truth) * np.log(1 - likely + 1e-9)
        slope = inputs.T @ (weight * (likely - truth)) / weight.sum()
        slope[1:] += 2 * _RIDGE * weights[1:]
        penalty = _RIDGE * weights[1:] @ weights[1:]
        return float(np.average(entropy, weights=weight) + penalty), slope

    found = minimize(loss, np.zeros(inputs.shape[1]), jac=True, method="L-BFGS-B").x
    slopes = found[1:] / spread
    return np.array([found[0] - slopes @ mean, *slopes])


def calibration_error(likely: Values, truth: Values) -> float:
    """Mean distance of probability and frequency over 10 bins of equal width."""
    place = np.minimum((likely * _BINS).astype(int), _BINS - 1)
    return float(
        sum(
            abs(likely[place == index].mean() - truth[place == index].mean())
            * np.mean(place == index)
            for index in np.unique(place)
        )
    )


def gains(scores: Values, ious: Values) -> tuple[float, float]:
    """What an order by score gains over a random one, and the most that could be gained."""
    risk = 1 - ious

    def area(order: NDArray[np.intp]) -> float:
        return float((np.cumsum(risk[order]) / np.arange(1, len(risk) + 1)).mean())

    random = float(risk.mean())
    ours, best = np.argsort(-scores, kind="stable"), np.argsort(-ious, kind="stable")
    return random - area(ours), random - area(best)


def _masked(item: PackClass, shots: int, seed: int, count: int) -> Iterator[Judged]:
    split = item.splits[shots, seed]
    references = [
        Reference(name, read_image(item.images[name]), {1: read_mask(item.masks[name])})
        for name in split.references
    ]
    engine = create_engine("pixel", EngineSettings(workers=os.cpu_count() or 1))
    bank = engine.memorize(references)
    assert isinstance(engine, CrossFitted)
    judge = Judge.of(trials_of(references, engine.held_out(bank)))
    for name in split.targets[:count]:
        (found,) = engine.propagate(bank, [read_image(item.images[name])])
        truth = read_mask(item.masks[name])
        measured = judge.measure(found)
        for index, mask in enumerate(found.masks):
            odds = np.array([log_odds(measured[key][index]) for key in WITH_MARGINS.measures])
            group, before = f"{item.key} {seed}", float(found.scores[index])
            overlap = iou(mask, truth)
            yield Judged(item.pack, group, item.key, shots, overlap, odds, before)
    engine.close()


def _applied(prior: Prior, mask: Judged) -> float:
    bias, *weights = prior.score
    return float(1 / (1 + np.exp(-(bias + np.array(weights) @ mask.odds))))


def _line(title: str, known: Sequence[Judged], scores: Values, right: Values) -> str:
    ious = np.array([mask.iou for mask in known])
    truth = (ious >= 0.5).astype(np.float64)
    keys = np.array([mask.key for mask in known])
    groups = np.array([mask.group for mask in known])
    of_class = [
        calibration_error(right[keys == key], truth[keys == key]) for key in np.unique(keys)
    ]
    won = [gains(scores[groups == group], ious[groups == group]) for group in np.unique(groups)]
    share = sum(ours for ours, _ in won) / sum(best for _, best in won)
    return (
        f"| {title} | {len(known)} | {np.abs(scores - ious).mean():.3f} | "
        f"{calibration_error(right, truth):.3f} | {np.mean(of_class):.3f} | {share:.2f} |"
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("packs", type=Path, help="folder of packs")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--shots", type=int, nargs="+", default=[1, 5], help="references")
    parser.add_argument("--targets", type=int, default=10, help="of each class and seed, at most")
    parser.add_argument("--classes", nargs="+", help="names of classes; default: all")
    parser.add_argument("--fit", action="store_true", help="print the fitted constants")
    return parser.parse_args()


if __name__ == "__main__":
    main()
