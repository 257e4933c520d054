"""How a transformer computes on a CPU: its number format, and attention that uses it.

PyTorch's fused attention takes as long in bf16 as in fp32 on a CPU (without AMX), and there it is
half of a block's time. Products of whole matrices do use the hardware's bf16 (docs/adr/0041).
"""

from __future__ import annotations

import numpy as np
import torch
from transformers import AttentionInterface

HALF_ATTENTION = "maskcast_half"
"""Name of `half_attention` in ``transformers``."""

_ROWS = 512
"""Queries at a time, so that their weights stay in the cache; no result depends on it."""


def pick_dtype(name: str, device: torch.device) -> torch.dtype:
    """``fp32``, ``bf16``, or ``auto``: bf16 where the hardware multiplies it, also on a CPU."""
    from maskcast.engines.sam import devices

    if name == "auto" and device.type == "cpu":
        return torch.bfloat16 if multiplies_bf16() else torch.float32
    return devices.pick_dtype(name, device)


def multiplies_bf16() -> bool:
    """Whether this CPU has instructions for products of bf16 (AMX or AVX-512 BF16)."""
    capabilities = getattr(torch.cpu, "get_capabilities", None)  # newer than the oldest PyTorch
    facts = capabilities() if capabilities else {}
    return any(facts.get(name, False) for name in ("amx_bf16", "avx512_bf16"))


def half_attention(
    module: torch.nn.Module,  # noqa: ARG001
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,  # noqa: ARG001
    scaling: float,
    **_: object,
) -> tuple[torch.Tensor, None]:
    """Attention of every query to every key, as products of matrices (Vaswani et al. 2017).

    Args:
        module: unused, as is the mask: an encoder sees all of its picture.
        query: (N, heads, T, D).
        key: (N, heads, T, D).
        value: (N, heads, T, D).
        attention_mask: unused.
        scaling: of the products, before the softmax.

    Returns:
        (N, T, heads, D), and no weights.
    """
    out = torch.empty_like(query.transpose(1, 2), memory_format=torch.contiguous_format)
    for picture, head in np.ndindex(*query.shape[:2]):
        scaled = query[picture, head] * scaling
        keys, values = key[picture, head].T.contiguous(), value[picture, head].contiguous()
        for first in range(0, len(scaled), _ROWS):
            rows = slice(first, first + _ROWS)
            weights = torch.softmax(scaled[rows] @ keys, dim=-1)
            out[picture, rows, head] = weights @ values
    return out, None


AttentionInterface.register(HALF_ATTENTION, half_attention)
