"""Tiny random vision transformers, shared by the tests of the engine ``deep``."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch
import transformers

from maskcast.engines.base import EngineSettings
from maskcast.engines.sam.families import Model

# Test processes run side by side; threads that wait for each other would only slow them down.
torch.set_num_threads(1)

PATCH = {"dinov2": 14, "dinov2_with_registers": 14, "dinov3_vit": 16}
_CLASSES = {
    "dinov2": ("Dinov2Config", "Dinov2Model"),
    "dinov2_with_registers": ("Dinov2WithRegistersConfig", "Dinov2WithRegistersModel"),
    "dinov3_vit": ("DINOv3ViTConfig", "DINOv3ViTModel"),
}


@cache
def tiny_vit(model_type: str = "dinov2") -> Model:
    """A random model of four blocks of width 32."""
    config_class, model_class = (getattr(transformers, name) for name in _CLASSES[model_type])
    sizes = {"hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 2}
    extra = {"num_register_tokens": 3} if model_type != "dinov2" else {}
    if model_type == "dinov3_vit":
        extra["intermediate_size"] = 64
    torch.manual_seed(0)
    patch = PATCH[model_type]
    config = config_class(image_size=4 * patch, patch_size=patch, **sizes, **extra)
    model: Model = model_class(config).eval()
    return model


def tiny_encoder(folder: Path, model_type: str = "dinov2") -> Path:
    """A folder with the model as the Hub has it."""
    target = folder / f"tiny-{model_type}"
    if not target.exists():
        tiny_vit(model_type).save_pretrained(target)
    return target


def deep_settings(folder: Path, **options: object) -> EngineSettings:
    """Settings of the engine with the tiny encoder."""
    return EngineSettings(
        workers=2, options={"weights": str(tiny_encoder(folder)), "kept_tokens": False, **options}
    )
