"""Tiles cover a picture, and what is found in them becomes one mask without seams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import pytest

from maskcast.engines.base import Engine, EngineInfo, EngineSettings, create_engine
from maskcast.engines.large import LargeSegmentation, Tiles
from maskcast.engines.planes import Calibration, agreeing, level_of
from maskcast.io.windowed import WholePicture
from maskcast.runs.by_tiles import mask_by_tiles
from maskcast.runs.seams import tile_rows
from maskcast.types import MemoryBank, Reference, RgbImage, Segmentation
from support import picture

INFO = EngineInfo("levels", frozenset(), 3, "cpu", needs_weights=False)
BANK = MemoryBank("levels", (3, 7), "fingerprint", None)
LEVELS = {3: level_of(0.5), 7: level_of(0.3)}


class Levels:
    """Reads levels off the red and green of a picture, less of them where blue is 255 anywhere."""

    def __init__(self, *, exclusive: bool = False) -> None:
        self.info = INFO
        self._calibration = Calibration(LEVELS, dict.fromkeys(LEVELS, 1.0), exclusive=exclusive)

    def calibration(self, _: MemoryBank) -> Calibration:
        return self._calibration

    def propagate_with_planes(
        self, _: MemoryBank, images: Sequence[RgbImage]
    ) -> list[Segmentation]:
        return [self._found(image) for image in images]

    def _found(self, image: RgbImage) -> Segmentation:
        planes = {3: image[..., 0].copy(), 7: image[..., 1].copy()}
        if (image[..., 2] == 255).any():
            planes[3] -= 30
        masks = {key: plane > LEVELS[key] for key, plane in planes.items()}
        ids = np.array([key for key, mask in masks.items() if mask.any()], np.int32)
        shown = np.array([masks[key] for key in ids.tolist()], np.bool_)
        scores = np.linspace(0.2, 0.8, len(ids), dtype=np.float32)
        found = Segmentation(ids, shown.reshape(-1, *image.shape[:2]), scores)
        return Segmentation(
            ids, found.masks, scores, planes=agreeing(planes, found, self._calibration)
        )


def found_by(engine: object, bank: MemoryBank, image: RgbImage, tiles: Tiles) -> LargeSegmentation:
    """What an engine finds that has only what tiles need."""
    return mask_by_tiles(cast("Engine", engine), bank, WholePicture(image), tiles, batch=3)


def smooth_levels(height: int, width: int) -> RgbImage:
    """Levels 0 to 192 that rise and fall."""
    down, across = np.mgrid[:height, :width]
    waves = [96 + 90 * np.sin(down / 9 + shift) * np.cos(across / 13) for shift in (0, 1, 2)]
    return np.stack(waves, axis=-1).astype(np.uint8)


@pytest.mark.parametrize(("side", "halo"), [(64, 10), (64, 0), (40, 90), (500, 10)])
def test_tiles_cover_a_picture_once_and_their_weights_are_one(side: int, halo: int) -> None:
    interiors, weights = np.zeros((100, 230), int), np.zeros((100, 230), int)
    rows = tile_rows(100, 230, Tiles(side, halo))
    for tile in (tile for row in rows for tile in row):
        top, left, bottom, right = tile.interior
        interiors[top:bottom, left:right] += 1
        assert max(bottom - top, right - left) <= side
        assert tile.seen[0] == max(0, top - halo)
        assert tile.seen[3] == min(230, right + halo)
        top, left, bottom, right = tile.seen
        weights[top:bottom, left:right] += tile.rows[:, None].astype(int) * tile.columns
    assert (interiors == 1).all()
    assert (weights == 256).all()


@pytest.mark.parametrize(("side", "halo"), [(64, 10), (64, 0), (40, 90)])
@pytest.mark.parametrize("exclusive", [False, True])
def test_what_tiles_agree_on_is_the_whole(side: int, halo: int, *, exclusive: bool) -> None:
    image = smooth_levels(100, 230)
    margins = image[..., :2].astype(int) - list(LEVELS.values())
    expected = margins > 0
    if exclusive:
        expected &= margins == margins.max(axis=-1, keepdims=True)
        expected[..., 1] &= ~expected[..., 0]

    found = found_by(Levels(exclusive=exclusive), BANK, image, Tiles(side, halo))

    assert found.object_ids.tolist() == [3, 7]
    for index, mask in enumerate(found.masks):
        np.testing.assert_array_equal(mask.rows(0, 100), expected[..., index])


def test_probabilities_are_averaged_and_not_masks() -> None:
    """Of two tiles the one that is surer has its way beyond the middle of the overlap."""
    image = np.full((40, 128, 3), LEVELS[3] + 20, np.uint8)
    image[:, 127, 2] = 255  # the tile that is shown this says 30 levels less

    found = found_by(Levels(), BANK, image, Tiles(64, 16))

    # Columns 48 to 79 are shown to both; 20 levels too much and 10 too few are even at two thirds.
    mask = found.masks[0].rows(0, 40)
    assert mask[:, :70].all()
    assert not mask[:, 70:].any()


def test_scores_are_weighted_by_what_is_found() -> None:
    image = np.zeros((64, 128, 3), np.uint8)
    image[:, :, 1] = 192
    image[:8, :64, 0] = 192  # object 7 scores 0.8 beside object 3, and 0.2 alone

    found = found_by(Levels(), BANK, image, Tiles(64, 0))

    assert found.object_ids.tolist() == [3, 7]
    np.testing.assert_allclose(found.scores, [0.2, (0.8 + 0.2) / 2], rtol=1e-6)


class Unsure:
    """An engine that tells no probabilities."""

    def __init__(self, engine: Engine) -> None:
        self.info, self.propagate = engine.info, engine.propagate


@pytest.mark.parametrize("halo", [0, 16])
def test_masks_of_other_engines_are_kept_up_to_the_middle(halo: int) -> None:
    engine = create_engine("fake", EngineSettings())
    image, mask = picture(5, discs=25, size=(170, 230))
    bank = engine.memorize([Reference("a", image, {4: mask})])
    (whole,) = engine.propagate(bank, [image])

    found = found_by(Unsure(engine), bank, image, Tiles(64, halo))

    np.testing.assert_array_equal(found.masks[0].rows(0, 170), whole.masks[0])
