"""Which of many pictures show what there is: a few that are as unlike each other as can be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from maskcast.types import RgbImage

_SIDE: Final = 8
"""Of the thumbnail that pictures are compared by: light, colour and coarse structure."""

Look = npt.NDArray[np.float32]
"""float32 (192,): how a picture looks from afar."""


def look_of_picture(image: RgbImage) -> Look:
    """How a picture looks from afar.

    Args:
        image: uint8 (H, W, 3) RGB.
    """
    small = cv2.resize(image, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32).ravel() / np.float32(255)


def most_unlike(looks: Sequence[Look], count: int) -> list[int]:
    """Indices of ``count`` pictures, or of all: the most usual one first, then the farthest.

    The first is nearest to the mean; each other one is the farthest from those before (Gonzalez
    1985, farthest-first traversal), so that six of a folder show all of its kinds.
    """
    if not looks:
        return []
    stacked = np.stack(looks)
    chosen = [int(np.linalg.norm(stacked - stacked.mean(axis=0), axis=1).argmin())]
    away = np.linalg.norm(stacked - stacked[chosen[0]], axis=1)
    while len(chosen) < min(count, len(looks)):
        away[chosen] = -1
        chosen.append(int(away.argmax()))
        away = np.minimum(away, np.linalg.norm(stacked - stacked[chosen[-1]], axis=1))
    return chosen
