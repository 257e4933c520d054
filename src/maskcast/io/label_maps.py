"""Pictures in which object ids or a mask are stored; ``mask_signs`` tells one from the other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from tokenize import TokenError
from typing import Any

import cv2
import numpy as np
import numpy.lib.format as npy
import numpy.typing as npt
from PIL import ImageOps, PngImagePlugin

from maskcast.errors import AnnotationError, ImageError
from maskcast.io.decoders.raster import AMBIGUOUS_GRAY, LOSSY, SEVERAL, Raster
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
from maskcast.io.rasters import read_raster
from maskcast.io.read_options import DEFAULT_OPTIONS, ReadOptions
from maskcast.io.storage import Readable
from maskcast.types import LabelMap, Mask

Color = tuple[int, int, int]
"""Red, green and blue, 0..255 each."""

VOID = 255
"""Beside other values this is the border that VOC and others draw round objects."""

LABEL_SUFFIXES = frozenset(
    {".bmp", ".gif", ".jpeg", ".jpg", ".npy", ".pgm", ".png", ".tif", ".tiff", ".webp"}
)
"""Suffixes of files that may be label maps, lower case, with the dot."""

_NOT_NUMPY = (ValueError, EOFError, MemoryError, SyntaxError, RecursionError, TokenError)
_MOST_COLORS = 6
_COLORED = 64.0
"""How far a pixel may be off the colour of a table, where nearly all are no further."""

_MATCHED = 0.9
"""Share of pixels that are nearly all."""
_REGION = 4
"""Blocks of 2 x 2 pixels of one colour that an edge does not have."""

_NO_OBJECT = frozenset({(224, 224, 192), (255, 255, 255), (0, 0, 0), (128, 128, 128)})
"""Colours that palettes give to a number that is no object: VOC's border, white, black, gray."""


class NotALabelMapError(AnnotationError):
    """A picture is neither a mask nor a label map.

    Attributes:
        reason: what was seen in it, without the file's name.
    """

    def __init__(self, path: Readable, reason: str, advice: str) -> None:
        """Say what was seen and what to do."""
        super().__init__(f"{path} is not a label map: {reason}; {advice}")
        self.reason = f"{reason}; {advice}"


@dataclass(frozen=True)
class LabelRules:
    """What a person told of label maps.

    Attributes:
        instances: whether every value above 0 is the same object.
        colors: number of each colour, for pictures of colours; 0 is nothing.
        named: values that are known to be ids.
        trusted: whether they are known to be label maps, whatever they look like.
    """

    instances: bool = False
    colors: Mapping[Color, int] | None = None
    named: Set[int] = frozenset()
    trusted: bool = False


@dataclass(frozen=True)
class LabelPicture:
    """A picture of object ids, or of a mask, as it is stored.

    Attributes:
        values: uint8 (H, W) in the oriented frame, 0 = background.
        gray_share: of a mask with gray pixels that was cut at the middle, the share of these; else
            None.
        void_is_colored: whether its palette has a colour for 255 that only an object would have.
        is_final: whether its values are object ids already, 255 too.
        from_colors: whether its values are the numbers of colours.
    """

    values: LabelMap
    gray_share: float | None = None
    void_is_colored: bool = False
    is_final: bool = False
    from_colors: bool = False

    def present(self) -> set[int]:
        """Values above 0 that occur."""
        histogram = cv2.calcHist([self.values], [0], None, [256], [0, 256]).ravel()
        return set((np.flatnonzero(histogram[1:]) + 1).tolist())

    def has_void(self) -> bool:
        """Whether 255 occurs beside other values, so that it stands for no object."""
        present = set() if self.is_final or self.void_is_colored else self.present()
        return VOID in present and len(present) > 1

    def labels(self, *, void: bool) -> tuple[LabelMap, Mask | None]:
        """Object ids, and the pixels of which nothing is known.

        Args:
            void: whether 255 stands for unknown pixels.

        Returns:
            uint8 (H, W), 0 = background; bool (H, W), or None if there are none.
        """
        if self.is_final or self.void_is_colored:
            return self.values, None
        if void:
            unknown = np.asarray(self.values == VOID)
            if unknown.any():
                return np.where(unknown, np.uint8(0), self.values), unknown
            return self.values, None
        # Black and white means object 1.
        is_mask = self.present() == {VOID}
        return (np.minimum(self.values, 1) if is_mask else self.values), None


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
    alpha = _alpha(path)
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
        return _from_colors(path, samples, rules, is_lossy=is_lossy)
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
        if np.mean(spread <= 2 * SIGNS.noise) > _MATCHED:
            return np.asarray(np.rint(samples.mean(axis=2)), np.uint8)
    return None


def _alpha(path: Readable) -> npt.NDArray[np.uint8] | None:
    """The transparency of a PNG, uint8 (H, W), 0 = transparent; None if all of it is opaque."""
    data = path.read_bytes()
    if not data.startswith(b"\x89PNG") or (data[25] not in {4, 6} and b"tRNS" not in data):
        return None
    image = ImageOps.exif_transpose(PngImagePlugin.PngImageFile(BytesIO(data)).convert("RGBA"))
    alpha = np.asarray(image.getchannel("A"))
    return None if alpha.min() == 255 else alpha


def _from_palette(path: Readable, raster: Raster, rules: LabelRules) -> LabelPicture:
    """Of indices: they are the ids, unless the palette's colours tell otherwise."""
    indices = np.asarray(raster.samples[..., 0], np.uint8)
    palette = np.asarray(raster.palette)[:256]
    used = np.unique(indices)
    colors = palette[used]
    shown = palette[indices]
    if rules.colors:
        return _from_colors(path, shown, rules, is_lossy=False)
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
        raise _ask_for_colors(path, shown)
    picture = _judged_values(path, indices, rules)
    void = tuple(palette[VOID].tolist())
    is_gray = np.array_equal(palette, np.arange(256)[:, None].repeat(3, axis=1))
    return replace(
        picture,
        void_is_colored=void not in _NO_OBJECT,
        is_final=picture.is_final or (rules.trusted and not is_gray),
    )


# ---- colours


def _from_colors(
    path: Readable, rgb: npt.NDArray[Any], rules: LabelRules, *, is_lossy: bool
) -> LabelPicture:
    """Of colours (H, W, 3), by the person's table of colours."""
    if rgb.shape[2] == 1:
        rgb = np.repeat(rgb, 3, axis=2)
    if not rules.colors or rgb.dtype != np.uint8:
        raise _ask_for_colors(path, rgb)
    table = {(0, 0, 0): 0, **rules.colors}
    packed = rgb[..., 0].astype(np.uint32) << 16 | rgb[..., 1].astype(np.uint32) << 8 | rgb[..., 2]
    codes, places, counts = np.unique(packed, return_inverse=True, return_counts=True)
    seen = np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=1).astype(np.float32)
    off = [np.square(seen - np.array(color, np.float32)).sum(axis=1) for color in table]
    nearest = np.min(off, axis=0)
    share = counts / counts.sum()
    if share[nearest <= _COLORED**2].sum() < _MATCHED:
        raise _ask_for_colors(path, rgb)
    if not is_lossy:
        _check_named(path, seen, nearest > _COLORED**2, places.reshape(packed.shape))
    numbers = np.array(list(table.values()), np.uint8)[np.argmin(off, axis=0)]
    between = float(share[nearest > SIGNS.noise**2].sum())
    return LabelPicture(
        numbers[places.reshape(packed.shape)], between or None, is_final=True, from_colors=True
    )


def _check_named(
    path: Readable, seen: npt.NDArray[np.float32], is_far: Mask, places: npt.NDArray[np.intp]
) -> None:
    """Refuse regions of a colour that is far from all that were named; an edge has none.

    Args:
        path: of the picture.
        seen: float32 (C, 3), the colours that occur.
        is_far: bool (C,), which are far from all of the table.
        places: (H, W), which colour each pixel has.
    """
    corner = places[:-1, :-1]
    same = is_far[corner]
    for other in (places[1:, :-1], places[:-1, 1:], places[1:, 1:]):
        same &= corner == other
    blocks = np.bincount(corner[same], minlength=len(seen))
    if blocks.max() < _REGION:
        return
    color = f"#{bytes(seen[int(blocks.argmax())].astype(np.uint8).tolist()).hex()}"
    raise NotALabelMapError(
        path,
        f"it has regions of the colour {color}, of which nothing was said",
        f"say which object it is, with --classes '{color}=2', or '{color}=background'",
    )


def _ask_for_colors(path: Readable, rgb: npt.NDArray[Any]) -> NotALabelMapError:
    codes, counts = np.unique(rgb.reshape(-1, 3), axis=0, return_counts=True)
    if len(codes) > 256 or rgb.dtype != np.uint8:
        return NotALabelMapError(
            path,
            f"it is a colour picture of {len(codes)} colours",
            "save it as a PNG of 8 bits whose pixels are object ids of 0..255",
        )
    most = np.argsort(-counts, kind="stable")[:_MOST_COLORS]
    shown = [f"#{bytes(codes[i].tolist()).hex()} ({counts[i] / counts.sum():.1%})" for i in most]
    more = " and more" if len(codes) > len(shown) else ""
    example = next(
        (f"#{bytes(codes[i].tolist()).hex()}" for i in most if codes[i].any()), "#ff0000"
    )
    return NotALabelMapError(
        path,
        f"it is a colour picture: {', '.join(shown)}{more}",
        f"say which object each colour is, with --classes '{example}=1'",
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
