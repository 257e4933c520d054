"""Tiny random SAM models, shared by the tests of the SAM engines.

Freshly initialised trackers are nearly blind to their memory, so a test of equality would prove
nothing; these keep the scale of activations from layer to layer instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import torch
import transformers

from maskcast.engines.base import EngineSettings
from maskcast.engines.sam.families import FAMILIES, Model

# Test processes run side by side; threads that wait for each other would only slow them down.
torch.set_num_threads(1)

WIDTH = 128
PICTURE = 128
FAMILY_NAMES = tuple(FAMILIES)


def _shared(image: int) -> dict[str, Any]:
    """Settings that the three families have in common; memory channels must stay 64."""
    return {
        "memory_attention_hidden_size": WIDTH,
        "memory_attention_num_layers": 2,
        "memory_encoder_hidden_size": WIDTH,
        "memory_encoder_output_channels": 64,
        "mask_downsampler_embed_dim": WIDTH,
        "memory_fuser_embed_dim": WIDTH,
        "memory_fuser_intermediate_dim": 2 * WIDTH,
        "memory_fuser_num_layers": 1,
        "prompt_encoder_config": {"hidden_size": WIDTH, "image_size": image},
        "mask_decoder_config": {
            "hidden_size": WIDTH,
            "mlp_dim": 64,
            "num_attention_heads": 2,
            "iou_head_hidden_dim": WIDTH,
        },
    }


def _hiera(image: int) -> dict[str, Any]:
    side = image // 16
    return {
        "model_type": "sam2_vision_model",
        "fpn_hidden_size": WIDTH,
        "backbone_channel_list": [64, 32, 16, 8],
        "backbone_feature_sizes": [[4 * side] * 2, [2 * side] * 2, [side] * 2],
        "backbone_config": {
            "model_type": "sam2_hiera_det_model",
            "hidden_size": 8,
            "image_size": [image, image],
            "blocks_per_stage": [1, 1, 2, 1],
            "embed_dim_per_stage": [8, 16, 32, 64],
            "num_attention_heads_per_stage": [1, 1, 1, 2],
            "window_size_per_stage": [8, 4, 4, 4],
            "global_attention_blocks": [3],
            "window_positional_embedding_background_size": [4, 4],
        },
    }


def _sam3() -> Model:
    # 112 / 14 patches; the masks for the memory encoder are of another size than the image.
    settings: dict[str, Any] = {
        **_shared(112),
        "vision_config": {
            "model_type": "sam3_vision_model",
            "fpn_hidden_size": WIDTH,
            "backbone_config": {
                "model_type": "sam3_vit_model",
                "hidden_size": 32,
                "intermediate_size": 64,
                "num_hidden_layers": 2,
                "num_attention_heads": 2,
                "image_size": 112,
                "pretrain_image_size": 56,
                "window_size": 4,
                "global_attn_indexes": [1],
            },
        },
        "memory_attention_feed_forward_hidden_size": 64,
        "image_size": 112,
    }
    return transformers.Sam3TrackerVideoModel(transformers.Sam3TrackerVideoConfig(**settings))


def _sam2() -> Model:
    settings: dict[str, Any] = {
        **_shared(PICTURE),
        "image_size": PICTURE,
        "vision_config": _hiera(PICTURE),
        "memory_attention_feed_forward_hidden_size": 64,
        "memory_attention_rope_feat_sizes": [PICTURE // 16] * 2,
    }
    return transformers.Sam2VideoModel(transformers.Sam2VideoConfig(**settings))


def _edgetam() -> Model:
    # With SAM 2's image encoder: EdgeTAM's own needs timm and torchvision.
    settings: dict[str, Any] = {
        **_shared(PICTURE),
        "image_size": PICTURE,
        "vision_config": _hiera(PICTURE),
        "memory_attention_mlp_hidden_size": 64,
        "memory_attention_rope_feat_sizes": [PICTURE // 16] * 2,
        "memory_attention_rope_k_sizes": [4, 4],
        "perceiver_resampler_num_latents": 8,
        "perceiver_resampler_num_latents_2d": 16,
        "perceiver_resampler_mlp_intermediate_size": 64,
        "perceiver_resampler_num_layers": 1,
    }
    return transformers.EdgeTamVideoModel(transformers.EdgeTamVideoConfig(**settings))


_BUILDERS: Mapping[str, Callable[[], Model]] = {"sam3": _sam3, "sam2": _sam2, "edgetam": _edgetam}


@cache
def tiny_model(name: str, dtype: torch.dtype = torch.float32) -> Model:
    """The tiny model of a family; the same object every time, do not change it."""
    torch.manual_seed(0)
    model = _BUILDERS[name]().eval()
    generator = torch.Generator().manual_seed(1)
    for key, parameter in model.named_parameters():
        drawn = torch.randn(parameter.shape, generator=generator)
        if parameter.dim() > 1 and not any(word in key for word in ("embed", "token", "latents")):
            drawn *= (1.2 / max(parameter[0].numel(), 1)) ** 0.5
        elif "norm" in key and key.endswith("weight"):
            drawn = 1 + 0.1 * drawn
        elif key.endswith(".scale"):
            drawn = 0.5 + 0.1 * drawn
        else:
            drawn *= 0.3
        parameter.data.copy_(drawn)
    return model.to(dtype)


@cache
def tiny_weights(name: str, folder: Path) -> Path:
    """The tiny model of a family as a user's folder of weights."""
    path = folder / name
    tiny_model(name).save_pretrained(path)
    return path


def tiny_settings(name: str, folder: Path, **options: object) -> EngineSettings:
    """Settings with which ``create_engine`` builds a family's tiny engine; reports every object."""
    return EngineSettings(
        workers=2,
        options={
            "weights": str(tiny_weights(name, folder)),
            "presence": 0.0,
            "bank_cache": False,
            **options,
        },
    )
