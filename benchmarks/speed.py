"""Speed and memory of the `pixel` engine and of the run around it, beside a peer in one run.

Everything is drawn here, so no data set is needed::

    python benchmarks/speed.py [--quick] [--json FILE]

The peer is scikit-image's trainable segmenter, learned from the same references.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median

import cv2
import numpy as np

from maskcast.demo.wafers import KINDS, draw_inspection_image
from maskcast.drawing.palette import default_spec
from maskcast.engines.base import EngineSettings
from maskcast.engines.pixel.engine import PixelEngine
from maskcast.io.images import encode_jpeg, encode_label_png, read_image
from maskcast.project.settings import usable_cores
from maskcast.runs.outputs import OutputFolders, write_outputs
from maskcast.types import Reference, RgbImage
from peer import PeerSegmenter

MEGAPIXEL = 1024
Figures = dict[str, float]

MEASURED_COMMAND = """
import resource, sys, time
from maskcast import cli
began = time.monotonic()
try:
    cli.main()
except SystemExit as end:
    assert not end.code, end.code
spent = time.monotonic() - began
usage = resource.getrusage(resource.RUSAGE_SELF)
print(usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime, spent)
"""


def main() -> None:
    """Measure, print a table, and keep the figures if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer targets")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args()
    figures: dict[str, Figures] = {}

    def keep(title: str, values: Figures) -> None:
        figures[title] = values
        print(f"\n{title}")
        for name, value in values.items():
            print(f"  {name:58} {value:10.3f}", flush=True)

    keep("start-up", start_up())
    with tempfile.TemporaryDirectory() as folder:
        keep("whole runs", whole_runs(Path(folder), 300 if arguments.quick else 5000))
        keep("a 12-megapixel target", large_target(Path(folder)))
    references = [draw(seed, MEGAPIXEL, MEGAPIXEL) for seed in range(5)]
    targets = [draw(100 + seed, MEGAPIXEL, MEGAPIXEL).image for seed in range(8)]
    keep("output files", outputs(references, targets))
    keep("engine beside the peer", engine_and_peer(references, targets))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1))


def draw(seed: int, height: int, width: int) -> Reference:
    """An inspection image of the demo, tiled or shrunk to a size, with its masks."""
    drawn = draw_inspection_image(np.random.default_rng(seed), KINDS)
    rows, columns = -(-height // drawn.image.shape[0]), -(-width // drawn.image.shape[1])
    image, masks = drawn.image, drawn.masks
    if height < image.shape[0] or width < image.shape[1]:
        image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA))
        masks = {
            key: cv2.resize(mask.astype(np.float32), (width, height)) > 0.5
            for key, mask in masks.items()
        }
    tiled = np.tile(image, (rows, columns, 1))[:height, :width]
    return Reference(
        f"{seed}.png",
        np.ascontiguousarray(tiled, np.uint8),
        {key: np.tile(mask, (rows, columns))[:height, :width] for key, mask in masks.items()},
    )


def start_up() -> Figures:
    """Seconds until a command has started, median of five processes."""
    programs = {
        "python alone, s": ["-c", "pass"],
        "import maskcast, s": ["-c", "import maskcast"],
        "maskcast --help, s": ["-m", "maskcast", "--help"],
    }
    return {name: _start_time(program) for name, program in programs.items()}


def _start_time(program: list[str]) -> float:
    command = [sys.executable, *program]
    return median(
        _timed(lambda: subprocess.run(command, check=True, capture_output=True)) for _ in range(5)
    )


def engine_and_peer(references: list[Reference], targets: list[RgbImage]) -> Figures:
    """Learning time and megapixels per second of both, interleaved on the same targets."""
    engine = PixelEngine(EngineSettings(workers=usable_cores()))
    began = time.perf_counter()
    bank = engine.memorize(references)
    learned = time.perf_counter() - began
    peer = PeerSegmenter()
    # Its trees are as deep whatever it learns from, and only its masking is timed here.
    peer.fit(references[:1])
    megapixels = sum(image.shape[0] * image.shape[1] for image in targets) / 1e6
    ours, theirs = [], []
    for _ in range(3):
        ours.append(_timed(lambda: engine.propagate(bank, targets)))
        theirs.append(_timed(lambda: [peer.predict(image) for image in targets[:2]]))
    engine.close()
    speed = megapixels / median(ours)
    peer_speed = megapixels * 2 / len(targets) / median(theirs)
    return {
        "learning from five 1-megapixel references, s": learned,
        "propagate, MP/s": speed,
        "the peer's propagate, MP/s": peer_speed,
        "ratio": speed / peer_speed,
    }


def outputs(references: list[Reference], targets: list[RgbImage]) -> Figures:
    """Single-thread cost of the stages around the engine, per megapixel."""
    engine = PixelEngine(EngineSettings(workers=1))
    bank = engine.memorize(references)
    found = engine.propagate(bank, targets)
    engine_time = _timed(lambda: engine.propagate(bank, targets))
    specs = {key: default_spec(key) for key in KINDS}
    with tempfile.TemporaryDirectory() as folder:
        folders = OutputFolders(Path(folder))
        writing = _timed(
            lambda: [
                write_outputs(folders, str(number), image, segmentation, specs)
                for number, (image, segmentation) in enumerate(zip(targets, found, strict=True))
            ]
        )
        picture = Path(folder) / "picture"
        picture.write_bytes(cv2.imencode(".png", targets[0])[1].tobytes())
        png = median(_timed(lambda: read_image(picture)) for _ in range(5))
        picture.write_bytes(encode_jpeg(targets[0]))
        jpeg = median(_timed(lambda: read_image(picture)) for _ in range(5))
    labels = np.zeros(targets[0].shape[:2], np.uint8)
    labels[200:400, 200:400] = 1
    label_png = median(_timed(lambda: encode_label_png(labels, {1: (9, 9, 9)})) for _ in range(5))
    engine.close()
    megapixels = sum(image.shape[0] * image.shape[1] for image in targets) / 1e6
    return {
        "engine, one thread, ms/MP": 1e3 * engine_time / megapixels,
        "drawing and writing all outputs, one thread, ms/MP": 1e3 * writing / megapixels,
        "outputs / engine": writing / engine_time,
        "decoding PNG, ms/MP": 1e3 * png,
        "decoding JPEG, ms/MP": 1e3 * jpeg,
        "encoding a label map, ms/MP": 1e3 * label_png,
    }


def whole_runs(folder: Path, many: int) -> Figures:
    """`maskcast run` in its own process: peak memory at few and many targets, cores kept busy."""
    project = _project(folder / "small", 128, 200)
    first = project / "targets" / "0000.png"
    for number in range(200, many):
        (project / "targets" / f"{number:04}.png").hardlink_to(first)
    few = _run_command(project, folder / "few", limit=200)
    all_of_them = _run_command(project, folder / "many", limit=many)
    large = _run_command(_project(folder / "large", MEGAPIXEL, 40), folder / "busy", limit=40)
    return {
        "peak resident memory at 200 targets, MB": few["peak"],
        f"peak resident memory at {many} targets, MB": all_of_them["peak"],
        "growth": all_of_them["peak"] / few["peak"] - 1,
        f"{many} targets of 128 x 128, targets/s": many / all_of_them["seconds"],
        "40 targets of 1 megapixel, learning included, targets/s": 40 / large["seconds"],
        "share of all cores kept busy": large["cpu"] / large["seconds"] / usable_cores(),
    }


def large_target(folder: Path) -> Figures:
    """Peak memory of a run over 12-megapixel targets."""
    project = _project(folder / "huge", 512, 0)
    for number in range(4):
        picture = draw(number, 3000, 4000).image
        (project / "targets" / f"{number}.png").write_bytes(
            cv2.imencode(".png", picture)[1].tobytes()
        )
    run = _run_command(project, folder / "huge-output", limit=4)
    single = _run_command(project, folder / "one-output", limit=1)
    return {
        "peak resident memory of a run over one, MB": single["peak"],
        "peak resident memory of a run over four, MB": run["peak"],
    }


def _project(folder: Path, size: int, targets: int) -> Path:
    for kind in ("references", "targets", "labels"):
        (folder / kind).mkdir(parents=True)
    for number in range(5):
        reference = draw(number, size, size)
        labels = np.zeros((size, size), np.uint8)
        for key, mask in reference.masks.items():
            labels[mask] = key
        _write(folder / "references" / f"{number}.png", reference.image)
        _write(folder / "labels" / f"{number}.png", labels)
    for number in range(targets):
        _write(folder / "targets" / f"{number:04}.png", draw(100 + number, size, size).image)
    subprocess.run(
        [
            sys.executable,
            "-m",
            "maskcast",
            "import",
            "masks",
            str(folder / "labels"),
            "--project",
            str(folder),
        ],
        check=True,
        capture_output=True,
    )
    return folder


def _write(path: Path, picture: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> None:
    path.write_bytes(cv2.imencode(".png", picture)[1].tobytes())


def _run_command(project: Path, output: Path, limit: int) -> Mapping[str, float]:
    printed = subprocess.run(
        [
            sys.executable,
            "-c",
            MEASURED_COMMAND,
            "run",
            str(project),
            "--output",
            str(output),
            "--limit",
            str(limit),
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    peak, cpu, seconds = (float(word) for word in printed.split())
    return {"peak": peak, "cpu": cpu, "seconds": seconds}


def _timed(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
