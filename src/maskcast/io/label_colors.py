"""Label maps of colours: which object each is, by a person's table."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from maskcast.io.label_picture import LabelPicture, LabelRules, NotALabelMapError
from maskcast.io.mask_signs import SIGNS
from maskcast.io.storage import Readable
from maskcast.types import Mask

NEARLY_ALL = 0.9
"""Share of pixels that are nearly all."""

_MOST_COLORS = 6
_COLORED = 64.0
"""How far a pixel may be off the colour of a table, where nearly all are no further."""

_REGION = 4
"""Blocks of 2 x 2 pixels of one colour that an edge does not have."""


def from_colors(
    path: Readable, rgb: npt.NDArray[Any], rules: LabelRules, *, is_lossy: bool
) -> LabelPicture:
    """What a picture of colours holds.

    Args:
        path: of the picture.
        rgb: (H, W, 3), or (H, W, 1) where grays are colours.
        rules: the person's table of colours; black is nothing unless it says otherwise.
        is_lossy: whether colours are a little off, as in JPEG.

    Raises:
        NotALabelMapError: if there is no table, or the picture has colours that are not in it.
    """
    if rgb.shape[2] == 1:
        rgb = np.repeat(rgb, 3, axis=2)
    if not rules.colors or rgb.dtype != np.uint8:
        raise ask_for_colors(path, rgb)
    table = {(0, 0, 0): 0, **rules.colors}
    packed = rgb[..., 0].astype(np.uint32) << 16 | rgb[..., 1].astype(np.uint32) << 8 | rgb[..., 2]
    codes, places, counts = np.unique(packed, return_inverse=True, return_counts=True)
    seen = np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=1).astype(np.float32)
    off = [np.square(seen - np.array(color, np.float32)).sum(axis=1) for color in table]
    nearest = np.min(off, axis=0)
    share = counts / counts.sum()
    if share[nearest <= _COLORED**2].sum() < NEARLY_ALL:
        raise ask_for_colors(path, rgb)
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


def ask_for_colors(path: Readable, rgb: npt.NDArray[Any]) -> NotALabelMapError:
    """The error that tells which colours there are, and how to say what they mean."""
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
