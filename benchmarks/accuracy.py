"""How well and how fast an engine masks real images, beside scikit-image's segmenter.

    python benchmarks/accuracy.py PACKS [--seeds 0 1 2] [--shots 5] [--classes crack void]
    python benchmarks/accuracy.py PACKS --engine deep --weights FOLDER --against pixel --targets 12
    python benchmarks/accuracy.py PACKS --splits hard

``--splits hard`` takes splits that are hard on purpose, see ``packs``, ``both`` these as well. Each
difference of means comes with a 95 % interval over classes (percentile bootstrap).

Both learn from the same references and mask the same targets, in the same run on the same machine.
The peer is scikit-image's trainable segmenter with its published settings: multi-scale intensity,
edge and texture features and a random forest of 100 trees of depth 10; or the engine that
``--against`` names. IoU is pooled: intersection over union, each summed over all targets. Speed
leaves decoding out. ``--targets`` takes so many of each split's, the same ones for both.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maskcast.engines.base import EngineSettings, create_engine
from maskcast.types import Reference
from packs import PackClass, Split, hard_splits, load_packs, read_image, read_mask
from peer import PeerSegmenter

Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Segmenter = Callable[[list[Image]], list[Mask]]

_DRAWS = 10_000


@dataclass(frozen=True)
class Outcome:
    """One method on one class and seed.

    Attributes:
        iou: pooled over all targets.
        memorize_s: seconds to learn from the references.
        megapixels_per_s: of masking, decoding excluded.
        megapixels: of all targets.
    """

    iou: float
    memorize_s: float
    megapixels_per_s: float
    megapixels: float


@dataclass(frozen=True)
class Comparison:
    """Both methods on one class and split: a seed, or what is hard about it."""

    key: str
    split: int | str
    maskcast: Outcome
    peer: Outcome


def main() -> None:
    """Measure, print the tables, optionally write them as JSON."""
    arguments = _arguments()
    every = load_packs(arguments.packs)
    classes = [item for item in every if not arguments.classes or item.name in arguments.classes]
    learner = Learner(arguments.engine, arguments.weights)
    peer = Learner(arguments.against, None) if arguments.against else None
    comparisons = []
    for item in classes:
        for name, split in _splits(item, every, arguments):
            some = _some_targets(split, arguments.targets)
            comparisons.append(_compare(item, name, some, learner, peer))
            print(_line(comparisons[-1]), flush=True)
    clean = [
        _clean_check(item, seed, arguments.shots, learner)
        for item in classes
        if len(item.clean_images) > arguments.shots and not arguments.targets
        if arguments.splits != "hard"
        for seed in arguments.seeds
    ]
    for title, kind in (("usual splits", int), ("hard splits", str)):
        rows = [row for row in comparisons if isinstance(row.split, kind)]
        if rows:
            print(f"\n{title}\n{_table(rows)}\n{_interval(rows)}")
    print("\n" + _overall_speed(comparisons))
    for name, seed, masked, total in clean:
        print(f"clean check {name} seed {seed}: {masked} of {total} unseen clean images masked")
    if arguments.json:
        content = {"comparisons": [asdict(row) for row in comparisons], "clean": clean}
        arguments.json.write_text(json.dumps(content, indent=1))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("packs", type=Path, help="folder of packs")
    parser.add_argument("--engine", default="pixel", help="to be measured")
    parser.add_argument("--weights", help="of the engine, as maskcast run takes them")
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--splits", choices=("usual", "hard", "both"), default="usual")
    parser.add_argument("--shots", type=int, default=5, help="references per class")
    parser.add_argument("--targets", type=int, help="of each split; default: all")
    parser.add_argument("--against", help="an engine to compare with instead of scikit-image's")
    parser.add_argument("--classes", nargs="+", help="names of classes; default: all")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    return parser.parse_args()


def _splits(
    item: PackClass, every: Sequence[PackClass], arguments: argparse.Namespace
) -> Iterator[tuple[int | str, Split]]:
    if arguments.splits != "hard":
        yield from ((seed, item.splits[arguments.shots, seed]) for seed in arguments.seeds)
    if arguments.splits != "usual":
        yield from hard_splits(item, every).items()


def _some_targets(split: Split, most: int | None) -> Split:
    if most is None or most >= len(split.targets):
        return split
    chosen = sorted(np.random.default_rng(1).permutation(len(split.targets))[:most])
    return replace(split, targets=tuple(split.targets[at] for at in chosen))


def _compare(
    item: PackClass, name: int | str, split: Split, learner: Learner, other: Learner | None
) -> Comparison:
    references = _references(item, split)
    targets = [read_image(item.images[name]) for name in split.targets]
    truths = [read_mask(item.masks[name]) for name in split.targets]
    seed = name if isinstance(name, int) else 0
    return Comparison(
        item.key,
        name,
        _measure(lambda: learner.learn(references), targets, truths),
        _measure(lambda: _learn_peer(references, seed, other), targets, truths),
    )


def _references(item: PackClass, split: Split) -> list[Reference]:
    """Object 1 is the class; what is shown beside it is object 2."""
    shown = [
        Reference(name, read_image(item.images[name]), {1: read_mask(item.masks[name])})
        for name in split.references
    ]
    beside = [
        Reference(
            f"beside/{more.image.name}",
            read_image(more.image),
            {} if more.mask is None else {2: read_mask(more.mask)},
        )
        for more in split.beside
    ]
    return shown + beside


def _measure(learn: Callable[[], Segmenter], targets: list[Image], truths: list[Mask]) -> Outcome:
    start = time.perf_counter()
    segment = learn()
    learned = time.perf_counter()
    results = segment(targets)
    done = time.perf_counter()
    both = sum(int((found & truth).sum()) for found, truth in zip(results, truths, strict=True))
    either = sum(int((found | truth).sum()) for found, truth in zip(results, truths, strict=True))
    megapixels = sum(truth.size for truth in truths) / 1e6
    speed = megapixels / (done - learned)
    return Outcome(both / max(either, 1), learned - start, speed, megapixels)


@dataclass(frozen=True)
class Learner:
    """An engine of maskcast, as it is built anew for each measurement.

    Attributes:
        engine: its name.
        weights: as a user gives them, or None.
    """

    engine: str
    weights: str | None

    def learn(self, references: Sequence[Reference]) -> Segmenter:
        """Learn; the segmenter finds object 1."""
        options = {} if self.weights is None else {"weights": self.weights}
        engine = create_engine(
            self.engine, EngineSettings(workers=os.cpu_count() or 1, options=options)
        )
        bank = engine.memorize(references)

        def segment(targets: list[Image]) -> list[Mask]:
            size = engine.info.max_batch
            batches = [targets[at : at + size] for at in range(0, len(targets), size)]
            results = [result for batch in batches for result in engine.propagate(bank, batch)]
            return [
                np.asarray(
                    result.masks[result.object_ids == 1].any(axis=0)
                    & np.ones(target.shape[:2], np.bool_)
                )
                for result, target in zip(results, targets, strict=True)
            ]

        return segment


def _learn_peer(references: Sequence[Reference], seed: int, other: Learner | None) -> Segmenter:
    if other is not None:
        return other.learn(references)
    peer = PeerSegmenter(seed)
    peer.fit(references)
    return lambda targets: [peer.predict(target) == 1 for target in targets]


def _clean_check(
    item: PackClass, seed: int, shots: int, learner: Learner
) -> tuple[str, int, int, int]:
    """(class, seed, unseen clean images with any mask, unseen clean images)."""
    shown = _references(item, item.splits[shots, seed])
    order = np.random.default_rng(seed).permutation(len(item.clean_images))
    clean = [read_image(item.clean_images[i]) for i in order]
    empty = [Reference(f"clean/{i}", image, {}) for i, image in enumerate(clean[:shots])]
    found = learner.learn([*shown, *empty])(clean[shots:])
    return item.key, seed, sum(bool(mask.any()) for mask in found), len(found)


def _line(row: Comparison) -> str:
    ours, peer = row.maskcast, row.peer
    return (
        f"{row.key:28s} {row.split!s:8s}  IoU {ours.iou:.3f} peer {peer.iou:.3f} "
        f"({ours.iou - peer.iou:+.3f})  memorize {ours.memorize_s:.1f} s  "
        f"{ours.megapixels_per_s:.2f} MP/s, {ours.megapixels_per_s / peer.megapixels_per_s:.1f} x"
    )


def _table(rows: list[Comparison]) -> str:
    """Means over seeds per class, and over classes."""
    lines = [
        "| class | IoU | peer IoU | difference | MP/s | peer MP/s | ratio | memorize s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    figures = []
    for key in dict.fromkeys(row.key for row in rows):
        of_class = [row for row in rows if row.key == key]
        figures.append(np.mean([_figures(row) for row in of_class], axis=0))
        lines.append(_table_line(key, figures[-1]))
    lines.append(_table_line("**mean**", np.mean(figures, axis=0)))
    return "\n".join(lines)


def _interval(rows: list[Comparison]) -> str:
    """Mean difference to the peer over classes, and where it would lie with other classes."""
    by_class = [
        np.mean([row.maskcast.iou - row.peer.iou for row in rows if row.key == key])
        for key in dict.fromkeys(row.key for row in rows)
    ]
    drawn = np.random.default_rng(0).choice(by_class, (_DRAWS, len(by_class))).mean(axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return f"difference to the peer {np.mean(by_class):+.3f}, 95 % of {low:+.3f} to {high:+.3f}"


def _overall_speed(rows: list[Comparison]) -> str:
    """Speed over all targets of all classes together."""
    total = sum(row.maskcast.megapixels for row in rows)
    ours = total / sum(row.maskcast.megapixels / row.maskcast.megapixels_per_s for row in rows)
    peer = total / sum(row.peer.megapixels / row.peer.megapixels_per_s for row in rows)
    return f"all targets together: {ours:.2f} MP/s, peer {peer:.2f} MP/s, {ours / peer:.1f} x"


def _figures(row: Comparison) -> tuple[float, ...]:
    ours, peer = row.maskcast, row.peer
    return (
        ours.iou,
        peer.iou,
        ours.megapixels_per_s,
        peer.megapixels_per_s,
        ours.megapixels_per_s / peer.megapixels_per_s,
        ours.memorize_s,
    )


def _table_line(name: str, figures: NDArray[np.float64]) -> str:
    iou, peer_iou, speed, peer_speed, ratio, memorize = (float(value) for value in figures)
    return (
        f"| {name} | {iou:.3f} | {peer_iou:.3f} | {iou - peer_iou:+.3f} | {speed:.2f} | "
        f"{peer_speed:.2f} | {ratio:.1f} | {memorize:.1f} |"
    )


if __name__ == "__main__":
    main()
