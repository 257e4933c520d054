"""Vision transformers as encoders, against transformers' own hidden states."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from deep_support import PATCH, tiny_encoder, tiny_vit
from maskcast.engines.deep.encoder import TokenMaps
from maskcast.engines.deep.tiling import lay
from maskcast.engines.deep.vit import MODEL_CLASSES, VitEncoder
from maskcast.engines.deep.weights import VIT_TYPES, find
from maskcast.errors import EngineError

CPU = torch.device("cpu")
TYPES = tuple(MODEL_CLASSES)


def encoder(folder: Path, model_type: str = "dinov2", batch: int = 4) -> VitEncoder:
    found = find(str(tiny_encoder(folder, model_type)))
    return VitEncoder(found.files, found.config, CPU, torch.float32, batch)


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def test_all_types_that_are_found_can_be_read() -> None:
    assert set(VIT_TYPES) == set(MODEL_CLASSES)


@pytest.mark.parametrize("model_type", TYPES)
def test_tokens_are_the_hidden_states_of_two_middle_blocks(tmp_path: Path, model_type: str) -> None:
    image, patch = picture(60, 90), PATCH[model_type]
    laid = lay(image, 1.3, patch)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    pixels = ((torch.tensor(laid) / 255 - mean) / std).permute(2, 0, 1)[None]
    with torch.inference_mode():
        states = tiny_vit(model_type)(pixels, output_hidden_states=True).hidden_states
    rows, columns = laid.shape[0] // patch, laid.shape[1] // patch
    expected = torch.cat([states[2], states[3]], -1)[0, -rows * columns :].T
    (found,) = encoder(tmp_path, model_type).encode([image], 1.3)
    np.testing.assert_allclose(
        found, expected.reshape(-1, rows, columns).numpy(), atol=2e-3
    )  # float16


def test_pictures_do_not_change_each_other(tmp_path: Path) -> None:
    images = [picture(40, 40, 1), picture(80, 30, 2), picture(40, 40, 3)]
    network = encoder(tmp_path)
    for image, tokens in zip(images, network.encode(images, 2.0), strict=True):
        np.testing.assert_allclose(network.encode([image], 2.0)[0], tokens, atol=2e-3)


def test_only_the_blocks_that_are_used_are_kept(tmp_path: Path) -> None:
    network = encoder(tmp_path)
    assert network.signature["blocks"] == "2 3"
    network.encode([picture(30, 30)], 1.0)
    assert len(network._model.encoder.layer) == 3


def test_threads_that_come_at_once_share_one_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = encoder(tmp_path)
    loaded: list[torch.nn.Module] = []
    load = network._load

    def count() -> torch.nn.Module:
        loaded.append(load())
        return loaded[-1]

    monkeypatch.setattr(network, "_load", count)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda seed: network.encode([picture(30, 30, seed)], 1.0), range(8)))
    assert len(loaded) == 1
    network.release()
    network.encode([picture(30, 30)], 1.0)
    assert len(loaded) == 2


def test_weights_that_lack_tensors_are_told(tmp_path: Path) -> None:
    folder = tiny_encoder(tmp_path)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 8}))
    with pytest.raises(EngineError, match=r"lacks .* tensors of its own model"):
        encoder(tmp_path).encode([picture(30, 30)], 1.0)


def test_on_a_cpu_bf16_says_what_fp32_says(tmp_path: Path) -> None:
    found = find(str(tiny_encoder(tmp_path)))
    tokens = {
        dtype: VitEncoder(found.files, found.config, CPU, dtype, 1).encode([picture(60, 90)], 2.0)[
            0
        ]
        for dtype in (torch.float32, torch.bfloat16)
    }
    exact, half = (values.astype(np.float64) for values in tokens.values())
    assert np.corrcoef(exact.ravel(), half.ravel())[0, 1] > 0.999
    assert not np.array_equal(exact, half)


def test_fewer_tiles_are_tried_where_many_do_not_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = encoder(tmp_path, batch=64)
    images = [picture(40, 40, seed) for seed in range(9)]
    expected = [network.encode([image], 1.0)[0] for image in images]
    forward, sizes = network._forward, []

    def small_device(tiles: list[torch.Tensor]) -> TokenMaps:
        sizes.append(len(tiles))
        if len(tiles) > 3:
            raise RuntimeError("CUDA out of memory")
        return forward(tiles)

    monkeypatch.setattr(network, "_forward", small_device)
    for _ in range(3):
        for tokens, truth in zip(network.encode(images, 1.0), expected, strict=True):
            np.testing.assert_allclose(tokens, truth, atol=2e-3)
    assert max(sizes) > 3
    assert max(sizes[-3:]) <= 3


def test_a_tile_that_never_fits_is_out_of_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = encoder(tmp_path)

    def full(_: list[torch.Tensor]) -> TokenMaps:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(network, "_forward", full)
    with pytest.raises(MemoryError):
        network.encode([picture(40, 40)], 1.0)
