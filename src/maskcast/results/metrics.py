"""How well masks agree with true masks: counts per image, pooled and averaged. Pure functions.

An undefined ratio (nothing true and nothing predicted) is None, never 0 or NaN.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from maskcast.types import Mask

_TOLERANCE = 0.0075
_SMALLEST_TOLERANCE = 2
_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)


@dataclass(frozen=True)
class Agreement:
    """One object in one image.

    Attributes:
        intersection: pixels both predicted and true.
        predicted: predicted pixels.
        true: true pixels.
        boundary_f: see ``boundary_f``; None if neither has a pixel.
    """

    intersection: int
    predicted: int
    true: int
    boundary_f: float | None

    @property
    def iou(self) -> float | None:
        """Intersection over union."""
        return _ratio(self.intersection, self.predicted + self.true - self.intersection)

    @property
    def dice(self) -> float | None:
        """Twice the intersection over the sum of both areas; also called F1."""
        return _ratio(2 * self.intersection, self.predicted + self.true)


@dataclass(frozen=True)
class Presence:
    """In how many images something was found or not, and rightly so.

    Attributes:
        tp: it is there and was found.
        fp: it is not there, yet was found.
        fn: it is there and was not found.
        tn: it is not there and was not found.
    """

    tp: int = 0
    fp: int = 0
    fn: int = 0
    tn: int = 0

    @property
    def precision(self) -> float | None:
        """Of the images it was found in, the part that have it."""
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float | None:
        """Of the images that have it, the part it was found in."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def accuracy(self) -> float | None:
        """The part of all images where finding or not finding it was right."""
        return _ratio(self.tp + self.tn, self.tp + self.fp + self.fn + self.tn)

    def to_json(self) -> dict[str, Any]:
        """Ratios (null where undefined) and counts."""
        return {
            "precision": self.precision,
            "recall": self.recall,
            "accuracy": self.accuracy,
            "tp": self.tp,
            "fp": self.fp,
            "fn": self.fn,
            "tn": self.tn,
        }


@dataclass(frozen=True)
class Quality:
    """How well one object, or all together, was masked over many images.

    Attributes:
        name: for people.
        iou: over the pixels of all images together (pooled).
        mean_iou: mean over the images where the object is true or predicted.
        dice: pooled.
        mean_dice: mean over the same images.
        boundary_f: mean over the same images.
        presence: counts of images.
    """

    name: str
    iou: float | None
    mean_iou: float | None
    dice: float | None
    mean_dice: float | None
    boundary_f: float | None
    presence: Presence

    def to_json(self) -> dict[str, Any]:
        """JSON-able; null where undefined."""
        return {
            "name": self.name,
            "iou": self.iou,
            "mean_iou": self.mean_iou,
            "dice": self.dice,
            "mean_dice": self.mean_dice,
            "boundary_f": self.boundary_f,
            "presence": self.presence.to_json(),
        }


def agreements(
    predicted: Mapping[int, Mask], true: Mapping[int, Mask], shape: tuple[int, int]
) -> dict[int, Agreement]:
    """Compare one image's masks with its true masks.

    Args:
        predicted: object id -> bool (H, W).
        true: object id -> bool (H, W).
        shape: (H, W) of the image.

    Returns:
        By ascending id, for every object with a pixel in either.
    """
    nothing = np.zeros(shape, np.bool_)
    pairs = {
        key: (predicted.get(key, nothing), true.get(key, nothing))
        for key in sorted(predicted.keys() | true.keys())
    }
    return {key: agreement(*pair) for key, pair in pairs.items() if pair[0].any() or pair[1].any()}


def agreement(predicted: Mask, true: Mask) -> Agreement:
    """Compare one object's mask with its true mask, both bool (H, W) of one size."""
    return Agreement(
        intersection=int(np.count_nonzero(predicted & true)),
        predicted=int(np.count_nonzero(predicted)),
        true=int(np.count_nonzero(true)),
        boundary_f=boundary_f(predicted, true),
    )


def boundary_f(predicted: Mask, true: Mask) -> float | None:
    """F measure of two outlines, as in the DAVIS benchmark (Perazzi et al., CVPR 2016).

    The boundary are the mask pixels with a 4-neighbour in the image that is not of the mask.
    Precision is the part of the predicted boundary that lies within the tolerance (Euclidean) of
    the true one, recall the other way round. The tolerance is 0.0075 of the image diagonal (the
    matching distance of Martin, Fowlkes and Malik, PAMI 2004) rounded up, and at least 2 pixels.

    Args:
        predicted: bool (H, W).
        true: bool (H, W).

    Returns:
        0..1; 1 if both fill the whole image; 0 if only one has a pixel or an outline; None if
        neither has a pixel.
    """
    areas = int(np.count_nonzero(predicted)), int(np.count_nonzero(true))
    if not any(areas):
        return None
    if not all(areas):
        return 0.0
    tolerance = max(_SMALLEST_TOLERANCE, math.ceil(_TOLERANCE * math.hypot(*predicted.shape)))
    crop = _bounding_crop(predicted | true)
    outlines = _boundary(predicted)[crop], _boundary(true)[crop]
    counts = [int(np.count_nonzero(outline)) for outline in outlines]
    if not all(counts):
        return float(not any(counts))
    precision = _near(outlines[0], outlines[1], tolerance) / counts[0]
    recall = _near(outlines[1], outlines[0], tolerance) / counts[1]
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def quality_by_object(
    images: Sequence[Mapping[int, Agreement]], names: Mapping[int, str]
) -> dict[int, Quality]:
    """Quality of every object that was seen or has a name, by ascending id.

    Args:
        images: one entry per image, as ``agreements`` compared it.
        names: object id -> name; ids that are missing are called ``object <id>``.
    """
    seen: set[int] = set(names).union(*images)
    return {
        key: _quality(
            names.get(key, f"object {key}"),
            [image[key] for image in images if key in image],
            len(images),
        )
        for key in sorted(seen)
    }


def overall_quality(images: Sequence[Mapping[int, Agreement]]) -> Quality:
    """All objects together.

    ``iou`` and ``dice`` pool the pixels of all objects; ``mean_iou``, ``mean_dice`` and
    ``boundary_f`` are means over the objects of their own figures; presence asks of each image
    whether it shows any object at all.
    """
    each = quality_by_object(images, {}).values()
    merged = [_merge(list(image.values())) for image in images if image]
    together = _quality("overall", merged, len(images))
    return replace(
        together,
        mean_iou=_mean(quality.mean_iou for quality in each),
        mean_dice=_mean(quality.mean_dice for quality in each),
        boundary_f=_mean(quality.boundary_f for quality in each),
    )


def _quality(name: str, found: Sequence[Agreement], images: int) -> Quality:
    """Quality over the images where something is true or predicted, of ``images`` in all."""
    pooled = _merge(found)
    tp = sum(bool(comparison.true and comparison.predicted) for comparison in found)
    fp = sum(not comparison.true for comparison in found)
    fn = sum(not comparison.predicted for comparison in found)
    return Quality(
        name=name,
        iou=pooled.iou,
        mean_iou=_mean(comparison.iou for comparison in found),
        dice=pooled.dice,
        mean_dice=_mean(comparison.dice for comparison in found),
        boundary_f=_mean(comparison.boundary_f for comparison in found),
        presence=Presence(tp, fp, fn, images - len(found)),
    )


def _merge(found: Sequence[Agreement]) -> Agreement:
    """Sums of the pixel counts; a boundary measure cannot be summed."""
    return Agreement(
        intersection=sum(comparison.intersection for comparison in found),
        predicted=sum(comparison.predicted for comparison in found),
        true=sum(comparison.true for comparison in found),
        boundary_f=None,
    )


def _mean(values: Iterable[float | None]) -> float | None:
    """Mean of the defined values; None if there is none."""
    defined = [value for value in values if value is not None]
    return math.fsum(defined) / len(defined) if defined else None


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _bounding_crop(mask: Mask) -> tuple[slice, slice]:
    """Rows and columns of all pixels of a mask that has some."""
    x, y, width, height = cv2.boundingRect(np.ascontiguousarray(mask).view(np.uint8))
    return slice(y, y + height), slice(x, x + width)


def _boundary(mask: Mask) -> Mask:
    """Mask pixels with a 4-neighbour outside the mask; the image's edge is no neighbour."""
    inside = np.ascontiguousarray(mask).view(np.uint8)
    return (inside > cv2.erode(inside, _CROSS)).view(np.bool_)


def _near(these: Mask, those: Mask, tolerance: int) -> int:
    """How many pixels of ``these`` have one of ``those`` within ``tolerance`` pixels."""
    away = cv2.distanceTransform((~those).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return int(np.count_nonzero(these & (away <= tolerance)))
