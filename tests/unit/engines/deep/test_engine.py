"""The engine around encoder and learner."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from deep_support import deep_settings, tiny_encoder
from maskcast.engines.base import EngineSettings
from maskcast.engines.deep.altering import ALTERATIONS
from maskcast.engines.deep.engine import DeepEngine
from maskcast.engines.large import Tiles
from maskcast.errors import ForeignBankError
from maskcast.io.windowed import WholePicture
from maskcast.masks import iou
from maskcast.runs.by_tiles import mask_by_tiles
from maskcast.types import Reference
from sam_support import tiny_weights

ROWS = ((3, 4, 5), (6, 7, 8), (9, 10, 11))


def disc(seed: int) -> Reference:
    rng = np.random.default_rng(seed)
    mask = np.zeros((64, 80), np.uint8)
    cv2.circle(mask, (int(rng.integers(20, 60)), int(rng.integers(20, 44))), 10, 1, -1)
    image = np.clip(rng.normal(90, 8, (64, 80, 3)) + 80 * mask[..., None], 0, 255)
    return Reference(f"{seed}.png", image.astype(np.uint8), {1: mask > 0})


@pytest.fixture
def engine(tmp_path: Path) -> DeepEngine:
    return DeepEngine(deep_settings(tmp_path))


def test_a_reference_is_encoded_once(engine: DeepEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[int] = []
    encode = engine._encoder.encode

    def count(images: list[np.ndarray], scale: float) -> list[np.ndarray]:
        encoded.append(len(images))
        return encode(images, scale)

    monkeypatch.setattr(engine._encoder, "encode", count)
    engine.memorize([disc(1), disc(2)])
    engine.memorize([disc(1), disc(2), disc(3)])
    assert sum(encoded) == 3 * (1 + len(ALTERATIONS))


def test_a_bank_of_other_weights_is_refused(engine: DeepEngine, tmp_path: Path) -> None:
    bank = engine.memorize([disc(1), disc(2)])
    other = tiny_encoder(tmp_path, "dinov2_with_registers")
    with pytest.raises(ForeignBankError, match="other weights"):
        DeepEngine(EngineSettings(options={"weights": str(other), "kept_tokens": False})).propagate(
            bank, [disc(3).image]
        )


def test_results_do_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    masks = []
    for workers in (1, 3):
        settings = EngineSettings(workers=workers, options=deep_settings(tmp_path).options)
        engine = DeepEngine(settings)
        bank = engine.memorize([disc(1), disc(2), disc(3)])
        masks.append([found.masks for found in engine.propagate(bank, [disc(4).image] * 3)])
    for first, second in zip(*masks, strict=True):
        np.testing.assert_array_equal(first, second)


def test_batches_of_a_device_give_what_threads_give(
    engine: DeepEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank = engine.memorize([disc(1), disc(2), disc(3)])
    images = [disc(seed).image for seed in range(4, 9)]
    alone = engine.propagate(bank, images)
    monkeypatch.setattr(engine, "_batch", 2)
    together = engine._cast_in_batches(bank.state, images)
    for first, second in zip(alone, together, strict=True):
        np.testing.assert_array_equal(first.object_ids, second.object_ids)
        assert (first.masks != second.masks).mean() < 0.01


def test_tiles_joined_by_probabilities_are_nearly_the_whole(engine: DeepEngine) -> None:
    bank = engine.memorize([disc(1), disc(2)])
    image = np.concatenate([np.concatenate([disc(n).image for n in row], 1) for row in ROWS])
    (whole,) = engine.propagate(bank, [image])

    found = mask_by_tiles(engine, bank, WholePicture(image), Tiles(96, 24), batch=2)

    assert found.object_ids.tolist() == [1]
    assert iou(found.masks[0].rows(0, len(image)), whole.masks[0]) > 0.95


def test_a_tracker_lends_its_eye(tmp_path: Path) -> None:
    weights = tiny_weights("edgetam", tmp_path)
    engine = DeepEngine(
        EngineSettings(workers=1, options={"weights": str(weights), "kept_tokens": False})
    )
    bank = engine.memorize([disc(1), disc(2)])
    (found,) = engine.propagate(bank, [disc(5).image])
    truth = disc(5).masks[1]
    assert (found.masks[0] & truth).sum() / (found.masks[0] | truth).sum() > 0.8
