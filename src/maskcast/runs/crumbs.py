"""The smallest area for "found": parts of masks that are too small to be the object are left out.

What is too small is told by the references: a sixteenth of what the small ones among an object's
parts have there, and never more than ``MOST``. So a pixel here and there does not count as found,
and where the references show things of a few pixels, all of them still do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from maskcast.masks import components, without_small_parts
from maskcast.types import Mask, Reference, Segmentation

MOST: Final = 64
"""Pixels; chosen by hand: eight by eight can be seen, and edges of targets cut objects off."""

_SHARE: Final = 1 / 16
"""Of the area, a quarter of the diameter: targets may show smaller things than references."""

_SMALL: Final = 0.1
"""Quantile of the areas shown that counts as small: a crumb in an annotation is none of them."""


def smallest_areas(references: Sequence[Reference], chosen: int | None) -> dict[int, int]:
    """Object id -> pixels of its smallest part that counts, of all objects that are shown.

    Args:
        references: that results are made from.
        chosen: by a person, for all objects; None = by the references.
    """
    shown: dict[int, list[Mask]] = {}
    for reference in references:
        for key, mask in reference.masks.items():
            if mask.any():
                shown.setdefault(key, []).append(mask)
    return {
        key: _smallest(masks) if chosen is None else chosen for key, masks in sorted(shown.items())
    }


def areas_in(facts: Mapping[str, Any] | None) -> dict[int, int]:
    """What the fingerprint of a run holds of ``smallest_areas``; nothing of an older one."""
    return {int(key): area for key, area in (facts or {}).items()}


def without_crumbs(found: Segmentation, least: Mapping[int, int]) -> Segmentation:
    """The same objects without their parts of less than ``least`` pixels; a mask may be empty.

    Args:
        found: in a target.
        least: object id -> pixels; objects that are not in it keep all of their parts.
    """
    if not any(least.get(int(key), 1) > 1 for key in found.object_ids):
        return found
    masks = [
        without_small_parts(mask, least.get(int(key), 1))
        for key, mask in zip(found.object_ids, found.masks, strict=True)
    ]
    return replace(found, masks=np.stack(masks))


def found_only(found: Segmentation) -> Segmentation:
    """The objects that have a pixel, without planes."""
    has = found.masks.any(axis=(1, 2))
    right = None if found.right is None else found.right[has]
    return Segmentation(found.object_ids[has], found.masks[has], found.scores[has], right)


def _smallest(masks: Sequence[Mask]) -> int:
    areas = [part.area for mask in masks for part in components(mask)]
    return min(MOST, max(1, int(np.quantile(areas, _SMALL) * _SHARE)))
