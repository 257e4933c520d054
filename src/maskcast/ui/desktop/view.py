"""Which part of an image is on the screen, and the pixels that it shows there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from maskcast.drawing.overlay import color_table
from maskcast.drawing.palette import Color
from maskcast.types import Mask, RgbImage
from maskcast.ui.brush import Window
from maskcast.ui.controls import FEEL

BACKGROUND: Color = (24, 25, 28)
"""What is shown beside the image."""

_CRISP_SCALE = 3.0
_CONTOUR_ROOM = 3
_COVERED = 40
_STRIPE, _STRIPES = 3, 9
"""Width of a stripe, and from one to the next, in screen pixels along a row."""


@dataclass(frozen=True)
class Rect:
    """A rectangle of screen pixels, ``right`` and ``bottom`` exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """In pixels; 0 if it is empty."""
        return max(0, self.right - self.left)

    @property
    def height(self) -> int:
        """In pixels; 0 if it is empty."""
        return max(0, self.bottom - self.top)

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def grown(self, by: int) -> Rect:
        """With so many pixels more on each side."""
        return Rect(self.left - by, self.top - by, self.right + by, self.bottom + by)

    def moved(self, x: int, y: int) -> Rect:
        """Shifted to the right and down."""
        return Rect(self.left + x, self.top + y, self.right + x, self.bottom + y)

    def within(self, other: Rect) -> Rect:
        """The part inside another one."""
        return Rect(
            max(self.left, other.left),
            max(self.top, other.top),
            min(self.right, other.right),
            min(self.bottom, other.bottom),
        )

    def around(self, other: Rect | None) -> Rect:
        """The smallest that holds both."""
        if other is None or not (other.width and other.height):
            return self
        return Rect(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )

    def holds(self, x: float, y: float) -> bool:
        """Whether a place is inside."""
        return self.left <= x < self.right and self.top <= y < self.bottom


@dataclass(frozen=True)
class View:
    """Image coordinates on a part of the screen: ``screen = (image - (x, y)) * scale``.

    Attributes:
        x, y: what is at the top left, in image pixels.
        scale: screen pixels per image pixel, above 0.
        size: (width, height) of the part of the screen, in its pixels.
        image_size: (width, height) of the image.
    """

    x: float
    y: float
    scale: float
    size: tuple[int, int]
    image_size: tuple[int, int]

    @classmethod
    def fitted(cls, size: tuple[int, int], image_size: tuple[int, int]) -> View:
        """The whole image with a little room around it."""
        width, height = image_size
        rect = (0.0, 0.0, float(width), float(height))
        return cls(0, 0, 1, size, image_size).showing(rect, FEEL.fit_margin)

    @property
    def screen(self) -> Rect:
        """All of its part of the screen."""
        return Rect(0, 0, *self.size)

    def to_image(self, x: float, y: float) -> tuple[float, float]:
        """Image coordinates of a place on the screen."""
        return self.x + x / self.scale, self.y + y / self.scale

    def to_screen(self, points: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Screen coordinates of float32 (N, 2) ``x, y`` of the image."""
        corner = np.array([self.x, self.y], np.float32)
        placed: npt.NDArray[np.float32] = (points - corner) * np.float32(self.scale)
        return placed

    def showing(self, box: tuple[float, float, float, float], margin: float = 0.0) -> View:
        """As large as possible with all of ``box`` (xmin, ymin, xmax, ymax) in the middle."""
        xmin, ymin, xmax, ymax = box
        wide, high = max(xmax - xmin, 1e-6), max(ymax - ymin, 1e-6)
        scale = min(self.size[0] / wide, self.size[1] / high) / (1 + 2 * margin)
        scale = self._bounded(scale)
        middle = (xmin + xmax) / 2, (ymin + ymax) / 2
        return replace(
            self,
            x=middle[0] - self.size[0] / 2 / scale,
            y=middle[1] - self.size[1] / 2 / scale,
            scale=scale,
        )

    def zoomed(self, factor: float, x: float, y: float) -> View:
        """Larger by ``factor``; what is at ``x, y`` of the screen stays there."""
        scale = self._bounded(self.scale * factor)
        fixed = self.to_image(x, y)
        return self._at(fixed[0] - x / scale, fixed[1] - y / scale, scale)

    def moved(self, x: float, y: float) -> View:
        """Showing what is ``x, y`` image pixels further to the right and down."""
        return self._at(self.x + x, self.y + y, self.scale)

    def resized(self, size: tuple[int, int]) -> View:
        """On another size of screen, with the same place in the middle."""
        middle = self.to_image(self.size[0] / 2, self.size[1] / 2)
        return replace(
            self,
            x=middle[0] - size[0] / 2 / self.scale,
            y=middle[1] - size[1] / 2 / self.scale,
            size=size,
        )

    def rect_of(self, window: Window) -> Rect:
        """The screen pixels that show rows and columns of the image."""
        rows, columns = window
        left, top = (columns.start - self.x) * self.scale, (rows.start - self.y) * self.scale
        right, bottom = (columns.stop - self.x) * self.scale, (rows.stop - self.y) * self.scale
        return Rect(
            int(np.floor(left)), int(np.floor(top)), int(np.ceil(right)), int(np.ceil(bottom))
        )

    def _bounded(self, scale: float) -> float:
        fitting = min(self.size[0] / self.image_size[0], self.size[1] / self.image_size[1])
        smallest = min(FEEL.smallest_share * fitting, 1.0)
        return min(max(scale, smallest), max(FEEL.largest_scale, fitting))

    def _at(self, x: float, y: float, scale: float) -> View:
        """Elsewhere; the middle of the screen stays on the image, so that nobody gets lost."""
        half = self.size[0] / 2 / scale, self.size[1] / 2 / scale
        return replace(
            self,
            x=min(max(x, -half[0]), self.image_size[0] - half[0]),
            y=min(max(y, -half[1]), self.image_size[1] - half[1]),
            scale=scale,
        )


@dataclass(frozen=True, eq=False)
class Layer:
    """A mask to be drawn.

    Attributes:
        mask: bool (H, W).
        color: of the object.
        opacity: of its fill, in [0, 1].
        contour: width of its contour in screen pixels; 0 for none.
        is_hatched: whether stripes of its colour run over a fill of black, which no image hides.
    """

    mask: Mask
    color: Color
    opacity: float
    contour: int
    is_hatched: bool = False


class Picture:
    """An image at half, quarter... of its size, so that a huge one is drawn quickly."""

    def __init__(self, image: RgbImage) -> None:
        """Show ``image``, uint8 (H, W, 3) RGB; smaller copies are made when needed."""
        self._levels: list[RgbImage] = [image]

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the image."""
        return self._levels[0].shape[1], self._levels[0].shape[0]

    def draw(self, view: View, rect: Rect, layers: Sequence[Layer]) -> RgbImage:
        """What a part of the screen shows.

        Args:
            view: of the image.
            rect: the part, inside the view.
            layers: drawn in this order.

        Returns:
            uint8 (rect.height, rect.width, 3) RGB.
        """
        level = _level(view.scale)
        crisp = view.scale >= _CRISP_SCALE
        wide = rect.grown(_CONTOUR_ROOM)
        how = cv2.INTER_NEAREST if crisp else cv2.INTER_LINEAR
        canvas = _warp(self._halved(level), level, view, wide, how, BACKGROUND)
        inside = canvas[_CONTOUR_ROOM:-_CONTOUR_ROOM, _CONTOUR_ROOM:-_CONTOUR_ROOM]
        for layer in layers:
            _draw_layer(canvas, layer, level, view, wide)
        return np.ascontiguousarray(inside)

    def _halved(self, times: int) -> RgbImage:
        while len(self._levels) <= times:
            self._levels.append(_half(self._levels[-1]))
        return self._levels[times]


def _level(scale: float) -> int:
    """How often the image is halved so that at least one of its pixels is left per screen pixel."""
    return max(0, int(np.floor(np.log2(1 / scale)))) if scale < 1 else 0


def _half(image: RgbImage) -> RgbImage:
    """Half the size, rounded up: edge pixels are repeated where a side is odd."""
    height, width = image.shape[:2]
    even = cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    half = cv2.resize(even, (even.shape[1] // 2, even.shape[0] // 2), interpolation=cv2.INTER_AREA)
    return half.astype(np.uint8, copy=False)


def _warp(
    pixels: npt.NDArray[np.uint8], level: int, view: View, rect: Rect, how: int, border: Color
) -> npt.NDArray[np.uint8]:
    """Sample an image that was halved ``level`` times onto screen pixels."""
    step = 1 / view.scale / 2**level
    start = (
        view.x / 2**level + (rect.left + 0.5) * step - 0.5,
        view.y / 2**level + (rect.top + 0.5) * step - 0.5,
    )
    # OpenCV takes sources of at most 32767 pixels a side: only what is seen is given.
    rows = _seen(start[1], step, rect.height, pixels.shape[0])
    columns = _seen(start[0], step, rect.width, pixels.shape[1])
    if rows.start >= rows.stop or columns.start >= columns.stop:
        blank = np.empty((rect.height, rect.width, *pixels.shape[2:]), np.uint8)
        blank[...] = border if pixels.ndim == 3 else 0
        return blank
    matrix = np.array([[step, 0, start[0] - columns.start], [0, step, start[1] - rows.start]])
    sampled = cv2.warpAffine(
        np.ascontiguousarray(pixels[rows, columns]),
        matrix,
        (rect.width, rect.height),
        flags=how | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=border if pixels.ndim == 3 else 0,
    )
    return sampled.astype(np.uint8, copy=False)


def _seen(start: float, step: float, count: int, size: int) -> slice:
    """Rows or columns that ``count`` samples from ``start`` on may touch."""
    low, high = int(np.floor(start)) - 2, int(np.ceil(start + step * count)) + 3
    return slice(min(max(low, 0), size), min(max(high, 0), size))


def _draw_layer(canvas: RgbImage, layer: Layer, level: int, view: View, rect: Rect) -> None:
    inside = _covered(layer.mask, level, view, rect)
    if cv2.countNonZero(inside) == 0:
        return
    fill_color = (0, 0, 0) if layer.is_hatched else layer.color
    fill = cv2.LUT(canvas, color_table(fill_color, layer.opacity))
    canvas[:] = cv2.copyTo(fill, inside, canvas)
    if layer.is_hatched:
        canvas[(inside != 0) & _stripes(rect)] = layer.color
    if layer.contour:
        square = np.ones((2 * layer.contour + 1,) * 2, np.uint8)
        core = cv2.erode(inside, square, borderType=cv2.BORDER_REPLICATE)
        canvas[(inside != 0) & (core == 0)] = layer.color


def _stripes(rect: Rect) -> npt.NDArray[np.bool_]:
    """Which screen pixels are on a stripe: the same ones whichever part is drawn."""
    rows, columns = np.ogrid[rect.top : rect.bottom, rect.left : rect.right]
    return np.asarray((rows + columns) % _STRIPES < _STRIPE)


def _covered(mask: Mask, level: int, view: View, rect: Rect) -> npt.NDArray[np.uint8]:
    """uint8, not 0 where screen pixels show the mask; thin things stay visible when small."""
    block = 2**level
    x, y = view.to_image(rect.left, rect.top)
    right, bottom = view.to_image(rect.right, rect.bottom)
    rows = _blocks(y, bottom, block, mask.shape[0])
    columns = _blocks(x, right, block, mask.shape[1])
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return np.zeros((rect.height, rect.width), np.uint8)
    part = mask[rows, columns].view(np.uint8) * np.uint8(255)
    if level:
        high, wide = (-part.shape[0]) % block, (-part.shape[1]) % block
        even = cv2.copyMakeBorder(part, 0, high, 0, wide, cv2.BORDER_CONSTANT)
        size = even.shape[1] // block, even.shape[0] // block
        part = cv2.resize(even, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    shifted = replace(view, x=view.x - columns.start, y=view.y - rows.start)
    how = cv2.INTER_LINEAR if level else cv2.INTER_NEAREST
    sampled = _warp(part, level, shifted, rect, how, (0, 0, 0))
    return cv2.threshold(sampled, _COVERED, 255, cv2.THRESH_BINARY)[1].astype(np.uint8, copy=False)


def _blocks(low: float, high: float, block: int, size: int) -> slice:
    """Whole blocks around [low, high] and one more on each side, inside the image."""
    start = (int(np.floor(low)) // block - 1) * block
    stop = (int(np.ceil(high)) // block + 2) * block
    return slice(min(max(start, 0), size), min(max(stop, 0), size))
