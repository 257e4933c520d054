"""Which object a pixel belongs to, where the references never show two on one.

The networks judge each object by itself, so that objects may overlap. Where no reference has two
objects on a pixel they may not: each pixel then goes to the object that is surest of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import cv2
import numpy as np
import numpy.typing as npt

from maskcast.types import Mask, Reference

Margins = npt.NDArray[np.float32]
"""float32 (N,), logit above the object's threshold, of the N pixels of its mask in row order."""


def never_overlap(references: Sequence[Reference]) -> bool:
    """Whether no reference has two objects on the same pixel."""
    return not any(
        (first & second).any()
        for reference in references
        for first, second in combinations(reference.masks.values(), 2)
    )


def settle(masks: Sequence[Mask], margins: Sequence[Margins], least: Sequence[int]) -> list[Mask]:
    """Give every contested pixel to the object with the highest margin; the first wins a tie.

    Args:
        masks: bool (H, W) per object.
        margins: per object, of the pixels of its mask.
        least: per object, pixels below which a component that lost some is dropped.

    Returns:
        bool (H, W) per object; no two share a pixel.
    """
    owner = np.full(masks[0].shape, -1, np.int16)
    best = np.full(masks[0].shape, -np.inf, np.float32)
    for index, (mask, margin) in enumerate(zip(masks, margins, strict=True)):
        stronger = margin > best[mask]
        best[mask] = np.where(stronger, margin, best[mask])
        owner[mask] = np.where(stronger, index, owner[mask])
    kept = [np.asarray(owner == index) for index in range(len(masks))]
    return [
        mask if (mask == before).all() else _without_crumbs(mask, smallest)
        for mask, before, smallest in zip(kept, masks, least, strict=True)
    ]


def _without_crumbs(mask: Mask, least: int) -> Mask:
    """The mask without components (8-connected) of fewer than ``least`` pixels."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    large = stats[:, cv2.CC_STAT_AREA] >= least
    large[0] = False
    return np.asarray(large[labels], np.bool_)
