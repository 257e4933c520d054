"""References cut as targets are, so that an object has one size in an engine's eyes on both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from maskcast.engines.large import Tiles
from maskcast.runs.seams import Tile, tile_rows
from maskcast.types import Mask, Reference, RgbImage

_MOST_CLEAN: Final = 4
"""Tiles without an object that a reference teaches, or as many as show one if these are more."""

_BITS: Final = 4
"""Of each colour channel, that colours are told apart by."""

_SHARE: Final = 100
"""A tile is as much like an object as the hundredth of its pixels that is most."""


def cut_references(references: Sequence[Reference], tiles: Tiles) -> tuple[Reference, ...]:
    """What engines that are shown tiles of targets learn from.

    References that are no larger than a tile stay as they are. Of others, each tile with an object
    is one, and a few without any are clean ones: those whose colours are most like an object's.
    Where an object or unknown pixels lie in a tile's halo alone, the tile is left out.

    Args:
        references: as annotated.
        tiles: how targets are cut.
    """
    likeness = _likeness(references)
    found: list[Reference] = []
    for reference in references:
        height, width = reference.image.shape[:2]
        if height * width <= tiles.most_whole:
            found.append(reference)
            continue
        parts = list(_parts(reference, tiles))
        shown = [part for part, is_shown in parts if is_shown]
        clean = [part for part, is_shown in parts if not is_shown]
        clean.sort(key=lambda part: _like_an_object(part.image, likeness), reverse=True)
        found += shown + clean[: max(_MOST_CLEAN, len(shown))]
    return tuple(found)


def _parts(reference: Reference, tiles: Tiles) -> Iterator[tuple[Reference, bool]]:
    """The tiles of a reference, and whether each shows an object."""
    height, width = reference.image.shape[:2]
    nothing = np.zeros((height, width), np.bool_)
    unknown = nothing if reference.unknown is None else reference.unknown
    objects = np.logical_or.reduce([nothing, *reference.masks.values()])
    for number, row in enumerate(tile_rows(height, width, tiles), start=1):
        for place, tile in enumerate(row, start=1):
            is_shown = bool(objects[_slices(tile.interior)].any())
            if is_shown or not (objects | unknown)[_slices(tile.seen)].any():
                yield _cut(reference, tile, f"row {number}, column {place}"), is_shown


def _cut(reference: Reference, tile: Tile, name: str) -> Reference:
    seen = _slices(tile.seen)
    masks = {key: mask[seen] for key, mask in reference.masks.items() if mask[seen].any()}
    return replace(
        reference,
        image_id=f"{reference.image_id} ({name})",
        image=np.ascontiguousarray(reference.image[seen]),
        masks=masks,
        unknown=None if reference.unknown is None else reference.unknown[seen],
    )


def _slices(span: tuple[int, int, int, int]) -> tuple[slice, slice]:
    top, left, bottom, right = span
    return slice(top, bottom), slice(left, right)


def _likeness(references: Sequence[Reference]) -> npt.NDArray[np.float32]:
    """Share of an object among the pixels of each colour, as in histogram backprojection.

    M. J. Swain and D. H. Ballard, Color Indexing, International Journal of Computer Vision 7, 1991.
    """
    size = 1 << 3 * _BITS
    inside, every = np.zeros(size), np.ones(size)
    for reference in references:
        colors = _colors(reference.image)
        every += np.bincount(colors.ravel(), minlength=size)
        masks: list[Mask] = list(reference.masks.values())
        if masks:
            objects = np.logical_or.reduce(masks)
            inside += np.bincount(colors[objects], minlength=size)
    return np.asarray(inside / every, np.float32)


def _like_an_object(image: RgbImage, likeness: npt.NDArray[np.float32]) -> float:
    values = likeness[_colors(image)].ravel()
    most = max(1, values.size // _SHARE)
    return float(np.partition(values, -most)[-most:].mean())


def _colors(image: RgbImage) -> npt.NDArray[np.uint16]:
    """A number for each pixel's colour, uint16 (H, W)."""
    red, green, blue = (image >> (8 - _BITS)).astype(np.uint16).transpose(2, 0, 1)
    return np.asarray(red << 2 * _BITS | green << _BITS | blue, np.uint16)
