"""Probability planes: how probable it is of each pixel that it is the object, in 8 bits.

The levels are even steps of the log-odds, so that rare things have as fine a threshold as others.
A plane agrees with the mask that the engine made: all pixels of the mask are above the calibrated
level, and no other is. Thresholds that are set later start from there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from maskcast.types import Mask, Plane, Segmentation

_STEPS: Final = 16
"""Levels for each unit of log-odds."""

_CERTAIN: Final = 6.0
"""Log-odds from which a pixel is as certain as can be told, 0.25 % and 99.75 %."""

HIGHEST: Final = round(2 * _CERTAIN * _STEPS)
"""The highest level."""


@dataclass(frozen=True)
class Calibration:
    """How an engine itself made masks of its planes.

    Attributes:
        levels: object id -> the level that a pixel of the mask is above.
        reliability: object id -> what scores are multiplied with; in (0, 1].
        exclusive: whether a pixel belongs to one object at most.
    """

    levels: Mapping[int, int]
    reliability: Mapping[int, float]
    exclusive: bool

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        objects = {
            str(key): {"level": level, "reliability": self.reliability[key]}
            for key, level in self.levels.items()
        }
        return {"exclusive": self.exclusive, "objects": objects}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Calibration:
        """What ``to_json`` gave.

        Raises:
            ValueError, KeyError, TypeError, AttributeError: if it is something else.
        """
        objects = {int(key): entry for key, entry in content["objects"].items()}
        return cls(
            {key: min(max(int(entry["level"]), 0), HIGHEST) for key, entry in objects.items()},
            {key: float(entry["reliability"]) for key, entry in objects.items()},
            bool(content["exclusive"]),
        )


def levels_of(logits: npt.NDArray[np.float32]) -> Plane:
    """The levels of log-odds, float32 (H, W); level 0 is all that is hardly possible."""
    scaled = np.rint((logits + np.float32(_CERTAIN)) * np.float32(_STEPS))
    return np.asarray(np.clip(scaled, 0, HIGHEST), np.uint8)


def level_of(probability: float) -> int:
    """The level that stands for a threshold in (0, 1)."""
    odds = math.log(probability / (1 - probability))
    return min(max(round((odds + _CERTAIN) * _STEPS), 0), HIGHEST)


def log_odds_of(level: float) -> float:
    """The log-odds that a level stands for."""
    return level / _STEPS - _CERTAIN


def probability_of(level: float) -> float:
    """The probability in (0, 1) that a level stands for."""
    return 1 / (1 + math.exp(-log_odds_of(level)))


def agreeing(
    planes: Mapping[int, Plane], found: Segmentation, calibration: Calibration
) -> dict[int, Plane]:
    """Planes whose pixels above the calibrated level are those of the masks that were found.

    Masks are more than a threshold: an engine may have dropped crumbs, or moved a border to an
    edge of the image.
    """
    masks = dict(zip(found.object_ids.tolist(), found.masks, strict=True))
    shape = found.masks.shape[1:]
    return {
        key: _agreeing(plane, masks.get(key, np.zeros(shape, np.bool_)), calibration.levels[key])
        for key, plane in planes.items()
    }


def _agreeing(plane: Plane, mask: Mask, level: int) -> Plane:
    return np.where(mask, np.maximum(plane, level + 1), np.minimum(plane, level)).astype(np.uint8)
