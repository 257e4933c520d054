"""Drawing what was found onto an image: fill, contour, boxes and name tags.

Used by the overlays of a run and by the labelers, so that both look the same. All drawing is
integer arithmetic on the rows that an object reaches; the cost follows what is drawn more than
the size of the image.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from cv2.typing import MatLike

from maskcast.drawing.palette import Color, default_spec
from maskcast.drawing.tags import TagBoard, draw_tag
from maskcast.masks import Box, Component, components
from maskcast.types import Mask, ObjectSpec, RgbImage, Segmentation

MAX_BOXES = 40
"""Most boxes drawn per object: those of its largest components."""

FILL_OPACITY = 0.35
"""How much of the object's colour covers the pixels of its mask."""

_HALO_DARKNESS = 0.45
_BOX_OPACITY = 0.9

# Where fewer than one pixel in so many is painted, picking them out is faster than whole rows.
_SPARSE = 16


@dataclass(frozen=True)
class Strokes:
    """Sizes in pixels that go with an image's size.

    Attributes:
        contour: width of the contour, drawn inside the mask.
        box: width of a box's line.
        gap: between a component and its box.
        text: size of the letters.
    """

    contour: int
    box: int
    gap: int
    text: int

    @classmethod
    def for_size(cls, height: int, width: int) -> Strokes:
        """Strokes that look alike on screens that show the whole image."""
        # A strip of 20000 x 50 is looked at in parts: its short side decides.
        side = min(math.sqrt(height * width), 4 * min(height, width))
        return cls(
            contour=max(1, round(side / 600)),
            box=max(1, round(side / 1000)),
            gap=max(1, round(side / 350)),
            text=max(11, round(4 + side / 58)),
        )

    def around(self, part: Component, canvas: RgbImage) -> Box:
        """The outer edge of the box drawn round a component, inside the image."""
        height, width = canvas.shape[:2]
        away = self.gap + self.box
        xmin, ymin, xmax, ymax = part.box
        return (
            max(0, xmin - away),
            max(0, ymin - away),
            min(width, xmax + away),
            min(height, ymax + away),
        )


@dataclass(frozen=True)
class _Found:
    """One object that has pixels.

    Attributes:
        spec: its name and colour.
        score: in [0, 1].
        mask: bool (H, W).
        parts: its connected components, largest first.
    """

    spec: ObjectSpec
    score: float
    mask: Mask
    parts: Sequence[Component]

    def rows(self, margin: int) -> slice:
        """Rows of all its pixels and ``margin`` more, inside the image."""
        ymin = min(part.box[1] for part in self.parts) - margin
        ymax = max(part.box[3] for part in self.parts) + margin
        return slice(max(0, ymin), min(self.mask.shape[0], ymax))


def draw_overlay(
    image: RgbImage,
    segmentation: Segmentation,
    specs: Mapping[int, ObjectSpec],
    parts: Mapping[int, Sequence[Component]] | None = None,
    *,
    tells_scores: bool = True,
) -> RgbImage:
    """Draw every object that was found onto a copy of ``image``.

    Each object gets a translucent fill, a contour of full colour with a thin dark rim, a thin box
    round each of its ``MAX_BOXES`` largest connected components, and one tag ``id name score``
    beside the largest. Tags stay inside the image and never cover each other: a tag is shortened
    to ``id score`` or ``id`` where the image is narrow, and left out where there is no room.
    A name whose letters no font of this machine has is left out of the tag.

    Args:
        image: uint8 (H, W, 3) RGB; not modified.
        segmentation: masks of (H, W); objects without a pixel are not drawn.
        specs: object id -> name and colour; ids that are missing get defaults.
        parts: object id -> connected components of its mask, where the caller has them already.
        tells_scores: whether they stand in the tags.

    Returns:
        uint8 (H, W, 3) RGB of the same size.

    Raises:
        ValueError: if the masks are not of the image's size.
    """
    if segmentation.masks.shape[1:] != image.shape[:2]:
        raise ValueError(
            f"masks: expected size {image.shape[:2]}, got {segmentation.masks.shape[1:]}"
        )
    canvas = np.ascontiguousarray(image).copy()
    strokes = Strokes.for_size(*image.shape[:2])
    found = _found_objects(segmentation, specs, parts)
    for item in found:
        _fill(canvas, item)
    for item in found:
        _draw_contour(canvas, item, strokes.contour)
    for item in found:
        table = color_table(item.spec.color, _BOX_OPACITY)
        for part in item.parts[:MAX_BOXES]:
            _draw_box(canvas, strokes.around(part, canvas), strokes.box, table)
    board = TagBoard((image.shape[0], image.shape[1]), [item.mask for item in found])
    for item in found:
        around = strokes.around(item.parts[0], canvas)
        score = item.score if tells_scores else None
        draw_tag(canvas, board, item.spec, score, around, strokes.text)
    return canvas


def _found_objects(
    segmentation: Segmentation,
    specs: Mapping[int, ObjectSpec],
    parts: Mapping[int, Sequence[Component]] | None,
) -> list[_Found]:
    found = []
    for key, mask, score in zip(
        segmentation.object_ids.tolist(),
        segmentation.masks,
        segmentation.scores.tolist(),
        strict=True,
    ):
        known = components(mask) if parts is None else parts.get(key, ())
        if known:
            largest_first = sorted(known, key=lambda part: (-part.area, part.box))
            found.append(_Found(specs.get(key) or default_spec(key), score, mask, largest_first))
    return found


def _fill(canvas: RgbImage, item: _Found) -> None:
    """Mix the colour into the pixels of the mask."""
    rows = item.rows(0)
    _paint(canvas[rows], item.mask[rows].view(np.uint8), color_table(item.spec.color, FILL_OPACITY))


def _draw_contour(canvas: RgbImage, item: _Found, width: int) -> None:
    """The outermost ``width`` pixels of the mask in full colour, and a dark rim outside it."""
    rows = item.rows(width)
    inside = np.ascontiguousarray(item.mask[rows]).view(np.uint8)
    core = cv2.erode(inside, _square(width), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    rim = cv2.dilate(inside, _square(max(1, width // 2)))
    _paint(canvas[rows], cv2.subtract(rim, inside), color_table((0, 0, 0), _HALO_DARKNESS))
    _paint(canvas[rows], cv2.subtract(inside, core), color_table(item.spec.color, 1.0))


def _draw_box(canvas: RgbImage, box: Box, line: int, table: npt.NDArray[np.uint8]) -> None:
    """Send the outermost ``line`` pixels inside ``box`` through ``table``."""
    xmin, ymin, xmax, ymax = box
    for edge in (
        canvas[ymin : ymin + line, xmin:xmax],
        canvas[max(ymin + line, ymax - line) : ymax, xmin:xmax],
        canvas[ymin + line : ymax - line, xmin : xmin + line],
        canvas[ymin + line : ymax - line, max(xmin + line, xmax - line) : xmax],
    ):
        if edge.size:
            edge[:] = cv2.LUT(np.ascontiguousarray(edge), table)


def _paint(rows: RgbImage, where: MatLike, table: npt.NDArray[np.uint8]) -> None:
    """Send the pixels of whole rows where ``where`` is 1 (else 0) through ``table``, in place."""
    if cv2.countNonZero(where) * _SPARSE > where.size:
        rows[:] = cv2.copyTo(cv2.LUT(rows, table), where, rows)
        return
    pixels, marked = rows.reshape(-1, 3), np.flatnonzero(where.view(np.bool_))
    if marked.size:
        pixels[marked] = cv2.LUT(pixels[marked][None], table)[0]


def color_table(color: Color, opacity: float) -> npt.NDArray[np.uint8]:
    """uint8 (1, 256, 3): what each channel value becomes under ``color``."""
    values = np.arange(256, dtype=np.float32)[None, :, None] * (1 - opacity)
    return np.rint(values + np.float32(opacity) * np.array(color, np.float32)).astype(np.uint8)


def _square(radius: int) -> npt.NDArray[np.uint8]:
    return np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
