"""How quickly thresholds are laid over targets of 1 megapixel, without the engine.

A project of drawn targets with three objects each, whose probability planes have soft borders and
noise as a learner's have, is cut anew with another threshold and a smallest area for each object::

    python benchmarks/rethresholding.py [--targets 1000] [--workers 2]

Prints the bytes of planes for each target, and a row of a table for each choice.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from maskcast.engines.planes import Calibration, agreeing, level_of, levels_of
from maskcast.project.folder import LEDGER_NAME, ProjectFolder
from maskcast.quality.expectation import SelfTest
from maskcast.runs.cuts import Cut, Cuts
from maskcast.runs.identity import put_identity
from maskcast.runs.kept_planes import encode_planes, planes_path, write_calibration
from maskcast.runs.ledger import Ledger
from maskcast.runs.ledger_rows import LedgerCounts, TargetRow
from maskcast.runs.pipeline import WorkItem
from maskcast.runs.rethresholding import rethreshold
from maskcast.runs.sinks import FolderSink
from maskcast.runs.stages import RunStage
from maskcast.runs.work import FileWork
from maskcast.types import Mask, Segmentation

SIDE = 1024
OBJECTS = (1, 2, 3)
VARIANTS = 10
EVEN = level_of(0.5)
CALIBRATION = Calibration(dict.fromkeys(OBJECTS, EVEN), dict.fromkeys(OBJECTS, 1.0), True)
CHOICES = {
    "threshold 0.3": Cuts({key: Cut(0.3) for key in OBJECTS}),
    "threshold, smallest, holes, smooth": Cuts({key: Cut(0.4, 30, 50, 3) for key in OBJECTS}),
    "calibrated again": Cuts({}),
}


class Silent:
    """Observes and says nothing."""

    def stage(self, stage: RunStage) -> None:
        """See ``RunObserver``."""

    def note(self, text: str) -> None:
        """See ``RunObserver``."""

    def tested(self, selftest: SelfTest, names: Mapping[int, str]) -> None:
        """See ``RunObserver``."""

    def start(self, total: int, counts: LedgerCounts) -> None:
        """See ``RunObserver``."""

    def row(self, row: TargetRow) -> None:
        """See ``RunObserver``."""


def draw(seed: int) -> tuple[npt.NDArray[np.uint8], Segmentation]:
    """A noisy picture of some blobs, uint8 (SIDE, SIDE, 3), and what an engine finds there."""
    rng = np.random.default_rng(seed)
    logits = []
    for _ in OBJECTS:
        field = np.full((SIDE, SIDE), -6.5, np.float32)
        for _ in range(5):
            center = tuple(int(value) for value in rng.integers(50, SIDE - 50, 2))
            cv2.circle(field, center, int(rng.integers(8, 60)), 5.0, -1)
        soft = cv2.GaussianBlur(field, (0, 0), 4)
        noise = rng.normal(0, 0.5, field.shape)
        logits.append(np.asarray(soft + noise, np.float32))
    masks = [np.asarray(each > 0) for each in logits]
    image = rng.normal(110, 12, (SIDE, SIDE, 1)) + 40 * np.stack(masks, axis=-1)
    planes = {key: levels_of(each) for key, each in zip(OBJECTS, logits, strict=True)}
    found = Segmentation(
        np.array(OBJECTS, np.int32), _exclusive(masks), np.full(len(OBJECTS), 0.8, np.float32)
    )
    planes = agreeing(planes, found, CALIBRATION)
    found = Segmentation(found.object_ids, found.masks, found.scores, planes=planes)
    return image.clip(0, 255).astype(np.uint8), found


def _exclusive(masks: list[Mask]) -> npt.NDArray[np.bool_]:
    taken = np.zeros((SIDE, SIDE), np.bool_)
    kept = []
    for mask in masks:
        kept.append(mask & ~taken)
        taken |= mask
    return np.stack(kept)


def write_results(root: Path, targets: int) -> ProjectFolder:
    """A project with results and planes, as a run leaves it."""
    project = ProjectFolder.open(_made(root))
    output = project.output_folder
    write_calibration(output, CALIBRATION)
    specs = project.object_specs(OBJECTS)
    work = FileWork(FolderSink(output), specs, None, project.settings.images.read_options)
    drawn = [draw(seed) for seed in range(VARIANTS)]
    packed = [encode_planes(found) for _, found in drawn]
    with Ledger.create(output / LEDGER_NAME, {"engine": "drawn"}) as ledger:
        put_identity(output, ledger.run_id)
        for number in range(targets):
            image, found = drawn[number % VARIANTS]
            name = f"t{number:05}"
            path = project.targets_folder / f"{name}.png"
            Image.fromarray(image).save(path, compress_level=1)
            item = WorkItem(path.name, path, name)
            ledger.record(work.write(item, work.read(item), found))
            kept = planes_path(output, name)
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(packed[number % VARIANTS])
    print(f"planes: {np.mean([len(data) for data in packed]) / 1e3:.0f} KB a target", flush=True)
    return project


def _made(root: Path) -> Path:
    (root / "targets").mkdir(parents=True)
    (root / "references").mkdir()
    return root


def main() -> None:
    """Draw, cut, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--targets", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        project = write_results(Path(folder) / "p", options.targets)
        project = ProjectFolder.open(project.root, {"workers": options.workers})
        print("| choice | targets | changed | seconds | processor seconds |")
        print("|---|---|---|---|---|")
        for name, cuts in CHOICES.items():
            began = time.process_time()
            summary = rethreshold(project, Silent(), cuts, frozenset())
            spent = time.process_time() - began
            told = f"{len(summary.changed)} | {summary.seconds:.1f} | {spent:.1f}"
            print(f"| {name} | {options.targets} | {told} |", flush=True)


if __name__ == "__main__":
    main()
