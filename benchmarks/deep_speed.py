"""Speed and memory of the engine ``deep`` on a CPU, beside a plain loop of ``transformers``.

    python benchmarks/deep_speed.py [--weights FOLDER] [--rounds 3] [--json FILE]

The plain loop encodes the same target at the same scale as one picture with the whole model in
fp32, on one thread, and does nothing more; the engine encodes and masks it. Both take turns.
Without weights a random ViT-S/14 of DINOv2's shape is built: it takes what trained ones take.
Seconds are of the wall clock and, as other work may keep the cores busy, of the processor.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import torch
import transformers

from maskcast.engines.base import EngineSettings
from maskcast.engines.deep.engine import DeepEngine
from maskcast.engines.deep.tiling import lay, scale_of
from maskcast.types import RgbImage
from speed import MEASURED_COMMAND, draw

_SIDE = 1000
_HUGE = (3000, 4000)
_PATCH = 14
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_STD = np.array([0.229, 0.224, 0.225], np.float32)


def main() -> None:
    """Measure and print; nothing of the machine's settings is changed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", help="folder or name; default: a random ViT-S")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        weights = arguments.weights or str(_random_vit(Path(folder) / "vit"))
        figures = {
            **_beside_plain_loop(weights, arguments.rounds),
            **_two_cores(weights, arguments.rounds),
            "peak resident memory of a run over a 12-megapixel target, MB": _peak_memory(
                weights, Path(folder)
            ),
            "load of the machine at the end": os.getloadavg()[0],
        }
    for name, value in figures.items():
        print(f"| {name} | {value:.2f} |")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1))


def _random_vit(folder: Path) -> Path:
    config = transformers.Dinov2Config(
        hidden_size=384, num_hidden_layers=12, num_attention_heads=6, image_size=518, patch_size=14
    )
    torch.manual_seed(0)
    transformers.Dinov2Model(config).save_pretrained(folder)
    return folder


def _engine(weights: str, workers: int) -> DeepEngine:
    options = {"weights": weights, "kept_tokens": False}
    return DeepEngine(EngineSettings(device="cpu", workers=workers, options=options))


def _beside_plain_loop(weights: str, rounds: int) -> dict[str, float]:
    references = [draw(seed, 512, 512) for seed in range(3)]
    target = draw(100, _SIDE, _SIDE).image
    engine = _engine(weights, 1)
    bank = engine.memorize(references)
    scale = scale_of([reference.image.shape for reference in references])
    model = transformers.AutoModel.from_pretrained(weights, dtype=torch.float32).eval()
    ours, plain = [], []
    for _ in range(rounds):
        ours.append(_seconds(lambda: engine.propagate(bank, [target])))
        plain.append(_seconds(lambda: _plain(model, target, scale)))
    engine.close()
    result: dict[str, float] = {}
    for place, clock in enumerate(("wall clock", "processor")):
        deep, loop = (median(times[place] for times in kind) for kind in (ours, plain))
        result |= {
            f"deep, a target of 1 megapixel, one thread, s ({clock})": deep,
            f"plain fp32 loop over the same, s ({clock})": loop,
            f"ratio ({clock})": loop / deep,
        }
    return result


@torch.inference_mode()
def _plain(model: transformers.PreTrainedModel, image: RgbImage, scale: float) -> None:
    pixels = (lay(image, scale, _PATCH).astype(np.float32) / 255 - _MEAN) / _STD
    model(torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))[None])


def _two_cores(weights: str, rounds: int) -> dict[str, float]:
    references = [draw(seed, 512, 512) for seed in range(3)]
    targets = [draw(100 + seed, _SIDE, _SIDE).image for seed in range(4)]
    single, both = _engine(weights, 1), _engine(weights, 2)
    banks = [engine.memorize(references) for engine in (single, both)]
    times: list[list[float]] = [[], []]
    for _ in range(rounds):
        for engine, bank, kept in zip((single, both), banks, times, strict=True):
            kept.append(_seconds(partial(engine.propagate, bank, targets))[0])
    for engine in (single, both):
        engine.close()
    alone, together = (median(kept) for kept in times)
    return {"four targets of 1 megapixel, two workers faster than one by": alone / together}


def _peak_memory(weights: str, folder: Path) -> float:
    project = folder / "project"
    for kind in ("references", "targets", "labels"):
        (project / kind).mkdir(parents=True)
    for number in range(3):
        reference = draw(number, 512, 512)
        labels = np.zeros((512, 512), np.uint8)
        for key, mask in reference.masks.items():
            labels[mask] = key
        cv2.imwrite(str(project / "references" / f"{number}.png"), reference.image)
        cv2.imwrite(str(project / "labels" / f"{number}.png"), labels)
    cv2.imwrite(str(project / "targets" / "huge.png"), draw(9, *_HUGE).image)
    _command("import", "masks", str(project / "labels"), "--project", str(project))
    printed = _command("run", str(project), "--engine", "deep", "--weights", weights)
    return float(printed.split()[-3])


def _command(*words: str) -> str:
    line = [sys.executable, "-c", MEASURED_COMMAND, *words]
    return subprocess.run(line, check=True, capture_output=True, text=True).stdout


def _seconds(action: Callable[[], object]) -> tuple[float, float]:
    """Of the wall clock, and of the processor."""
    wall, processor = time.perf_counter(), time.process_time()
    action()
    return time.perf_counter() - wall, time.process_time() - processor


if __name__ == "__main__":
    main()
