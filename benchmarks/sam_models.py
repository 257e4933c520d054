"""Full-size SAM trackers with random weights, and the plain loop that we measure against."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
import transformers

from maskcast.engines.sam.families import Family, Model
from maskcast.engines.sam.preprocess import normalise, squash, squash_mask
from maskcast.types import Reference, RgbImage, Segmentation

_ALWAYS_PRESENT = 10.0

# GFLOP of a target's image encoder by checkpoint; and by family of an object's decoder and memory
# attention, as a + b * references. Counted with torch's FlopCounterMode on transformers' models.
ENCODER_COSTS = {
    "sam3": 5613,
    "sam2.1-tiny": 291,
    "sam2.1-small": 359,
    "sam2.1-base-plus": 646,
    "sam2.1-large": 1823,
    "edgetam": 37,
}
OBJECT_COSTS = {"sam3": (4.6, 169, 111.6), "sam2": (3.6, 116, 69.8), "edgetam": (3.6, 57.5, 4.5)}

# Hiera as the configurations of facebook/sam2.1-hiera-* have it; what is not named is as in tiny,
# which is the default of transformers.
HIERA_SIZES: Mapping[str, Mapping[str, Any]] = {
    "sam2.1-tiny": {},
    "sam2.1-small": {"blocks_per_stage": [1, 2, 11, 2], "global_attention_blocks": [7, 10, 13]},
    "sam2.1-base-plus": {
        "hidden_size": 112,
        "num_attention_heads": 2,
        "blocks_per_stage": [2, 3, 16, 3],
        "embed_dim_per_stage": [112, 224, 448, 896],
        "num_attention_heads_per_stage": [2, 4, 8, 16],
        "window_positional_embedding_background_size": [14, 14],
        "global_attention_blocks": [12, 16, 20],
    },
    "sam2.1-large": {
        "hidden_size": 144,
        "num_attention_heads": 2,
        "blocks_per_stage": [2, 6, 36, 4],
        "embed_dim_per_stage": [144, 288, 576, 1152],
        "num_attention_heads_per_stage": [2, 4, 8, 16],
        "window_size_per_stage": [8, 4, 16, 8],
        "global_attention_blocks": [23, 33, 43],
    },
}


def nominal_gflop(checkpoint: str, family: str, objects: int, references: int) -> float:
    """GFLOP of a target as the models do it, without our savings."""
    head, start, each = OBJECT_COSTS[family]
    return ENCODER_COSTS[checkpoint] + objects * (head + start + each * references)


def save_random_weights(checkpoint: str, family: Family, folder: Path) -> str:
    """Write a full-size random model as a user's folder of weights; returns a remark."""
    remark = ""
    config = getattr(transformers, family.model_class.replace("Model", "Config"))()
    if family.engine == "sam2":
        config.vision_config = _hiera(HIERA_SIZES[checkpoint])
    if family.engine == "edgetam":
        with_timm = find_spec("timm") is not None and find_spec("torchvision") is not None
        config.vision_config = _repvit() if with_timm else _stand_in()
        remark = "" if with_timm else "a Hiera of about equal cost stands in for timm's repvit_m1"
    torch.manual_seed(0)
    model = getattr(transformers, family.model_class)(config)
    torch.nn.init.constant_(model.mask_decoder.pred_obj_score_head.proj_out.bias, _ALWAYS_PRESENT)
    model.save_pretrained(folder)
    return remark


def _hiera(size: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """SAM 2.1's image encoder in one of its sizes."""
    widths = size.get("embed_dim_per_stage", [96, 192, 384, 768])
    return transformers.Sam2VisionConfig(
        backbone_channel_list=widths[::-1],
        backbone_config={"model_type": "sam2_hiera_det_model", **size},
    )


def _repvit() -> Any:  # noqa: ANN401
    """EdgeTAM's own image encoder."""
    return transformers.EdgeTamVisionConfig(
        backbone_config={
            "model_type": "timm_wrapper",
            "architecture": "repvit_m1",
            "num_classes": 1000,
            "model_args": {"in_chans": 3, "features_only": True, "out_indices": [0, 1, 2, 3]},
        }
    )


def _stand_in() -> Any:  # noqa: ANN401
    """SAM 2's encoder at a quarter of its width, 37 GFLOP an image as EdgeTAM's own."""
    return transformers.Sam2VisionConfig(
        backbone_channel_list=[192, 96, 48, 24],
        backbone_config={
            "model_type": "sam2_hiera_det_model",
            "hidden_size": 24,
            "embed_dim_per_stage": [24, 48, 96, 192],
        },
    )


class PlainLoop:
    """SAM as people run it over a folder today: the video session, one target after the other.

    The references are the first frames of the session, every target takes the place of the next
    one; the session goes through the objects one at a time.
    """

    def __init__(
        self,
        model: Model,
        family: Family,
        references: Sequence[Reference],
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self._model = model.to(device, dtype)
        self._family = family
        self._target_frame = len(references)
        prefix = type(model).__name__.removesuffix("Model")
        session = getattr(
            importlib.import_module(type(model).__module__), f"{prefix}InferenceSession"
        )
        self._session = session(inference_device=device, dtype=dtype)
        ids = sorted({object_id for reference in references for object_id in reference.masks})
        for frame, reference in enumerate(references):
            pixels = self._pixels(reference.image)
            for object_id in ids:
                mask = squash_mask(reference.masks[object_id], model.config.image_size)[None, None]
                index = self._session.obj_id_to_idx(object_id)
                self._session.add_mask_inputs(index, frame, mask.to(dtype))
            self._session.obj_with_new_inputs = list(ids)
            model(self._session, frame=pixels, frame_idx=frame)
        self._ids = np.array(ids, np.int32)

    def __call__(self, image: RgbImage) -> Segmentation:
        """Mask one target."""
        session = self._session
        session.cache.clear_all()
        found = self._model(session, frame=self._pixels(image), frame_idx=self._target_frame)
        shape = image.shape[:2]
        logits = F.interpolate(found.pred_masks.float(), shape, mode="bilinear")[:, 0]
        masks = (logits > 0).cpu().numpy()
        scores = found.object_score_logits.float().sigmoid().flatten().cpu().numpy()
        return Segmentation(self._ids, masks, scores)

    def _pixels(self, image: RgbImage) -> torch.Tensor:
        squashed = squash(image, self._model.config.image_size)[None].to(self._model.device)
        family = self._family
        return normalise(squashed, family.mean, family.std, self._model.dtype)[0]


def drawn_results(objects: int, shape: tuple[int, int]) -> Segmentation:
    """Discs: what is written, because random weights give confetti that no model would."""
    height, width = shape
    y, x = np.ogrid[:height, :width]
    masks = np.stack(
        [
            (x - width * (k + 1) / (objects + 1)) ** 2 + (y - height / 2) ** 2
            < (min(shape) / 10) ** 2
            for k in range(objects)
        ]
    )
    ids = np.arange(1, objects + 1, dtype=np.int32)
    return Segmentation(ids, masks, np.full(objects, 0.9, np.float32))
