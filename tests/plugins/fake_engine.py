"""A small deterministic engine for tests: nearest mean colour.

It is honest work, only simple: fast enough for tests of thousands of targets and right on pictures
with flat colours, so tests can state the masks they expect.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from maskcast.engines.base import (
    EngineInfo,
    EngineSettings,
    bank_fingerprint,
    check_bank,
    check_prompt_kinds,
    shown_object_ids,
)
from maskcast.engines.planes import Calibration, agreeing, level_of, levels_of
from maskcast.errors import EngineError
from maskcast.masks import apply_brush
from maskcast.types import Mask, MemoryBank, Prompts, Reference, RgbImage, Segmentation

_POINT_RADIUS = 5


class FakeEngine:
    """Gives each pixel to the object, or the background, whose mean colour is nearest."""

    def __init__(self, settings: EngineSettings) -> None:
        self.info = EngineInfo(
            name="fake",
            prompt_kinds=frozenset({"box", "point", "brush"}),
            max_batch=4,
            device="cpu",
            needs_weights=False,
            signature={"version": 1, "threshold": settings.threshold},
        )

    def segment(self, image: RgbImage, prompts: Mapping[int, Prompts]) -> dict[int, Mask]:
        """Fill boxes and discs around points; the brush goes on top."""
        check_prompt_kinds(self.info, prompts)
        return {object_id: _fill(image.shape[:2], prompt) for object_id, prompt in prompts.items()}

    def memorize(self, references: Sequence[Reference]) -> MemoryBank:
        """Take the mean colour of every object and of the background."""
        object_ids = shown_object_ids(references)
        if not object_ids:
            raise EngineError("no reference shows an object; annotate at least one")
        means = [_mean_color(references, object_id) for object_id in (0, *object_ids)]
        return MemoryBank(
            self.info.name, object_ids, bank_fingerprint(self.info, references), np.stack(means)
        )

    def propagate(self, bank: MemoryBank, images: Sequence[RgbImage]) -> list[Segmentation]:
        """Compare every pixel with the mean colours."""
        check_bank(self.info, bank)
        return [_nearest(bank, image) for image in images]

    def calibration(self, bank: MemoryBank) -> Calibration:
        """Even odds for every object."""
        levels = dict.fromkeys(bank.object_ids, level_of(0.5))
        return Calibration(levels, dict.fromkeys(bank.object_ids, 1.0), exclusive=True)

    def propagate_with_planes(
        self, bank: MemoryBank, images: Sequence[RgbImage]
    ) -> list[Segmentation]:
        """The nearer to an object's mean colour than to any other, the more probable."""
        return [self._with_planes(bank, image) for image in images]

    def _with_planes(self, bank: MemoryBank, image: RgbImage) -> Segmentation:
        far = np.sqrt(_differences(bank, image))
        odds = {
            key: np.delete(far, index, axis=0).min(axis=0) - far[index]
            for index, key in enumerate(bank.object_ids, start=1)
        }
        planes = {key: levels_of(np.asarray(each / 20, np.float32)) for key, each in odds.items()}
        found = _nearest(bank, image)
        return replace(found, planes=agreeing(planes, found, self.calibration(bank)))

    def close(self) -> None:
        """Nothing to release."""


def _fill(shape: tuple[int, ...], prompts: Prompts) -> Mask:
    mask = np.zeros(shape, np.bool_) if prompts.start is None else prompts.start.copy()
    if prompts.box is not None:
        xmin, ymin, xmax, ymax = np.maximum(np.rint(prompts.box), 0).astype(int)
        mask[ymin:ymax, xmin:xmax] = True
    y, x = np.ogrid[: shape[0], : shape[1]]
    for (px, py), positive in zip(prompts.points, prompts.point_labels, strict=True):
        mask[(x - px) ** 2 + (y - py) ** 2 <= _POINT_RADIUS**2] = positive
    return apply_brush(mask, prompts.paint, prompts.erase)


def _mean_color(references: Sequence[Reference], object_id: int) -> npt.NDArray[np.float32]:
    pixels = [reference.image[_where(reference, object_id)] for reference in references]
    mean: npt.NDArray[np.float64] = np.concatenate(pixels).mean(axis=0, dtype=np.float64)
    return mean.astype(np.float32)


def _where(reference: Reference, object_id: int) -> Mask:
    nowhere = np.zeros(reference.image.shape[:2], np.bool_)
    if object_id:
        return reference.masks.get(object_id, nowhere)
    unknown = nowhere if reference.unknown is None else reference.unknown
    shown: Mask = np.logical_or.reduce([unknown, *reference.masks.values()])
    return ~shown


def _differences(bank: MemoryBank, image: RgbImage) -> npt.NDArray[np.float32]:
    """Squared distance of each pixel to the mean colours, (1 + K, H, W)."""
    difference = image[None].astype(np.float32) - bank.state[:, None, None]
    return np.asarray(np.square(difference).sum(axis=-1), np.float32)


def _nearest(bank: MemoryBank, image: RgbImage) -> Segmentation:
    winner = _differences(bank, image).argmin(axis=0)
    found = [index for index in range(1, len(bank.state)) if (winner == index).any()]
    if not found:
        return Segmentation.empty(*image.shape[:2])
    masks = np.stack([winner == index for index in found])
    ids = np.array([bank.object_ids[index - 1] for index in found], np.int32)
    return Segmentation(ids, masks, np.ones(len(found), np.float32))
