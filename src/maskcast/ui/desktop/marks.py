"""Prompts, the ring of the brush and boxes being drawn: matplotlib lines over the image."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import Bbox, IdentityTransform

from maskcast.drawing.palette import Color, hex_color
from maskcast.types import Prompts
from maskcast.ui.desktop.gestures import HANDLES, CornerBox, Place
from maskcast.ui.desktop.view import Rect, View

_ROOM = 12
"""Screen pixels that a mark may reach beyond its place."""

_POSITIVE = "#1e8e3e"
_NEGATIVE = "#d93025"
_DARK = (0.0, 0.0, 0.0, 0.65)
_CIRCLE = np.linspace(0, 2 * np.pi, 73, dtype=np.float32)

Points = npt.NDArray[np.float32]
"""float32 (N, 2) ``x, y``."""


class Marks:
    """Lines in screen pixels, drawn by hand and never by the figure: they change all the time."""

    def __init__(self, figure: Figure) -> None:
        """Prepare lines that show nothing yet."""
        self._figure = figure
        self._corner, self._bottom = np.zeros(2, np.float32), 0
        self._box = self._pair(1.6)
        self._handles = self._line(marker="s", markersize=6, mec="black", mfc="white", mew=0.8)
        self._points = {
            positive: (
                self._line(marker="o", markersize=10, mec="white", mfc=color, mew=1.2),
                self._line(marker=sign, markersize=5.5, mec="white", mew=1.5),
            )
            for positive, color, sign in ((True, _POSITIVE, "+"), (False, _NEGATIVE, "_"))
        }
        self._band = self._pair(1.4)
        self._ring = self._pair(1.2)
        self._lines = [
            *self._box,
            self._handles,
            *(line for pair in self._points.values() for line in pair),
            *self._band,
            *self._ring,
        ]

    def place(self, area: Rect, canvas_height: int) -> None:
        """Say where on the canvas the image is shown."""
        self._corner = np.array([area.left, canvas_height - area.top], np.float32)
        self._bottom = canvas_height

    def show_prompts(self, prompts: Prompts | None, view: View, color: Color) -> None:
        """Show boxes and points of the chosen object; the box in hand has handles."""
        box = None if prompts is None or prompts.box is None else prompts.box.tolist()
        things = () if prompts is None else prompts.things
        outlines = [_outline(thing.box.tolist()) for thing in things if thing.box is not None]
        self._set(self._box, _apart(outlines), view)
        self._box[1].set_color(hex_color(color))
        handles = [handle.place(box) for handle in HANDLES] if box else []
        self._set([self._handles], _array(handles), view)
        for positive, lines in self._points.items():
            chosen = [thing.points[thing.point_labels == positive] for thing in things]
            self._set(lines, np.concatenate([_array([]), *chosen]), view)

    def show_band(self, box: CornerBox | None, view: View) -> Rect | None:
        """Show a box that is being drawn; where it is on the screen."""
        return self._set(self._band, _outline(box), view)

    def show_ring(self, place: Place | None, radius: float, view: View) -> Rect | None:
        """Show what the brush would touch; where that is on the screen."""
        if place is None:
            return self._set(self._ring, _array([]), view)
        seen = max(radius, 2 / view.scale)
        circle = np.stack([np.cos(_CIRCLE), np.sin(_CIRCLE)], axis=1) * np.float32(seen)
        return self._set(self._ring, circle + np.array(place, np.float32), view)

    def draw(self, renderer: RendererAgg, part: Rect) -> None:
        """Draw everything that shows something inside ``part`` of the canvas."""
        clip = Bbox.from_extents(
            part.left, self._bottom - part.bottom, part.right, self._bottom - part.top
        )
        for line in self._lines:
            if line.get_visible():
                line.set_clip_box(clip)
                line.draw(renderer)

    def _set(
        self, lines: list[Line2D] | tuple[Line2D, ...], points: Points, view: View
    ) -> Rect | None:
        placed = view.to_screen(points)
        for line in lines:
            line.set_visible(len(placed) > 0)
            line.set_data(self._corner[0] + placed[:, 0], self._corner[1] - placed[:, 1])
        if not len(placed):
            return None
        low, high = np.floor(np.nanmin(placed, axis=0)), np.ceil(np.nanmax(placed, axis=0))
        return Rect(int(low[0]), int(low[1]), int(high[0]), int(high[1])).grown(_ROOM)

    def _pair(self, width: float) -> tuple[Line2D, Line2D]:
        """A light line on a wider dark one: seen on any image."""
        return self._line(color=_DARK, linewidth=width + 1.6), self._line(
            color="white", linewidth=width
        )

    def _line(self, **style: Any) -> Line2D:  # noqa: ANN401 - as Line2D takes them
        style = {"linestyle": "none" if "marker" in style else "solid", **style}
        line = Line2D([], [], transform=IdentityTransform(), visible=False, **style)
        line.set_figure(self._figure)
        return line


def _outline(box: CornerBox | None) -> Points:
    if box is None:
        return _array([])
    xmin, ymin, xmax, ymax = box
    return _array([(xmin, ymin), (xmax, ymin), (xmax, ymax), (xmin, ymax), (xmin, ymin)])


def _apart(outlines: list[Points]) -> Points:
    """Outlines as a single line, which is broken between them."""
    gap = np.full((1, 2), np.nan, np.float32)
    pieces = [piece for outline in outlines for piece in (outline, gap)]
    return np.concatenate([_array([]), *pieces[:-1]])


def _array(points: list[Place]) -> Points:
    return np.array(points, np.float32).reshape(-1, 2)
