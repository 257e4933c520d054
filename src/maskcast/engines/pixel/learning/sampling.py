"""Which pixels of the views are learned from, and with what weight."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from maskcast.engines.pixel.learning.features import (
    build_pyramid,
    feature_count,
    strip_features,
    strips,
)
from maskcast.engines.pixel.learning.options import LearnerOptions
from maskcast.engines.pixel.learning.perceptron import Array
from maskcast.engines.pixel.learning.views import View
from maskcast.types import Mask


@dataclass(frozen=True)
class SamplingConstants:
    """Fixed by hand, with ``benchmarks/accuracy.py`` on the measuring packs (docs/adr/0002).

    Attributes:
        near: side of the square that grows a mask to the band of pixels just outside it.
        far_share: share of the samples drawn from the pixels beyond that band.
        near_share: share of the samples drawn from that band.
        object_share: share of the samples drawn from all objects together.
    """

    near: int = 9
    far_share: float = 0.5
    near_share: float = 0.25
    object_share: float = 0.5


_FIXED = SamplingConstants()

_UNKNOWN = -1


@dataclass(frozen=True)
class Samples:
    """Pixels of one view, or of many.

    Attributes:
        features: float32 (N, F).
        truth: float32 (N, K), 1 where the pixel is of the object.
        weight: float32 (N,), the share of the view that the sample stands for.
        fold: int (N,), the fold the pixel belongs to.
        row: int (N,), row of the pixel in its view.
        column: int (N,), column of the pixel in its view.
    """

    features: Array
    truth: Array
    weight: Array
    fold: npt.NDArray[np.intp]
    row: npt.NDArray[np.intp]
    column: npt.NDArray[np.intp]


def sample_view(
    view: View, count: int, seed: int, options: LearnerOptions, *, color: bool
) -> Samples:
    """Draw about ``count`` pixels of ``view``: half of them on objects, the others around them.

    Weights make up for the uneven draw. Unknown pixels are never drawn.
    """
    rng = np.random.default_rng(seed)
    pyramid = build_pyramid(view.image, color=color, tokens=view.tokens)
    rows, columns = pyramid.padded
    kept = _kept_strips(view, list(strips(rows, columns)), rng, options.view_pixels)
    allowed = np.zeros(view.image.shape[0], np.bool_)
    for top, bottom in kept:
        allowed[top:bottom] = True
    picked, weight = _draw(view.masks, view.unknown, allowed, count, rng)
    width = view.image.shape[1]
    row, column = picked // width, picked % width
    width_of_features = feature_count(color=color, tokens=pyramid.token_count)
    features = np.empty((len(picked), width_of_features), np.float32)
    for top, bottom in kept:
        inside = np.flatnonzero((row >= top) & (row < bottom))
        if len(inside):
            stack = strip_features(pyramid, top, bottom)
            features[inside] = stack[:, row[inside] - top, column[inside]].T
    return Samples(
        features=features,
        truth=view.masks[:, row, column].T.astype(np.float32),
        weight=weight,
        fold=view.fold[column],
        row=row,
        column=column,
    )


def merge(parts: list[Samples]) -> Samples:
    """All samples as one."""
    return Samples(
        features=np.concatenate([part.features for part in parts]),
        truth=np.concatenate([part.truth for part in parts]),
        weight=np.concatenate([part.weight for part in parts]),
        fold=np.concatenate([part.fold for part in parts]),
        row=np.concatenate([part.row for part in parts]),
        column=np.concatenate([part.column for part in parts]),
    )


def balanced(truth: Array, weight: Array, balance: float) -> Array:
    """Weights (N, K) of mean 1 that lift rare objects.

    Where an object covers the share s, its pixels get s ** balance : (1 - s) ** balance of the
    weight against the others; 1 leaves the shares as they are, 0 makes them equal.
    """
    share = (truth * weight[:, None]).sum(axis=0) / weight.sum()
    share = np.clip(share, 1e-6, 1 - 1e-6)
    wanted = share**balance / (share**balance + (1 - share) ** balance)
    lifted = weight[:, None] * np.where(truth > 0.5, wanted / share, (1 - wanted) / (1 - share))
    return np.asarray(lifted / lifted.mean(axis=0), np.float32)


def _kept_strips(
    view: View, all_strips: list[tuple[int, int]], rng: np.random.Generator, budget: int
) -> list[tuple[int, int]]:
    """Strips to look at: those with most object pixels and random others, within ``budget``."""
    width = view.image.shape[1]
    limit = max(1, budget // (width * (all_strips[0][1] - all_strips[0][0])))
    if len(all_strips) <= limit:
        return all_strips
    filled = view.masks.any(axis=0).sum(axis=1)
    amount = np.array([filled[top:bottom].sum() for top, bottom in all_strips])
    order = np.argsort(-amount, kind="stable")
    best = list(order[: (limit + 1) // 2])
    rest = rng.permutation(order[(limit + 1) // 2 :])[: limit - len(best)]
    return [all_strips[i] for i in sorted([*best, *rest])]


def _draw(
    masks: npt.NDArray[np.bool_],
    unknown: Mask | None,
    allowed: npt.NDArray[np.bool_],
    count: int,
    rng: np.random.Generator,
) -> tuple[npt.NDArray[np.intp], Array]:
    """Flat indices of the drawn pixels and the share of the allowed area each stands for."""
    stratum = np.zeros(masks.shape[1:], np.int16)
    objects = np.asarray(masks.any(axis=0), np.uint8)
    stratum[cv2.dilate(objects, np.ones((_FIXED.near, _FIXED.near), np.uint8)) > 0] = 1
    # Small objects last, so that a pixel of two objects counts for the rarer one.
    for index in np.argsort(-masks.sum(axis=(1, 2)), kind="stable"):
        stratum[masks[index]] = 2 + index
    if unknown is not None:
        stratum[unknown] = _UNKNOWN
    stratum = stratum[allowed]
    area = np.count_nonzero(stratum != _UNKNOWN)
    offset = np.flatnonzero(allowed)
    present = int(masks.any(axis=(1, 2)).sum())
    quota = {0: int(count * _FIXED.far_share), 1: int(count * _FIXED.near_share)}
    each = int(count * _FIXED.object_share) // max(present, 1)
    picked, weights = [np.zeros(0, np.intp)], [np.zeros(0, np.float32)]
    for value in np.unique(stratum):
        if value == _UNKNOWN:
            continue
        inside = np.flatnonzero(stratum == value)
        take = min(len(inside), quota.get(int(value), each))
        picked.append(rng.choice(inside, take, replace=False))
        weights.append(np.full(take, len(inside) / take / area, np.float32))
    flat = np.concatenate(picked)
    width = masks.shape[2]
    return offset[flat // width] * width + flat % width, np.concatenate(weights)
