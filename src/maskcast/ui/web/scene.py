"""What travels to the browser: annotations, masks and pictures, small enough for every click.

A mask travels once, as the bits of its bounding box; the page keeps it under its key. Coordinates
are always pixels of the original image. Only what is painted on the screen is coarser for very
large images: one pixel of the picture and of a mask then stands for ``step`` x ``step`` pixels.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Collection
from typing import Any, Final

import cv2
import numpy as np

from maskcast.io.images import encode_jpeg
from maskcast.masks import bounding_box
from maskcast.project.annotations import ObjectAnnotation, StoredMask
from maskcast.types import Mask, Prompts, RgbImage
from maskcast.ui.edits import UNKNOWN
from maskcast.ui.web.desk import Snapshot

MOST_SHOWN_PIXELS: Final = 12_000_000
"""A larger picture is sent reduced; parts of it follow in full when zoomed in."""

_MOST_LOSSLESS_PIXELS: Final = 3_000_000


def shown_step(height: int, width: int) -> int:
    """Pixels of the original along each side of a pixel that is sent."""
    return max(1, math.ceil(math.sqrt(height * width / MOST_SHOWN_PIXELS)))


def encode_scene(snapshot: Snapshot, known: Collection[int]) -> dict[str, Any]:
    """All that the page shows of the reference in hand.

    Args:
        snapshot: of the desk.
        known: keys of the objects whose masks the page has.

    Returns:
        JSON-able.
    """
    annotation = snapshot.annotation
    step = shown_step(annotation.height, annotation.width)
    return {
        "revision": snapshot.revision,
        "image": annotation.image_id,
        "height": annotation.height,
        "width": annotation.width,
        "step": step,
        "clean": annotation.clean,
        "chosen": snapshot.object_id,
        "undo": snapshot.can_undo,
        "redo": snapshot.can_redo,
        "objects": {
            str(object_id): _encode_object(entry, snapshot.keys[object_id], known, step)
            for object_id, entry in sorted(annotation.objects.items())
        },
        "unknown": _encode_unknown(annotation.unknown, snapshot, known, step),
    }


def encode_mask(mask: Mask, step: int = 1) -> dict[str, Any]:
    """The bits of a mask's bounding box.

    Args:
        mask: bool (H, W).
        step: pixels of the mask along each side of a pixel that is sent.

    Returns:
        ``x, y, w, h`` in pixels that are sent, ``bits`` (base64, rows one after another, each
        row padded to whole bytes, first pixel = highest bit) and ``area``, the pixels of ``mask``.
    """
    area = int(np.count_nonzero(mask))
    shown = reduce_mask(mask, step)
    x0, y0, x1, y1 = bounding_box(shown) or (0, 0, 0, 0)
    bits = np.packbits(shown[y0:y1, x0:x1], axis=1)
    return {
        "x": x0,
        "y": y0,
        "w": x1 - x0,
        "h": y1 - y0,
        "area": area,
        "bits": base64.b64encode(bits.tobytes()).decode("ascii"),
    }


def reduce_mask(mask: Mask, step: int) -> Mask:
    """Bool (ceil(H / step), ceil(W / step)): where any pixel of the block is set."""
    if step == 1:
        return mask
    height, width = (-(-side // step) * step for side in mask.shape)
    padded = np.zeros((height, width), np.bool_)
    padded[: mask.shape[0], : mask.shape[1]] = mask
    blocks = padded.reshape(height // step, step, width // step, step)
    return np.asarray(blocks.any(axis=(1, 3)), np.bool_)


def encode_picture(rgb: RgbImage) -> str:
    """A picture as a data URL: lossless unless it is large."""
    if rgb.shape[0] * rgb.shape[1] <= _MOST_LOSSLESS_PIXELS:
        options = [cv2.IMWRITE_PNG_COMPRESSION, 1]
        _, encoded = cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), options)
        return _data_url("image/png", encoded.tobytes())
    return _data_url("image/jpeg", encode_jpeg(rgb, quality=92))


def encode_thumbnail(rgb: RgbImage, longest_side: int) -> str:
    """A small picture as a data URL, no side longer than ``longest_side``."""
    scale = min(1.0, longest_side / max(rgb.shape[:2]))
    size = max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    return _data_url("image/jpeg", encode_jpeg(np.asarray(small, np.uint8), quality=80))


def reduce_picture(rgb: RgbImage, step: int) -> RgbImage:
    """uint8 (ceil(H / step), ceil(W / step), 3): the mean of each block."""
    if step == 1:
        return rgb
    height, width = (-(-side // step) * step for side in rgb.shape[:2])
    below, right = height - rgb.shape[0], width - rgb.shape[1]
    padded = cv2.copyMakeBorder(rgb, 0, below, 0, right, cv2.BORDER_REPLICATE)
    size = width // step, height // step
    return np.asarray(cv2.resize(padded, size, interpolation=cv2.INTER_AREA), np.uint8)


def _encode_object(
    entry: ObjectAnnotation, key: int, known: Collection[int], step: int
) -> dict[str, Any]:
    shown = _encode_marks(entry, key)
    if key not in known and (mask := entry.mask) is not None:
        shown["mask"] = encode_mask(mask, step)
    return shown


def _encode_unknown(
    unknown: StoredMask | None, snapshot: Snapshot, known: Collection[int], step: int
) -> dict[str, Any] | None:
    if unknown is None:
        return None
    key = snapshot.keys[UNKNOWN]
    shown = _encode_marks(ObjectAnnotation(Prompts(), unknown), key)
    return shown if key in known else {**shown, "mask": encode_mask(unknown.pixels, step)}


def _encode_marks(entry: ObjectAnnotation, key: int) -> dict[str, Any]:
    marks = entry.marks
    things = marks.things
    return {
        "key": key,
        "box": None if marks.box is None else marks.box.tolist(),
        "boxes": [other.box.tolist() for other in marks.others if other.box is not None],
        "points": [
            [x, y, positive]
            for thing in things
            for (x, y), positive in zip(
                thing.points.tolist(), thing.point_labels.tolist(), strict=True
            )
        ],
        "pending": not entry.is_resolved,
    }


def _data_url(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
