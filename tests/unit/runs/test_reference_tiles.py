"""Tiles suit the annotated objects, and references are cut like targets."""

from __future__ import annotations

import numpy as np
import pytest

from maskcast.engines.base import Engine, EngineSettings, create_engine
from maskcast.engines.large import Tiles
from maskcast.project.settings import TileSettings
from maskcast.runs.reference_tiles import cut_references
from maskcast.runs.tile_sizes import tiles_of, told_of
from maskcast.types import Mask, Reference

TILES = Tiles(64, 16)


def reference(
    size: tuple[int, int], *boxes: tuple[int, int, int, int], object_id: int = 3
) -> Reference:
    """Gray with white rectangles (top, left, height, width) of one object."""
    image = np.full((*size, 3), 90, np.uint8)
    mask = np.zeros(size, np.bool_)
    for top, left, height, width in boxes:
        mask[top : top + height, left : left + width] = True
    image[mask] = 255
    return Reference("wafer.png", image, {object_id: mask} if boxes else {})


@pytest.fixture
def fake() -> Engine:
    return create_engine("fake", EngineSettings())


@pytest.fixture
def pixel() -> Engine:
    return create_engine("pixel", EngineSettings())


def chosen(engine: Engine, *references: Reference, side: object = "auto") -> Tiles | None:
    settings = TileSettings(side=side)  # type: ignore[arg-type]
    return tiles_of(engine, settings, references, keeps_planes=False)


@pytest.mark.parametrize(
    ("length", "side", "halo"),
    [(8, 512, 128), (2, 256, 128), (20, 1024, 128), (300, 1024, 150), (900, 1856, 450)],
)
def test_tiles_suit_what_is_annotated(fake: Engine, length: int, side: int, halo: int) -> None:
    shown = reference((1000, 1000), (10, 10, length, 1))

    assert chosen(fake, shown) == Tiles(side, halo)


def test_what_is_chosen_is_told(fake: Engine) -> None:
    shown = reference((300, 300), (10, 10, 20, 5), (100, 10, 4, 50))
    tiles = chosen(fake, shown)
    assert tiles is not None

    assert told_of(tiles, fake, [shown]) == (
        "targets of more than 1.0 megapixels go through in tiles of 1024 x 1024 pixels, with 128 "
        "around each: most annotated things are 20 to 50 pixels long"
    )


def test_only_who_sees_the_whole_cuts_unasked(fake: Engine, pixel: Engine) -> None:
    shown = reference((100, 100), (10, 10, 20, 5))

    assert chosen(fake, shown, side=None) is None
    unasked, asked = chosen(pixel, shown, side=None), chosen(pixel, shown)
    assert unasked is not None
    assert asked is not None
    assert (unasked.most_whole, unasked.is_asked_for) == (12_000_000, False)
    assert (asked.most_whole, asked.is_asked_for) == (12_000_000, True)
    assert tiles_of(pixel, TileSettings(), [shown], keeps_planes=True) is None


def test_references_are_cut_where_they_show_an_object() -> None:
    large = reference((128, 192), (20, 20, 10, 10), (60, 60, 10, 10))
    small = reference((64, 64), (20, 20, 10, 10))

    cut = cut_references([large, small], TILES)

    # The second square lies on the corner of four tiles; the last column only has its halo.
    shown = [each for each in cut if each.masks]
    assert [each.image_id for each in shown] == [
        "wafer.png (row 1, column 1)",
        "wafer.png (row 1, column 2)",
        "wafer.png (row 2, column 1)",
        "wafer.png (row 2, column 2)",
        "wafer.png",
    ]
    assert shown[0].image.shape == (80, 80, 3)
    assert shown[1].image.shape == (80, 96, 3)
    assert areas(shown[0].masks) == {3: 200}
    assert areas(shown[1].masks) == {3: 100}
    np.testing.assert_array_equal(shown[1].masks[3], large.masks[3][:80, 48:144])
    assert shown[-1] is small


def areas(masks: dict[int, Mask] | object) -> dict[int, int]:
    assert isinstance(masks, dict)
    return {key: int(mask.sum()) for key, mask in masks.items()}


def test_unknown_pixels_are_no_background() -> None:
    plain = reference((64, 192), (20, 20, 10, 10))
    unknown = np.zeros((64, 192), np.bool_)
    unknown[30:40, 150:160] = True
    half_known = Reference("wafer.png", plain.image, plain.masks, unknown)

    names = [each.image_id for each in cut_references([half_known], TILES)]

    assert names == ["wafer.png (row 1, column 1)", "wafer.png (row 1, column 2)"]


def test_of_tiles_without_an_object_the_most_alike_teach() -> None:
    """One tile with an object, and of eleven others the four with the brightest specks."""
    large = reference((64, 64 * 12), (20, 20, 10, 10))
    for place in range(1, 12):
        large.image[40:44, 64 * place + 30 : 64 * place + 34] = 255 if place in {3, 5, 8, 10} else 9
    clean = [each for each in cut_references([large], TILES) if each.is_clean]

    assert sorted(each.image_id for each in clean) == [
        f"wafer.png (row 1, column {place})" for place in (11, 4, 6, 9)
    ]
