"""Number format and attention on a CPU."""

from __future__ import annotations

import pytest
import torch

from maskcast.engines.deep import cpu
from maskcast.engines.deep.cpu import half_attention, pick_dtype

CPU = torch.device("cpu")


@pytest.mark.parametrize("tokens", [1, 30, 700])
def test_attention_is_that_of_pytorch(tokens: int) -> None:
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 2, 4, tokens, 8, dtype=torch.float64)
    found, _ = half_attention(torch.nn.Identity(), query, key, value, None, scaling=0.3)
    expected = torch.nn.functional.scaled_dot_product_attention(query, key, value, scale=0.3)
    torch.testing.assert_close(found, expected.transpose(1, 2))


def test_bf16_is_picked_where_the_processor_multiplies_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for facts, expected in (
        ({"avx512_bf16": True}, torch.bfloat16),
        ({"amx_bf16": True, "avx512_bf16": False}, torch.bfloat16),
        ({"avx512_f": True, "avx512_bf16": False}, torch.float32),
        ({}, torch.float32),
    ):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda facts=facts: facts, raising=False)
        assert pick_dtype("auto", CPU) == expected
    assert pick_dtype("bf16", CPU) == torch.bfloat16


def test_a_pytorch_that_cannot_tell_computes_in_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert not cpu.multiplies_bf16()
