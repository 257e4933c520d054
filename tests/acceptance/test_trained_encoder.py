"""What only a trained encoder can show; needs one and is skipped where there is none.

``MASKCAST_TEST_ENCODER`` names a folder with ``config.json`` and ``model.safetensors`` of a DINOv2
or DINOv3 model. Nothing of it enters the repository.
"""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch

from maskcast.demo.wafers import KINDS, draw_inspection_image
from maskcast.engines.base import EngineSettings
from maskcast.engines.deep.cpu import pick_dtype
from maskcast.engines.deep.encoder import TokenMaps
from maskcast.engines.deep.engine import DeepEngine
from maskcast.engines.deep.projection import Projection
from maskcast.engines.deep.vit import VitEncoder
from maskcast.engines.deep.weights import find
from maskcast.types import Reference, RgbImage

FOLDER = os.environ.get("MASKCAST_TEST_ENCODER", "")
pytestmark = pytest.mark.skipif(
    not FOLDER, reason="needs a trained encoder: MASKCAST_TEST_ENCODER=FOLDER"
)
CPU = torch.device("cpu")
SCALE = 1.21


def reference(seed: int) -> Reference:
    drawn = draw_inspection_image(np.random.default_rng(seed), KINDS)
    return Reference(f"{seed}.png", drawn.image, drawn.masks)


def encoder(dtype: torch.dtype) -> VitEncoder:
    found = find(FOLDER)
    return VitEncoder(found.files, found.config, CPU, dtype, 1)


def mirrored(tokens: TokenMaps) -> TokenMaps:
    return tokens[:, :, ::-1]


def instability(projection: Projection, image: RgbImage, network: VitEncoder) -> float:
    """How much components change, beside their spread, where the picture is mirrored."""
    plain, flipped = network.encode([image, np.ascontiguousarray(image[:, ::-1])], SCALE)
    before, after = projection.apply(plain), projection.apply(mirrored(flipped))
    return float(((before - after) ** 2).mean() / before.var(axis=(1, 2)).mean())


def test_what_is_kept_changes_less_in_a_mirrored_picture() -> None:
    network = encoder(pick_dtype("auto", CPU))
    engine = DeepEngine(EngineSettings(options={"weights": FOLDER, "kept_tokens": False}))
    bank = engine.memorize([reference(seed) for seed in range(3)])
    shown = network.encode([reference(seed).image for seed in range(3)], bank.state.scale)
    plain = Projection.of(shown, [])
    unseen = reference(9).image
    stable = instability(bank.state.projection, unseen, network)
    assert stable < 0.8 * instability(plain, unseen, network)


def test_half_the_bits_change_tokens_less_than_a_tenth_of_their_spread() -> None:
    image = reference(1).image
    exact, half = (
        encoder(dtype).encode([image], SCALE)[0].astype(np.float64)
        for dtype in (torch.float32, torch.bfloat16)
    )
    spread = exact.std(axis=(1, 2), keepdims=True)
    assert np.sqrt((((exact - half) / spread) ** 2).mean()) < 0.1
