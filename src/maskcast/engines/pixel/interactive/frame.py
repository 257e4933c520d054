"""The working frame of live segmentation: a piece of the image at a bounded size, and its cues.

Every click is answered at once because the thinking is done here, on at most some twenty
thousand pixels around the prompts, whatever the size of the image; only the border is placed at
full resolution.

A cue map is float32 (h, w) and high where the object may be: darker or brighter than a plane fitted
to the surroundings and than local means at two scales, unlike the surroundings in colour, on a
dark or bright ridge (eigenvalues of the Hessian; Lindeberg 1998), on a ridge that goes on straight.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from maskcast.engines.pixel.filters import (
    Plane,
    as_plane,
    best_line,
    eigenvalues,
    gradient,
    hessian,
    wide_blur,
)
from maskcast.masks import Box
from maskcast.types import Mask, RgbImage

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class FrameConstants:
    """Fixed by hand, with ``benchmarks/interactive.py`` on the measuring packs (docs/adr/0003).

    Attributes:
        work_area: most pixels of a frame.
        margin: of a window around a box or a point, in roots of the box's area.
        margin_range: the margin in pixels is within this.
        ridge_sigmas: scales of the ridges, in pixels of the frame.
        line_length: of the lines along which ridges are averaged, in pixels of the frame.
        gradient_unit: steepness is counted in this part of a level per pixel.
        color_bins: of the colour histograms, along L, a and b.
        fit_pixels: about so many pixels say where the plane through the surroundings lies.
        look_pixels: about so many pixels say how a region looks.
        look_noise: added to the variances of two looks that are compared.
        lab_noise: added to the variances of L, a and b of the surroundings.
    """

    work_area: int = 20480
    margin: float = 0.35
    margin_range: tuple[int, int] = (6, 200)
    ridge_sigmas: tuple[float, ...] = (1.0, 1.7, 2.8)
    line_length: int = 11
    gradient_unit: float = 1 / 8
    color_bins: tuple[int, int, int] = (16, 12, 12)
    fit_pixels: int = 1000
    look_pixels: int = 7000
    look_noise: float = 0.2
    lab_noise: tuple[float, float, float] = (0.3, 0.1, 0.1)


_FIXED = FrameConstants()


@dataclass(frozen=True)
class Frame:
    """A window of the image, shrunk to at most `FrameConstants.work_area` pixels.

    Attributes:
        window: where it lies in the image.
        box: the user's box in frame pixels, or None.
        inside: bool (h, w), the box; everything if there is none.
        pixels: uint8 (h, w, 3) RGB.
        lab: float32 (h, w, 3) CIE L*a*b*.
        smooth: the same, lightly smoothed.
        moments: float32 (h * w, 9), per pixel the four channels (``smooth`` and the local roughness
            of the lightness) less their means, their squares, and 1.
        steepness: float32 (h, w), length of the colour gradient of ``smooth``.
        strong_edge: the steepness that a tenth of the inside exceeds.
    """

    window: Box
    box: Box | None
    inside: Mask
    pixels: RgbImage
    lab: Plane
    smooth: Plane
    moments: Plane
    steepness: Plane
    strong_edge: float

    @property
    def shape(self) -> tuple[int, int]:
        """``(h, w)``."""
        return self.inside.shape[0], self.inside.shape[1]

    def locate(self, x: float, y: float) -> tuple[int, int]:
        """Column and row of the frame's pixel under an image point, clipped to the frame."""
        x0, y0, x1, y1 = self.window
        height, width = self.shape
        column = int((x - x0) * width / (x1 - x0))
        row = int((y - y0) * height / (y1 - y0))
        return min(max(column, 0), width - 1), min(max(row, 0), height - 1)

    def contains(self, x: float, y: float) -> bool:
        """Whether an image point lies in the window."""
        x0, y0, x1, y1 = self.window
        return x0 <= x < x1 and y0 <= y < y1


@dataclass(frozen=True)
class Look:
    """Mean and variance of the channels over some pixels, for N sets of pixels at once.

    Attributes:
        count: float64 (N, 1), how many pixels were looked at; at least 1.
        mean: float64 (N, 4), relative to the mean of the frame.
        variance: float64 (N, 4).
    """

    count: Floats
    mean: Floats
    variance: Floats

    @classmethod
    def of(cls, frame: Frame, pixels: npt.NDArray[Any]) -> Look:
        """The look of the pixels where uint8 or bool (N, h, w) is 1, from some of them."""
        step = 1 + frame.inside.size // _FIXED.look_pixels
        some = pixels.reshape(len(pixels), -1)[:, ::step].astype(np.float32)
        sums = (some @ frame.moments[::step]).astype(np.float64)
        count = np.maximum(sums[:, 8:], 1)
        mean = sums[:, :4] / count
        return cls(count, mean, np.maximum(sums[:, 4:8] / count - mean**2, 0))

    def without(self, part: Look) -> Look:
        """The look of what is left when a part is taken away."""
        count = np.maximum(self.count - part.count, 1)
        mean = (self.count * self.mean - part.count * part.mean) / count
        square = self.count * (self.variance + self.mean**2)
        square = square - part.count * (part.variance + part.mean**2)
        return Look(count, mean, np.maximum(square / count - mean**2, 0))

    def contrast(self, other: Look) -> Floats:
        """Difference of the means in common deviations, (N, 4)."""
        spread = np.sqrt((self.variance + other.variance) / 2 + _FIXED.look_noise)
        contrast: Floats = np.abs(self.mean - other.mean) / spread
        return contrast


def surround(box: Box, height: int, width: int) -> Box:
    """The window of a box: the box and a ring around it, clipped to the image."""
    x0, y0, x1, y1 = box
    side = float(np.sqrt((x1 - x0) * (y1 - y0)))
    margin = int(np.clip(_FIXED.margin * side, *_FIXED.margin_range))
    return clip_box((x0 - margin, y0 - margin, x1 + margin, y1 + margin), height, width)


def include(window: Box, x: float, y: float, height: int, width: int) -> Box:
    """The window, grown if need be so that an image point lies well inside it."""
    x0, y0, x1, y1 = window
    column, row = int(x), int(y)
    if x0 <= column < x1 and y0 <= row < y1:
        return window
    side = float(np.sqrt((x1 - x0) * (y1 - y0)))
    margin = int(np.clip(_FIXED.margin * side, *_FIXED.margin_range))
    grown = (
        min(x0, column - margin),
        min(y0, row - margin),
        max(x1, column + margin + 1),
        max(y1, row + margin + 1),
    )
    return clip_box(grown, height, width)


def clip_box(box: Box, height: int, width: int) -> Box:
    """The part of a box that lies in an image."""
    x0, y0, x1, y1 = box
    return max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)


def make_frame(
    image: RgbImage, window: Box, box: Box | None, area: int = _FIXED.work_area
) -> Frame:
    """Cut and shrink a window of the image and measure its channels.

    Args:
        image: uint8 (H, W, 3) RGB.
        window: in image pixels, not empty.
        box: in image pixels, inside the window; or None.
        area: most pixels of the frame.
    """
    x0, y0, x1, y1 = window
    pixels = image[y0:y1, x0:x1]
    scale = float(np.sqrt(area / ((y1 - y0) * (x1 - x0))))
    if scale < 1:
        size = max(1, round((x1 - x0) * scale)), max(1, round((y1 - y0) * scale))
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    lab = as_plane(cv2.cvtColor(pixels.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2Lab))
    height, width = lab.shape[:2]
    smooth = wide_blur(lab, 1.0 if min(height, width) > 24 else 0.7)
    light = lab[..., 0]
    roughness = wide_blur(np.abs(light - wide_blur(light, 2.0)), 1.5)
    small_box = None if box is None else _scale_box(box, window, height, width)
    inside = np.full((height, width), box is None)
    if small_box is not None:
        inside[small_box[1] : small_box[3], small_box[0] : small_box[2]] = True
    steepness = _steepness(smooth)
    return Frame(
        window=window,
        box=small_box,
        inside=inside,
        pixels=pixels,
        lab=lab,
        smooth=smooth,
        moments=_moments(np.dstack([smooth, roughness])),
        steepness=steepness,
        strong_edge=float(np.quantile(steepness[inside], 0.9)) + 1e-3,
    )


def cue_maps(frame: Frame) -> dict[str, Plane]:
    """Cue maps by name; see the module's text."""
    height, width = frame.shape
    x0, y0, x1, y1 = frame.box or (0, 0, width, height)
    short, side = min(x1 - x0, y1 - y0), float(np.sqrt((x1 - x0) * (y1 - y0)))
    ring = ~frame.inside
    around = ring if np.count_nonzero(ring) > 0.05 * ring.size else frame.inside
    light = np.ascontiguousarray(frame.lab[..., 0])
    fine, background = wide_blur(light, 0.7), _fit_plane(light, around)
    residuals = {
        "plane": fine - background,
        "plane_smooth": wide_blur(light, max(1.0, 0.03 * side)) - background,
        "near": fine - wide_blur(light, max(2.0, 0.12 * short)),
        "far": fine - wide_blur(light, max(4.0, 0.35 * short)),
    }
    maps: dict[str, Plane] = {}
    for name, residual in residuals.items():
        maps[f"dark_{name}"], maps[f"bright_{name}"] = -residual, residual
    maps["unlike"] = _mahalanobis(frame.smooth, around)
    maps["color"] = _color_odds(frame, around, maps["unlike"])
    for name, ridge in zip(("dark", "bright"), _ridges(light), strict=True):
        maps[f"{name}_ridge"] = wide_blur(ridge, 0.7)
        maps[f"{name}_line"] = best_line(ridge, _FIXED.line_length, edge=cv2.BORDER_REPLICATE)
    return maps


def likeness(frame: Frame, mask: Mask) -> Plane:
    """float32 (h, w) in [0, 1]: how much more a pixel's colour is that of a mask than of the rest.

    Args:
        frame: is looked at.
        mask: bool (h, w); nothing is told where it is empty or everything.
    """
    if mask.all() or not mask.any():
        return np.full(mask.shape, 0.5, np.float32)
    odds = _log_odds(_color_bins(frame.smooth), mask, ~mask)
    return as_plane(1 / (1 + np.exp(-odds)))


def _moments(channels: Plane) -> Plane:
    flat = channels.reshape(-1, channels.shape[2])
    flat = flat - flat.mean(axis=0)
    return np.hstack([flat, flat * flat, np.ones((len(flat), 1), np.float32)])


def _scale_box(box: Box, window: Box, height: int, width: int) -> Box:
    x0, y0, x1, y1 = window
    across, down = width / (x1 - x0), height / (y1 - y0)
    left, top = int((box[0] - x0) * across), int((box[1] - y0) * down)
    right = int(np.ceil((box[2] - x0) * across - 1e-6))
    bottom = int(np.ceil((box[3] - y0) * down - 1e-6))
    return left, top, max(right, left + 1), max(bottom, top + 1)


def _steepness(smooth: Plane) -> Plane:
    """Length of the colour gradient, in `gradient_unit`: that is how the weights know it."""
    across, down = gradient(smooth)
    length = np.sqrt(_sum_channels(across * across + down * down))
    return length * np.float32(1 / _FIXED.gradient_unit)


def _sum_channels(stack: Plane) -> Plane:
    return as_plane(cv2.transform(stack, np.ones((1, 3), np.float32)))


def _fit_plane(channel: Plane, where: Mask) -> Plane:
    """Robust least-squares plane through a channel (three rounds of Cauchy weights)."""
    height, width = channel.shape
    index = np.flatnonzero(where)
    if index.size < 16:
        return np.full((height, width), np.median(channel), np.float32)
    index = index[:: max(1, index.size // _FIXED.fit_pixels)]
    across, down = index % width / width, index // width / height
    design = np.stack([np.ones(index.size), across, down], axis=1)
    values = channel.ravel()[index].astype(np.float64)
    weights = np.ones(index.size)
    for _ in range(3):
        normal = design.T @ (design * weights[:, None]) + 1e-3 * np.eye(3)
        fit = np.linalg.solve(normal, design.T @ (values * weights))
        error = np.abs(design @ fit - values)
        weights = 1 / (1 + (error / (3 * np.median(error) + 1e-3)) ** 2)
    columns, rows = np.arange(width) / width, np.arange(height) / height
    return as_plane(fit[0] + fit[1] * columns[None] + fit[2] * rows[:, None])


def _mahalanobis(smooth: Plane, around: Mask) -> Plane:
    """Distance of every colour from the colours of the surroundings, in their deviations."""
    colors = smooth[around].astype(np.float64)
    spread = np.cov(colors.T) if len(colors) > 1 else np.zeros((3, 3))
    whiten = np.linalg.cholesky(np.linalg.inv(spread + np.diag(_FIXED.lab_noise))).T
    centered = (smooth - colors.mean(axis=0)).astype(np.float32)
    white = as_plane(cv2.transform(centered, whiten.astype(np.float32)))
    return np.sqrt(_sum_channels(white * white))


def _color_odds(frame: Frame, around: Mask, unlike: Plane) -> Plane:
    """Log-odds of each colour, object to not, from two rounds of smoothed colour histograms."""
    bins = _color_bins(wide_blur(frame.lab, 0.7))
    first = unlike
    if not np.array_equal(around, frame.inside):
        first = wide_blur(_log_odds(bins, frame.inside, around), 1.0)
    likely = frame.inside & (first > np.median(first[frame.inside]))
    return wide_blur(_log_odds(bins, likely, ~likely), 1.0)


def _color_bins(lab: Plane) -> npt.NDArray[np.int32]:
    """int32 (h, w), the histogram bin of every pixel's colour; bins span the middle 99 %."""
    bins = np.zeros(lab.shape[:2], np.int32)
    for channel, count in enumerate(_FIXED.color_bins):
        values = lab[..., channel]
        ranked = np.sort(values[::2, ::2], axis=None)
        low, high = ranked[int(0.005 * (ranked.size - 1))], ranked[int(0.995 * (ranked.size - 1))]
        step = np.clip((values - low) * (count / (high - low + 1e-3)), 0, count - 1)
        bins = bins * count + step.astype(np.int32)
    return bins


def _log_odds(bins: npt.NDArray[np.int32], first: Mask, second: Mask) -> Plane:
    odds = np.log(_histogram(bins[first]) / _histogram(bins[second]))
    return as_plane(odds.ravel()[bins])


def _histogram(bins: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    """Colour histogram, smoothed by (1, 2, 1)/4 along each axis, one percent spread evenly."""
    counts = np.bincount(bins, minlength=int(np.prod(_FIXED.color_bins))).astype(np.float64)
    cube = counts.reshape(_FIXED.color_bins)
    for axis in range(3):
        ends = cube.take([0], axis), cube, cube.take([-1], axis)
        padded = np.moveaxis(np.concatenate(ends, axis), axis, 0)
        cube = np.moveaxis((padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4, 0, axis)
    total = max(1, bins.size)
    share: npt.NDArray[np.float64] = (cube + 0.01 * total / cube.size) / (1.01 * total)
    return share


def _ridges(light: Plane) -> tuple[Plane, Plane]:
    """Dark and bright ridge strength, the largest over a few scales."""
    dark = np.full(light.shape, -np.inf, np.float32)
    bright = dark.copy()
    for sigma in _FIXED.ridge_sigmas:
        larger, smaller = eigenvalues(*hessian(wide_blur(light, sigma)))
        dark = np.maximum(dark, larger * np.float32(sigma**2))
        bright = np.maximum(bright, -smaller * np.float32(sigma**2))
    return dark, bright
