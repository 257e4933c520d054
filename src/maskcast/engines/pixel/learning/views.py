"""Views: references as they are, and altered copies that show what may differ in targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from maskcast.engines.pixel.filters import as_plane, blur, enlarge, shrink
from maskcast.engines.pixel.learning.options import LearnerOptions
from maskcast.engines.pixel.learning.tokens import TokenGrid
from maskcast.types import Mask, Reference, RgbImage


@dataclass(frozen=True)
class ViewConstants:
    """Fixed by hand, with ``benchmarks/accuracy.py`` on the measuring packs (docs/adr/0002).

    Attributes:
        same_scene: correlation of coarse structure above which two pictures show one scene.
        scale: `LearnerOptions.scale` where nothing but the objects will change.
        tint: `LearnerOptions.tint` there.
        gain: `LearnerOptions.gain` there.
        detail: `LearnerOptions.detail` there.
        thumbnail: side of the picture that coarse structure is taken from, in pixels.
        thumbnail_sigma: of the blur that is taken from it, so that only structure is left.
        detail_sigma: of the wide surroundings of `LearnerOptions.detail`, in 32nds of the side.
    """

    same_scene: float = 0.6
    scale: float = 0.15
    tint: float = 0.03
    gain: float = 0.1
    detail: float = 0.1
    thumbnail: int = 48
    thumbnail_sigma: float = 4.0
    detail_sigma: float = 2.0


_FIXED = ViewConstants()


@dataclass(frozen=True)
class View:
    """A reference or an altered copy of it.

    Attributes:
        image: uint8 (H, W, 3) RGB.
        masks: bool (K, H, W), one plane per object id of the model.
        fold: int (W,), the part each column belongs to in cross-fitting.
        is_original: whether nothing was altered.
        unknown: bool (H, W), pixels that nothing is learned from; None if there are none.
        tokens: what an encoder says of the picture; altered copies have those of their reference.
    """

    image: RgbImage
    masks: npt.NDArray[np.bool_]
    fold: npt.NDArray[np.intp]
    is_original: bool
    unknown: Mask | None = None
    tokens: TokenGrid | None = None


def make_views(
    references: Sequence[Reference],
    object_ids: Sequence[int],
    options: LearnerOptions,
    tokens: Sequence[TokenGrid] | None = None,
) -> tuple[list[View], int]:
    """All views and the number of folds."""
    originals = [_original(reference, object_ids) for reference in references]
    folds, count = _assign_folds(originals, options)
    rng = np.random.default_rng(options.seed)
    if is_fixed_scene([image for image, _ in originals]):
        # Nothing but the objects will change, so colour and light may be relied on.
        options = replace(
            options,
            scale=_FIXED.scale,
            tint=_FIXED.tint,
            gain=_FIXED.gain,
            detail=_FIXED.detail,
        )
    pixels = sum(image.shape[0] * image.shape[1] for image, _ in originals)
    copies = min(options.views, max(1, options.altered_pixels // pixels))
    room = options.altered_pixels // len(originals)
    views = []
    unknown = [reference.unknown for reference in references]
    grids: Sequence[TokenGrid | None] = tokens or [None] * len(references)
    for (image, masks), fold, pixels_unknown, grid in zip(
        originals, folds, unknown, grids, strict=True
    ):
        view = View(image, masks, fold, is_original=True, unknown=pixels_unknown, tokens=grid)
        views.append(view)
        views += [_altered(_window(view, room, rng), rng, options) for _ in range(copies)]
    return views, count


def is_fixed_scene(images: Sequence[RgbImage]) -> bool:
    """Whether all pictures show one scene from one place: a fixed camera, parts in a fixture.

    Two or more pictures of one size whose coarse structure correlates in every pair.
    """
    if len(images) < 2 or len({image.shape for image in images}) > 1:
        return False
    prints = np.stack([_structure(image) for image in images])
    return bool((prints @ prints.T).min() > _FIXED.same_scene)


def _structure(image: RgbImage) -> npt.NDArray[np.float32]:
    """Fine structure of a thumbnail, of mean 0 and length 1 (length 0 if flat)."""
    small = shrink(as_plane(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)), (_FIXED.thumbnail,) * 2)
    detail = (small - blur(small, _FIXED.thumbnail_sigma)).ravel()
    detail -= detail.mean()
    return np.asarray(detail / max(float(np.linalg.norm(detail)), 1e-3), np.float32)


def is_gray(image: RgbImage) -> bool:
    """Whether the three channels are equal everywhere."""
    red = image[..., 0]
    return bool(np.array_equal(red, image[..., 1]) and np.array_equal(red, image[..., 2]))


def _original(
    reference: Reference, object_ids: Sequence[int]
) -> tuple[RgbImage, npt.NDArray[np.bool_]]:
    empty = np.zeros(reference.image.shape[:2], np.bool_)
    return reference.image, np.stack([reference.masks.get(i, empty) for i in object_ids])


def _assign_folds(
    originals: list[tuple[RgbImage, npt.NDArray[np.bool_]]], options: LearnerOptions
) -> tuple[list[npt.NDArray[np.intp]], int]:
    """Fold of every column of every reference.

    Whole references when each object is on at least two of them, else halves of references, so
    that the part left out never holds all there is of an object.
    """
    shown = np.array([masks.any(axis=(1, 2)) for _, masks in originals])
    if shown.sum(axis=0).min() >= 2:
        count = min(options.folds, len(originals))
        # References that show the same objects go to different folds.
        order = np.lexsort(shown.T)
        rank = np.empty(len(order), np.intp)
        rank[order] = np.arange(len(order)) % count
        return [
            np.full(image.shape[1], fold, np.intp)
            for (image, _), fold in zip(originals, rank, strict=True)
        ], count
    return [_halves(masks) for _, masks in originals], 2


def _halves(masks: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Columns in two folds that change where half of an object's pixels lie at either side."""
    width = masks.shape[2]
    per_column = masks.sum(axis=1)
    splits = {
        int(np.searchsorted(np.cumsum(columns), columns.sum() / 2))
        for columns in per_column
        if columns.any()
    }
    changes = np.zeros(width, np.intp)
    changes[[min(split + 1, width - 1) for split in splits or {width // 2}]] = 1
    return np.cumsum(changes) % 2


def _window(view: View, pixels: int, rng: np.random.Generator) -> View:
    """A part of about ``pixels`` pixels around some object pixel; all of a small view."""
    height, width = view.image.shape[:2]
    if height * width <= pixels:
        return view
    share = np.sqrt(pixels / (height * width))
    rows, columns = max(1, int(height * share)), max(1, int(width * share))
    shown = np.flatnonzero(view.masks.any(axis=0))
    middle = int(rng.choice(shown)) if len(shown) else int(rng.integers(height * width))
    top = int(np.clip(middle // width - rows // 2, 0, height - rows))
    left = int(np.clip(middle % width - columns // 2, 0, width - columns))
    part = np.s_[top : top + rows, left : left + columns]
    masks = view.masks[:, part[0], part[1]]
    unknown = None if view.unknown is None else view.unknown[part]
    tokens = None if view.tokens is None else view.tokens.window(top, left)
    return View(view.image[part], masks, view.fold[part[1]], False, unknown, tokens)


def _altered(view: View, rng: np.random.Generator, options: LearnerOptions) -> View:
    """A copy in other size, light, tint and contrast of detail."""
    size = float(np.exp(rng.uniform(-1, 1) * options.scale))
    gain = np.exp(rng.uniform(-1, 1) * options.gain)
    gamma = np.exp(rng.uniform(-1, 1) * options.gain)
    tint = np.exp(rng.uniform(-1, 1, 3) * options.tint)
    if is_gray(view.image):
        tint = np.ones(3)
    levels = np.linspace(0, 1, 256)[:, None] ** gamma * gain * tint
    table = np.clip(np.rint(levels * 255), 0, 255).astype(np.uint8)
    image = np.stack([table[view.image[..., c], c] for c in range(3)], axis=-1)
    image = _with_detail(image, float(np.exp(rng.uniform(-1, 1) * options.detail)))
    height, width = view.image.shape[:2]
    shape = (max(1, round(width * size)), max(1, round(height * size)))
    method = cv2.INTER_AREA if size < 1 else cv2.INTER_LINEAR
    masks = [
        cv2.resize(mask.astype(np.float32), shape, interpolation=method) > 0.5
        for mask in view.masks
    ]
    unknown = None
    if view.unknown is not None:  # and so is what it touches
        share = cv2.resize(view.unknown.astype(np.float32), shape, interpolation=method)
        unknown = np.asarray(share > 0)
    columns = np.minimum((np.arange(shape[0]) / size).astype(np.intp), width - 1)
    return View(
        image=np.asarray(cv2.resize(image, shape, interpolation=method), np.uint8),
        masks=np.stack(masks),
        fold=view.fold[columns],
        is_original=False,
        unknown=unknown,
        tokens=view.tokens and view.tokens.resized(shape[1] / height, shape[0] / width),
    )


def _with_detail(image: RgbImage, factor: float) -> RgbImage:
    """What stands out from the wide surroundings, made stronger or weaker by ``factor``."""
    height, width = image.shape[:2]
    step = max(1, min(height, width) // 32)
    values = image.astype(np.float32)
    small = shrink(values, (max(1, height // step), max(1, width // step)))
    wide = enlarge(blur(small, _FIXED.detail_sigma, edge=cv2.BORDER_REPLICATE), (height, width))
    changed = wide + np.float32(factor) * (values - wide)
    return np.clip(np.rint(changed), 0, 255).astype(np.uint8)
