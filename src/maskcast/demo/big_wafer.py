"""A wafer of hundreds of megapixels with known particles, drawn and written strip by strip."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
import tifffile

from maskcast.demo.wafers import PARTICLE, Field, bare_pattern, particle_at, shade_particle
from maskcast.drawing.palette import default_color
from maskcast.io.atomic import temporary_name, write_atomically
from maskcast.io.images import palette_of
from maskcast.io.png_rows import palette_png
from maskcast.types import LabelMap, Mask

TILE: Final = 512
"""Rows and columns of a tile of the file, and rows of a strip that is drawn at a time."""

_MARGIN: Final = 8
_PATCH: Final = 96
_SPACING: Final = 450
_LIGHT: Final = 0.7


@dataclass(frozen=True)
class BigWafer:
    """What is on a wafer; the pixels are made of it where they are wanted.

    Attributes:
        side: rows and columns, pixels.
        seed: of all that is random.
        pitch: distance from line to line, pixels.
        edges: float32 (2, lines, side), left and right edge of each line relative to its middle.
        particles: int (N, 2), x and y of the first pixel of each particle's patch; they do not
            overlap.
    """

    side: int
    seed: int
    pitch: float
    edges: Field
    particles: npt.NDArray[np.int64]

    @classmethod
    def drawn(cls, seed: int, side: int) -> BigWafer:
        """Lines from top to bottom with rough edges, and a particle in each square of 450 pixels.

        Args:
            seed: not negative; the same gives the same wafer.
            side: rows and columns.
        """
        rng = np.random.default_rng((seed, 2, side))
        pitch = float(46 * rng.uniform(0.9, 1.1))
        lines = int(side / pitch) + 3
        edges = np.empty((2, lines, side), np.float32)
        for sign, half in zip((-1, 1), edges, strict=True):
            white = rng.standard_normal(half.shape, np.float32)
            rough = cv2.GaussianBlur(white, (0, 0), sigmaX=10, sigmaY=1e-3)
            half[:] = rough / rough.std() + np.float32(sign * 0.25 * pitch)
        squares = max(1, side // _SPACING)
        room = max(1, min(side // squares, _SPACING) - _PATCH)
        corners = np.stack(np.meshgrid(*[np.arange(squares)] * 2), axis=-1).reshape(-1, 2)
        places = corners * (side // squares) + rng.integers(0, room, corners.shape)
        return cls(side, seed, pitch, edges, places.astype(np.int64))

    def strip(self, top: int) -> tuple[npt.NDArray[np.uint8], LabelMap]:
        """`TILE` rows from ``top`` on, fewer at the bottom: gray and labels, uint8 (h, side)."""
        bottom = min(self.side, top + TILE)
        first, last = max(0, top - _MARGIN), min(self.side, bottom + _MARGIN)
        scene = bare_pattern(self._resist(first, last), 0.19, 0.4, 0.44)
        labels = np.zeros(scene.shape, np.uint8)
        for number, (left, start) in enumerate(self.particles.tolist()):
            if start < last and start + _PATCH > first:
                self._put_particle(number, scene, labels, left, start - first)
        signal = cv2.GaussianBlur(scene, (0, 0), 1.0)[top - first :][: bottom - top]
        rng = np.random.default_rng((self.seed, 3, top))
        spread = np.sqrt(np.clip(signal, 0.02, None) / np.float32(80))
        noisy = signal + spread * rng.standard_normal(signal.shape, np.float32)
        gray = np.clip((noisy * np.float32(0.95) + np.float32(0.02)) * 255, 0, 255)
        return gray.astype(np.uint8), labels[top - first :][: bottom - top]

    def _resist(self, first: int, last: int) -> Field:
        """Distance to the nearest edge across the lines, rows ``first`` to ``last``."""
        across = np.arange(self.side, dtype=np.float32)
        line = np.rint(across / self.pitch).astype(np.intp)
        away = across - line * np.float32(self.pitch)
        left, right = (half[line, first:last].T for half in self.edges)
        return np.asarray(np.minimum(away - left, right - away), np.float32)

    def _put_particle(
        self, number: int, scene: Field, labels: LabelMap, left: int, start: int
    ) -> None:
        """Draw what of a particle lies in a strip; ``start`` may be above it."""
        rng = np.random.default_rng((self.seed, 4, number))
        mask: Mask = particle_at(rng, (_PATCH / 2, _PATCH / 2), _PATCH)
        rows = slice(max(0, start), min(len(scene), start + _PATCH))
        inner = slice(rows.start - start, rows.stop - start)
        patch = np.zeros((_PATCH, _PATCH), np.float32)
        patch[inner] = scene[rows, left : left + _PATCH]
        shaded = shade_particle(patch, mask, _LIGHT, rng)
        scene[rows, left : left + _PATCH] = shaded[inner]
        labels[rows, left : left + _PATCH][mask[inner]] = PARTICLE


def write_big_wafer(image: Path, truth: Path, wafer: BigWafer) -> None:
    """Write a wafer as a tiled TIFF, and where its particles are as a label map.

    Args:
        image: of the TIFF.
        truth: of the PNG.
        wafer: what is on it.

    Raises:
        StorageError: if the disk is full or the folder cannot be written.
    """
    image.parent.mkdir(parents=True, exist_ok=True)
    temporary = image.parent / temporary_name()
    try:
        tifffile.imwrite(
            temporary,
            _tiles(wafer),
            shape=(wafer.side, wafer.side),
            dtype=np.uint8,
            photometric="minisblack",
            tile=(TILE, TILE),
            compression="zlib",
            compressionargs={"level": 1},
        )
        temporary.replace(image)
    finally:
        temporary.unlink(missing_ok=True)
    strips = (wafer.strip(top)[1] for top in range(0, wafer.side, TILE))
    palette = palette_of({PARTICLE: default_color(PARTICLE)})
    write_atomically(truth, palette_png(wafer.side, wafer.side, palette, strips))


def _tiles(wafer: BigWafer) -> Iterator[npt.NDArray[np.uint8]]:
    """Tiles row by row, those at the right and the bottom filled up."""
    for top in range(0, wafer.side, TILE):
        gray, _ = wafer.strip(top)
        below, right = -gray.shape[0] % TILE, -gray.shape[1] % TILE
        padded = np.pad(gray, ((0, below), (0, right)), mode="edge")
        for left in range(0, padded.shape[1], TILE):
            yield np.ascontiguousarray(padded[:, left : left + TILE])
