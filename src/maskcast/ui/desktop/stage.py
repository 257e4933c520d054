"""Everything that is on the window: the image with its masks, marks over it, the panel beside it.

The figure itself is empty. Its Agg buffer is filled with what was drawn here, and only rectangles
that changed are shown again (blitting), so that the cost of a mouse move does not depend on the
size of the image.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.transforms import Bbox

from maskcast.drawing.palette import Color
from maskcast.types import Prompts, RgbImage
from maskcast.ui.brush import Window
from maskcast.ui.desktop.gestures import CornerBox, Place
from maskcast.ui.desktop.marks import Marks
from maskcast.ui.desktop.panel import PANEL_WIDTH
from maskcast.ui.desktop.view import BACKGROUND, Layer, Picture, Rect, View

_PANEL_SHARE = 0.45
"""Most of the window's width that the panel takes, while it stays legible."""

_PANEL_HEIGHT = 700
"""In units: with less, thumbnails would be cut."""

_SMALLEST_PANEL = 0.7
_NARROWEST = 64


class Stage:
    """Draws on an Agg canvas of any toolkit."""

    def __init__(self, canvas: FigureCanvasAgg) -> None:
        """Draw on ``canvas``; call ``resize`` before anything else."""
        self._canvas = canvas
        self._marks = Marks(canvas.figure)
        self._picture: Picture | None = None
        self._frame = np.zeros((1, 1, 4), np.uint8)
        self._panel = np.zeros((1, 1, 3), np.uint8)
        self._cover: RgbImage | None = None
        self._moving: Rect | None = None
        self.area = Rect(0, 0, 1, 1)
        self.panel_area = Rect(0, 0, 1, 1)
        self.view = View.fitted((1, 1), (1, 1))
        self._fitted = True
        self.panel_scale = 1.0
        canvas.figure.set_facecolor("#18191c")
        canvas.mpl_connect("draw_event", lambda _: self._fill())

    @property
    def ratio(self) -> float:
        """Pixels per pixel of a 96 dpi screen."""
        return float(self._canvas.device_pixel_ratio)

    def resize(self) -> None:
        """Share the canvas out between image and panel, after it changed its size."""
        width, height = self._canvas.get_width_height(physical=True)
        self.panel_scale = _panel_scale(width, height, self.ratio)
        panel = min(round(PANEL_WIDTH * self.panel_scale), max(1, width - _NARROWEST))
        self.area = Rect(0, 0, max(1, width - panel), height)
        self.panel_area = Rect(self.area.right, 0, max(self.area.right + 1, width), height)
        self._marks.place(self.area, height)
        size = self.area.width, self.area.height
        resized = self.view.resized(size)
        self.view = View.fitted(size, resized.image_size) if self._fitted else resized

    def show_image(self, image: RgbImage) -> None:
        """Show another image, all of it."""
        self._picture = Picture(image)
        self.fit()

    def fit(self) -> None:
        """Look at the whole image."""
        if self._picture is not None:
            self.view = View.fitted((self.area.width, self.area.height), self._picture.size)
            self._fitted = True

    def look(self, view: View) -> None:
        """Look at a part of the image."""
        self.view = view
        self._fitted = False

    def draw(self, layers: Sequence[Layer], prompts: Prompts | None, color: Color) -> None:
        """Draw image, masks and prompts anew; ``show`` brings them to the screen."""
        self._frame = np.full((self.area.height, self.area.width, 4), 255, np.uint8)
        if self._picture is None:
            self._frame[..., :3] = BACKGROUND
        else:
            self._frame[..., :3] = self._picture.draw(self.view, self.view.screen, layers)
        self._marks.show_prompts(prompts, self.view, color)

    def draw_part(self, window: Window, layers: Sequence[Layer]) -> Rect:
        """Draw rows and columns of the image anew; where they are on the screen."""
        rect = self.view.rect_of(window).grown(4).within(self.view.screen)
        if rect.width and rect.height and self._picture is not None:
            self._frame[(*rect.slices, slice(3))] = self._picture.draw(self.view, rect, layers)
        return rect

    def set_panel(self, picture: RgbImage) -> None:
        """Show another panel."""
        self._panel = picture

    def set_cover(self, picture: RgbImage | None) -> None:
        """Show a picture in front of everything, or take it away."""
        self._cover = picture

    def show(self) -> None:
        """Bring everything to the screen."""
        self._fill()
        self._canvas.blit(self._canvas.figure.bbox)

    def show_image_area(self) -> None:
        """Bring only the image to the screen."""
        self._fill()
        self._blit(self.area)

    def show_panel(self) -> None:
        """Bring only the panel to the screen."""
        self._fill()
        self._blit(self.panel_area)

    def place_ring(self, ring: tuple[Place, float] | None) -> None:
        """Say where the ring of the brush is, before everything is shown anew."""
        place, radius = ring if ring is not None else (None, 1.0)
        self._marks.show_band(None, self.view)
        self._moving = self._marks.show_ring(place, radius, self.view)

    def point(
        self,
        band: CornerBox | None = None,
        ring: tuple[Place, float] | None = None,
        changed: Rect | None = None,
    ) -> None:
        """Show a box being drawn or the ring of the brush; only what changed is shown again.

        Args:
            band: the box.
            ring: where the brush is and its radius.
            changed: what ``draw_part`` drew.
        """
        before = self._moving
        now = self._marks.show_band(band, self.view)
        place, radius = ring if ring is not None else (None, 1.0)
        circle = self._marks.show_ring(place, radius, self.view)
        self._moving = circle.around(now) if circle is not None else now
        dirty = [rect for rect in (before, self._moving, changed) if rect is not None]
        if not dirty:
            return
        whole = dirty[0]
        for rect in dirty[1:]:
            whole = whole.around(rect)
        whole = whole.moved(self.area.left, self.area.top).within(self.area)
        self._fill_image(whole)
        self._blit(whole)

    def _fill_image(self, part: Rect) -> None:
        """Put a part of the image, which nothing covers, into the canvas's buffer."""
        pixels = self._pixels()
        if pixels.shape[:2] != (self.area.height, self.panel_area.right):
            return  # between a change of size and ``resize``
        if self._frame.shape[:2] == (self.area.height, self.area.width):
            seen = part.moved(-self.area.left, -self.area.top)
            pixels[part.slices] = self._frame[seen.slices]
        self._marks.draw(self._renderer(), part)

    def _fill(self) -> None:
        """Put everything into the canvas's buffer."""
        pixels = self._pixels()
        if pixels.shape[:2] != (self.area.height, self.panel_area.right):
            return
        self._fill_image(self.area)
        if self._panel.shape[:2] == (self.panel_area.height, self.panel_area.width):
            pixels[(*self.panel_area.slices, slice(3))] = self._panel
        if self._cover is not None:
            _paste(pixels, self._cover)

    def _pixels(self) -> npt.NDArray[np.uint8]:
        """The canvas's buffer, uint8 (H, W, 4), to be written to."""
        buffer = self._renderer().buffer_rgba()  # type: ignore[no-untyped-call]
        return np.asarray(buffer)

    def _renderer(self) -> RendererAgg:
        renderer: RendererAgg = self._canvas.get_renderer()  # type: ignore[no-untyped-call]
        return renderer

    def _blit(self, rect: Rect) -> None:
        if rect.width and rect.height:
            height = self._canvas.get_width_height(physical=True)[1]
            self._canvas.blit(
                Bbox.from_extents(rect.left, height - rect.bottom, rect.right, height - rect.top)
            )


def _panel_scale(width: int, height: int, ratio: float) -> float:
    """Pixels per unit of the panel: as large as elsewhere on the screen, less in small windows."""
    fitting = min(_PANEL_SHARE * width / PANEL_WIDTH, height / _PANEL_HEIGHT)
    return min(ratio, max(_SMALLEST_PANEL * ratio, fitting))


def _paste(pixels: npt.NDArray[np.uint8], picture: RgbImage) -> None:
    """Put a picture into the middle, cut to what is there."""
    height = min(picture.shape[0], pixels.shape[0])
    width = min(picture.shape[1], pixels.shape[1])
    top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
    pixels[top : top + height, left : left + width, :3] = picture[:height, :width]
