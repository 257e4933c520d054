"""Play a user on the packs: a box, then clicks where the mask is most wrong.

The truth of an image is the largest 8-connected component of its mask. The user draws its tight
box, looks at the answer and clicks in the middle (the maximum of the distance transform) of the
largest wrong region: positive if it is missing, negative if it is too much; five times. A second
user draws no box and clicks into the middle of the object first. OpenCV's GrabCut gets the same
boxes in the same run. Everything runs in one thread; times are that thread's processor time, so
that other work on the machine does not count.

    python benchmarks/interactive.py PACKS [--limit N] [--no-grabcut] [--json FILE]
    python benchmarks/interactive.py PACKS --from-prediction [--limit N]

With ``--from-prediction`` masks of the engine are corrected, see ``interactive_corrections``.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from maskcast.engines.pixel.interactive.fitted import FITTED, Weights
from maskcast.engines.pixel.interactive.kept_steps import Memory
from maskcast.engines.pixel.interactive.segment import Sketch, segment_object
from maskcast.types import Mask, Prompts, RgbImage
from packs import PackClass, load_packs, read_image, read_mask

CLICKS = 5
GRABCUT_ITERATIONS = 5
MEGAPIXEL = 1_000_000


@dataclass
class Tally:
    """What was measured on the images of one class.

    Attributes:
        boxed: IoU after the box and after each click, one row of 1 + `CLICKS` per image.
        clicked: IoU after each click without a box, one row of `CLICKS` per image.
        grabcut: IoU of GrabCut with the box, one per image.
        seconds: by kind of call, (seconds, megapixels) of each.
    """

    boxed: list[list[float]] = field(default_factory=list)
    clicked: list[list[float]] = field(default_factory=list)
    grabcut: list[float] = field(default_factory=list)
    seconds: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def timed(self, kind: str, image: RgbImage, call: Callable[[], Mask]) -> Mask:
        """Run a call and note its time."""
        start = time.process_time()
        mask = call()
        spent = time.process_time() - start
        self.seconds.setdefault(kind, []).append((spent, image.shape[0] * image.shape[1] / 1e6))
        return mask

    def row(self) -> dict[str, float]:
        """Means over the images, and milliseconds per megapixel."""
        boxed, clicked = np.mean(self.boxed, axis=0), np.mean(self.clicked, axis=0)
        row = {"images": float(len(self.boxed)), "box": float(boxed[0])}
        row |= {f"box+{n}": float(boxed[n]) for n in (1, 3, 5)}
        row |= {f"clicks {n}": float(clicked[n - 1]) for n in (1, 3, 5)}
        if self.grabcut:
            row["grabcut"] = float(np.mean(self.grabcut))
        for kind, spent in self.seconds.items():
            total = np.sum(spent, axis=0)
            row[f"ms/MP {kind}"] = float(1000 * total[0] / total[1])
        return row


def largest_component(mask: Mask) -> Mask:
    """The largest 8-connected component, bool (H, W); nothing if there is none."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    if count < 2:
        return np.zeros_like(mask)
    largest: Mask = labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    return largest


def tight_box(mask: Mask) -> npt.NDArray[np.float32]:
    """Pixel edges ``xmin, ymin, xmax, ymax`` of a mask that is not empty."""
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    return np.array([x, y, x + width, y + height], np.float32)


def middle(region: Mask) -> tuple[float, float]:
    """The centre of the pixel that is farthest from the region's outline, (x, y)."""
    depth = cv2.distanceTransform(np.pad(region.astype(np.uint8), 1), cv2.DIST_L2, 5)
    row, column = np.unravel_index(int(np.argmax(depth[1:-1, 1:-1])), region.shape)
    return float(column) + 0.5, float(row) + 0.5


def next_click(mask: Mask, truth: Mask) -> tuple[tuple[float, float], bool] | None:
    """Where the user clicks and whether it is a positive click; None if nothing is wrong."""
    missing, excess = largest_component(truth & ~mask), largest_component(mask & ~truth)
    if not missing.any() and not excess.any():
        return None
    positive = np.count_nonzero(missing) >= np.count_nonzero(excess)
    return middle(missing if positive else excess), bool(positive)


def iou(mask: Mask, truth: Mask) -> float:
    """Intersection over union; the truth is not empty."""
    return float(np.count_nonzero(mask & truth) / np.count_nonzero(mask | truth))


def play(
    image: RgbImage,
    truth: Mask,
    box: npt.NDArray[np.float32] | None,
    tally: Tally,
    cold: bool = False,
    weights: Weights = FITTED,
) -> list[float]:
    """IoU after the box (if there is one) and after each of the clicks.

    With ``cold`` nothing is remembered from one call to the next.
    """
    points: list[tuple[float, float]] = []
    labels: list[bool] = []
    mask = np.zeros_like(truth)
    reached = []

    memory = None if cold else Memory[Sketch](16)

    def ask() -> Mask:
        prompts = Prompts(
            box=box,
            points=np.array(points, np.float32).reshape(-1, 2),
            point_labels=np.array(labels, np.bool_),
        )
        return segment_object(image, prompts, memory, weights)

    if box is not None:
        mask = tally.timed("box", image, ask)
        reached.append(iou(mask, truth))
    for count in range(1, CLICKS + 1):
        click = next_click(mask, truth)
        if click is not None:
            points.append(click[0])
            labels.append(click[1])
            kind = f"box+{count}" if box is not None else f"clicks {count}"
            mask = tally.timed(kind, image, ask)
        reached.append(iou(mask, truth))
    return reached


def grabcut(image: RgbImage, box: npt.NDArray[np.float32]) -> Mask:
    """OpenCV's GrabCut with a box."""
    height, width = image.shape[:2]
    x0, y0, x1, y1 = box.astype(int).tolist()
    if (x1 - x0) * (y1 - y0) == height * width:  # GrabCut needs some background
        return np.ones((height, width), np.bool_)
    labels = np.zeros((height, width), np.uint8)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)
    rect = (x0, y0, x1 - x0, y1 - y0)
    cv2.grabCut(image, labels, rect, *models, GRABCUT_ITERATIONS, cv2.GC_INIT_WITH_RECT)
    found: Mask = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
    return found


def objects(pack: PackClass, limit: int | None) -> Iterator[tuple[RgbImage, Mask]]:
    """Images of a class with their largest object, evenly picked if there is a limit."""
    names = sorted(pack.masks)
    if limit is not None and limit < len(names):
        names = [names[i] for i in np.linspace(0, len(names) - 1, limit).astype(int)]
    for name in names:
        truth = largest_component(read_mask(pack.masks[name]))
        if truth.any():
            yield read_image(pack.images[name]), truth


def measure_class(pack: PackClass, limit: int | None, with_grabcut: bool) -> Tally:
    """Play on the images of one class, see `objects`."""
    tally = Tally()
    for image, truth in objects(pack, limit):
        box = tight_box(truth)
        tally.boxed.append(play(image, truth, box, tally))
        tally.clicked.append(play(image, truth, None, tally))
        if with_grabcut:
            cut = tally.timed("grabcut", image, partial(grabcut, image, box))
            tally.grabcut.append(iou(cut, truth))
    return tally


def slowest_megapixel_call(packs: list[PackClass], cold: bool) -> dict[str, float]:
    """Milliseconds of the slowest calls on 1-megapixel images, of each kind of call.

    One image of each class, enlarged; with a box around everything, a tight box and no box.
    """
    slowest: dict[str, float] = {}
    for pack in packs:
        name = min(pack.masks)
        small, truth = read_image(pack.images[name]), read_mask(pack.masks[name])
        scale = float(np.sqrt(MEGAPIXEL / truth.size))
        image = np.asarray(cv2.resize(small, None, fx=scale, fy=scale), np.uint8)
        enlarged = cv2.resize(truth.astype(np.uint8), image.shape[1::-1])
        truth = largest_component(np.asarray(enlarged, np.bool_))
        everything = np.array([0, 0, image.shape[1], image.shape[0]], np.float32)
        tally = Tally()
        for box in (everything, tight_box(truth), None):
            play(image, truth, box, tally, cold)
        for kind, spent in tally.seconds.items():
            worst = 1000 * max(seconds for seconds, _ in spent)
            slowest[kind] = max(worst, slowest.get(kind, 0.0))
    return slowest


def print_table(rows: dict[str, dict[str, float]]) -> None:
    """One line per class and their mean."""
    shown = ["images", "box", "box+1", "box+3", "box+5", "clicks 1", "clicks 3", "clicks 5"]
    shown += ["grabcut", "ms/MP box", "ms/MP box+5", "ms/MP grabcut"]
    shown = [name for name in shown if all(name in row for row in rows.values())]
    mean = {name: float(np.mean([row[name] for row in rows.values()])) for name in shown}
    print(f"| {'class':<28} | " + " | ".join(shown) + " |")
    print("|" + "---|" * (len(shown) + 1))
    for key, row in {**rows, "mean": mean}.items():
        cells = [f"{row[name]:.{3 if row[name] <= 1 else 0}f}" for name in shown]
        print(f"| {key:<28} | " + " | ".join(cells) + " |")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("packs", type=Path)
    parser.add_argument("--limit", type=int, help="images per class")
    parser.add_argument("--no-grabcut", action="store_true", help="without the slow peer")
    parser.add_argument("--json", type=Path, help="write the figures to a file")
    parser.add_argument("--from-prediction", action="store_true", help="correct an engine's masks")
    options = parser.parse_args()
    if options.from_prediction:
        correct(options.packs, options.limit)
        return
    cv2.setNumThreads(1)
    with threadpool_limits(1):
        run(options.packs, options.limit, not options.no_grabcut, options.json)


def correct(folder: Path, limit: int | None) -> None:
    """Correct masks of all classes, print the table."""
    from interactive_corrections import correct_class, table  # it plays with what is here

    corrections = {}
    for pack in load_packs(folder):
        corrections[pack.key] = list(correct_class(pack, limit))
        print(f"  {pack.key}: {len(corrections[pack.key])} masks", flush=True)
    print(table(corrections))


def run(folder: Path, limit: int | None, with_grabcut: bool, report: Path | None) -> None:
    """Measure all classes, print the table, write the report."""
    packs = load_packs(folder)
    rows: dict[str, dict[str, float]] = {}
    tallies: list[Tally] = []
    for pack in packs:
        tally = measure_class(pack, limit, with_grabcut)
        tallies.append(tally)
        rows[pack.key] = tally.row()
        print(f"  {pack.key}: box {rows[pack.key]['box']:.3f}", flush=True)
    print_table(rows)
    for kind in ("box", "box+5", "grabcut"):
        spent = [call for tally in tallies for call in tally.seconds.get(kind, [])]
        if spent:
            seconds, megapixels = np.sum(spent, axis=0)
            print(f"all classes together, {kind}: {1000 * seconds / megapixels:.0f} ms/MP")
    slowest = {
        "one click more": slowest_megapixel_call(packs, cold=False),
        "from scratch": slowest_megapixel_call(packs, cold=True),
    }
    for how, worst_by_kind in slowest.items():
        print(f"slowest call on 1 megapixel, {how}, ms: ", end="")
        print(", ".join(f"{kind} {worst:.0f}" for kind, worst in sorted(worst_by_kind.items())))
    if report is not None:
        figures = {"classes": rows, "slowest_megapixel_ms": slowest}
        report.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
