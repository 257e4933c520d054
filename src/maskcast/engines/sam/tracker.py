"""A family's model without its video session: images, memory entries and targets in batches.

Equal to the session of ``transformers`` run target by target (``official=False``), or to the
official code where that differs (``official=True``, the default): a mask given as reference gets
its pointer from the single-mask output, and masks are made binary before they are resized for the
memory encoder. See ``docs/engines.md``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812

from maskcast.engines.sam.attention import MemoryAttention, MemoryTokens, Projected
from maskcast.engines.sam.families import Model
from maskcast.engines.sam.fields import Decoded, Entries, Features

PINNED_FRAME = 1
"""Every reference counts as the frame right before the target."""

_MASK_SCALE, _MASK_BIAS = 20.0, -10.0
_HALFWAY = 0.5
_NO_POINT = -1
_SINE_TEMPERATURE = 10_000


class Tracker:
    """The model's parts, batched.

    Args:
        model: a tracker of ``transformers`` in eval mode.
        official: follow the official code where ``transformers`` differs.
    """

    def __init__(self, model: Model, *, official: bool = True) -> None:
        self.model = model
        self.official = official
        self.size: int = model.config.image_size
        self.grid: tuple[int, int] = tuple(model.backbone_feature_sizes[-1])
        self._latent = hasattr(model, "spatial_perceiver")
        with torch.no_grad():
            neck = model.vision_encoder.neck
            coarse = self._sine_grid(neck.position_encoding, model.hidden_dim, self.grid)
            self._coarse_position = coarse.to(self.dtype)
            self._memory_position = self._spatial_position().to(self.dtype)
            self._image_position = model.get_image_wide_positional_embeddings().to(self.dtype)
            self.attention = MemoryAttention(model.memory_attention, len(self._memory_position))

    @property
    def dtype(self) -> torch.dtype:
        """Of parameters and activations."""
        dtype: torch.dtype = self.model.no_memory_embedding.dtype
        return dtype

    @property
    def memory_dtype(self) -> torch.dtype:
        """Of remembered features: bfloat16 as in the official code; EdgeTAM keeps its own."""
        return self.dtype if self._latent else torch.bfloat16

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        device: torch.device = self.model.no_memory_embedding.device
        return device

    @torch.no_grad()
    def look(self, pixels: torch.Tensor) -> Features:
        """Encode (N, 3, S, S) pixel values."""
        found = self.model.get_image_features(pixels, return_dict=True)
        maps = [
            level.permute(1, 2, 0).reshape(*level.shape[1:], *size)
            for level, size in zip(
                found.fpn_hidden_states[:2], self.model.backbone_feature_sizes[:2], strict=True
            )
        ]
        coarse = found.fpn_hidden_states[-1].transpose(0, 1)
        return Features(maps[0], maps[1], coarse.contiguous())

    @torch.no_grad()
    def decode_prompts(
        self,
        features: Features,
        points: torch.Tensor,
        labels: torch.Tensor,
        shown: torch.Tensor | None = None,
    ) -> Decoded:
        """Segment objects of one image from prompts.

        Args:
            features: of the image.
            points: (B, P, 2) x, y in model pixels.
            labels: int (B, P): 1 on the object, 0 not, 2 and 3 corners of a box.
            shown: bool (B, S, S), masks to start from, given as the logits that the model itself
                would have answered with before; None = there are none.
        """
        masks = None
        if shown is not None:
            logits = shown[:, None].to(self.device, self.dtype) * _MASK_SCALE + _MASK_BIAS
            masks = self._resize(logits, self._prompt_mask_size)
        config = self.model.config
        ambiguous = config.multimask_min_pt_num <= labels.shape[1] <= config.multimask_max_pt_num
        embedded = self._as_map(features.coarse + self.model.no_memory_embedding)
        return self._decode(
            embedded.expand(len(points), -1, -1, -1),
            features,
            (points, labels),
            masks=masks,
            several=config.multimask_output_in_sam and ambiguous and masks is None,
        )

    @torch.no_grad()
    def remember_masks(
        self, features: Features, shown: torch.Tensor, unknown: torch.Tensor | None = None
    ) -> Entries:
        """Memory entries of B objects of one image, from bool (B, S, S) masks.

        An empty mask is remembered as *the object is not here*. Pixels in ``unknown``, bool (S, S),
        are given as halfway between object and background, which memory takes as neither.
        """
        masks = shown[:, None].to(self.device, self.dtype)
        if unknown is not None:
            masks = masks.masked_fill(unknown.to(self.device), _HALFWAY)
        embedded = self._as_map(features.coarse).expand(len(masks), -1, -1, -1)
        # The official code asks for one mask here, transformers for three and takes the best.
        pointed = self._decode(
            embedded,
            features,
            masks=self._resize(self.model.mask_downsample(masks), self._prompt_mask_size),
            several=not self.official,
        )
        there = shown.to(self.device).flatten(1).any(dim=1)
        pointers = torch.where(there[:, None], pointed.pointers, self.model.no_object_pointer)
        logits = masks * _MASK_SCALE + _MASK_BIAS
        return Entries(self._encode_memory(embedded, logits, there), pointers)

    @torch.no_grad()
    def remember_prompts(self, features: Features, decoded: Decoded) -> Entries:
        """Memory entries of objects segmented by ``decode_prompts`` in the same image."""
        embedded = self._as_map(features.coarse).expand(len(decoded.logits), -1, -1, -1)
        logits = _upsample(decoded.gated_logits, (self.size, self.size))[:, None]
        spatial = self._encode_memory(embedded, logits, decoded.presence > 0)
        return Entries(spatial, decoded.pointers)

    @torch.no_grad()
    def tokens(
        self,
        spatial: torch.Tensor,
        pointers: torch.Tensor,
        frames: Sequence[int] = (PINNED_FRAME,),
        longest: int | None = None,
    ) -> MemoryTokens:
        """Lay out memory entries for attention.

        Args:
            spatial: (K, R, T, 64).
            pointers: (K, R, C).
            frames: how many frames each reference lies before the target; one for all of them, so
                that their order cannot matter, unless a video is to be reproduced.
            longest: frames that count as farthest; None = as in a long video.
        """
        width = spatial.shape[-1]
        split = pointers.reshape(*pointers.shape[:2], -1, width)
        longest = longest or self.model.config.max_object_pointers_in_encoder - 1
        positions = [
            torch.cat([self._memory_position, place.expand(split.shape[-2], -1)])
            for place in self._pointer_positions(frames, longest, width)
        ]
        return MemoryTokens(
            torch.cat([spatial.to(self.memory_dtype).to(self.dtype), split.to(self.dtype)], dim=2),
            positions[0] if len(frames) == 1 else torch.stack(positions),
        )

    @torch.no_grad()
    def start(self, features: Features) -> torch.Tensor:
        """What all objects of the targets share, see ``MemoryAttention.start``."""
        return self.attention.start(features.coarse, self._coarse_position)

    @torch.no_grad()
    def project(self, tokens: MemoryTokens) -> list[Projected]:
        """Keys and values of all layers."""
        return [
            self.attention.project(tokens, layer) for layer in range(self.attention.layer_count)
        ]

    @torch.no_grad()
    def track(
        self,
        features: Features,
        started: torch.Tensor,
        projected: list[Projected],
    ) -> Decoded:
        """Find K objects in N targets; the results are ordered object by object (B = K * N)."""
        conditioned = self.attention.finish(started, projected)
        config = self.model.config
        return self._decode(
            self._as_map(conditioned.flatten(0, 1)),
            features,
            several=config.multimask_output_in_sam and config.multimask_output_for_tracking,
        )

    def _decode(
        self,
        embedded: torch.Tensor,
        features: Features,
        prompts: tuple[torch.Tensor, torch.Tensor] | None = None,
        *,
        masks: torch.Tensor | None = None,
        several: bool,
    ) -> Decoded:
        """Run prompt encoder and mask decoder on B = K * N pairs; keep the best mask of each."""
        count = len(embedded)
        points, labels = prompts or self._no_prompt(count)
        sparse, dense = self.model.prompt_encoder(
            input_points=points[:, None].to(self.device, self.dtype),
            input_labels=labels[:, None].to(self.device),
            input_boxes=None,
            input_masks=masks,
        )
        # One image broadcasts over all objects; several are repeated to match object by object.
        repeat = 1 if len(features) == 1 else count // len(features)
        logits, quality, tokens, presence = self.model.mask_decoder(
            image_embeddings=embedded,
            image_positional_embeddings=self._image_position.expand(count, -1, -1, -1),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense.to(self.dtype),
            multimask_output=several,
            high_resolution_features=[
                level.repeat(repeat, 1, 1, 1) for level in (features.fine, features.medium)
            ],
        )
        return self._best(logits[:, 0], quality[:, 0], tokens[:, 0], presence[:, 0, 0])

    def _best(
        self,
        logits: torch.Tensor,
        quality: torch.Tensor,
        tokens: torch.Tensor,
        presence: torch.Tensor,
    ) -> Decoded:
        rows = torch.arange(len(logits), device=logits.device)
        best = quality.argmax(dim=-1)
        token = tokens[rows, best if tokens.shape[1] > 1 else torch.zeros_like(best)]
        pointers = torch.where(
            (presence > 0)[:, None],
            self.model.object_pointer_proj(token),
            self.model.no_object_pointer,
        )
        return Decoded(logits[rows, best], quality[rows, best], presence, pointers)

    def _encode_memory(
        self,
        embedded: torch.Tensor,
        logits: torch.Tensor,
        there: torch.Tensor,
    ) -> torch.Tensor:
        """(B, C, h, w) features and (B, 1, S, S) mask logits to (B, T, 64)."""
        model, config = self.model, self.model.config
        side = 4 * self._prompt_mask_size[0]
        if self.official:
            binary = self._scaled(logits > 0)
            binary = self._resize(binary, (side, side))
        else:
            binary = self._scaled(self._resize(logits, (side, side)) > 0)
        spatial: torch.Tensor
        spatial, position = model.memory_encoder(embedded, binary)
        position = position.expand(len(spatial), -1, -1, -1)
        if config.enable_occlusion_spatial_embedding:
            absent = (~there).to(spatial.dtype)[:, None, None, None]
            spatial = (
                spatial + absent * model.occlusion_spatial_embedding_parameter[..., None, None]
            )
        if self._latent:
            # One by one: the perceiver of transformers fails on batches.
            each = zip(spatial[:, None], position[:, None], strict=True)
            return torch.cat([model.spatial_perceiver(x, place)[0] for x, place in each])
        return spatial.flatten(2).transpose(1, 2)

    def _scaled(self, binary: torch.Tensor) -> torch.Tensor:
        config = self.model.config
        scaled: torch.Tensor = (
            binary.to(self.dtype) * config.sigmoid_scale_for_mem_enc
            + config.sigmoid_bias_for_mem_enc
        )
        return scaled

    def _spatial_position(self) -> torch.Tensor:
        """(T, 64): where a memory token is in its image; references share one moment in time."""
        model = self.model
        if self._latent:
            perceiver = model.spatial_perceiver
            side = math.isqrt(perceiver.num_latents_2d)
            place = self._sine_grid(perceiver.positional_encoding, model.mem_dim, (side, side))
            place = torch.cat([place.new_zeros(perceiver.num_latents_1d, model.mem_dim), place])
        else:
            encoding = model.memory_encoder.position_encoding
            place = self._sine_grid(encoding, model.mem_dim, self.grid)
        # Frames that a person annotated are all at offset 0, which is the last row of the table.
        position: torch.Tensor = place + model.memory_temporal_positional_encoding[-1, 0]
        return position

    def _sine_grid(self, encoding: Model, channels: int, grid: tuple[int, int]) -> torch.Tensor:
        """(h * w, channels) place on a grid, never computed in half precision."""
        precise = torch.promote_types(self.dtype, torch.float32)
        place: torch.Tensor = encoding((1, channels, *grid), self.device, precise)
        return place[0].flatten(1).T

    def _pointer_positions(self, frames: Sequence[int], longest: int, width: int) -> torch.Tensor:
        """(R, 64) encoding of how far away the pointers' references are."""
        model = self.model
        if not model.config.enable_temporal_pos_encoding_for_object_pointers:
            return torch.zeros(len(frames), width, device=self.device, dtype=self.dtype)
        half = model.hidden_dim // 2
        steps = torch.arange(half, dtype=torch.float32, device=self.device)
        periods = _SINE_TEMPERATURE ** (2 * (steps // 2) / half)
        distances = torch.tensor(frames, dtype=torch.float32, device=self.device) / longest
        angles = distances[:, None] / periods
        sines = torch.cat([angles.sin(), angles.cos()], dim=-1).to(self.dtype)
        positions: torch.Tensor = model.temporal_positional_encoding_projection_layer(sines)
        return positions

    @property
    def _prompt_mask_size(self) -> tuple[int, int]:
        height, width = self.model.prompt_encoder.mask_input_size
        return height, width

    def _no_prompt(self, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        points = torch.zeros(count, 1, 2, device=self.device)
        return points, torch.full((count, 1), _NO_POINT, dtype=torch.int32, device=self.device)

    def _as_map(self, coarse: torch.Tensor) -> torch.Tensor:
        """(B, h * w, C) to (B, C, h, w)."""
        return coarse.transpose(1, 2).reshape(len(coarse), -1, *self.grid)

    def _resize(self, images: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
        if tuple(images.shape[-2:]) == size:
            return images
        # Not every PyTorch resizes with antialiasing on MPS; only references come here.
        source = images.float().cpu() if images.device.type == "mps" else images.float()
        resized = F.interpolate(source, size, mode="bilinear", align_corners=False, antialias=True)
        return resized.to(images.device, images.dtype)


def _upsample(logits: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Resize (B, h, w) logits; in float32, as half precision shows steps."""
    return F.interpolate(logits[:, None].float(), size, mode="bilinear", align_corners=False)[
        :, 0
    ].to(logits.dtype)
