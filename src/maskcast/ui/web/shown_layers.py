"""What was found on a target as a browser draws it: the masks, and the boxes of their parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from maskcast.masks import components
from maskcast.types import Mask
from maskcast.ui.web.scene import encode_mask, shown_step

_MOST_BOXES: Final = 200
"""Of the parts of one object: those of its largest."""


def encode_layers(masks: Mapping[int, Mask]) -> dict[str, Any]:
    """All that a page needs to draw what was found.

    Args:
        masks: object id -> bool (H, W), all of one size.

    Returns:
        JSON-able: ``step``, the pixels of the image along each side of a pixel that is sent, and
        ``layers``, by ascending id, each with ``id``, ``mask`` (see ``encode_mask``) and ``boxes``
        (``xmin, ymin, xmax, ymax`` in pixel edges of the image, the largest parts first).
    """
    step = max((shown_step(*mask.shape) for mask in masks.values()), default=1)
    return {"step": step, "layers": [_layer(key, masks[key], step) for key in sorted(masks)]}


def _layer(object_id: int, mask: Mask, step: int) -> dict[str, Any]:
    parts = sorted(components(mask), key=lambda part: (-part.area, part.box))
    boxes = [list(part.box) for part in parts[:_MOST_BOXES]]
    return {"id": object_id, "mask": encode_mask(mask, step), "boxes": boxes}
