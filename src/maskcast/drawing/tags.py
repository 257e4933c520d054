"""Name tags: a plate in the object's colour with ``id name score`` on it, placed on the image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from maskcast.drawing.fonts import Font, font_for
from maskcast.drawing.palette import Color
from maskcast.masks import Box
from maskcast.types import Mask, ObjectSpec, RgbImage

LONGEST_NAME = 24
"""Characters of a name that a tag shows."""

_WIDEST = 0.6
"""A tag wider than this part of the image is shortened."""

Corners = npt.NDArray[np.int64]
"""int64 (N, 2): y, x of the top-left corners where a tag might go."""


@dataclass
class TagBoard:
    """Where the tags of one image go.

    Attributes:
        size: (height, width) of the image.
        masks: bool (H, W) each; covering their pixels is avoided where possible.
        taken: boxes of the tags placed so far; never covered.
    """

    size: tuple[int, int]
    masks: Sequence[Mask]
    taken: list[Box] = field(default_factory=list)

    def place(self, tag_size: tuple[int, int], around: Box) -> Box | None:
        """Find and take a place for a tag.

        Args:
            tag_size: (height, width) of the tag.
            around: the box of what the tag names.

        Returns:
            The tag's box: touching ``around`` from outside, where it covers the fewest mask
            pixels; else the free place nearest to it; None if no place of that size is free.
        """
        last = np.array(self.size, np.int64) - np.array(tag_size, np.int64)
        if last.min() < 0:
            return None
        beside = self._free(np.clip(_beside(around, tag_size), 0, last), tag_size)
        if len(beside):
            best = beside[np.argmin([self._covered(y, x, tag_size) for y, x in beside.tolist()])]
        else:
            anywhere = self._free(_grid(last, tag_size), tag_size)
            if not len(anywhere):
                return None
            best = anywhere[np.argmin(np.abs(anywhere - (around[1], around[0])).sum(axis=1))]
        y, x = best.tolist()
        self.taken.append((x, y, x + tag_size[1], y + tag_size[0]))
        return self.taken[-1]

    def _free(self, corners: Corners, tag_size: tuple[int, int]) -> Corners:
        """Those corners where the tag covers no other."""
        if not self.taken:
            return corners
        xmin, ymin, xmax, ymax = np.array(self.taken).T
        y, x = corners[:, :1], corners[:, 1:]
        meets = (y < ymax) & (y + tag_size[0] > ymin) & (x < xmax) & (x + tag_size[1] > xmin)
        free: Corners = corners[~meets.any(axis=1)]
        return free

    def _covered(self, y: int, x: int, tag_size: tuple[int, int]) -> int:
        """How many mask pixels a tag at (y, x) covers."""
        area = slice(y, y + tag_size[0]), slice(x, x + tag_size[1])
        return sum(int(np.count_nonzero(mask[area])) for mask in self.masks)


def draw_tag(
    canvas: RgbImage,
    board: TagBoard,
    spec: ObjectSpec,
    score: float | None,
    around: Box,
    text_size: int,
) -> None:
    """Draw the fullest tag that has room onto ``canvas``, or none.

    Args:
        canvas: uint8 (H, W, 3) RGB, changed in place.
        board: what was placed so far; the new tag is added to it.
        spec: the object's id, name and colour.
        score: in [0, 1]; None = it is not told.
        around: the box of what the tag names.
        text_size: size of the letters in pixels.
    """
    for text in _texts(spec, score):
        font = font_for(text, text_size)
        if font is None:
            continue
        plate = _plate(font, text, spec.color)
        if plate.shape[1] > _WIDEST * canvas.shape[1]:
            continue
        box = board.place((plate.shape[0], plate.shape[1]), around)
        if box is not None:
            xmin, ymin, xmax, ymax = box
            canvas[ymin:ymax, xmin:xmax] = plate
            return


def _texts(spec: ObjectSpec, score: float | None) -> Iterator[str]:
    """What a tag may say, fullest first."""
    name = " ".join(spec.name.split())
    if len(name) > LONGEST_NAME:
        name = name[: LONGEST_NAME - 3].rstrip() + "..."
    known = "" if score is None else f"  {score:.2f}"
    if name:
        yield f"{spec.object_id}  {name}{known}"
    if known:
        yield f"{spec.object_id}{known}"
    yield str(spec.object_id)


def _plate(font: Font, text: str, color: Color) -> RgbImage:
    """The tag itself: uint8 (h, w, 3), black or white letters on ``color``."""
    ascent, descent = font.getmetrics()
    padding = max(2, round(ascent / 4))
    size = round(font.getlength(text)) + 2 * padding, ascent + descent + 2
    picture = Image.new("RGB", size, color)
    ink = (0, 0, 0) if _luminance(color) > 0.179 else (255, 255, 255)
    ImageDraw.Draw(picture).text((padding, 1), text, fill=ink, font=font)
    return np.asarray(picture)


def _luminance(color: Color) -> float:
    """Relative luminance of an sRGB colour, 0..1 (WCAG 2.1).

    Black and white contrast alike with a colour of 0.179.
    """
    channels = np.array(color) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def _beside(around: Box, tag_size: tuple[int, int]) -> Corners:
    """Corners of tags above, below, right and left of a box, the most usual first."""
    height, width = tag_size
    xmin, ymin, xmax, ymax = around
    return np.array(
        [
            (ymin - height, xmin),
            (ymax, xmin),
            (ymin - height, xmax - width),
            (ymax, xmax - width),
            (ymin, xmax),
            (ymin, xmin - width),
            (ymax - height, xmax),
            (ymax - height, xmin - width),
        ],
        np.int64,
    )


def _grid(last: npt.NDArray[np.int64], tag_size: tuple[int, int]) -> Corners:
    """Corners all over the image, half a tag apart; ``last`` is the largest y, x."""
    rows, columns = (
        np.unique(np.append(np.arange(0, end, max(1, step // 2)), end))
        for end, step in zip(last.tolist(), tag_size, strict=True)
    )
    return np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2)
