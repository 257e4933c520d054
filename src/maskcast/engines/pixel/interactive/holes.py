"""Holes: a ring or a disc?

Both touch the box in the same way, and a filled region stands out from its surroundings as well as
one with a hole. What decides is the look of the hole: like the surroundings, or of its own kind (a
reflection, a nucleus in its cell).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from maskcast.engines.pixel.filters import SQUARE_3, SQUARE_7
from maskcast.engines.pixel.interactive.box import Hypotheses
from maskcast.engines.pixel.interactive.frame import Frame, Look
from maskcast.types import Mask


@dataclass(frozen=True)
class HoleConstants:
    """Fixed by hand, with ``benchmarks/interactive.py`` on the measuring packs (docs/adr/0003).

    Attributes:
        candidates: most promising hypotheses that are looked at.
        least_share: area of the holes against that of the mask.
        same_outline: overlap of two outlines, filled, that are the same.
        like: difference in look, in deviations, below which holes look like the surroundings.
        times_unlike: they must differ this many times as much from the rest of the mask.
    """

    candidates: int = 16
    least_share: float = 0.04
    same_outline: float = 0.85
    like: float = 0.5
    times_unlike: float = 3


_FIXED = HoleConstants()


def open_holes(frame: Frame, mask: Mask, hypotheses: Hypotheses) -> Mask:
    """The mask, or a hypothesis of the same outline whose holes look like the surroundings.

    Args:
        frame: what is looked at.
        mask: bool (h, w), the answer so far.
        hypotheses: it was chosen from.
    """
    grown = cv2.dilate(mask.view(np.uint8), SQUARE_3)
    shell = cv2.dilate(grown, SQUARE_7) - grown
    best_first = np.argsort(-hypotheses.merits, kind="stable")[: _FIXED.candidates]
    rings = [i for i in best_first if _is_ring(frame, hypotheses.masks[i], mask, shell)]
    if not rings:
        return mask
    merits = hypotheses.overlap[np.ix_(rings, rings)] @ hypotheses.share[rings]
    answer: Mask = hypotheses.masks[rings[int(np.argmax(merits))]]
    return answer


def _is_ring(frame: Frame, candidate: Mask, mask: Mask, shell: npt.NDArray[Any]) -> bool:
    """Whether a candidate has the outline of a mask and holes that look like the shell around."""
    full = _filled(candidate)
    if np.count_nonzero(full & mask) < _FIXED.same_outline * np.count_nonzero(full | mask):
        return False
    holes = cv2.erode((full & mask & ~candidate).view(np.uint8), SQUARE_3)
    if np.count_nonzero(holes) < _FIXED.least_share * np.count_nonzero(mask):
        return False
    look = Look.of(frame, holes[None])
    outside = look.contrast(Look.of(frame, shell[None])).max()
    inside = look.contrast(Look.of(frame, candidate[None])).max()
    return bool(outside < _FIXED.like and inside > _FIXED.times_unlike * _FIXED.like)


def _filled(mask: Mask) -> Mask:
    """A mask without its holes."""
    outlines, _ = cv2.findContours(mask.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    full = np.zeros(mask.shape, np.uint8)
    cv2.drawContours(full, outlines, -1, (1,), cv2.FILLED)
    return full.astype(np.bool_)
