"""Peak memory and time of ``maskcast run`` over pictures made to take much of both.

The pictures are those of ``hostile_files.py``, 200 and more of every kind that is read, beside a
few honest ones; the run has the usual bound of pixels::

    python benchmarks/hostile.py [--engine pixel]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from hostile_files import hostile_pictures
from maskcast.interchange.importing import import_annotations
from maskcast.project.folder import ProjectFolder

SIDE = 256
HONEST = 20


def main() -> None:
    """Write the pictures, run, print a row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", default="pixel")
    engine = parser.parse_args().engine
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        hostile = write_project(root)
        began = time.monotonic()
        command = [sys.executable, "-m", "maskcast", "run", str(root), "--engine", engine, "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        seconds = time.monotonic() - began
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    summary = json.loads(done.stdout)
    print("| hostile pictures | honest | done | failed | exit | seconds | peak MB |")
    print("|---|---|---|---|---|---|---|")
    counts = f"{summary['done']} | {summary['failed']} | {done.returncode}"
    print(f"| {hostile} | {HONEST} | {counts} | {seconds:.1f} | {peak:.0f} |")


def write_project(root: Path) -> int:
    """Two references with a disc, honest targets, and the others; returns how many those are."""
    rng = np.random.default_rng(0)
    for number in range(HONEST):
        image = rng.normal(110, 10, (SIDE, SIDE)).clip(0, 255).astype(np.uint8)
        mask = np.zeros_like(image)
        middle = rng.integers(50, SIDE - 50, 2)
        cv2.circle(mask, (int(middle[0]), int(middle[1])), 25, 255, -1)
        image[mask > 0] += 60
        _write(root / "targets" / f"honest_{number}.png", image)
        if number < 2:
            _write(root / "references" / f"r{number}.png", image)
            _write(root / "labels" / f"r{number}.png", mask)
    import_annotations(ProjectFolder.open(root), "masks", root / "labels")
    names = set()
    for name, data in hostile_pictures():
        (root / "targets" / name).write_bytes(data)
        names.add(name)
    return len(names)


def _write(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", image)[1].tobytes())


if __name__ == "__main__":
    main()
