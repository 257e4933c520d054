"""How well verdicts tell defective pictures from clean ones.

    python benchmarks/verdicts.py PACKS [--classes blowhole crack] [--seeds 0 1 2]
    python benchmarks/verdicts.py PACKS --engine deep --weights FOLDER

After the 5 references of each draw and 5 clean pictures of the same pack: the draw's targets and
other clean pictures are judged as a run would, by their evidence and, to compare, by the scores of
what was found; the peer is scikit-image's trainable segmenter, by the share of the picture that it
calls defective and by its own highest probability. The area under the ROC curve is the Mann-Whitney
statistic; the alarms are clean pictures called a defect where the limit is set on these very
pictures so that at most 1 in 10 defective ones is missed.
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

from maskcast.engines.base import CrossFitted, EngineSettings, create_engine
from maskcast.quality.judge import Judge
from maskcast.quality.trials import Trial, trials_of
from maskcast.quality.verdict import Decider, Goal, Signs, Verdict
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
            for name, rate in _draw(item, seed, arguments).items():
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


def _draw(item: PackClass, seed: int, arguments: argparse.Namespace) -> dict[str, float]:
    split = item.splits[5, seed]
    order = np.random.default_rng(seed).permutation(len(item.clean_images))
    clean = [item.clean_images[index] for index in order[: 5 + arguments.clean]]
    references = [
        Reference(name, read_image(item.images[name]), {1: read_mask(item.masks[name])})
        for name in split.references
    ]
    references += [Reference(path.name, read_image(path), {}) for path in clean[:5]]
    pictures = {
        True: [read_image(item.images[name]) for name in split.targets[: arguments.targets]],
        False: [read_image(path) for path in clean[5:]],
    }
    options = {} if arguments.weights is None else {"weights": arguments.weights}
    settings = EngineSettings(workers=os.cpu_count() or 1, options=options)
    ours = _ours(arguments.engine, settings, references, pictures)
    return ours if arguments.no_peer else {**ours, **_peers(references, pictures, seed)}


def _ours(
    name: str,
    settings: EngineSettings,
    references: Sequence[Reference],
    pictures: Mapping[bool, Sequence[NDArray[np.uint8]]],
) -> dict[str, float]:
    engine = create_engine(name, settings)
    assert isinstance(engine, CrossFitted)
    bank = engine.memorize(references)
    held_out = engine.held_out(bank)
    judge = Judge.of(trials_of(references, held_out))
    trials = trials_of(references, [judge.judge(found) for found in held_out])
    signs: dict[bool, list[Signs]] = {True: [], False: []}
    for kind, images in pictures.items():
        for image in images:
            (found,) = engine.propagate(bank, [image])
            scores = judge.judge(found).scores.tolist()
            signs[kind].append(Signs(max(scores, default=0.0), found.evidence))
    engine.close()
    return _verdict_rates(trials, signs)


def _verdict_rates(
    trials: Sequence[Trial], signs: Mapping[bool, Sequence[Signs]]
) -> dict[str, float]:
    rates: dict[str, float] = {}
    for asked, goal in _GOALS.items():
        decider = Decider.of(trials, goal)
        for kind, name in ((True, "defective"), (False, "clean")):
            verdicts = [decider.verdict(each) for each in signs[kind]]
            wrong: Verdict = "ok" if kind else "defect"
            rates[f"{asked}: {name} called {wrong}"] = verdicts.count(wrong) / len(verdicts)
            rates[f"{asked}: {name} undecided"] = verdicts.count("undecided") / len(verdicts)
    decider = Decider.of(trials)
    likely = {kind: [decider.probability(each) for each in signs[kind]] for kind in signs}
    by_score = {
        kind: [decider.by_score.probability(each.score) for each in signs[kind]] for kind in signs
    }
    rates["off by, squared"] = float(
        np.mean([np.mean((np.array(likely[kind]) - kind) ** 2) for kind in likely])
    )
    return rates | _separations("probability", likely) | _separations("by score", by_score)


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
    parser.add_argument("--engine", default="pixel", help="pixel or deep")
    parser.add_argument("--weights", help="of the engine")
    parser.add_argument("--no-peer", action="store_true", help="leave the peer out")
    parser.add_argument("--clean", type=int, default=15, help="clean ones of each draw")
    return parser.parse_args()


if __name__ == "__main__":
    main()
