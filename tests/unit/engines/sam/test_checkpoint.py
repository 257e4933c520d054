"""Meta's own ``sam3.pt``: all names mapped; the conformance check sees what is wrong.

``data/sam3_pt_keys.json.gz`` lists name, shape and dtype of the tensors of the published file.
Recordings of the official code are large; give their path without suffix as
``MASKCAST_SAM_GOLDEN`` to have them checked here too (a minute and 3 GB of memory).
"""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from maskcast.engines.sam import conformance
from maskcast.engines.sam.checkpoint import convert, vision_config
from maskcast.engines.sam.loading import check_names
from maskcast.errors import EngineError

KEYS = Path(__file__).parent / "data" / "sam3_pt_keys.json.gz"
Keys = dict[str, tuple[list[int], str]]


def published_keys() -> Keys:
    keys: Keys = json.loads(gzip.decompress(KEYS.read_bytes()))
    return keys


def small_keys() -> Keys:
    """The published names with two blocks of width 32 on 8 x 8 patches; the tracker unchanged."""
    small: Keys = {}
    for name, (shape, dtype) in published_keys().items():
        if ".blocks." in name and int(name.split(".blocks.")[1].split(".")[0]) > 1:
            continue
        small[name] = (_shrunk(name, shape), dtype)
    return small


def _shrunk(name: str, shape: list[int]) -> list[int]:
    if name.endswith("freqs_cis"):
        return [64 if ".blocks.1." in name else 16, 8]
    if name.endswith("trunk.pos_embed"):
        return [1, 17, 32]
    if ".trunk." in name or ".dconv_2x2" in name:
        return [size // 32 if size >= 32 else size for size in shape]
    if name.endswith("conv_1x1.weight"):
        return [shape[0], shape[1] // 32, *shape[2:]]
    return shape


def on_meta(keys: Keys) -> dict[str, torch.Tensor]:
    return {
        name: torch.empty(shape, dtype=getattr(torch, dtype.split(".")[1]), device="meta")
        for name, (shape, dtype) in keys.items()
    }


def meta_model(tensors: dict[str, torch.Tensor]) -> Any:  # noqa: ANN401
    backbone = {"model_type": "sam3_vit_model", **vision_config(tensors)}
    settings: dict[str, Any] = {
        "vision_config": {"model_type": "sam3_vision_model", "backbone_config": backbone},
        "image_size": backbone["image_size"],
    }
    with torch.device("meta"):
        return transformers.Sam3TrackerVideoModel(transformers.Sam3TrackerVideoConfig(**settings))


def test_every_published_tensor_is_mapped_and_none_is_missing() -> None:
    tensors = on_meta(published_keys())
    converted = convert(tensors)
    model = meta_model(tensors)
    check_names(model, converted, "sam3.pt")
    assert len(converted) == len(model.state_dict()) == 845


def test_the_configuration_is_told_by_the_shapes() -> None:
    published = transformers.Sam3TrackerVideoConfig().vision_config.backbone_config  # type: ignore[union-attr]
    told = vision_config(on_meta(published_keys()))
    assert told == {name: getattr(published, name) for name in told}


def test_a_missing_and_a_misshapen_tensor_are_named() -> None:
    tensors = on_meta(published_keys())
    model = meta_model(tensors)
    converted = convert(tensors)
    del converted["no_memory_embedding"]
    with pytest.raises(EngineError, match=r"1 tensors; no_memory_embedding: .*got nothing"):
        check_names(model, converted, "sam3.pt")
    converted["no_memory_embedding"] = torch.empty(1, 1, 3, device="meta")
    with pytest.raises(EngineError, match=r"expected \(1, 1, 256\), got \(1, 1, 3\)"):
        check_names(model, converted, "sam3.pt")


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A small recipe and what this engine itself makes of it."""
    recipe = {
        "seed": 7,
        "prompts": {
            "1": {"0": {"points": [[30.0, 40.0]], "labels": [1]}, "1": {"mask": [20, 60, 30, 90]}},
            "2": {"1": {"box": [10.0, 20.0, 70.0, 60.0]}},
        },
        "keys": small_keys(),
    }
    (tmp_path / "small.json").write_text(json.dumps(recipe))
    np.savez(tmp_path / "small.npz", **dict(conformance.compute(recipe)))  # type: ignore[arg-type]
    return tmp_path / "small"


def test_conformance_passes_and_sees_a_difference_and_a_gap(
    recording: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert conformance.main([str(recording)]) == 0
    printed = capsys.readouterr().out
    assert "propagate/low_res_logits" in printed
    assert "TOO FAR" not in printed
    with np.load(recording.with_suffix(".npz")) as arrays:
        changed = dict(arrays)
    name = "propagate/target1/object2/low_res_logits"
    changed[name] = changed[name] + np.float32(0.01)
    changed["segment/object9/reference0/low_res_logits"] = changed[name]
    np.savez(recording.with_suffix(".npz"), **changed)
    assert conformance.main([str(recording)]) == 1
    printed = capsys.readouterr().out
    assert [line.split()[0] for line in printed.splitlines() if "TOO FAR" in line] == [
        "propagate/low_res_logits",
        "segment/object9/reference0/low_res_logits",
    ]


def test_numbers_are_drawn_by_the_rule_of_the_recordings() -> None:
    """First values of ``tracker.no_mem_embed`` with seed 1, by the rule's own words."""
    drawn = conformance.draw("tracker.no_mem_embed", (1, 1, 256), 1)
    generator = torch.Generator().manual_seed((0x0 + _crc32("tracker.no_mem_embed")) ^ 1)
    assert torch.equal(drawn, torch.randn(1, 1, 256, generator=generator))


def _crc32(text: str) -> int:
    """Bit by bit, as the polynomial says; kept to 31 bits."""
    crc = 0xFFFFFFFF
    for byte in text.encode():
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0xEDB88320 if crc & 1 else 0)
    return (crc ^ 0xFFFFFFFF) & 0x7FFFFFFF


@pytest.mark.skipif("MASKCAST_SAM_GOLDEN" not in os.environ, reason="no recording given")
def test_recorded_outputs_of_the_official_code() -> None:
    differences = conformance.compare(Path(os.environ["MASKCAST_SAM_GOLDEN"]))
    assert max(differences.values()) < conformance.TOLERANCE, differences
