"""The feature bank: what every pixel looks like at six scales.

The usual measurements of trainable pixel classifiers (ilastik, Berg et al. 2019; Trainable Weka
Segmentation, Arganda-Carreras et al. 2017): smoothed intensity, gradient magnitude, eigenvalues of
the Hessian and of the structure tensor, local deviation, local maximum and minimum, plus intensity
relative to its surroundings and opponent colours. Intensity is first normalised by the image's own
percentiles, because absolute intensity transfers badly between images.

Each level of an octave pyramid is filtered with the same small kernels, so a large scale costs a
fraction of a small one. Levels 1 and up are computed for the whole image; the full-resolution
level is computed strip by strip, which bounds the memory and keeps a strip in the cache. Gradients,
eigenvalues and deviations enter as square roots: their distributions have long tails.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from maskcast.engines.pixel.filters import (
    SQUARE_5,
    Plane,
    Stack,
    as_plane,
    blur,
    eigenvalues,
    enlarge,
    gradient,
    half,
    hessian,
    shrink,
)
from maskcast.engines.pixel.learning.tokens import TokenGrid
from maskcast.types import RgbImage


@dataclass(frozen=True)
class Scale:
    """Which measurements are taken at one scale; intensity and gradient magnitude always are.

    Attributes:
        level: of the pyramid.
        sigma: of the Gaussian in that level's pixels, on top of the pyramid's own smoothing.
        hessian: both eigenvalues of the Hessian.
        tensor: both eigenvalues of the structure tensor.
        extremes: distance to the local maximum and minimum.
        deviation: local standard deviation.
    """

    level: int
    sigma: float
    hessian: bool = True
    tensor: bool = True
    extremes: bool = True
    deviation: bool = True

    def count(self, channels: int) -> int:
        """Number of planes for an image of ``channels`` channels."""
        gray = 2 + 2 * (self.hessian + self.tensor + self.extremes) + self.deviation
        return gray if channels == 1 else gray + channels


@dataclass(frozen=True)
class FeatureConstants:
    """Fixed by hand, with ``benchmarks/accuracy.py`` on the measuring packs (docs/adr/0002).

    Attributes:
        levels: of the pyramid, the full resolution included.
        scales: what is measured. Coarse scales say less the finer the measurement, so they have
            fewer.
        context_levels: levels whose smoothed mean and deviation serve as the surroundings of finer
            levels.
        surround_sigma: of the smoothing of those surroundings, in their level's pixels.
        least_range: intensities, in [0, 1], that are stretched to the whole range at most.
        edge_reach: distance to the picture's edge, in pixels, beyond which it does not matter.
        halo: rows around a strip that its features depend on (at least the sum of all filter
            radii).
        strip_pixels: about so many pixels are in a strip.
    """

    levels: int = 6
    scales: tuple[Scale, ...] = (
        Scale(0, 0.7, tensor=False, extremes=False, deviation=False),
        Scale(0, 1.4),
        Scale(1, 1.0),
        Scale(2, 1.0),
        Scale(3, 1.0, tensor=False),
        Scale(4, 1.0, tensor=False, extremes=False),
        Scale(5, 1.0, hessian=False, tensor=False, extremes=False),
    )
    context_levels: tuple[int, ...] = (2, 4)
    surround_sigma: float = 2.0
    least_range: float = 0.06
    edge_reach: int = 32
    halo: int = 10
    strip_pixels: int = 1 << 16

    @property
    def align(self) -> int:
        """Planes are padded to multiples of this, so that every level halves exactly."""
        return 1 << (self.levels - 1)


FEATURES = FeatureConstants()


@dataclass(frozen=True)
class Light:
    """What intensities are normalised by.

    Attributes:
        middle: median of the gray values, in [0, 1].
        spread: from the 5 to the 95 percentile, not below `FEATURES.least_range`.
    """

    middle: float
    spread: float

    @classmethod
    def of(cls, gray: Plane) -> Light:
        """Of gray values in [0, 1]: those of a regular subsample, see `light_step`."""
        low, middle, high = np.percentile(gray, (5, 50, 95))
        return cls(float(middle), max(float(high - low), FEATURES.least_range))


@dataclass(frozen=True)
class Frame:
    """Where a part lies in its picture.

    Attributes:
        top: row of the picture that is the part's first.
        left: column likewise.
        height: rows of the picture.
        width: columns of the picture.
    """

    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True)
class Cut:
    """Columns of a strip: those that are wanted, and some beside them that filters reach.

    Attributes:
        first: of those taken.
        last: after those taken.
        inner: which of them are wanted.
    """

    first: int
    last: int
    inner: slice

    @classmethod
    def of(cls, columns: tuple[int, int] | None, width: int) -> Cut:
        """Of a padded width; None = all columns."""
        left, right = columns or (0, width)
        first, last = max(0, left - FEATURES.align), min(width, right + FEATURES.align)
        return cls(first, last, slice(left - first, right - first))

    @property
    def taken(self) -> slice:
        """What is cut out of a plane of the full resolution."""
        return slice(self.first, self.last)

    @property
    def count(self) -> int:
        """Columns that are wanted."""
        return int(self.inner.stop - self.inner.start)

    @property
    def wanted(self) -> slice:
        """Which columns of the whole width they are."""
        return slice(self.first + self.inner.start, self.first + self.inner.stop)


@dataclass(frozen=True)
class Pyramid:
    """An image made ready for `strip_features`.

    Attributes:
        height: rows of the image.
        width: columns of the image.
        fine: full-resolution planes, padded to multiples of `FEATURES.align`: normalised
            intensity, then two opponent colours if colour is used.
        exposure: full-resolution intensity, not normalised, padded.
        coarse: features of levels 1, 2, ... at their own resolution, float32 (F, h, w) each.
        surround: (mean, deviation) of the intensity at each of `FEATURES.context_levels`.
        frame: where it lies in the whole picture.
        tokens: what a pretrained encoder says of the image; None without one.
    """

    height: int
    width: int
    fine: tuple[Plane, ...]
    exposure: Plane
    coarse: tuple[Stack, ...]
    surround: tuple[tuple[Plane, Plane], ...]
    frame: Frame
    tokens: TokenGrid | None = None

    @property
    def padded(self) -> tuple[int, int]:
        """(rows, columns) after padding."""
        rows, columns = self.exposure.shape
        return rows, columns

    @property
    def token_count(self) -> int:
        """Number of token maps; 0 without an encoder."""
        return 0 if self.tokens is None else len(self.tokens.values)


def feature_count(*, color: bool, tokens: int = 0) -> int:
    """Number of planes that `strip_features` returns, with so many token maps."""
    measured = sum(scale.count(3 if color else 1) for scale in FEATURES.scales)
    compared = sum(_surround_of(level) is not None for level in range(1, FEATURES.levels))
    exposure, edge_distance = 1, 2
    own = measured + compared + 2 * len(FEATURES.context_levels) + exposure + edge_distance
    return own + tokens


def build_pyramid(
    image: RgbImage,
    *,
    color: bool,
    tokens: TokenGrid | None = None,
    light: Light | None = None,
    frame: Frame | None = None,
) -> Pyramid:
    """Normalise ``image`` and compute everything but the full-resolution features.

    Args:
        image: uint8 (H, W, 3) RGB, any size from 1x1.
        color: whether opponent colours are used; one choice for all images of a model.
        tokens: of the image, where the model learned with them.
        light: of the whole picture, if ``image`` is a part of it; None = measured.
        frame: where the part lies; None = ``image`` is the whole.
    """
    height, width = image.shape[:2]
    fine, exposure = normalise(image, color=color, light=light)
    fine = tuple(pad_plane(plane) for plane in fine)
    levels = [fine]
    for _ in range(1, FEATURES.levels):
        levels.append(tuple(half(plane) for plane in levels[-1]))
    intensity = [level[0] for level in levels]
    surround = tuple(_surround(intensity, level) for level in FEATURES.context_levels)
    coarse = tuple(
        _coarse_features(levels[level], level, surround) for level in range(1, FEATURES.levels)
    )
    frame = frame or Frame(0, 0, height, width)
    return Pyramid(height, width, fine, pad_plane(exposure), coarse, surround, frame, tokens)


def strips(height: int, width: int) -> Iterator[tuple[int, int]]:
    """(top, bottom) rows of the strips a padded image is processed in, from its size alone."""
    rows = max(FEATURES.align, FEATURES.strip_pixels // width // FEATURES.align * FEATURES.align)
    for top in range(0, height, rows):
        yield top, min(top + rows, height)


def strip_features(
    pyramid: Pyramid, top: int, bottom: int, columns: tuple[int, int] | None = None
) -> Stack:
    """Features of rows ``top`` to ``bottom``, float32 (F, bottom - top, columns).

    Args:
        pyramid: from `build_pyramid`.
        top: first row, a multiple of `FEATURES.align`.
        bottom: row after the last, a multiple of `FEATURES.align`.
        columns: first and after the last, multiples of `FEATURES.align`; None = all, padded.
    """
    rows, width = pyramid.padded
    cut = Cut.of(columns, width)
    above, below = min(FEATURES.halo, top), min(FEATURES.halo, rows - bottom)
    window = slice(top - above, bottom + below), cut.taken
    inner = slice(above, above + bottom - top), cut.inner
    planes = [plane[window] for plane in pyramid.fine]
    count = feature_count(color=len(planes) > 1, tokens=pyramid.token_count)
    out = np.empty((count, bottom - top, cut.count), np.float32)
    at = 0
    for scale in FEATURES.scales:
        if scale.level == 0:
            for feature in _scale_features(planes, scale):
                out[at] = feature[inner]
                at += 1
    out[at] = blur(pyramid.exposure[window], 1.0)[inner]
    at += 1
    for level, (mean, deviation) in zip(FEATURES.context_levels, pyramid.surround, strict=True):
        out[at] = _relative(
            pyramid.fine[0][top:bottom, cut.wanted],
            upsample_part(mean, level, top, bottom, cut),
            upsample_part(deviation, level, top, bottom, cut),
        )
        at += 1
    for level, stack in enumerate(pyramid.coarse, start=1):
        for plane in stack:
            out[at] = upsample_part(plane, level, top, bottom, cut)
            at += 1
    frame = pyramid.frame
    out[at] = _edge_distance(frame.height, frame.top + top, bottom - top)[:, None]
    out[at + 1] = _edge_distance(frame.width, frame.left + cut.wanted.start, cut.count)[None]
    if pyramid.tokens is not None:
        out[at + 2 :] = pyramid.tokens.rows(top, bottom, width)[:, :, cut.wanted]
    return out


def pad_plane(plane: Plane) -> Plane:
    """``plane`` extended at the bottom and right to multiples of `FEATURES.align` by mirroring."""
    rows, columns = plane.shape
    below, right = -rows % FEATURES.align, -columns % FEATURES.align
    if not below and not right:
        return plane
    mode = cv2.BORDER_REFLECT_101 if min(rows, columns) > FEATURES.align else cv2.BORDER_REPLICATE
    return as_plane(cv2.copyMakeBorder(plane, 0, below, 0, right, mode))


def upsample_rows(plane: Plane, level: int, top: int, bottom: int) -> Plane:
    """Bilinear enlargement by ``2 ** level``, only rows ``top`` to ``bottom`` of the result.

    Equals the same rows of the whole plane's enlargement: one coarse row more is taken at either
    side, which is all that bilinear interpolation reaches.
    """
    factor = 1 << level
    first, last = top // factor, bottom // factor
    above, below = min(1, first), min(1, plane.shape[0] - last)
    part = plane[first - above : last + below]
    large = enlarge(part, (part.shape[0] * factor, part.shape[1] * factor))
    return large[above * factor : above * factor + bottom - top]


def upsample_part(plane: Plane, level: int, top: int, bottom: int, cut: Cut) -> Plane:
    """`upsample_rows` of the columns that are wanted."""
    part = plane[:, cut.first >> level : cut.last >> level]
    return upsample_rows(part, level, top, bottom)[:, cut.inner]


def _edge_distance(length: int, first: int, count: int) -> npt.NDArray[np.float32]:
    """Square root of the distance to the nearer end of a side, float32 (count,) from ``first``.

    Parts are often cut off or lit otherwise at the picture's edge. Far inside it must not matter.
    """
    at = np.arange(first, first + count, dtype=np.float32)
    distance = np.clip(np.minimum(at, length - 1 - at), 0, FEATURES.edge_reach)
    return np.asarray(np.sqrt(distance), np.float32)


def gray_of(image: RgbImage) -> Plane:
    """Brightness of uint8 (H, W, 3), in [0, 1]."""
    return _gray(*_channels(image))


def light_step(height: int, width: int) -> int:
    """Every how many rows and columns light is measured.

    A regular subsample is enough for percentiles and costs the same for every size.
    """
    return max(1, int(np.sqrt(height * width / 65536)))


def normalise(
    image: RgbImage, *, color: bool, light: Light | None = None
) -> tuple[tuple[Plane, ...], Plane]:
    """(normalised intensity[, two opponent colours]), exposure; each about -3..3.

    Args:
        image: uint8 (H, W, 3), a picture or a part of it.
        color: whether opponent colours are wanted.
        light: of the whole picture; None = ``image`` is the whole.
    """
    red, green, blue = _channels(image)
    gray = _gray(red, green, blue)
    if light is None:
        step = light_step(*gray.shape)
        light = Light.of(gray[::step, ::step])
    planes = [(gray - np.float32(light.middle)) * np.float32(3 / light.spread)]
    if color:
        # Divided by brightness, a colour stays the same when the light changes; the constant
        # keeps the noise of black pixels small.
        inverse = np.float32(6) / (red + green + blue + np.float32(0.15))
        planes.append((red - green) * inverse)
        planes.append(((red + green) * np.float32(0.5) - blue) * inverse)
    return tuple(planes), (gray - np.float32(0.5)) * np.float32(4)


def _channels(image: RgbImage) -> tuple[Plane, Plane, Plane]:
    """Red, green and blue in [0, 1]."""
    red, green, blue = cv2.split(np.multiply(image, np.float32(1 / 255), dtype=np.float32))
    return as_plane(red), as_plane(green), as_plane(blue)


def _gray(red: Plane, green: Plane, blue: Plane) -> Plane:
    return as_plane(np.float32(0.299) * red + np.float32(0.587) * green + np.float32(0.114) * blue)


def _surround(intensity: list[Plane], level: int) -> tuple[Plane, Plane]:
    """Smoothed mean and deviation of the intensity at ``level``, at that level's resolution."""
    plane = intensity[level]
    # Squares come from level 1: fine texture counts as deviation, at a quarter of the cost.
    square = shrink(intensity[1] * intensity[1], plane.shape)
    mean = blur(plane, FEATURES.surround_sigma)
    variance = blur(square, FEATURES.surround_sigma) - mean * mean
    return mean, np.sqrt(np.maximum(variance, 0))


def _surround_of(level: int) -> int | None:
    """Index into `FEATURES.context_levels` of the surroundings that ``level`` is compared with."""
    return next((i for i, wide in enumerate(FEATURES.context_levels) if wide > max(level, 1)), None)


def _coarse_features(
    planes: tuple[Plane, ...], level: int, surround: tuple[tuple[Plane, Plane], ...]
) -> Stack:
    """All features of a coarse level, float32 (F, h, w)."""
    out = [
        f
        for scale in FEATURES.scales
        if scale.level == level
        for f in _scale_features(planes, scale)
    ]
    compared = _surround_of(level)
    if compared is not None:
        mean, deviation = (enlarge(plane, planes[0].shape) for plane in surround[compared])
        out.append(_relative(out[0], mean, deviation))
    if level in FEATURES.context_levels:
        out.append(np.sqrt(surround[FEATURES.context_levels.index(level)][1]))
    return np.stack(out)


def _scale_features(planes: Sequence[Plane], scale: Scale) -> list[Plane]:
    """The measurements of one scale; the first is the smoothed intensity."""
    plane = planes[0]
    smooth = blur(plane, scale.sigma)
    across, down = gradient(smooth)
    out = [smooth, _fourth_root(across * across + down * down)]
    if scale.hessian:
        values = eigenvalues(*hessian(smooth))
        out += [np.copysign(np.sqrt(np.abs(value)), value) for value in values]
    if scale.tensor:
        products = (across * across, across * down, down * down)
        out += [_fourth_root(v) for v in eigenvalues(*(blur(p, 1.5) for p in products))]
    if scale.deviation:
        # Gaussian windows throughout: box filters keep running sums, whose rounding depends on
        # where a strip or a thread starts.
        mean = blur(plane, 1.5)
        out.append(_fourth_root(blur(plane * plane, 1.5) - mean * mean))
    if scale.extremes:
        out.append(np.sqrt(cv2.dilate(smooth, SQUARE_5) - smooth))
        out.append(np.sqrt(smooth - cv2.erode(smooth, SQUARE_5)))
    if len(planes) > 1:
        out += _colour_features(planes[1:], scale.sigma)
    return out


def _colour_features(chroma: Sequence[Plane], sigma: float) -> list[Plane]:
    """Smoothed opponent colours and their gradient magnitude."""
    smooth = [blur(plane, sigma) for plane in chroma]
    energy = np.zeros_like(smooth[0])
    for plane in smooth:
        across, down = gradient(plane)
        energy += across * across + down * down
    return [*smooth, _fourth_root(energy)]


def _relative(plane: Plane, mean: Plane, deviation: Plane) -> Plane:
    """How far ``plane`` stands out from its surroundings, in their deviations."""
    return (plane - mean) / (deviation + np.float32(0.1))


def _fourth_root(plane: npt.ArrayLike) -> Plane:
    """Fourth root; rounding may leave sums of squares just below zero."""
    return np.asarray(np.sqrt(np.sqrt(np.maximum(plane, 0))), np.float32)
