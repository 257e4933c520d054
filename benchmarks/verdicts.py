"""How well verdicts tell defective pictures from clean ones.

    python benchmarks/verdicts.py PACKS [--classes blowhole crack] [--seeds 0 1 2]

After the 5 references of each draw and 5 clean pictures of the same pack: the draw's targets and
other clean pictures are judged as a run would. ``peak`` is the highest probability of a pixel of
the picture, which no verdict uses yet; the peer is scikit-image's trainable segmenter, by the share
of the picture that it calls defective and by its own highest probability. The area under the ROC
curve is the Mann-Whitney statistic; the alarms are clean pictures called a defect where the limit
is set on these very pictures so that at most 1 in 10 defective ones is missed.
"""

from __future__ import annotations

import argparse
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu

from maskcast.engines.base import CrossFitted, EngineSettings, Probabilistic, create_engine
from maskcast.quality.judge import Judge
from maskcast.quality.trials import Trial, trials_of
from maskcast.quality.verdict import Decider, Goal, Verdict
from maskcast.types import Reference
from packs import PackClass, load_packs, read_image, read_mask
from peer import PeerSegmenter

_MISSES = 0.1
_GOALS = {
    "nothing": Goal(),
    "--max-miss 0.1": Goal(max_miss=0.1),
    "--max-false-alarm 0.1": Goal(max_false_alarm=0.1),
}

Rates = dict[str, list[float]]


def main() -> None:
    """Judge each draw, print means over classes and draws."""
    arguments = _arguments()
    rates: Rates = defaultdict(list)
    for item in load_packs(arguments.packs):
        if item.name not in arguments.classes or not item.clean_images:
            continue
        for seed in arguments.seeds:
            for name, rate in _draw(item, seed, arguments.targets, arguments.clean).items():
                rates[name].append(rate)
                rates[f"{name}, {item.name}"].append(rate)
            print(f"{item.key} seed {seed}: done", flush=True)
    for name in sorted(rates):
        print(f"| {name} | {np.mean(rates[name]):.2f} |")


def separation(defective: Sequence[float], clean: Sequence[float]) -> tuple[float, float]:
    """Area under the ROC curve, and share of clean ones above the limit that misses 1 in 10."""
    area = mannwhitneyu(defective, clean).statistic / (len(defective) * len(clean))
    limit = np.sort(defective)[int(_MISSES * len(defective))]
    return float(area), float(np.mean(np.array(clean) >= limit))


def _draw(item: PackClass, seed: int, count: int, clean_count: int) -> dict[str, float]:
    split = item.splits[5, seed]
    order = np.random.default_rng(seed).permutation(len(item.clean_images))
    clean = [item.clean_images[index] for index in order[: 5 + clean_count]]
    references = [
        Reference(name, read_image(item.images[name]), {1: read_mask(item.masks[name])})
        for name in split.references
    ]
    references += [Reference(path.name, read_image(path), {}) for path in clean[:5]]
    pictures = {
        True: [read_image(item.images[name]) for name in split.targets[:count]],
        False: [read_image(path) for path in clean[5:]],
    }
    return {**_ours(references, pictures), **_peers(references, pictures, seed)}


def _ours(
    references: Sequence[Reference], pictures: Mapping[bool, Sequence[NDArray[np.uint8]]]
) -> dict[str, float]:
    engine = create_engine("pixel", EngineSettings(workers=os.cpu_count() or 1))
    assert isinstance(engine, CrossFitted)
    assert isinstance(engine, Probabilistic)
    bank = engine.memorize(references)
    held_out = engine.held_out(bank)
    judge = Judge.of(trials_of(references, held_out))
    trials = trials_of(references, [judge.judge(found) for found in held_out])
    best: dict[bool, list[float]] = {True: [], False: []}
    peaks: dict[bool, list[float]] = {True: [], False: []}
    for kind, images in pictures.items():
        for image in images:
            (found,) = engine.propagate_with_planes(bank, [image])
            scores = judge.judge(found).scores.tolist()
            best[kind].append(max(scores, default=0.0))
            peaks[kind].append(max(float(plane.max()) for plane in found.planes.values()))
    engine.close()
    return _verdict_rates(trials, best) | _separations("peak", peaks)


def _verdict_rates(
    trials: Sequence[Trial], best: Mapping[bool, Sequence[float]]
) -> dict[str, float]:
    rates: dict[str, float] = {}
    for asked, goal in _GOALS.items():
        decider = Decider.of(trials, goal)
        for kind, name in ((True, "defective"), (False, "clean")):
            verdicts = [decider.verdict(score) for score in best[kind]]
            wrong: Verdict = "ok" if kind else "defect"
            rates[f"{asked}: {name} called {wrong}"] = verdicts.count(wrong) / len(verdicts)
            rates[f"{asked}: {name} undecided"] = verdicts.count("undecided") / len(verdicts)
    decider = Decider.of(trials)
    likely = {kind: [decider.probability(score) for score in best[kind]] for kind in best}
    return rates | _separations("probability", likely)


def _peers(
    references: Sequence[Reference],
    pictures: Mapping[bool, Sequence[NDArray[np.uint8]]],
    seed: int,
) -> dict[str, float]:
    peer = PeerSegmenter(seed)
    peer.fit(references)
    areas: dict[bool, list[float]] = {True: [], False: []}
    peaks: dict[bool, list[float]] = {True: [], False: []}
    for kind, images in pictures.items():
        for image in images:
            likely = peer.probability(image)
            areas[kind].append(float((likely >= 0.5).mean()))
            peaks[kind].append(float(likely.max()))
    return _separations("peer's area", areas) | _separations("peer's peak", peaks)


def _separations(name: str, values: Mapping[bool, Sequence[float]]) -> dict[str, float]:
    area, alarms = separation(values[True], values[False])
    return {f"{name}: area under ROC": area, f"{name}: alarms at 1 in 10 missed": alarms}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("packs", type=Path, help="folder of packs")
    parser.add_argument("--classes", nargs="+", default=["blowhole", "crack"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--targets", type=int, default=15, help="defective ones of each draw")
    parser.add_argument("--clean", type=int, default=15, help="clean ones of each draw")
    return parser.parse_args()


if __name__ == "__main__":
    main()
