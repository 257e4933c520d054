"""Meta's own ``sam3.pt`` as a ``Sam3TrackerVideoModel``: names, shapes and configuration.

The file holds the tracker (``tracker.``), the image encoder that it shares with the detector
(``detector.backbone.vision_backbone.``) and the detector itself, which is not needed. Names on the
left are those of the official code (facebookresearch/sam3, ``sam3/model``), on the right those of
``transformers``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from maskcast.errors import EngineError

_TRACKER = "tracker."
_VISION = "detector.backbone.vision_backbone."
_DOWNSAMPLER = re.compile(r"maskmem_backbone\.mask_downsampler\.encoder\.(\d+)\.(\w+)")
_POINT = re.compile(r"sam_prompt_encoder\.point_embeddings\.(\d+)\.weight")
_QKV = re.compile(r"trunk\.blocks\.(\d+)\.attn\.qkv\.(\w+)")
_POSITIONS = "prompt_encoder.shared_embedding.positional_embedding"
_PATCH = 14
_FINAL_DOWNSAMPLER_LAYER = 12

# Applied in order to every name of the tracker.
_TRACKER_RULES = (
    (r"^transformer\.encoder\.", "memory_attention."),
    (r"^maskmem_backbone\.", "memory_encoder."),
    (r"^sam_prompt_encoder\.", "prompt_encoder."),
    (r"^sam_mask_decoder\.", "mask_decoder."),
    (r"^maskmem_tpos_enc$", "memory_temporal_positional_encoding"),
    (r"^no_mem_embed$", "no_memory_embedding"),
    (r"^no_mem_pos_enc$", "no_memory_positional_encoding"),
    (r"^no_obj_ptr$", "no_object_pointer"),
    (r"^no_obj_embed_spatial$", "occlusion_spatial_embedding_parameter"),
    (r"^obj_ptr_tpos_proj\.", "temporal_positional_encoding_projection_layer."),
    (r"^obj_ptr_proj\.", "object_pointer_proj."),
    (r"^memory_encoder\.out_proj\.", "memory_encoder.projection."),
    (r"^memory_encoder\.pix_feat_proj\.", "memory_encoder.feature_projection."),
    (r"^memory_encoder\.fuser\.", "memory_encoder.memory_fuser."),
    (r"\.gamma$", ".scale"),
    (r"\.dwconv\.", ".depthwise_conv."),
    (r"\.pwconv(\d)\.", r".pointwise_conv\1."),
    (
        r"pe_layer\.positional_encoding_gaussian_matrix$",
        "shared_embedding.positional_embedding",
    ),
    (r"mask_downscaling\.0\.", "mask_embed.conv1."),
    (r"mask_downscaling\.1\.", "mask_embed.layer_norm1."),
    (r"mask_downscaling\.3\.", "mask_embed.conv2."),
    (r"mask_downscaling\.4\.", "mask_embed.layer_norm2."),
    (r"mask_downscaling\.6\.", "mask_embed.conv3."),
    (r"output_upscaling\.0\.", "upscale_conv1."),
    (r"output_upscaling\.1\.", "upscale_layer_norm."),
    (r"output_upscaling\.3\.", "upscale_conv2."),
    (r"\.mlp\.lin1\.", ".mlp.proj_in."),
    (r"\.mlp\.lin2\.", ".mlp.proj_out."),
    (r"(mlps\.\d+|prediction_head|score_head|object_pointer_proj)\.layers\.0\.", r"\1.proj_in."),
    (r"(mlps\.\d+|prediction_head|score_head|object_pointer_proj)\.layers\.1\.", r"\1.layers.0."),
    (r"(mlps\.\d+|prediction_head|score_head|object_pointer_proj)\.layers\.2\.", r"\1.proj_out."),
    (r"norm_final_attn\.", "layer_norm_final_attn."),
    (r"\.norm(\d?)\.", r".layer_norm\1."),
    (r"out_proj\.", "o_proj."),
)

# Applied in order to every name of the image encoder.
_VISION_RULES = (
    (r"^trunk\.patch_embed\.proj\.", "backbone.embeddings.patch_embeddings.projection."),
    (r"^trunk\.ln_pre\.", "backbone.layer_norm."),
    (r"^trunk\.blocks\.(\d+)\.norm(\d)\.", r"backbone.layers.\1.layer_norm\2."),
    (r"^trunk\.blocks\.(\d+)\.attn\.proj\.", r"backbone.layers.\1.attention.o_proj."),
    (r"^trunk\.blocks\.(\d+)\.mlp\.", r"backbone.layers.\1.mlp."),
    (r"^sam2_convs\.(\d+)\.dconv_2x2(?:_0)?\.", r"neck.fpn_layers.\1.scale_layers.0."),
    (r"^sam2_convs\.(\d+)\.dconv_2x2_1\.", r"neck.fpn_layers.\1.scale_layers.2."),
    (r"^sam2_convs\.(\d+)\.conv_1x1\.", r"neck.fpn_layers.\1.proj1."),
    (r"^sam2_convs\.(\d+)\.conv_3x3\.", r"neck.fpn_layers.\1.proj2."),
)


def read_original(path: Path) -> dict[str, torch.Tensor]:
    """Read the tensors of tracker and image encoder, memory-mapped; no other object is unpickled.

    Raises:
        EngineError: if the file is damaged or is not SAM 3's.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:
        raise EngineError(
            f"{path} cannot be read as a PyTorch checkpoint ({type(error).__name__}); download it "
            "again"
        ) from error
    tensors = content.get("model", content) if isinstance(content, Mapping) else {}
    needed = {
        name: tensor
        for name, tensor in tensors.items()
        if isinstance(name, str) and name.startswith((_TRACKER, _VISION))
    }
    if f"{_VISION}trunk.pos_embed" not in needed or f"{_TRACKER}no_mem_embed" not in needed:
        raise EngineError(
            f"{path} is a PyTorch checkpoint but not SAM 3's; give the original sam3.pt"
        )
    return needed


def convert(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Rename, split and join the tensors of ``read_original`` for ``Sam3TrackerVideoModel``."""
    converted: dict[str, torch.Tensor] = {}
    points: dict[int, torch.Tensor] = {}
    for name, tensor in tensors.items():
        if name.startswith(_VISION):
            converted |= _convert_vision(name.removeprefix(_VISION), tensor)
            continue
        inner = name.removeprefix(_TRACKER)
        if point := _POINT.fullmatch(inner):
            points[int(point[1])] = tensor
        else:
            converted[_tracker_name(inner)] = tensor
    if points:
        rows = [points[number] for number in sorted(points)]
        converted["prompt_encoder.point_embed.weight"] = torch.cat(rows)
    if _POSITIONS in converted:
        converted["shared_image_embedding.positional_embedding"] = converted[_POSITIONS]
    return converted


def vision_config(tensors: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    """The image encoder's configuration, told by the shapes alone.

    A block's table of rotary frequencies, (tokens, half a head) complex, says how many tokens it
    attends to: most blocks look at a window, a few at the whole image.
    """
    trunk = f"{_VISION}trunk."
    frequencies = {
        int(found[1]): tensor.shape
        for name, tensor in tensors.items()
        if (found := re.fullmatch(re.escape(trunk) + r"blocks\.(\d+)\.attn\.freqs_cis", name))
    }
    hidden = tensors[f"{trunk}patch_embed.proj.weight"].shape[0]
    sides = {block: round(shape[0] ** 0.5) for block, shape in frequencies.items()}
    window, whole = min(sides.values()), max(sides.values())
    side = round((tensors[f"{trunk}pos_embed"].shape[1] - 1) ** 0.5)
    return {
        "hidden_size": hidden,
        "intermediate_size": tensors[f"{trunk}blocks.0.mlp.fc1.weight"].shape[0],
        "num_hidden_layers": len(frequencies),
        "num_attention_heads": hidden // (2 * frequencies[0][1]),
        "global_attn_indexes": sorted(block for block, size in sides.items() if size == whole),
        "window_size": window,
        "image_size": whole * _PATCH,
        "pretrain_image_size": side * _PATCH,
        "patch_size": _PATCH,
    }


def _tracker_name(name: str) -> str:
    if found := _DOWNSAMPLER.fullmatch(name):
        layer, kind = int(found[1]), found[2]
        if layer == _FINAL_DOWNSAMPLER_LAYER:
            return f"memory_encoder.mask_downsampler.final_conv.{kind}"
        part = "conv" if layer % 3 == 0 else "layer_norm"
        return f"memory_encoder.mask_downsampler.layers.{layer // 3}.{part}.{kind}"
    return _rename(name, _TRACKER_RULES)


def _convert_vision(name: str, tensor: torch.Tensor) -> dict[str, torch.Tensor]:
    """``convs`` is the detector's neck; rotary frequencies are computed, not loaded."""
    if name.startswith("convs.") or name.endswith("freqs_cis"):
        return {}
    if name == "trunk.pos_embed":
        without_class = tensor[:, 1:]
        return {"vision_encoder.backbone.embeddings.position_embeddings": without_class}
    if found := _QKV.fullmatch(name):
        attention = f"vision_encoder.backbone.layers.{found[1]}.attention"
        return {
            f"{attention}.{letter}_proj.{found[2]}": part
            for letter, part in zip("qkv", tensor.chunk(3), strict=True)
        }
    return {f"vision_encoder.{_rename(name, _VISION_RULES)}": tensor}


def _rename(name: str, rules: tuple[tuple[str, str], ...]) -> str:
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name
