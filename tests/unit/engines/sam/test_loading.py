"""SAM 3 as the Hub has it: the tracker inside a larger video model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from maskcast.engines.sam.families import SAM3
from maskcast.engines.sam.loading import load_model
from maskcast.engines.sam.weights import locate
from sam_support import tiny_model


def hub_name(name: str) -> str:
    """Where ``facebook/sam3`` keeps a tensor of the tracker."""
    if name.startswith("vision_encoder.backbone."):
        return f"detector_model.{name}"
    if name.startswith("vision_encoder.neck."):
        return name.replace("vision_encoder.neck.", "tracker_neck.")
    return f"tracker_model.{name}"


@pytest.fixture
def hub_folder(tmp_path: Path) -> Path:
    model = tiny_model("sam3")
    tensors = {hub_name(name): tensor for name, tensor in model.state_dict().items()}
    tensors["detector_model.text_encoder.something"] = torch.ones(3)
    tensors["detector_model.vision_encoder.neck.fpn_layers.0.proj1.weight"] = torch.ones(3)
    shared: dict[int, torch.Tensor] = {}
    for name, tensor in tensors.items():
        again = tensor.data_ptr() in shared
        tensors[name] = tensor.clone() if again else tensor.contiguous()
        shared[tensor.data_ptr()] = tensor
    save_file(tensors, tmp_path / "model.safetensors", {"format": "pt"})
    config = {"model_type": "sam3_video", "tracker_config": model.config.to_dict()}
    (tmp_path / "config.json").write_text(json.dumps(config))
    return tmp_path


def test_the_tracker_is_taken_out_of_the_video_model(hub_folder: Path) -> None:
    loaded = load_model(locate(str(hub_folder), SAM3), SAM3)
    expected = tiny_model("sam3").state_dict()
    actual = loaded.state_dict()
    assert actual.keys() == expected.keys()
    assert all(torch.equal(actual[name], tensor) for name, tensor in expected.items())
    assert loaded.config.image_size == 112
    assert not loaded.training
