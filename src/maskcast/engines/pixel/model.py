"""What the learner hands over, and how it masks a target.

A target goes through in strips of rows. The first stage classifies every pixel; the second looks
only where the first saw anything, with the first one's probabilities as context. Everything depends
on the target alone, so results do not depend on order, batches or threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from maskcast.engines.pixel.context import build_context, strip_context
from maskcast.engines.pixel.decision import Decision, decide
from maskcast.engines.pixel.features import (
    Plane,
    Pyramid,
    Stack,
    build_pyramid,
    strip_features,
    strips,
)
from maskcast.engines.pixel.perceptron import Array, Perceptron
from maskcast.types import RgbImage, Segmentation


@dataclass(frozen=True)
class PixelModel:
    """Everything `predict` needs; arrays only, never modified.

    Attributes:
        object_ids: ids the references show, ascending.
        color: whether opponent colours are used.
        first: networks of the first stage; each gives one logit per object.
        second: per object, the networks of the second stage.
        gates: per object, the first-stage logit below which a pixel is background for good.
        decisions: per object, how logits become a mask and a score.
    """

    object_ids: tuple[int, ...]
    color: bool
    first: tuple[Perceptron, ...]
    second: tuple[tuple[Perceptron, ...], ...]
    gates: tuple[float, ...]
    decisions: tuple[Decision, ...]


def predict(model: PixelModel, image: RgbImage) -> Segmentation:
    """Masks of the objects found in ``image``, uint8 (H, W, 3)."""
    pyramid = build_pyramid(image, color=model.color)
    logits = first_logits(pyramid, model.first)
    found: list[tuple[int, npt.NDArray[np.bool_], float]] = []
    for index, object_id in enumerate(model.object_ids):
        refined = second_logits(pyramid, logits[index], model.second[index], model.gates[index])
        mask, score = decide(refined, model.decisions[index])
        if mask.any():
            found.append((object_id, mask, score))
    if not found:
        return Segmentation.empty(pyramid.height, pyramid.width)
    return Segmentation(
        object_ids=np.array([object_id for object_id, _, _ in found], np.int32),
        masks=np.stack([mask for _, mask, _ in found]),
        scores=np.array([score for _, _, score in found], np.float32),
    )


def first_logits(pyramid: Pyramid, networks: Sequence[Perceptron]) -> Stack:
    """First-stage logits, float32 (K, H, W)."""
    rows, columns = pyramid.padded
    objects = len(networks[0].biases[-1])
    out = np.empty((objects, pyramid.height, pyramid.width), np.float32)
    for top, bottom in strips(rows, columns):
        stack = strip_features(pyramid, top, bottom)
        logits = mean_logits(networks, stack.reshape(len(stack), -1))
        shown = logits.reshape(objects, bottom - top, columns)
        out[:, top:bottom] = shown[:, : pyramid.height - top, : pyramid.width]
    return out


def second_logits(
    pyramid: Pyramid, first: Plane, networks: Sequence[Perceptron], gate: float
) -> Plane:
    """Both stages' logits combined, float32 (H, W); below ``gate`` the first stage's stay."""
    out = first.copy()
    if not networks or not (first > gate).any():
        return out
    context = build_context(first)
    for top, bottom in strips(*pyramid.padded):
        open_row, open_column = np.nonzero(first[top:bottom] > gate)
        if len(open_row):
            inputs = np.concatenate(
                [
                    strip_features(pyramid, top, bottom)[:, open_row, open_column],
                    strip_context(context, top, bottom)[:, open_row, open_column],
                ]
            )
            before = first[top + open_row, open_column]
            after = mean_logits(networks, inputs)[0]
            out[top + open_row, open_column] = (before + after) * np.float32(0.5)
    return out


def mean_logits(networks: Sequence[Perceptron], features: Array) -> Array:
    """Mean of the networks' logits, float32 (K, N), for features (F, N)."""
    total = networks[0].logits(features)
    for network in networks[1:]:
        total += network.logits(features)
    return total / np.float32(len(networks))
