"""Check this engine against recorded outputs of the official SAM 3 code.

::

    python -m maskcast.engines.sam.conformance GOLDEN_STEM

``GOLDEN_STEM.json`` says how weights, pictures and prompts were drawn (see ``draw``),
``GOLDEN_STEM.npz`` holds what the official code made of them. The weights are drawn again, written
as a ``sam3.pt``, and loaded the way a user's file is. Prints the largest difference per group and
exits with 1 if one is above the tolerance.

Nothing that runs imports this. It is in the package all the same, and not among the tests: whether
an engine computes what the official code does depends on the machine, its PyTorch and its
transformers, and who wants to know that of a machine has the package there and not the tests.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from maskcast.engines.sam.families import SAM3
from maskcast.engines.sam.fields import Decoded, Entries, Features
from maskcast.engines.sam.loading import load_model
from maskcast.engines.sam.tracker import Tracker
from maskcast.engines.sam.weights import locate

TOLERANCE = 1e-3
"""In logits and memory values; different objects differ by 0.07 and more."""

_SAMPLE_STEP = 64
_BFLOAT16_BITS = 8
_BOX_LABELS = (2, 3)


def draw(name: str, shape: tuple[int, ...], seed: int) -> torch.Tensor:
    """Standard normal numbers that depend on ``name`` and ``seed`` alone."""
    generator = torch.Generator().manual_seed((zlib.crc32(name.encode()) ^ seed) & 0x7FFFFFFF)
    return torch.randn(shape, generator=generator)


def draw_weights(keys: Mapping[str, tuple[list[int], str]], seed: int) -> dict[str, torch.Tensor]:
    """Weights that keep the scale of activations, so that memory matters as in a trained model."""
    tensors = {}
    for name, (shape, dtype) in keys.items():
        if dtype != "torch.float32":
            tensors[name] = torch.zeros(shape, dtype=getattr(torch, dtype.removeprefix("torch.")))
            continue
        drawn = draw(name, tuple(shape), seed)
        if drawn.dim() > 1 and "embed" not in name and "token" not in name:
            drawn = drawn / drawn[0].numel() ** 0.5
        elif "norm" in name and name.endswith("weight"):
            drawn = 1 + 0.1 * drawn
        elif "gamma" in name:
            drawn = 0.5 + 0.1 * drawn
        else:
            drawn = 0.3 * drawn
        tensors[name] = drawn
    return tensors


def build_tracker(recipe: Mapping[str, Any]) -> Tracker:
    """Write the drawn weights as ``sam3.pt`` and load them the public way."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sam3.pt"
        torch.save(draw_weights(recipe["keys"], recipe["seed"]), path)
        return Tracker(load_model(locate(str(path), SAM3), SAM3))


def compute(
    recipe: Mapping[str, Any],
    targets: int = 2,
) -> Iterator[tuple[str, npt.NDArray[np.float32]]]:
    """Yield every array that the recipe's recording holds, by name."""
    tracker = build_tracker(recipe)
    references = 1 + max(int(r) for given in recipe["prompts"].values() for r in given)
    remembered: dict[str, dict[int, Entries]] = defaultdict(dict)
    for reference in range(references):
        features = tracker.look(_picture(f"reference{reference}", recipe["seed"], tracker))
        for name, given in recipe["prompts"].items():
            if str(reference) not in given:
                continue
            where = f"object{name}/reference{reference}"
            entries, decoded = _remember(tracker, features, given[str(reference)])
            remembered[name][reference] = entries
            if decoded is not None:
                yield f"segment/{where}/low_res_logits", _array(decoded.gated_logits[0])
                yield f"segment/{where}/object_score_logit", _array(decoded.presence)
            yield f"memory/{where}/object_pointer", _array(entries.pointers[0])
            yield f"memory/{where}/spatial_sample", _array(entries.spatial[0, ::_SAMPLE_STEP])
    for target in range(targets):
        features = tracker.look(_picture(f"target{target}", recipe["seed"], tracker))
        for name, array in _propagate(tracker, features, remembered, references):
            yield f"propagate/target{target}/{name}", array


def compare(stem: Path) -> dict[str, float]:
    """Largest difference per group (``segment/low_res_logits``, ...) from the recording."""
    recipe = json.loads(stem.with_suffix(".json").read_text("utf-8"))
    largest: dict[str, float] = defaultdict(float)
    with np.load(stem.with_suffix(".npz"), allow_pickle=False) as recording:
        waiting = set(recording.files)
        targets = {name.split("/")[1] for name in waiting if name.startswith("propagate/")}
        for name, computed in compute(recipe, len(targets)):
            expected = recording[name]
            waiting.discard(name)
            group = f"{name.partition('/')[0]}/{name.rpartition('/')[2]}"
            if expected.shape != computed.shape:
                raise SystemExit(f"{name}: expected {expected.shape}, got {computed.shape}")
            difference = float(_differences(expected, computed).max())
            largest[group] = max(largest[group], difference)
    for name in sorted(waiting):
        largest[f"{name} (not computed)"] = float("inf")
    return dict(largest)


def _differences(
    expected: npt.NDArray[np.float32],
    computed: npt.NDArray[np.float32],
) -> npt.NDArray[np.float32]:
    """Element by element; to the nearest value that rounds to what was recorded.

    The official code keeps spatial memory in bfloat16, so the recording holds rounded numbers: a
    value within 1e-6 of the true one may still be a whole step (0.03 for numbers above 4) away.
    """
    difference: npt.NDArray[np.float32] = np.abs(expected - computed)
    recorded = torch.from_numpy(expected)
    if expected.size > 1 and torch.equal(recorded.bfloat16().float(), recorded):
        half_step = np.ldexp(np.float32(1), np.frexp(expected)[1] - _BFLOAT16_BITS - 1)
        difference = np.maximum(difference - half_step, 0)
    return difference


def main(arguments: list[str] | None = None) -> int:
    """Print the largest difference per group; 0 if all are within the tolerance, else 1."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("stem", type=Path, metavar="GOLDEN_STEM", help="path without suffix")
    parser.add_argument("--tolerance", type=float, default=TOLERANCE)
    parsed = parser.parse_args(arguments)
    differences = compare(parsed.stem)
    for group, difference in sorted(differences.items()):
        verdict = "ok" if difference <= parsed.tolerance else "TOO FAR"
        sys.stdout.write(f"{group:45} {difference:.2e} {verdict}\n")
    return int(max(differences.values()) > parsed.tolerance)


def _picture(name: str, seed: int, tracker: Tracker) -> torch.Tensor:
    return draw(name, (1, 3, tracker.size, tracker.size), seed)


def _remember(
    tracker: Tracker,
    features: Features,
    prompt: Mapping[str, Any],
) -> tuple[Entries, Decoded | None]:
    if "mask" in prompt:
        top, bottom, left, right = prompt["mask"]
        mask = torch.zeros(1, tracker.size, tracker.size, dtype=torch.bool)
        mask[:, top:bottom, left:right] = True
        return tracker.remember_masks(features, mask), None
    points = torch.tensor(prompt.get("points", [])).reshape(-1, 2)
    labels = torch.tensor(prompt.get("labels", []), dtype=torch.int32)
    if "box" in prompt:
        points = torch.cat([torch.tensor(prompt["box"]).reshape(2, 2), points])
        labels = torch.cat([torch.tensor(_BOX_LABELS, dtype=torch.int32), labels])
    decoded = tracker.decode_prompts(features, points[None], labels[None])
    return tracker.remember_prompts(features, decoded), decoded


def _propagate(
    tracker: Tracker,
    features: Features,
    remembered: Mapping[str, Mapping[int, Entries]],
    references: int,
) -> Iterator[tuple[str, npt.NDArray[np.float32]]]:
    """The target is the frame after the last reference."""
    started = tracker.start(features)
    for name, entries in remembered.items():
        tokens = tracker.tokens(
            torch.stack([entry.spatial[0] for entry in entries.values()])[None],
            torch.stack([entry.pointers[0] for entry in entries.values()])[None],
            [references - reference for reference in entries],
            references,
        )
        found = tracker.track(features, started, tracker.project(tokens))
        yield f"object{name}/low_res_logits", _array(found.gated_logits[0])
        yield f"object{name}/object_score_logit", _array(found.presence)
        yield f"object{name}/iou", _array(found.quality)


def _array(tensor: torch.Tensor) -> npt.NDArray[np.float32]:
    array: npt.NDArray[np.float32] = tensor.float().numpy()
    return array


if __name__ == "__main__":
    sys.exit(main())
