"""Drawn inspection images: wafer lines and spaces under a scanning electron microscope.

The physics is reduced to what the eye and an engine see. Resist lines are a little brighter than
the spaces and their edges shine, because more secondary electrons escape there; edges are rough
with a correlation length; the beam blurs; electrons are counted, so noise grows with the signal
(Poisson, drawn as its Gaussian limit); charging tilts the brightness, row gains flicker, and an
earlier scan may have left a darker rectangle. Pitch, duty, rotation, exposure and contrast differ
from image to image. Three kinds of defect may be on it, with exact masks:

- 1 particle: a bright irregular blob with a shadow;
- 2 scratch: a thin dark groove with one lit side, across lines and spaces;
- 3 bridge: resist that joins two neighbouring lines.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from maskcast.types import Mask, RgbImage

PARTICLE, SCRATCH, BRIDGE = 1, 2, 3
KINDS = {PARTICLE: "particle", SCRATCH: "scratch", BRIDGE: "bridge"}
"""Object id -> name."""

SIZE = 512
"""Height and width in pixels."""

Field = npt.NDArray[np.float32]
"""float32 (SIZE, SIZE)."""


@dataclass(frozen=True)
class DemoImage:
    """A drawn image with what is on it.

    Attributes:
        image: uint8 (SIZE, SIZE, 3) RGB, gray.
        masks: object id -> bool (SIZE, SIZE), only of what was drawn; never overlapping.
    """

    image: RgbImage
    masks: dict[int, Mask]


def draw_inspection_image(rng: np.random.Generator, with_objects: Collection[int]) -> DemoImage:
    """Draw one image; the same generator state gives the same image.

    Args:
        rng: decides everything that varies.
        with_objects: ids of ``KINDS`` to put on it; empty = a clean image.
    """
    pattern = _Pattern.random(rng)
    resist = pattern.height()
    masks: dict[int, Mask] = {}
    if BRIDGE in with_objects:
        bridges = np.maximum.reduce([pattern.bridge(rng) for _ in range(rng.integers(1, 3))])
        masks[BRIDGE] = (resist <= 0) & (bridges > 0)
        resist = np.maximum(resist, bridges)
    scene = _secondary_electrons(resist, rng)
    light = rng.uniform(0, 2 * math.pi)
    if SCRATCH in with_objects:
        masks[SCRATCH] = _scratch_mask(rng)
        scene = _shade_scratch(scene, masks[SCRATCH], light)
    if PARTICLE in with_objects:
        masks[PARTICLE] = np.logical_or.reduce(
            [_particle_mask(rng) for _ in range(rng.integers(1, 4))]
        )
        scene = shade_particle(scene, masks[PARTICLE], light, rng)
    gray = _expose(scene, rng)
    return DemoImage(np.repeat(gray[..., None], 3, axis=2), _topmost(masks))


def _topmost(masks: dict[int, Mask]) -> dict[int, Mask]:
    """Take from each mask what lies under a later drawn one: particle on scratch on bridge."""
    covered = np.zeros((SIZE, SIZE), np.bool_)
    visible = {}
    for object_id in sorted(masks):  # particle first: it lies on top
        visible[object_id] = masks[object_id] & ~covered
        covered |= masks[object_id]
    return visible


@dataclass(frozen=True)
class _Pattern:
    """Lines and spaces.

    Attributes:
        across: pixels across the lines, of every pixel of the image.
        along: pixels along the lines, starting near 0.
        pitch: distance from line to line.
        first: where the middle of line 0 is.
        left, right: float32 (lines, samples along), edges of each line, relative to its middle.
    """

    across: Field
    along: Field
    pitch: float
    first: float
    left: Field
    right: Field

    @classmethod
    def random(cls, rng: np.random.Generator) -> _Pattern:
        angle = math.radians(rng.uniform(-2.5, 2.5))
        y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
        across = np.float32(math.cos(angle)) * x + np.float32(math.sin(angle)) * y
        along = np.float32(math.cos(angle)) * y - np.float32(math.sin(angle)) * x
        along -= along.min()
        pitch = 46 * rng.uniform(0.88, 1.14)
        first = float(across.min()) - pitch * rng.uniform(0, 1)
        lines = int((float(across.max()) - first) / pitch) + 2
        samples = int(along.max()) + 2
        half = pitch * rng.uniform(0.44, 0.56) / 2
        rough = _edge_roughness(rng, 2 * lines, samples)
        return cls(across, along, pitch, first, rough[:lines] - half, rough[lines:] + half)

    def height(self) -> Field:
        """Signed distance to the nearest edge across the lines: positive on resist."""
        line = np.rint((self.across - self.first) / self.pitch).astype(np.int32)
        sample = self.along.astype(np.int32)
        away = self.across - self.first - line * np.float32(self.pitch)
        height: Field = np.minimum(away - self.left[line, sample], self.right[line, sample] - away)
        return height

    def bridge(self, rng: np.random.Generator) -> Field:
        """Signed distance to the edge of a neck between two lines, positive on it."""
        line = int(rng.integers(2, len(self.left) - 3))
        place = rng.uniform(40, SIZE - 40)
        middle = self.first + (line + 0.5) * self.pitch
        reach = (self.across - np.float32(middle)) / np.float32(self.pitch / 2)
        neck = np.float32(rng.uniform(4, 10)) * (1 + np.float32(0.7) * reach**2)
        slope = np.float32(rng.normal(0, 3))
        off_axis = np.abs(self.along - np.float32(place) - slope * reach)
        inside = neck + _smooth_noise(rng, 5, 0.8) - off_axis
        return np.where(np.abs(reach) < 1, inside, np.float32(-SIZE))


def _edge_roughness(rng: np.random.Generator, edges: int, samples: int) -> Field:
    """float32 (edges, samples): wandering of each edge in pixels, Gaussian correlation."""
    length = rng.uniform(7, 14)
    white = rng.standard_normal((edges, samples), np.float32)
    smooth = cv2.GaussianBlur(white, (0, 0), sigmaX=length, sigmaY=1e-3)
    return smooth * np.float32(rng.uniform(0.8, 1.5) / smooth.std())


def _secondary_electrons(resist: Field, rng: np.random.Generator) -> Field:
    """Brightness 0..1 of a bare pattern: resist, space, and the shine of the edges."""
    space, line, shine = rng.uniform(0.16, 0.22), rng.uniform(0.36, 0.44), rng.uniform(0.38, 0.5)
    return bare_pattern(resist, space, line, shine) + _smooth_noise(rng, 2.5, 0.012)


def bare_pattern(resist: Field, space: float, line: float, shine: float) -> Field:
    """Brightness 0..1 of lines and spaces.

    Args:
        resist: distance to the nearest edge in pixels, positive on resist.
        space: brightness of spaces.
        line: of lines.
        shine: of their edges, on top.
    """
    top = 1 / (1 + np.exp(-np.clip(resist, -20, 20) * np.float32(1.5)))
    edge = np.exp(-np.where(resist > 0, resist / np.float32(3.2), -resist / np.float32(1.4)))
    # The foot of a space gets darker towards the middle: fewer electrons escape from there.
    depth = np.clip(-resist / 14, 0, 1)
    floor = np.float32(space) * (1 - np.float32(0.25) * depth)
    scene: Field = floor + (np.float32(line) - floor) * top + np.float32(shine) * edge
    return scene


def _particle_mask(rng: np.random.Generator) -> Mask:
    """An irregular blob of 5 to 16 pixels radius."""
    x, y = rng.uniform(30, SIZE - 30, 2)
    return particle_at(rng, (float(x), float(y)), SIZE)


def particle_at(rng: np.random.Generator, place: tuple[float, float], size: int) -> Mask:
    """An irregular blob of 5 to 16 pixels radius around ``place`` (x, y), bool (size, size)."""
    radius = rng.uniform(5, 16)
    angles = np.linspace(0, 2 * math.pi, 90, endpoint=False)
    outline = np.ones_like(angles)
    for wave in range(2, 7):
        outline += rng.normal(0, 0.22 / wave) * np.cos(wave * angles + rng.uniform(0, 2 * math.pi))
    squeeze = rng.uniform(0.75, 1)
    points = radius * outline * np.stack([np.cos(angles), squeeze * np.sin(angles)])
    turn = rng.uniform(0, math.pi)
    rotation = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    corners = (rotation @ points).T + np.array(place)
    mask = np.zeros((size, size), np.uint8)
    cv2.fillPoly(mask, [np.rint(corners * 16).astype(np.int32)], 1, shift=4)
    return mask.view(np.bool_)


def shade_particle(scene: Field, mask: Mask, light: float, rng: np.random.Generator) -> Field:
    """Bright with a brighter rim on the lit side; a shadow beside it."""
    distance, lit = _relief(mask, light)
    body = (
        0.66
        + _smooth_noise(rng, 2, 0.04, scene.shape)
        + (0.16 + 0.2 * lit) * np.exp(-np.abs(distance) / 2.5)
    )
    shadow = 1 - np.float32(0.4) * (1 - lit) * np.exp(np.minimum(distance, 0) / 6)
    return np.where(mask, body, scene * shadow).astype(np.float32)


def _scratch_mask(rng: np.random.Generator) -> Mask:
    """A slightly bent stroke 4 to 6 pixels wide that tapers off at its ends."""
    length = int(rng.uniform(140, 400))
    bend = cv2.GaussianBlur(rng.standard_normal((1, length), np.float32), (0, 0), 40, sigmaY=1e-3)
    heading = rng.uniform(0, 2 * math.pi) + np.cumsum(bend[0]) * 0.05
    path = np.cumsum(np.stack([np.cos(heading), np.sin(heading)], axis=1), axis=0)
    path += rng.uniform(0.3 * SIZE, 0.7 * SIZE, 2) - path.mean(axis=0)
    along = np.linspace(0, 1, length)
    taper = np.clip(np.minimum(along, 1 - along) * 8, 0.35, 1)
    radii = rng.uniform(1.8, 3.2) * taper
    mask = np.zeros((SIZE, SIZE), np.uint8)
    for center, radius in zip(np.rint(path * 16).astype(int), radii, strict=True):
        cv2.circle(mask, center.tolist(), round(radius * 16), 1, cv2.FILLED, shift=4)
    return mask.view(np.bool_)


def _shade_scratch(scene: Field, mask: Mask, light: float) -> Field:
    """A dark groove, its far wall lit, its rim slightly raised."""
    distance, lit = _relief(mask, light + math.pi)
    groove = np.float32(0.03) + np.float32(0.25) * scene + np.float32(0.2) * lit * (distance < 1.5)
    rim = scene + np.float32(0.3) * np.exp(np.minimum(distance, 0) / 1.5) * lit
    return np.where(mask, groove, rim).astype(np.float32)


def _relief(mask: Mask, light: float) -> tuple[Field, Field]:
    """Signed distance to the outline, positive inside; 0..1, how much a slope faces ``light``."""
    pixels = mask.view(np.uint8)
    inside = cv2.distanceTransform(pixels, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    outside = cv2.distanceTransform(1 - pixels, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    distance = (inside - outside).astype(np.float32)
    smooth = cv2.GaussianBlur(distance, (0, 0), 1.5)
    slope_x = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=1 / 8)
    slope_y = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=1 / 8)
    facing = slope_x * np.float32(math.cos(light)) + slope_y * np.float32(math.sin(light))
    return distance, np.clip(0.5 - 0.5 * facing, 0, 1).astype(np.float32)


def _expose(scene: Field, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """What the detector makes of the scene: uint8 (SIZE, SIZE)."""
    signal = cv2.GaussianBlur(scene, (0, 0), rng.uniform(0.8, 1.3)) * _charging(rng)
    if rng.random() < 0.25:
        signal = _darken_scanned_area(signal, rng)
    signal *= 1 + np.float32(0.012) * rng.standard_normal((SIZE, 1), np.float32)
    electrons = rng.uniform(45, 110)
    spread = np.sqrt(np.clip(signal, 0.02, None) / np.float32(electrons))
    signal = signal + spread * rng.standard_normal((SIZE, SIZE), np.float32)
    contrast, brightness = rng.uniform(0.82, 1.08), rng.uniform(-0.02, 0.07)
    gray = np.clip((signal * contrast + brightness) * 255, 0, 255)
    return np.asarray(gray, np.uint8)


def _charging(rng: np.random.Generator) -> Field:
    """Slow change of brightness over the image, about 1."""
    coarse = 1 + 0.09 * rng.standard_normal((3, 3), np.float32)
    return cv2.resize(coarse, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC).astype(np.float32)


def _darken_scanned_area(signal: Field, rng: np.random.Generator) -> Field:
    """A square that an earlier scan at higher magnification left darker; not a defect."""
    side = int(rng.uniform(0.3, 0.6) * SIZE)
    top, left = rng.integers(0, SIZE - side, 2)
    area = np.zeros((SIZE, SIZE), np.float32)
    area[top : top + side, left : left + side] = rng.uniform(0.06, 0.14)
    return signal * (1 - cv2.GaussianBlur(area, (0, 0), 2))


def _smooth_noise(
    rng: np.random.Generator,
    length: float,
    spread: float,
    shape: tuple[int, ...] = (SIZE, SIZE),
) -> Field:
    """Gaussian noise of this correlation length and standard deviation."""
    smooth = cv2.GaussianBlur(rng.standard_normal(shape, np.float32), (0, 0), length)
    return (smooth * np.float32(spread / smooth.std())).astype(np.float32)
