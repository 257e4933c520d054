"""Memory attention for N targets and K objects at once.

The same computation as ``memory_attention`` of the models in ``transformers`` (SAM 2, arXiv
2408.00714, section 4; EdgeTAM, arXiv 2501.07256), arranged so that nothing is done twice:

* before the first look into memory all objects of a target are alike, so the first self-attention
  is computed once per target, not once per object;
* attention treats every query by itself, so the targets are laid one after the other along the
  query axis, and an object's keys and values serve all targets without being copied;
* keys and values depend on the bank alone and are projected once.

Softmax attention does not care about the order of keys, so the tokens of each memory entry stay
together here, where the models put all pointers last.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812

from maskcast.engines.sam.families import Model

_POSITION_WEIGHT = 0.1


@dataclass(frozen=True)
class Projected:
    """Keys and values of one layer.

    Attributes:
        keys: (K, heads, M, D), rotated.
        values: (K, heads, M, D).
    """

    keys: torch.Tensor
    values: torch.Tensor


@dataclass(frozen=True)
class MemoryTokens:
    """What K objects remember: R entries of T spatial and P pointer tokens each.

    Attributes:
        content: (K, R, T + P, 64).
        position: (T + P, 64), the same for every entry, or (R, T + P, 64).
    """

    content: torch.Tensor
    position: torch.Tensor

    def __getitem__(self, objects: slice) -> MemoryTokens:
        """The tokens of some of the objects."""
        return MemoryTokens(self.content[objects], self.position)


class MemoryAttention:
    """Runs a model's own ``memory_attention`` weights.

    Args:
        module: ``model.memory_attention``.
        spatial_tokens: T, of one memory entry.
    """

    def __init__(self, module: Model, spatial_tokens: int) -> None:
        self._module = module
        probe = next(module.parameters())
        self._query_rotation = self._rotation(module.position_ids, probe)
        key_positions = getattr(module, "position_ids_k", module.position_ids)
        self._key_rotation = self._rotation(key_positions, probe)
        # EdgeTAM's entries begin with tokens that have no place in the image: not rotated.
        self._first_rotated = spatial_tokens - len(key_positions)
        self._spatial_tokens = spatial_tokens

    @property
    def layer_count(self) -> int:
        """Number of layers."""
        return len(self._module.layers)

    def start(self, coarse: torch.Tensor, position: torch.Tensor) -> torch.Tensor:
        """The part that all objects share: (N, HW, C) features to (N, HW, C)."""
        return self._self_attention(self._module.layers[0], coarse + _POSITION_WEIGHT * position)

    def project(self, tokens: MemoryTokens, layer: int) -> Projected:
        """Keys and values of one layer for all objects of ``tokens``."""
        attention = self._module.layers[layer].cross_attn_image
        keys = attention.k_proj(tokens.content + tokens.position)
        first, last = self._first_rotated, self._spatial_tokens
        keys = torch.cat(
            [
                keys[..., :first, :],
                _rotate_heads(keys[..., first:last, :], attention, self._key_rotation),
                keys[..., last:, :],
            ],
            dim=-2,
        )
        values = attention.v_proj(tokens.content)
        return Projected(
            _split_heads(keys.flatten(1, 2), attention),
            _split_heads(values.flatten(1, 2), attention),
        )

    def finish(self, started: torch.Tensor, projected: list[Projected]) -> torch.Tensor:
        """Let every target look into every object's memory.

        Args:
            started: (N, HW, C) from ``start``.
            projected: per layer, for K objects.

        Returns:
            (K, N, HW, C).
        """
        state = started[None]
        for number, (layer, memory) in enumerate(zip(self._module.layers, projected, strict=True)):
            if number > 0:
                state = self._self_attention(layer, state.flatten(0, 1)).view(state.shape)
            state = state + self._cross_attention(layer, state, memory)
            state = state + _feed_forward(layer, layer.layer_norm3(state))
        normed: torch.Tensor = self._module.layer_norm(state)
        return normed

    def _self_attention(self, layer: Model, state: torch.Tensor) -> torch.Tensor:
        attention = layer.self_attn
        normed = layer.layer_norm1(state)
        query, key = (
            _rotate(_split_heads(project(normed), attention), *self._query_rotation)
            for project in (attention.q_proj, attention.k_proj)
        )
        value = _split_heads(attention.v_proj(normed), attention)
        mixed = F.scaled_dot_product_attention(query, key, value)
        added: torch.Tensor = attention.o_proj(mixed.transpose(1, 2).flatten(2))
        return state + added

    def _cross_attention(
        self,
        layer: Model,
        state: torch.Tensor,
        memory: Projected,
    ) -> torch.Tensor:
        attention = layer.cross_attn_image
        alike, targets, places, _ = state.shape
        objects = len(memory.keys)
        query = attention.q_proj(layer.layer_norm2(state)).flatten(0, 1)
        query = _rotate(_split_heads(query, attention), *self._query_rotation)
        heads, depth = query.shape[1], query.shape[3]
        folded = query.view(alike, targets, heads, places, depth).transpose(1, 2).flatten(2, 3)
        mixed = F.scaled_dot_product_attention(
            folded.expand(objects, -1, -1, -1), memory.keys, memory.values
        )
        merged = mixed.transpose(1, 2).reshape(objects, targets, places, heads * depth)
        added: torch.Tensor = attention.o_proj(merged)
        return added

    def _rotation(
        self, positions: torch.Tensor, probe: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        cosine, sine = self._module.rotary_emb(probe, positions)
        return cosine, sine


def _feed_forward(layer: Model, state: torch.Tensor) -> torch.Tensor:
    if hasattr(layer, "mlp"):
        through: torch.Tensor = layer.mlp(state)
        return through
    out: torch.Tensor = layer.linear2(layer.activation(layer.linear1(state)))
    return out


def _split_heads(flat: torch.Tensor, attention: Model) -> torch.Tensor:
    """(B, L, heads * D) to (B, heads, L, D)."""
    heads, depth = attention.num_attention_heads, attention.head_dim
    return flat.view(len(flat), -1, heads, depth).transpose(1, 2)


def _rotate_heads(
    flat: torch.Tensor,
    attention: Model,
    rotation: tuple[torch.Tensor, torch.Tensor],
) -> torch.Tensor:
    """Rotate (K, R, L, heads * D), each head alike."""
    heads, depth = attention.num_attention_heads, attention.head_dim
    split = flat.reshape(*flat.shape[:-1], heads, depth).transpose(-3, -2)
    return _rotate(split, *rotation).transpose(-3, -2).flatten(-2)


def _rotate(vectors: torch.Tensor, cosine: torch.Tensor, sine: torch.Tensor) -> torch.Tensor:
    """Rotary encoding of (..., L, D) by tables (1, L, D), in float32 as the official code does."""
    floats = vectors.float()
    even, odd = floats.reshape(*floats.shape[:-1], -1, 2).unbind(-1)
    turned = torch.stack([-odd, even], dim=-1).flatten(-2)
    return (floats * cosine + turned * sine).type_as(vectors)
