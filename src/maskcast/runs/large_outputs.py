"""The files of a target that was masked tile by tile, made strip by strip; see ``outputs``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from maskcast.drawing.overlay import draw_overlay
from maskcast.drawing.palette import default_spec
from maskcast.engines.large import LargeSegmentation, PackedMask
from maskcast.engines.uniting import Uniting, remove_small_parts
from maskcast.io.images import encode_jpeg, palette_of
from maskcast.io.png_rows import gray_png, palette_png
from maskcast.io.windowed import Picture
from maskcast.masks import Component, reading_order
from maskcast.runs.ledger_rows import FoundObject
from maskcast.runs.outputs import boxes_csv, figures, summary
from maskcast.types import LabelMap, Mask, ObjectSpec, RgbImage, Segmentation

OVERLAY_PIXELS: Final = 25_000_000
"""Overlays of larger targets are made smaller."""

_STRIP_PIXELS: Final = 8 << 20


def render_large_outputs(
    name: str, picture: Picture, found: LargeSegmentation, specs: Mapping[int, ObjectSpec]
) -> tuple[dict[str, bytes], list[FoundObject], tuple[str, ...]]:
    """Make all files of one large target; the same arguments give the same bytes.

    Args:
        name: the target's output name, POSIX and relative.
        picture: the target.
        found: in it.
        specs: object id -> name and colour; ids that are missing get defaults.

    Returns:
        See ``render_outputs``; and notes for the user.
    """
    ids = found.object_ids.tolist()
    masks = dict(zip(ids, found.masks, strict=True))
    parts = {key: components_of(mask) for key, mask in masks.items()}
    right = [None] * len(ids) if found.right is None else found.right.tolist()
    judged: dict[int, tuple[float, float | None]] = {
        key: (score, share)
        for key, score, share in zip(ids, found.scores.tolist(), right, strict=True)
    }
    colors = {key: default_spec(key).color for key in masks}
    colors.update({key: spec.color for key, spec in specs.items()})
    size = found.width, found.height
    files = {
        f"id_masks/{name}/{key}.png": gray_png(*size, _black_and_white(mask))
        for key, mask in masks.items()
    }
    files[f"masks/{name}.png"] = palette_png(*size, palette_of(colors), _label_strips(found, parts))
    overlay, factor = _small_overlay(picture, found, specs)
    files[f"overlays/{name}.jpg"] = encode_jpeg(overlay)
    files[f"bboxes/{name}.csv"] = boxes_csv(
        (key, *part.box, *figures(*judged[key])) for key in masks for part in parts[key]
    )
    notes = () if factor == 1 else (f"its overlay is drawn at 1/{factor} of its size",)
    return files, [summary(key, *judged[key], parts[key]) for key in masks], notes


def without_crumbs_of_large(
    found: LargeSegmentation, least: Mapping[int, int]
) -> LargeSegmentation:
    """See ``crumbs.without_crumbs``; objects that have no pixel left are not found."""
    for object_id, mask in zip(found.object_ids.tolist(), found.masks, strict=True):
        if least.get(object_id, 1) > 1:
            remove_small_parts(mask, least[object_id])
    kept = [index for index, mask in enumerate(found.masks) if mask.any_in(0, mask.height)]
    return replace(
        found,
        object_ids=found.object_ids[kept],
        masks=tuple(found.masks[index] for index in kept),
        scores=found.scores[kept],
        right=None if found.right is None else found.right[kept],
        signals={name: values[kept] for name, values in found.signals.items()},
    )


def components_of(mask: PackedMask) -> list[Component]:
    """As ``masks.components`` of the whole mask, in the same order."""
    uniting = Uniting()
    edges, areas = [np.zeros((1, 4), np.int64)], [np.zeros(1, np.int64)]
    for top, rows in mask.strips():
        before = uniting.count
        labels = uniting.add(rows)
        count = uniting.count - before
        if count:
            local = np.where(labels > 0, labels - (before - 1), 0).astype(np.int32)
            boxes, area = _boxes(local, count)
            edges.append(boxes + np.array([0, top, 0, top]))
            areas.append(area)
    numbers, count = uniting.united()
    low = np.full((count, 2), np.iinfo(np.int64).max)
    high, area = np.zeros((count, 2), np.int64), np.zeros(count, np.int64)
    every = np.concatenate(edges)
    np.minimum.at(low, numbers, every[:, :2])
    np.maximum.at(high, numbers, every[:, 2:])
    np.add.at(area, numbers, np.concatenate(areas))
    found = [
        Component((xmin, ymin, xmax, ymax), pixels)
        for (xmin, ymin), (xmax, ymax), pixels in zip(
            low[1:].tolist(), high[1:].tolist(), area[1:].tolist(), strict=True
        )
    ]
    return sorted(found, key=reading_order)


def _boxes(
    labels: npt.NDArray[np.int32], count: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Boxes (count, 4) and areas (count,) of labels 1 to ``count``."""
    row, column = np.nonzero(labels)
    at = labels[row, column] - 1
    boxes = np.zeros((count, 4), np.int64)
    boxes[:, :2] = np.iinfo(np.int64).max
    for index, values in ((0, column), (1, row)):
        np.minimum.at(boxes[:, index], at, values)
        np.maximum.at(boxes[:, index + 2], at, values + 1)
    return boxes, np.bincount(at, minlength=count).astype(np.int64)


def _black_and_white(mask: PackedMask) -> Iterator[npt.NDArray[np.uint8]]:
    for _, rows in mask.strips():
        yield np.where(rows, np.uint8(255), np.uint8(0))


def _label_strips(
    found: LargeSegmentation, parts: Mapping[int, list[Component]]
) -> Iterator[LabelMap]:
    """The label map, laid as ``masks.compose_label_map`` does."""
    areas = {key: sum(part.area for part in those) for key, those in parts.items()}
    layers = sorted(
        zip(found.object_ids.tolist(), found.masks, strict=True),
        key=lambda layer: (areas[layer[0]], layer[0]),
        reverse=True,
    )
    step = max(1, _STRIP_PIXELS // found.width)
    for top in range(0, found.height, step):
        bottom = min(found.height, top + step)
        label_map = np.zeros((bottom - top, found.width), np.uint8)
        for object_id, mask in layers:
            if mask.any_in(top, bottom):
                label_map[mask.rows(top, bottom)] = object_id
        yield label_map


def _small_overlay(
    picture: Picture, found: LargeSegmentation, specs: Mapping[int, ObjectSpec]
) -> tuple[RgbImage, int]:
    """The overlay, and how many times smaller it is."""
    factor = 1
    while -(-found.height // factor) * -(-found.width // factor) > OVERLAY_PIXELS:
        factor += 1
    image = _shrunk(picture, factor)
    masks = [_any_of(mask, factor) for mask in found.masks]
    small = Segmentation(
        found.object_ids, np.array(masks, np.bool_).reshape(-1, *image.shape[:2]), found.scores
    )
    return draw_overlay(image, small, specs), factor


def _shrunk(picture: Picture, factor: int) -> RgbImage:
    """The picture ``factor`` times smaller, each pixel the mean of those it covers."""
    height, width = -(-picture.height // factor), -(-picture.width // factor)
    out = np.empty((height, width, 3), np.uint8)
    step = max(1, _STRIP_PIXELS // picture.width // factor)
    for top in range(0, height, step):
        bottom = min(height, top + step)
        rows = picture.read(top * factor, 0, min(picture.height, bottom * factor), picture.width)
        more = (bottom - top) * factor - len(rows), width * factor - picture.width
        wide = cv2.copyMakeBorder(rows, 0, more[0], 0, more[1], cv2.BORDER_REPLICATE)
        out[top:bottom] = cv2.resize(wide, (width, bottom - top), interpolation=cv2.INTER_AREA)
    return out


def _any_of(mask: PackedMask, factor: int) -> Mask:
    """The mask ``factor`` times smaller; a pixel is set where any is that it covers."""
    height, width = -(-mask.height // factor), -(-mask.width // factor)
    out = np.zeros((height, width), np.bool_)
    step = max(1, _STRIP_PIXELS // mask.width // factor)
    for top in range(0, height, step):
        bottom = min(height, top + step)
        if not mask.any_in(top * factor, bottom * factor):
            continue
        rows = mask.rows(top * factor, min(mask.height, bottom * factor))
        more = (bottom - top) * factor - len(rows), width * factor - mask.width
        padded = np.pad(rows, ((0, more[0]), (0, more[1])))
        blocks = padded.reshape(bottom - top, factor, width, factor)
        out[top:bottom] = blocks.any(axis=(1, 3))
    return out
