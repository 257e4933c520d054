"""Drawn inspection images: repeatable, lines of the right pitch, defects where the masks say."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from maskcast.demo.wafers import (
    BRIDGE,
    KINDS,
    PARTICLE,
    SCRATCH,
    SIZE,
    DemoImage,
    draw_inspection_image,
)
from maskcast.types import Mask

SEEDS = range(6)


def draw(seed: int, *kinds: int) -> DemoImage:
    return draw_inspection_image(np.random.default_rng(seed), kinds)


def brightness(drawn: DemoImage) -> npt.NDArray[np.float64]:
    return drawn.image[..., 0].astype(np.float64)


def ring(mask: Mask, width: int = 5) -> Mask:
    """Pixels outside the mask within ``width`` of it, without the nearest two."""
    near, far = (
        cv2.dilate(mask.view(np.uint8), np.ones((2 * radius + 1,) * 2, np.uint8)).view(np.bool_)
        for radius in (2, 2 + width)
    )
    return far & ~near


def test_the_same_generator_draws_the_same_image() -> None:
    one, other = draw(3, *KINDS), draw(3, *KINDS)
    assert np.array_equal(one.image, other.image)
    assert all(np.array_equal(one.masks[key], other.masks[key]) for key in KINDS)
    assert not np.array_equal(one.image, draw(4, *KINDS).image)


def test_an_image_is_gray_and_well_exposed() -> None:
    for seed in SEEDS:
        image = draw(seed, *KINDS).image
        assert image.dtype == np.uint8
        assert image.shape == (SIZE, SIZE, 3)
        assert np.ptp(image, axis=2).max() == 0
        assert 10 < image.mean() < 180
        assert (image == 255).mean() < 0.05


def test_a_clean_image_has_no_masks() -> None:
    assert draw(0).masks == {}


@pytest.mark.parametrize("seed", SEEDS)
def test_lines_repeat_at_the_pitch(seed: int) -> None:
    profile = brightness(draw(seed))[SIZE // 2 - 20 : SIZE // 2 + 20].mean(axis=0)
    spectrum = np.abs(np.fft.rfft((profile - profile.mean()) * np.hanning(SIZE)))
    assert 38 <= SIZE / np.argmax(spectrum) <= 55


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", KINDS)
def test_only_what_was_asked_for_is_drawn(kind: int, seed: int) -> None:
    masks = draw(seed, kind).masks
    assert list(masks) == [kind]
    assert 60 < masks[kind].sum() < 4000


@pytest.mark.parametrize("seed", SEEDS)
def test_masks_never_overlap(seed: int) -> None:
    masks = draw(seed, *KINDS).masks
    assert set(masks) == set(KINDS)
    assert np.sum([mask.astype(int) for mask in masks.values()], axis=0).max() == 1


@pytest.mark.parametrize("seed", SEEDS)
def test_particles_are_bright_up_to_their_outline(seed: int) -> None:
    drawn = draw(seed, PARTICLE)
    gray, mask = brightness(drawn), drawn.masks[PARTICLE]
    outline = mask & ~cv2.erode(mask.view(np.uint8), np.ones((3, 3), np.uint8)).view(np.bool_)
    assert gray[outline].mean() > gray[ring(mask)].mean() + 40


@pytest.mark.parametrize("seed", SEEDS)
def test_scratches_are_dark(seed: int) -> None:
    drawn = draw(seed, SCRATCH)
    gray, mask = brightness(drawn), drawn.masks[SCRATCH]
    assert gray[mask].mean() < gray[ring(mask)].mean() - 8


@pytest.mark.parametrize("seed", SEEDS)
def test_a_bridge_closes_a_space(seed: int) -> None:
    drawn = draw(seed, BRIDGE)
    gray, mask = cv2.GaussianBlur(brightness(drawn), (0, 0), 1.5), drawn.masks[BRIDGE]
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8))
    assert count >= 2
    for x, y, width, height, _ in stats[1:].tolist():
        assert 10 < width < 45
        assert 6 < height < 60
        # The middle of the bridge is as bright as resist, the space above and below is dark.
        column, row = x + width // 2, y + height // 2
        away = height // 2 + 12
        beside = [gray[max(0, row - away), column], gray[min(SIZE - 1, row + away), column]]
        assert gray[row, column] > min(beside) + 15
