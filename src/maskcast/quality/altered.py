"""Altered views of a single reference: a weak test, of an engine that can leave nothing out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from maskcast.quality.trials import Trial
from maskcast.types import Mask, Reference, RgbImage

_DARKER: Final = 1.5
_BRIGHTER: Final = 0.67
"""Exponents of the light."""

_SMALLER: Final = 0.8
"""Of the size."""

Pixels = npt.NDArray[np.uint8]


def altered_views(reference: Reference) -> tuple[Reference, ...]:
    """A reference mirrored, in less and in more light, and smaller, with its masks alike."""
    moves: tuple[tuple[str, Callable[[Pixels], Pixels]], ...] = (
        ("mirrored", lambda pixels: np.ascontiguousarray(pixels[:, ::-1])),
        ("smaller", _shrunk),
    )
    lights = (("darker", _DARKER), ("brighter", _BRIGHTER))
    moved = [_moved(reference, name, move) for name, move in moves]
    lit = [
        replace(
            reference,
            image_id=f"{reference.image_id}-{name}",
            image=_lit(reference.image, exponent),
        )
        for name, exponent in lights
    ]
    return (*moved, *lit)


def of_all_views(trials: Sequence[Trial], image_id: str) -> list[Trial]:
    """One trial of each object: means over the views of one reference, which are not many."""
    ids = sorted({trial.object_id for trial in trials})
    return [_mean([trial for trial in trials if trial.object_id == key], image_id) for key in ids]


def _mean(trials: Sequence[Trial], image_id: str) -> Trial:
    found = [trial for trial in trials if trial.area]
    evidence = [trial.evidence for trial in trials if trial.evidence is not None]
    return Trial(
        image_id,
        trials[0].object_id,
        any(trial.is_shown for trial in trials),
        float(np.mean([trial.iou for trial in trials])),
        round(float(np.mean([trial.area for trial in trials]))),
        float(np.mean([trial.score for trial in found])) if found else 0.0,
        float(np.mean([trial.steadiness for trial in found])) if found else 0.0,
        float(np.mean(evidence)) if len(evidence) == len(trials) else None,
    )


def _moved(reference: Reference, name: str, move: Callable[[Pixels], Pixels]) -> Reference:
    def moved(mask: Mask) -> Mask:
        return move(mask.astype(np.uint8)) > 0

    unknown = reference.unknown
    return Reference(
        f"{reference.image_id}-{name}",
        move(reference.image),
        {key: moved(mask) for key, mask in reference.masks.items()},
        None if unknown is None else moved(unknown),
    )


def _shrunk(pixels: Pixels) -> Pixels:
    height, width = pixels.shape[:2]
    size = max(1, round(width * _SMALLER)), max(1, round(height * _SMALLER))
    smooth = cv2.INTER_AREA if pixels.ndim == 3 else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(pixels, size, interpolation=smooth), np.uint8)


def _lit(image: RgbImage, exponent: float) -> RgbImage:
    table = np.round(255 * (np.arange(256) / 255) ** exponent).astype(np.uint8)
    return table[image]
