"""Draw scenes with one true object: what the measuring packs do not show.

Kinds: ``blob`` and ``line`` (a spot, a scratch), ``rectangle``, ``ring``, ``texture`` (told from
the ground by its texture alone) and ``crowd`` (many alike, of which one is meant). Grounds have
texture, uneven light and noise; half of all scenes are gray. Everything follows from the seed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from maskcast.types import Mask, RgbImage

Floats = npt.NDArray[np.float64]
Size = tuple[int, int]
Rng = np.random.Generator


@dataclass(frozen=True)
class Scene:
    """A picture and the one object that is meant.

    Attributes:
        kind: what was drawn.
        image: uint8 (H, W, 3) RGB.
        truth: bool (H, W), one connected region.
    """

    kind: str
    image: RgbImage
    truth: Mask


def draw_scenes(count: int, seed: int = 0) -> Iterator[Scene]:
    """So many scenes of each kind."""
    for kind_number, (kind, shape) in enumerate(SHAPES.items()):
        for number in range(count):
            rng = np.random.default_rng((seed, kind_number, number))
            yield _scene(kind, shape, rng)


def _scene(kind: str, shape: Callable[[Size, Rng], Mask], rng: Rng) -> Scene:
    size = int(rng.integers(120, 480)), int(rng.integers(120, 480))
    truth = shape(size, rng)
    others = truth.copy()
    if kind == "crowd":
        for _ in range(int(rng.integers(4, 14))):
            others |= _moved(truth, rng)
        truth = _region_of(others, truth)
    ground = _texture(size, rng) * rng.uniform(2, 25)
    inside = ground
    if kind == "texture" or rng.random() < 0.3:
        inside = _texture(size, rng) * rng.uniform(2, 25)
    contrast = rng.uniform(20, 90) * rng.choice((-1, 1)) * (kind != "texture")
    share = cv2.GaussianBlur(others.astype(np.float64), (0, 0), float(rng.uniform(0.4, 1.6)))
    light = ground * (1 - share) + (inside + contrast) * share + _gradient(size, rng)
    colors = 1 + rng.normal(0, 0.3, (2, 3)) * (rng.random() < 0.5)
    tint = colors[0] * (1 - share[..., None]) + colors[1] * share[..., None]
    level = (rng.uniform(80, 170) + light)[..., None] * tint
    noisy = level + rng.normal(0, rng.uniform(1, 8), level.shape[:2])[..., None]
    return Scene(kind, np.clip(np.rint(noisy), 0, 255).astype(np.uint8), truth)


def _blob(size: Size, rng: Rng) -> Mask:
    """A round thing with an uneven outline."""
    height, width = size
    y, x = np.mgrid[:height, :width].astype(np.float64)
    radius = rng.uniform(0.06, 0.3) * min(size)
    cy, cx = _place(size, radius, rng)
    angle = np.arctan2(y - cy, x - cx)
    waves = sum(
        rng.normal(0, 0.25 / n) * np.cos(n * angle + rng.uniform(0, 2 * np.pi)) for n in range(1, 6)
    )
    stretch = np.exp(rng.uniform(-0.4, 0.4))
    distance = np.hypot((x - cx) * stretch, (y - cy) / stretch)
    return _largest(distance < radius * np.exp(waves))


def _line(size: Size, rng: Rng) -> Mask:
    """A scratch that wanders."""
    steps = int(rng.integers(3, 9))
    heading = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.35, steps))
    length = rng.uniform(0.3, 0.9) * min(size) / steps
    path = np.cumsum(np.stack([np.cos(heading), np.sin(heading)], axis=1) * length, axis=0)
    path = path + (np.array(size[::-1]) / 2 - path.mean(axis=0))
    canvas = np.zeros(size, np.uint8)
    thickness = int(rng.integers(1, 6))
    cv2.polylines(canvas, [np.rint(path).astype(np.int32)], False, 1, thickness)
    return _largest(canvas > 0)


def _rectangle(size: Size, rng: Rng) -> Mask:
    """A rectangle, turned in half of all scenes."""
    sides = rng.uniform(0.12, 0.5, 2) * min(size)
    cy, cx = _place(size, float(sides.max()) / 2, rng)
    turn = float(rng.uniform(0, 90)) * (rng.random() < 0.5)
    corners = cv2.boxPoints(((cx, cy), (float(sides[0]), float(sides[1])), turn))
    canvas = np.zeros(size, np.uint8)
    cv2.fillPoly(canvas, [np.rint(corners).astype(np.int32)], (1,))
    return _largest(canvas > 0)


def _ring(size: Size, rng: Rng) -> Mask:
    """A ring; what it encloses is not of it."""
    height, width = size
    y, x = np.mgrid[:height, :width].astype(np.float64)
    radius = rng.uniform(0.12, 0.4) * min(size)
    cy, cx = _place(size, radius, rng)
    distance = np.hypot(x - cx, y - cy)
    ring = (distance < radius) & (distance > radius * rng.uniform(0.4, 0.8))
    return np.asarray(ring, np.bool_)


SHAPES: dict[str, Callable[[Size, Rng], Mask]] = {
    "blob": _blob,
    "line": _line,
    "rectangle": _rectangle,
    "ring": _ring,
    "texture": _blob,
    "crowd": _blob,
}


def _place(size: Size, reach: float, rng: Rng) -> tuple[float, float]:
    """Row and column of a middle, so that most of what reaches so far lies in the picture."""
    rows, columns = (rng.uniform(min(reach, s / 2), max(s - reach, s / 2)) for s in size)
    return float(rows), float(columns)


def _texture(size: Size, rng: Rng) -> Floats:
    """Noise of deviation 1 with a grain of its own size, stretch and direction."""
    noise = rng.normal(size=(2 * max(size), 2 * max(size)))
    sigmas = np.exp(rng.uniform(np.log(0.6), np.log(8), 2))
    grain = cv2.GaussianBlur(noise, (0, 0), sigmas[0], sigmaY=sigmas[1])
    middle = (max(size), max(size))
    turn = cv2.getRotationMatrix2D(middle, float(rng.uniform(0, 180)), 1.0)
    turned = cv2.warpAffine(grain, turn, grain.shape[::-1], borderMode=cv2.BORDER_REFLECT_101)
    top, left = (max(size) - size[0] // 2, max(size) - size[1] // 2)
    part = turned[top : top + size[0], left : left + size[1]]
    return np.asarray((part - part.mean()) / (part.std() + 1e-9), np.float64)


def _gradient(size: Size, rng: Rng) -> Floats:
    """Light that falls off to one side."""
    down, across = np.linspace(-1, 1, size[0]), np.linspace(-1, 1, size[1])
    strength = rng.normal(0, 12, 2)
    return np.asarray(strength[0] * down[:, None] + strength[1] * across, np.float64)


def _moved(mask: Mask, rng: Rng) -> Mask:
    """The same thing elsewhere and turned, cut off at the picture's edge."""
    height, width = mask.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), float(rng.uniform(0, 360)), 1.0)
    turn[:, 2] += rng.uniform(-0.6, 0.6, 2) * np.array([width, height])
    moved = cv2.warpAffine(mask.astype(np.uint8), turn, (width, height), flags=cv2.INTER_NEAREST)
    return np.asarray(moved, np.bool_)


def _largest(mask: Mask) -> Mask:
    """The largest region, so that there is one object."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    return np.asarray(labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])), np.bool_)


def _region_of(mask: Mask, part: Mask) -> Mask:
    """The region of a mask that holds most of a part."""
    _, labels = cv2.connectedComponents(mask.astype(np.uint8))
    return np.asarray(labels == int(np.bincount(labels[part]).argmax()), np.bool_)
