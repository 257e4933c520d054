"""Pictures in which object ids or a mask are stored; ``mask_signs`` tells one from the other."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
import numpy.lib.format as npy
import numpy.typing as npt

from maskcast.errors import AnnotationError, ImageError
from maskcast.io.decoders.raster import AMBIGUOUS_GRAY, LOSSY, SEVERAL, Raster
from maskcast.io.label_colors import NEARLY_ALL, ask_for_colors, from_colors
from maskcast.io.label_picture import VOID, LabelPicture, LabelRules, NotALabelMapError
from maskcast.io.mask_signs import (
    DEEP_WHITE,
    SIGNS,
    WHITE,
    is_lossy_mask,
    is_picture,
    is_smoothed_mask,
    levels,
    lifted_levels,
    share_between,
    white_of,
)
from maskcast.io.rasters import read_alpha, read_raster
from maskcast.io.read_options import DEFAULT_OPTIONS, ReadOptions
from maskcast.io.storage import Readable
from maskcast.types import LabelMap

LABEL_SUFFIXES = frozenset(
    {".bmp", ".gif", ".jpeg", ".jpg", ".npy", ".pgm", ".png", ".tif", ".tiff", ".webp"}
)
"""Suffixes of files that may be label maps, lower case, with the dot."""

_NOT_NUMPY = (ValueError, EOFError, MemoryError, SyntaxError, RecursionError, TokenError)
_NO_OBJECT = frozenset({(224, 224, 192), (255, 255, 255), (0, 0, 0), (128, 128, 128)})
"""Colours that palettes give to a number that is no object: VOC's border, white, black, gray."""


_NO_RULES = LabelRules()
_OURS = LabelRules(trusted=True)


def read_label_map(path: Readable, options: ReadOptions = DEFAULT_OPTIONS) -> LabelMap:
    """Object ids, uint8 (H, W), 0 = background, of a label map that a run or an export wrote.

    Raises:
        AnnotationError: if it cannot be read, or is neither a mask nor a label map.
    """
    return read_label_picture(path, options, _OURS).labels(void=False)[0]


def read_label_picture(
    path: Readable, options: ReadOptions = DEFAULT_OPTIONS, rules: LabelRules = _NO_RULES
) -> LabelPicture:
    """Read a picture, or a numpy array, of object ids or of a mask.

    Raises:
        NotALabelMapError: if it is neither; it says what was seen.
        AnnotationError: if it cannot be read.
    """
    try:
        if isinstance(path, Path) and path.suffix.lower() == ".npy":
            samples = _read_npy(path, options.max_pixels)
            return _judged(path, samples, rules, is_lossy=False)
        # A label map is nearly empty as a rule, and one that is damaged would say wrong things.
        whole = ReadOptions(options.max_pixels, trust_small_files=True)
        raster = read_raster(path, whole)
    except ImageError as error:
        raise AnnotationError(str(error)) from error
    if SEVERAL.intersection(raster.notes):
        raise NotALabelMapError(path, "it holds several pictures", "save one of them")
    is_lossy = raster.not_labels == LOSSY
    if raster.not_labels == AMBIGUOUS_GRAY:
        if not set(np.unique(raster.samples).tolist()) <= {0, 255}:
            raise _unsaved(path, raster.not_labels)
    elif raster.not_labels is not None and not is_lossy:
        raise _unsaved(path, raster.not_labels)
    if raster.palette is not None:
        return _from_palette(path, raster, rules)
    return _from_samples(path, raster.samples, rules, is_lossy=is_lossy)


def _unsaved(path: Readable, reason: str) -> NotALabelMapError:
    return NotALabelMapError(
        path, reason, "save it as a PNG of 8 bits whose pixels are object ids of 0..255"
    )


# ---- kinds of files


def _read_npy(path: Path, max_pixels: int) -> npt.NDArray[Any]:
    """(H, W) of a numpy file; nothing in it is ever run, and it is no larger than it claims."""
    try:
        with path.open("rb") as file:
            is_first = npy.read_magic(file) == (1, 0)
            read_header = npy.read_array_header_1_0 if is_first else npy.read_array_header_2_0
            shape, _, dtype = read_header(file)
            _check_npy(path, shape, dtype, path.stat().st_size - file.tell(), max_pixels)
        array: npt.NDArray[Any] = np.load(path, allow_pickle=False)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise AnnotationError(f"{path} cannot be read ({reason}); correct that") from error
    except _NOT_NUMPY as error:
        raise AnnotationError(f"{path} is no file of numpy ({error}); save it again") from error
    flat = array.reshape(
        [side for side in array.shape if side != 1] if array.ndim > 2 else array.shape
    )
    flat = flat.reshape((1,) * (2 - flat.ndim) + flat.shape)
    return flat.astype(np.uint8) if flat.dtype == np.bool_ else flat


def _check_npy(
    path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], size: int, max_pixels: int
) -> None:
    advice = "save it with numpy.save as an array (H, W) of whole numbers, or as PNG"
    pixels = math.prod(shape)
    if dtype.hasobject:
        raise NotALabelMapError(path, "it holds Python objects, which are never loaded", advice)
    if dtype.kind not in "buif" or len(shape) < 2 or sum(side != 1 for side in shape) > 2:
        raise NotALabelMapError(path, f"it is {dtype} of shape {shape}", advice)
    if not 0 < pixels <= max_pixels:
        raise NotALabelMapError(path, f"it has {pixels} pixels", f"{advice}, or raise max_pixels")
    if pixels * dtype.itemsize > size:
        raise AnnotationError(f"{path} is cut off; save it again")


def _from_samples(
    path: Readable, samples: npt.NDArray[Any], rules: LabelRules, *, is_lossy: bool
) -> LabelPicture:
    """Of (H, W, C) samples."""
    try:
        alpha = read_alpha(path)
    except ImageError as error:
        raise AnnotationError(str(error)) from error
    if samples.shape[2] not in {1, 3}:
        raise _unsaved(path, f"it has {samples.shape[2]} channels")
    if alpha is not None:
        if not alpha.any():
            raise _unsaved(path, "it is transparent everywhere")
        shown = samples[alpha > 0]
        if np.all(shown == shown[:1]):  # the mask is in the transparency alone
            return _judged(path, alpha, rules, is_lossy=is_lossy)
        samples = np.where((alpha > 0)[..., None], samples, samples.dtype.type(0))
    gray = _as_gray(samples, is_lossy=is_lossy)
    if gray is None or _names_a_gray(rules, gray):
        return from_colors(path, samples, rules, is_lossy=is_lossy)
    return _judged(path, gray, rules, is_lossy=is_lossy)


def _names_a_gray(rules: LabelRules, gray: npt.NDArray[Any]) -> bool:
    """Whether the table of colours has one of these grays, so that grays are colours too."""
    shades = {color[0] for color in rules.colors or () if len(set(color)) == 1} - {0}
    return bool(shades) and bool(np.isin(gray, list(shades)).any())


def _as_gray(samples: npt.NDArray[Any], *, is_lossy: bool) -> npt.NDArray[Any] | None:
    """The one value of each pixel; None if there are colours."""
    first: npt.NDArray[Any] = samples[..., 0]
    if samples.shape[2] == 1 or all(np.array_equal(first, samples[..., i]) for i in (1, 2)):
        return first
    if is_lossy and samples.dtype == np.uint8:
        spread = samples.max(axis=2) - samples.min(axis=2)
        if np.mean(spread <= 2 * SIGNS.noise) > NEARLY_ALL:
            return np.asarray(np.rint(samples.mean(axis=2)), np.uint8)
    return None


def _from_palette(path: Readable, raster: Raster, rules: LabelRules) -> LabelPicture:
    """Of indices: they are the ids, unless the palette's colours tell otherwise."""
    indices = np.asarray(raster.samples[..., 0], np.uint8)
    palette = np.asarray(raster.palette)[:256]
    used = np.unique(indices)
    colors = palette[used]
    shown = palette[indices]
    if rules.colors:
        return from_colors(path, shown, rules, is_lossy=False)
    if np.all(colors == colors[:, :1]):  # shades of gray
        gray = np.asarray(shown[..., 0])
        shades = set(colors[:, 0].tolist())
        if not rules.trusted and (
            shades == {0, 255} or (len(shades) > 2 and is_smoothed_mask(gray))
        ):
            return _judged(path, gray, rules, is_lossy=False)
    elif (
        not rules.trusted
        and (colors[used > 0] == 0).all(axis=1).any()
        and not (palette[0] == 0).all()
    ):
        raise ask_for_colors(path, shown)
    picture = _judged_values(path, indices, rules)
    void = tuple(palette[VOID].tolist())
    is_gray = np.array_equal(palette, np.arange(256)[:, None].repeat(3, axis=1))
    return replace(
        picture,
        void_is_colored=void not in _NO_OBJECT,
        is_final=picture.is_final or (rules.trusted and not is_gray),
    )


# ---- masks, label maps, and what is neither


def _judged(
    path: Readable, values: npt.NDArray[Any], rules: LabelRules, *, is_lossy: bool
) -> LabelPicture:
    """Of one value a pixel: a mask that is cut at the middle, or a label map."""
    if values.dtype.kind == "f":
        values = _from_floats(path, values)
    if is_lossy:
        return _cut_lossy(path, values)
    present = levels(values)
    full = white_of(present[-1])
    if set(present) <= {0, full} and present[-1] == full:
        return LabelPicture(np.where(values == full, np.uint8(255), np.uint8(0)))
    is_judged = not rules.trusted and present[0] >= 0 and len(present) > 2
    if is_judged and is_smoothed_mask(values):
        return _cut(values, 0, full)
    if not rules.trusted and _is_almost_white(present, full, rules):
        return _cut(values, 0, full)
    if not rules.trusted and (ends := lifted_levels(values)) is not None:
        return _cut(values, *ends)
    return _judged_values(path, values, rules)


def _is_almost_white(present: list[int], full: int, rules: LabelRules) -> bool:
    """Whether these are black and one other level so bright that only white can be meant."""
    top = present[-1]
    is_pair = present[:-1] == [0] and not (rules.instances or top in rules.named)
    return is_pair and SIGNS.white * full <= top <= full


def _from_floats(path: Readable, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Floats that are whole numbers as such, and shares of white as gray of 8 bits."""
    if not np.isfinite(values).all():
        raise _unsaved(path, "its pixels are floats, not all of them finite")
    low, high = float(values.min()), float(values.max())
    if np.all(values == np.rint(values)) and max(abs(low), abs(high)) < 2**31:
        return values.astype(np.int64)
    if low >= 0 and high <= 1:
        gray = np.asarray(np.rint(values * 255), np.uint8)
        if is_smoothed_mask(gray):
            return gray
    raise _unsaved(path, f"its pixels are floats from {low:.6g} to {high:.6g}")


def _judged_values(path: Readable, values: npt.NDArray[Any], rules: LabelRules) -> LabelPicture:
    """Of whole numbers that are no mask: ids, or numbers of instances."""
    low, high = int(values.min()), int(values.max())
    if rules.instances:
        if low > 0 and is_picture(values):  # with nothing that is background
            raise _neither(path, values)
        return LabelPicture(np.asarray(values > 0, np.uint8), is_final=True)
    if low < 0:
        raise _unsaved(path, f"its values go from {low} to {high}")
    if high == DEEP_WHITE and int(values[values < high].max(initial=0)) < VOID:
        values, high = np.where(values == high, VOID, values), VOID
    if high > 255:
        raise NotALabelMapError(
            path,
            f"its values go from {low} to {high}",
            "object ids are 0..255; if each value is an instance of the same object, say so with "
            "--instances",
        )
    if not rules.trusted and is_picture(values):
        raise _neither(path, values)
    return LabelPicture(values.astype(np.uint8))


def _neither(path: Readable, values: npt.NDArray[Any]) -> NotALabelMapError:
    return NotALabelMapError(
        path,
        f"it has {len(levels(values))} gray levels from {values.min()} to {values.max()}, which "
        "are neither regions of ids nor the thin edge of a mask",
        "give masks of two levels, or label maps whose pixels are object ids",
    )


def _cut(values: npt.NDArray[Any], low: int, high: int) -> LabelPicture:
    """A mask of what is above the middle between black and white."""
    gray = float(np.mean((values > low) & (values < min(high, values.max()))))
    is_white = values > low + (high - low) // 2
    return LabelPicture(np.where(is_white, np.uint8(255), np.uint8(0)), gray_share=gray)


def _cut_lossy(path: Readable, values: npt.NDArray[Any]) -> LabelPicture:
    """A mask that was saved as JPEG; label maps do not survive that."""
    if not values.any():
        return LabelPicture(np.zeros(values.shape, np.uint8))
    if not is_lossy_mask(values):
        raise _neither(path, values)
    gray = share_between(values, 0, int(values.max()))
    return replace(_cut(values, 0, WHITE), gray_share=gray)
