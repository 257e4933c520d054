r"""Speed of the SAM engines over a folder of targets, beside a plain loop, in one run.

::

    python benchmarks/sam_throughput.py --family edgetam --objects 1 4 --references 1 5 \
        --targets 16 --device cpu --random-weights

Times (a) a plain loop as people write it today, image decoded and written in the loop, (b) our
engine alone on decoded images, (c) our pipeline with decoding and all outputs. Everything is drawn
here. With random weights the masks written are drawn discs, in (a) and (c) alike. ``--engine-only``
leaves out (a) and (c), so that on a CPU the memory is that of the engine.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from maskcast.drawing.palette import default_spec
from maskcast.engines.base import Engine, EngineSettings, create_engine
from maskcast.engines.sam.devices import pick_device, pick_dtype
from maskcast.engines.sam.families import FAMILIES
from maskcast.engines.sam.loading import load_model
from maskcast.engines.sam.weights import locate
from maskcast.io.images import encode_jpeg
from maskcast.io.read_options import DEFAULT_OPTIONS
from maskcast.project.settings import usable_cores
from maskcast.runs.ledger_rows import TargetRow
from maskcast.runs.pipeline import BatchRunner, Decoded, WorkItem, run_pipeline
from maskcast.runs.sinks import FolderSink
from maskcast.runs.work import FileWork
from maskcast.types import MemoryBank, Reference, RgbImage, Segmentation
from sam_models import (
    ENCODER_COSTS,
    PlainLoop,
    drawn_results,
    nominal_gflop,
    save_random_weights,
)

_PEAK_SIDE = {"cpu": 2048, "cuda": 8192, "mps": 4096}


@dataclass(frozen=True)
class Figures:
    """One line of the table: images per second, CPU seconds per image, and what they came to.

    CPU time tells more than the clock where other work shares the machine. Memory is the device's
    at its peak; on a CPU that of the process, NaN if not of the engine alone.
    """

    checkpoint: str
    objects: int
    references: int
    plain: float
    engine: float
    whole: float
    plain_cpu_seconds: float
    engine_cpu_seconds: float
    whole_cpu_seconds: float
    memory_gb: float
    teraflops: float
    peak_teraflops: float


@dataclass
class Clock:
    """What a block took."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0


@dataclass(frozen=True)
class Rate:
    """What an image took."""

    images_per_second: float
    cpu_seconds: float

    @classmethod
    def of(cls, images: int, clock: Clock) -> Rate:
        """Of a clock that ran over so many images."""
        return cls(images / clock.seconds, clock.cpu_seconds / images)


NOT_TIMED = Rate(math.nan, math.nan)


@dataclass(frozen=True)
class DrawnWork(FileWork):
    """What a run does with a target; may write drawn discs in place of what was found."""

    drawn: Segmentation | None = None

    def write(self, item: WorkItem, decoded: Decoded, found: Segmentation) -> TargetRow:
        """See ``FileWork``."""
        return super().write(item, decoded, self.drawn or found)


def main() -> None:
    """Measure every combination and print a table."""
    arguments = _arguments()
    torch.set_grad_enabled(False)
    family = FAMILIES[arguments.family]
    arguments.checkpoint = arguments.checkpoint or family.default.name
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        weights = arguments.weights
        if arguments.random_weights:
            weights = str(folder / "weights")
            print(save_random_weights(arguments.checkpoint, family, folder / "weights"))
        items = _draw_targets(folder, arguments.targets, arguments.size)
        print(
            f"{'objects':>8}{'refs':>6}{'a plain':>10}{'b engine':>10}{'c whole':>10}{'c/a':>7}"
            f"{'c/b':>7}{'a CPU s':>9}{'b CPU s':>9}{'c CPU s':>9}{'GB':>7}{'TFLOP/s':>9}"
            f"{'of peak':>9}"
        )
        lines = [
            _measure(arguments, folder, weights, items, objects, references)
            for objects in arguments.objects
            for references in arguments.references
        ]
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(line) for line in lines], indent=1))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--family", choices=FAMILIES, default="sam3")
    parser.add_argument("--checkpoint", choices=ENCODER_COSTS, help="of the family; its default")
    parser.add_argument("--objects", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--references", type=int, nargs="+", default=[1, 5])
    parser.add_argument("--targets", type=int, default=64)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--size", type=int, nargs=2, default=[1080, 1920], metavar=("H", "W"))
    parser.add_argument("--workers", type=int, default=usable_cores())
    parser.add_argument("--compile", nargs="?", const=True, default=False, choices=["graphs"])
    parser.add_argument("--weights", help="as maskcast run --weights")
    parser.add_argument("--random-weights", action="store_true")
    parser.add_argument("--engine-only", action="store_true", help="leave out (a) and (c)")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    return parser.parse_args()


def _measure(
    arguments: argparse.Namespace,
    folder: Path,
    weights: str | None,
    items: list[WorkItem],
    objects: int,
    references: int,
) -> Figures:
    shown = [_reference(seed, arguments.size, objects) for seed in range(references)]
    shape = (arguments.size[0], arguments.size[1])
    drawn = drawn_results(objects, shape) if arguments.random_weights else None
    specs = {number: default_spec(number) for number in range(1, objects + 1)}
    work = DrawnWork(FolderSink(folder / "output"), specs, None, DEFAULT_OPTIONS, drawn=drawn)
    plain = whole = NOT_TIMED
    if not arguments.engine_only:
        plain = _time_plain(arguments, weights, shown, items, work)
    options = {"weights": weights, "dtype": arguments.dtype, "compile": arguments.compile}
    settings = EngineSettings(
        arguments.device, workers=arguments.workers, options={**options, "bank_cache": False}
    )
    engine = create_engine(arguments.family, settings)
    bank = engine.memorize(shown)
    alone = _time_engine(engine, bank, items, work)
    if not arguments.engine_only:
        whole = _time_whole(engine, bank, items, work, arguments.workers)
    device = pick_device(arguments.device)
    figures = Figures(
        arguments.checkpoint,
        objects,
        references,
        plain.images_per_second,
        alone.images_per_second,
        whole.images_per_second,
        plain.cpu_seconds,
        alone.cpu_seconds,
        whole.cpu_seconds,
        _peak_memory(device, engine_only=arguments.engine_only),
        alone.images_per_second
        * nominal_gflop(arguments.checkpoint, arguments.family, objects, references)
        / 1e3,
        _peak_teraflops(device, pick_dtype(arguments.dtype, device)),
    )
    engine.close()
    _print(figures)
    return figures


def _print(line: Figures) -> None:
    print(
        f"{line.objects:8}{line.references:6}{line.plain:10.3f}{line.engine:10.3f}"
        f"{line.whole:10.3f}{line.whole / line.plain:7.2f}{line.whole / line.engine:7.2f}"
        f"{line.plain_cpu_seconds:9.1f}{line.engine_cpu_seconds:9.1f}{line.whole_cpu_seconds:9.1f}"
        f"{line.memory_gb:7.1f}{line.teraflops:9.2f}{line.teraflops / line.peak_teraflops:9.0%}",
        flush=True,
    )


def _time_plain(
    arguments: argparse.Namespace,
    weights: str | None,
    references: list[Reference],
    items: list[WorkItem],
    work: DrawnWork,
) -> Rate:
    family = FAMILIES[arguments.family]
    device = pick_device(arguments.device)
    model = load_model(locate(weights, family), family)
    loop = PlainLoop(model, family, references, device, pick_dtype(arguments.dtype, device))
    loop(work.read(items[0]).image)
    with _clock(device) as clock:
        for item in items:
            decoded = work.read(item)
            work.write(item, decoded, loop(decoded.image))
    return Rate.of(len(items), clock)


def _time_engine(engine: Engine, bank: MemoryBank, items: list[WorkItem], work: DrawnWork) -> Rate:
    images = [work.read(item).image for item in items]
    size = engine.info.max_batch
    engine.propagate(bank, images[:1])  # the bank's keys and values are there for every later one
    for _ in range(2):  # the second time with batch sizes, compiled code and memory settled
        with _clock(torch.device(engine.info.device)) as clock:
            for start in range(0, len(images), size):
                engine.propagate(bank, images[start : start + size])
        if engine.info.device == "cpu":
            break
    return Rate.of(len(images), clock)


def _time_whole(
    engine: Engine,
    bank: MemoryBank,
    items: list[WorkItem],
    work: DrawnWork,
    workers: int,
) -> Rate:
    with _clock(torch.device(engine.info.device)) as clock:
        rows: list[TargetRow] = []
        batches = BatchRunner(engine, bank, engine.info.max_batch)
        run_pipeline(items, work, batches, workers, rows.extend)
    failed = [row.reason for row in rows if row.state != "done"]
    assert not failed, failed[0]
    return Rate.of(len(rows), clock)


@contextmanager
def _clock(device: torch.device) -> Iterator[Clock]:
    """Time a block, the device's outstanding work included."""
    clock = Clock()
    began, began_cpu = time.perf_counter(), time.process_time()
    yield clock
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    clock.seconds = time.perf_counter() - began
    clock.cpu_seconds = time.process_time() - began_cpu


def _peak_memory(device: torch.device, *, engine_only: bool) -> float:
    """In GB, see ``Figures``."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e9
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9  # Linux counts in KiB
    return used if engine_only and device.type == "cpu" else math.nan


def _peak_teraflops(device: torch.device, dtype: torch.dtype) -> float:
    """Dense matrix product, the best of five."""
    side = _PEAK_SIDE[device.type]
    square = torch.ones(side, side, device=device, dtype=dtype)
    best = float("inf")
    for _ in range(5):
        with _clock(device) as clock:
            square @ square
        best = min(best, clock.seconds)
    return 2 * side**3 / best / 1e12


def _picture(seed: int, size: list[int]) -> RgbImage:
    coarse = np.random.default_rng(seed).integers(0, 256, (size[0] // 8, size[1] // 8, 3), np.uint8)
    return coarse.repeat(8, axis=0).repeat(8, axis=1)


def _reference(seed: int, size: list[int], objects: int) -> Reference:
    image = _picture(1000 + seed, size)
    drawn = drawn_results(objects, (image.shape[0], image.shape[1]))
    masks = dict(zip(drawn.object_ids.tolist(), drawn.masks, strict=True))
    return Reference(f"{seed}.png", image, masks)


def _draw_targets(folder: Path, count: int, size: list[int]) -> list[WorkItem]:
    items = []
    for number in range(count):
        path = folder / f"{number}.jpg"
        path.write_bytes(encode_jpeg(_picture(number, size)))
        items.append(WorkItem(path.name, path, str(number)))
    return items


if __name__ == "__main__":
    main()
