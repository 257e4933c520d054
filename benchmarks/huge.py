"""Time, memory and particles found in a wafer of hundreds of megapixels, beside small ones.

Draws the wafer of ``maskcast demo --big`` and small ones, runs over each in a process of its own,
and compares the particles of windows of a megapixel, cut out as targets, with those of the whole
and with those that scikit-image's segmenter finds there. Then the run over the wafer is killed at
half of its time and gone on with, and all files are compared::

    python benchmarks/huge.py FOLDER [--side 20000] [--small 2000] [--count 8]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from maskcast.demo.big_wafer import BigWafer, write_big_wafer
from maskcast.demo.example import write_big_project
from maskcast.demo.wafers import PARTICLE
from maskcast.interchange.importing import import_annotations
from maskcast.io.label_maps import read_label_map
from maskcast.io.read_options import ReadOptions
from maskcast.io.windowed import open_picture
from maskcast.masks import components
from maskcast.project.folder import ProjectFolder
from maskcast.project.references import load_references
from maskcast.types import LabelMap
from peer import PeerSegmenter

WINDOW = 1024
WINDOWS = 12


@dataclass(frozen=True)
class Cost:
    """Of one run, learning included: seconds on the clock and of all cores, and peak memory."""

    wall: float
    cpu: float
    peak_mb: float


def main() -> None:
    """Draw, run, print rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--side", type=int, default=20_000)
    parser.add_argument("--small", type=int, default=2_000)
    parser.add_argument("--count", type=int, default=8)
    given = parser.parse_args()
    single = drawn(given.folder / "single", given.small, 1)
    several = drawn(given.folder / "several", given.small, given.count)
    huge = drawn(given.folder / "huge", given.side, 1)
    megapixels = given.small**2 / 1e6
    costs = {project: run(project) for project in (single, several, huge)}
    each = (costs[several].cpu - costs[single].cpu) / (given.count - 1)
    learning = costs[single].cpu - each
    print("| target | megapixels | seconds | CPU seconds per megapixel | peak MB |")
    print("|---|---|---|---|---|")
    for project, pixels, count in (
        (several, megapixels, given.count),
        (huge, given.side**2 / 1e6, 1),
    ):
        cost = costs[project]
        rate = (cost.cpu - learning) / (pixels * count)
        print(
            f"| {count} x {pixels:.0f} MP | {pixels * count:.0f} | {cost.wall:.0f} | {rate:.2f} | "
            f"{cost.peak_mb:.0f} |"
        )
    compare(huge, given.folder / "windows")
    kill(huge, costs[huge].wall / 2)


def drawn(folder: Path, side: int, count: int) -> Path:
    """A project with wafers as targets; what is there already stays."""
    project = write_big_project(folder, 0, side)
    for number in range(1, count):
        image = folder / "targets" / f"wafer-{number}.tif"
        if not image.exists():
            truth = project.target_truth / f"wafer-{number}.png"
            write_big_wafer(image, truth, BigWafer.drawn(number, side))
    opened = ProjectFolder.open(folder)
    if not opened.annotations_path.exists():
        import_annotations(opened, "masks", project.reference_truth)
    return folder


def run(project: Path) -> Cost:
    """Mask all targets in a process of its own."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    output, _ = started(project, project / "output").communicate()
    wall = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if json.loads(output)["failed"]:
        raise SystemExit(f"{project}: a target failed")
    return Cost(wall, cpu, after.ru_maxrss / 1024)  # the largest of the runs so far: this one


def started(project: Path, output: Path) -> subprocess.Popen[bytes]:
    """A run with its results in a folder."""
    command = [sys.executable, "-m", "maskcast", "run", str(project), "--output", str(output)]
    options = ["--no-selftest", "--json", "--tile", "auto"]
    return subprocess.Popen([*command, *options], stdout=subprocess.PIPE)


def kill(project: Path, seconds: float) -> None:
    """Run again, kill the run, go on, and print whether the results are those of the first run."""
    output = project / "killed"
    first = started(project, output)
    try:
        first.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        first.kill()
        first.communicate()
    else:
        raise SystemExit(f"the run was over before {seconds:.0f} s were")
    began = time.monotonic()
    started(project, output).communicate()
    print(f"killed after {seconds:.0f} s and gone on with for {time.monotonic() - began:.0f} s")
    same = digests(output) == digests(project / "output")
    print(f"its results are {'the same bytes' if same else 'OTHERS'}")


def digests(output: Path) -> dict[str, str]:
    """Path of each result -> sha256; without the ledger, which holds times."""
    folders = ("bboxes", "id_masks", "masks", "overlays")
    return {
        str(path.relative_to(output)): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in folders
        for path in sorted((output / folder).rglob("*.*"))
    }


def compare(huge: Path, windows: Path) -> None:
    """Print how the particles of some windows were found in the whole, alone, and by the peer."""
    image = huge / "targets" / "wafer.tif"
    truth = labels(huge / "truth" / "targets" / "wafer.png")
    whole = labels(huge / "output" / "masks" / "wafer.png")
    count, seen, iou = found_in(truth, whole)
    print(f"particles in the whole: {seen} of {count} found, mean IoU {iou / seen:.3f}")
    places = window_places(truth.shape[0])
    project = drawn_windows(windows, image, places)
    run(project)
    by_peer, seconds = peer_masks(project)
    found: dict[str, list[tuple[int, int, float]]] = {"in the whole": [], "cut out": [], "peer": []}
    for number, (top, left) in enumerate(places):
        part = slice(top, top + WINDOW), slice(left, left + WINDOW)
        alone = labels(project / "output" / "masks" / f"window-{number:02d}.png")
        for name, masks in (("in the whole", whole[part]), ("cut out", alone)):
            found[name].append(found_in(truth[part], masks))
        found["peer"].append(found_in(truth[part], by_peer[number]))
    for name, each in found.items():
        count, seen, iou = np.array(each).sum(axis=0)
        print(f"{name}: {seen:.0f} of {count:.0f} particles found, mean IoU {iou / seen:.3f}")
    print(f"the peer took {seconds:.2f} CPU seconds per megapixel")


def peer_masks(project: Path) -> tuple[list[NDArray[np.uint8]], float]:
    """Label maps of scikit-image's segmenter, and CPU seconds per megapixel."""
    opened = ProjectFolder.open(project)
    peer = PeerSegmenter()
    peer.fit(load_references(opened, opened.create_engine()).references)
    began = time.process_time()
    masks = []
    for path in sorted((project / "targets").iterdir()):
        with open_picture(path) as picture:
            masks.append(peer.predict(picture.read(0, 0, WINDOW, WINDOW)))
    seconds = (time.process_time() - began) / (len(masks) * WINDOW**2 / 1e6)
    return masks, seconds


def window_places(side: int) -> list[tuple[int, int]]:
    """Top and left of some windows, spread by a fixed seed."""
    rng = np.random.default_rng(0)
    return [(int(y), int(x)) for y, x in rng.integers(0, side - WINDOW, (WINDOWS, 2))]


def drawn_windows(folder: Path, image: Path, places: list[tuple[int, int]]) -> Path:
    """A project with the same references and windows of a wafer as targets."""
    project = write_big_project(folder, 0, WINDOW)
    opened = ProjectFolder.open(folder)
    if not opened.annotations_path.exists():
        import_annotations(opened, "masks", project.reference_truth)
    (folder / "targets" / "wafer.tif").unlink(missing_ok=True)
    with open_picture(image) as picture:
        for number, (top, left) in enumerate(places):
            pixels = picture.read(top, left, top + WINDOW, left + WINDOW)[..., 0]
            tifffile.imwrite(folder / "targets" / f"window-{number:02d}.tif", pixels)
    return folder


def labels(path: Path) -> LabelMap:
    """A label map of any size."""
    return read_label_map(path, ReadOptions(max_pixels=2**40))


def found_in(truth: LabelMap, result: LabelMap) -> tuple[int, int, float]:
    """Particles there are, how many are found (IoU of at least 0.5), and the sum of their IoU."""
    seen, total = 0, 0.0
    parts = components(truth == PARTICLE)
    for part in parts:
        xmin, ymin, xmax, ymax = part.box
        around = slice(max(0, ymin - 8), ymax + 8), slice(max(0, xmin - 8), xmax + 8)
        true, found = truth[around] == PARTICLE, result[around] == PARTICLE
        iou = float((true & found).sum() / max(1, (true | found).sum()))
        if iou >= 0.5:
            seen, total = seen + 1, total + iou
    return len(parts), seen, total


if __name__ == "__main__":
    main()
