"""Prompts to masks and references to memory: the person's side, in float32."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812

from maskcast.engines.base import reference_digest
from maskcast.engines.sam.memory import EVERY_OBJECT, SamMemory
from maskcast.engines.sam.models import Models, logit
from maskcast.engines.sam.options import SamOptions
from maskcast.engines.sam.preprocess import encode_prompts, squash_mask
from maskcast.masks import apply_brush, take_piece
from maskcast.types import Mask, Prompts, Reference, RgbImage

_MASKS_AT_ONCE = 8
_SHIFT = 4


def segment_object(
    models: Models,
    image: RgbImage,
    prompts: Prompts,
    threshold: float,
) -> Mask:
    """Box and points to a mask, then the brush on top.

    The mask is shown even where the model doubts that there is an object: the person pointed at it.
    A mask to start from is joined with what is in the box and shown to the model beside the points;
    of its answer only the pieces at the points are taken.
    """
    mask = np.zeros(image.shape[:2], np.bool_)
    if prompts.start is not None:
        begun = prompts.start
        if prompts.box is not None:
            begun = begun | _asked(models, image, Prompts(prompts.box), threshold)
        mask = _corrected(models, image, replace(prompts, box=None, start=begun), threshold)
    elif prompts.kinds - {"brush"}:
        mask = _asked(models, image, prompts, threshold)
    return apply_brush(mask, prompts.paint, prompts.erase)


def _corrected(models: Models, image: RgbImage, prompts: Prompts, threshold: float) -> Mask:
    """The mask to start from with a piece added or taken away at each point that it disobeys."""
    mask = prompts.start
    assert mask is not None  # noqa: S101 (what it is called for)
    if not len(prompts.points):
        return mask
    answer = _asked(models, image, prompts, threshold)
    height, width = mask.shape
    for (x, y), positive in zip(prompts.points.tolist(), prompts.point_labels, strict=True):
        pixel = min(max(int(y), 0), height - 1), min(max(int(x), 0), width - 1)
        if mask[pixel] != positive:
            mask = take_piece(mask, answer, pixel, bool(positive))
    return mask


def _asked(models: Models, image: RgbImage, prompts: Prompts, threshold: float) -> Mask:
    """What the model says to a box, points and a mask to start from."""
    shape, tracker = image.shape[:2], models.exact
    points, labels = encode_prompts(prompts, shape, tracker.size)
    shown = None if prompts.start is None else squash_mask(prompts.start, tracker.size)[None]
    decoded = tracker.decode_prompts(
        models.look(image),
        torch.from_numpy(points)[None],
        torch.from_numpy(labels)[None],
        shown,
    )
    logits = F.interpolate(
        decoded.logits[:, None], (shape[0], shape[1]), mode="bilinear", align_corners=False
    )
    answer: Mask = (logits[0, 0] > logit(threshold)).cpu().numpy()
    return answer


def memorize(
    models: Models,
    references: Sequence[Reference],
    options: SamOptions,
    family: str,
) -> SamMemory:
    """Encode every object of every reference once.

    References are taken in the order of their content, so that the order in which they are given
    cannot change even the last bit of a result.
    """
    objects: list[int] = []
    sources: list[int] = []
    spatial: list[torch.Tensor] = []
    pointers: list[torch.Tensor] = []
    descriptors: list[torch.Tensor] = []
    for reference in sorted(references, key=reference_digest):
        if reference.is_clean and not options.clean_references:
            continue
        for variant in _variants(reference, options):
            features = models.look(variant.image)
            shown = _shown(variant)
            unknown = _squashed_unknown(variant, models.exact.size)
            for ids in _chunks(sorted(shown)):
                masks = [squash_mask(shown[object_id], models.exact.size) for object_id in ids]
                entries = models.exact.remember_masks(features, torch.stack(masks), unknown)
                objects += ids
                sources += [len(descriptors)] * len(ids)
                spatial.append(entries.spatial.to(models.exact.memory_dtype).cpu())
                pointers.append(entries.pointers.cpu())
            descriptors.append(features.descriptors.cpu())
    return SamMemory(
        family,
        torch.tensor(objects),
        torch.tensor(sources),
        torch.cat(spatial),
        torch.cat(pointers),
        torch.cat(descriptors),
    )


def _shown(reference: Reference) -> dict[int, Mask]:
    """Its objects; of a clean reference one empty mask, for every object."""
    if reference.is_clean:
        return {EVERY_OBJECT: np.zeros(reference.image.shape[:2], np.bool_)}
    return {object_id: mask for object_id, mask in reference.masks.items() if mask.any()}


def _squashed_unknown(reference: Reference, size: int) -> torch.Tensor | None:
    unknown = reference.unknown
    return None if unknown is None or not unknown.any() else squash_mask(unknown, size)


def _chunks(ids: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(ids), _MASKS_AT_ONCE):
        yield ids[start : start + _MASKS_AT_ONCE]


def _variants(reference: Reference, options: SamOptions) -> Iterator[Reference]:
    """The reference and, where wanted, changed copies that still show the object.

    The tracker expects objects where they were; copies that are mirrored, or moved by a quarter of
    the image with the border mirrored in, weaken that.
    """
    yield reference
    if reference.is_clean:
        return
    changed: list[Reference] = []
    if "flip" in options.augment_references:
        changed += [_mapped(reference, axis, None) for axis in (0, 1)]
    if "shift" in options.augment_references:
        changed += [_mapped(reference, axis, step) for axis in (0, 1) for step in (-1, 1)]
    yield from (reference for reference in changed if not reference.is_clean)


def _mapped(reference: Reference, axis: int, step: int | None) -> Reference:
    """Mirror along ``axis``, or move by ``step`` quarters of its length."""
    length = reference.image.shape[axis]
    places = np.arange(length)
    if step is None:
        places = places[::-1]
    else:
        places = places - step * (length // _SHIFT)
        places = np.where(places < 0, -1 - places, places)
        places = np.where(places >= length, 2 * length - 1 - places, places)
    return Reference(
        reference.image_id,
        np.ascontiguousarray(reference.image.take(places, axis)),
        {object_id: mask.take(places, axis) for object_id, mask in reference.masks.items()},
        None if reference.unknown is None else reference.unknown.take(places, axis),
    )
