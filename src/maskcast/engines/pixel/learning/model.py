"""What the learner hands over, and how it masks a target.

A target goes through in strips of rows. The first stage classifies every pixel; the second looks
only where the first saw anything, with the first one's probabilities as context. Everything depends
on the target alone, so results do not depend on order, batches or threads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from maskcast.engines.pixel.filters import Plane, Stack
from maskcast.engines.pixel.learning.context import Context, build_context, strip_context
from maskcast.engines.pixel.learning.decision import (
    SIGNALS,
    Decision,
    decide,
    evidence_of,
    highest_of,
    measure,
)
from maskcast.engines.pixel.learning.features import (
    FEATURES,
    Pyramid,
    build_pyramid,
    strip_features,
    strips,
)
from maskcast.engines.pixel.learning.held_out import HeldOut
from maskcast.engines.pixel.learning.perceptron import Array, Perceptrons
from maskcast.engines.pixel.learning.rivals import settle
from maskcast.engines.pixel.learning.tokens import TokenGrid
from maskcast.engines.planes import Calibration, agreeing, levels_of
from maskcast.types import Plane as Plane8
from maskcast.types import RgbImage, Segmentation


@dataclass(frozen=True)
class ModelConstants:
    """A bound on memory; no result depends on it.

    Attributes:
        kept_bytes: memory for features that both stages use; strips beyond it are computed twice.
    """

    kept_bytes: int = 1 << 27


_FIXED = ModelConstants()


@dataclass(frozen=True)
class PixelModel:
    """Everything `predict` needs; arrays only, never modified.

    Attributes:
        object_ids: ids the references show, ascending.
        color: whether opponent colours are used.
        first: networks of the first stage; each gives one logit per object.
        second: per object, the networks of the second stage; None if there was nothing to learn.
        gates: per object, the first-stage logit below which a pixel is background for good.
        decisions: per object, how logits become a mask and a score.
        exclusive: whether a pixel belongs to one object at most.
        held_out: per reference, what models that never learned it find there.
    """

    object_ids: tuple[int, ...]
    color: bool
    first: Perceptrons
    second: tuple[Perceptrons | None, ...]
    gates: tuple[float, ...]
    decisions: tuple[Decision, ...]
    exclusive: bool
    held_out: tuple[HeldOut, ...] = ()


@dataclass(frozen=True)
class OpenPixels:
    """Pixels of a strip that the first stage leaves open for any object.

    Attributes:
        row: int (N,), row in the image.
        column: int (N,), column in the image.
        features: float32 (F, N).
    """

    row: npt.NDArray[np.intp]
    column: npt.NDArray[np.intp]
    features: Array


def calibration_of(model: PixelModel) -> Calibration:
    """How the model makes masks of its planes."""
    decisions = dict(zip(model.object_ids, model.decisions, strict=True))
    return Calibration(
        {key: int(levels_of(np.array(each.low, np.float32))) for key, each in decisions.items()},
        {key: each.reliability for key, each in decisions.items()},
        model.exclusive,
    )


def predict_with_planes(
    model: PixelModel, image: RgbImage, tokens: TokenGrid | None = None
) -> Segmentation:
    """The same as ``predict``, with the planes of all objects."""
    planes: dict[int, Plane8] = {}
    found = predict(model, image, tokens, planes)
    return replace(found, planes=agreeing(planes, found, calibration_of(model)))


def predict(
    model: PixelModel,
    image: RgbImage,
    tokens: TokenGrid | None = None,
    planes: dict[int, Plane8] | None = None,
) -> Segmentation:
    """Masks of the objects found in ``image``, uint8 (H, W, 3).

    Args:
        model: what was learnt.
        image: the target.
        tokens: what an encoder sees in it, where the model was learnt with one.
        planes: filled with the levels of all objects; None = they are not asked for.
    """
    pyramid = build_pyramid(image, color=model.color, tokens=tokens)
    kept: dict[int, OpenPixels] = {}
    logits = first_logits(pyramid, model.first, model.gates, kept)
    refined: Iterator[Plane] = (
        second_logits(pyramid, plane, networks, gate, kept)
        for plane, networks, gate in zip(logits, model.second, model.gates, strict=True)
    )
    if planes is not None:
        refined = _noted(refined, model.object_ids, planes)
    decisions = dict(zip(model.object_ids, model.decisions, strict=True))
    return decided(refined, pyramid.fine, decisions, exclusive=model.exclusive)


def _noted(
    logits: Iterator[Plane], object_ids: Sequence[int], planes: dict[int, Plane8]
) -> Iterator[Plane]:
    """The same logits, whose levels are put into ``planes`` on their way."""
    for key, plane in zip(object_ids, logits, strict=True):
        planes[key] = levels_of(plane)
        yield plane


def decided(
    logits: Iterable[Plane],
    channels: Sequence[Plane],
    decisions: Mapping[int, Decision],
    *,
    exclusive: bool,
) -> Segmentation:
    """From the final logits of one picture to the objects in it.

    Args:
        logits: per object, float32 (H, W); taken one after the other.
        channels: the picture's normalised channels, float32, at least (H, W).
        decisions: object id -> how its logits become a mask, ascending, as the logits.
        exclusive: whether a pixel belongs to one object at most.
    """
    found: list[_Found] = []
    evidence = []
    shape = (0, 0)
    for plane, (object_id, decision) in zip(logits, decisions.items(), strict=True):
        shape = plane.shape[0], plane.shape[1]
        mask, score = decide(plane, channels, decision)
        evidence.append(evidence_of(highest_of(plane), decision))
        if mask.any():
            margins = plane[mask] - np.float32(decision.low)
            signals = measure(plane, mask, decision)
            found.append(_Found(object_id, mask, score, margins, decision.area, signals))
    masks = [candidate.mask for candidate in found]
    if exclusive and len(found) > 1:
        masks = settle(
            masks,
            [candidate.margins for candidate in found],
            [candidate.least for candidate in found],
        )
    shown = [(candidate, mask) for candidate, mask in zip(found, masks, strict=True) if mask.any()]
    if not shown:
        return replace(Segmentation.empty(*shape), evidence=max(evidence))
    return Segmentation(
        object_ids=np.array([candidate.object_id for candidate, _ in shown], np.int32),
        masks=np.stack([mask for _, mask in shown]),
        scores=np.array([candidate.score for candidate, _ in shown], np.float32),
        signals={
            name: np.array([candidate.signals[name] for candidate, _ in shown], np.float32)
            for name in SIGNALS
        },
        evidence=max(evidence),
    )


@dataclass(frozen=True)
class _Found:
    """One object in one target, before objects contest pixels.

    Attributes:
        object_id: 1..255.
        mask: bool (H, W).
        score: in [0, 1].
        margins: float32 (N,), logit above the threshold of the mask's pixels.
        least: smallest component, in pixels.
        signals: see `decision.measure`.
    """

    object_id: int
    mask: npt.NDArray[np.bool_]
    score: float
    margins: npt.NDArray[np.float32]
    least: int
    signals: Mapping[str, float]


def first_logits(
    pyramid: Pyramid,
    networks: Perceptrons,
    gates: tuple[float, ...] = (),
    kept: dict[int, OpenPixels] | None = None,
) -> Stack:
    """First-stage logits, float32 (K, H, W).

    Args:
        pyramid: the image.
        networks: of the first stage.
        gates: per object, the logit above which the second stage looks again.
        kept: filled with what the second stage will need again, by the top row of the strip, as
            far as memory allows.
    """
    rows, columns = pyramid.padded
    out = np.empty((networks.outputs, pyramid.height, pyramid.width), np.float32)
    room = _FIXED.kept_bytes
    for top, bottom in strips(rows, columns):
        stack = strip_features(pyramid, top, bottom)
        logits = networks.logits(stack.reshape(len(stack), -1)).reshape(-1, bottom - top, columns)
        shown = logits[:, : pyramid.height - top, : pyramid.width]
        out[:, top:bottom] = shown
        if kept is not None:
            row, column = _open(shown, gates)
            room -= len(row) * len(stack) * stack.itemsize
            if room > 0:
                kept[top] = OpenPixels(top + row, column, _picked(stack, row, column))
    return out


def open_pixels(pyramid: Pyramid, logits: Stack, gates: tuple[float, ...]) -> dict[int, OpenPixels]:
    """What `first_logits` keeps, where its logits (K, H, W) are known already."""
    kept = {}
    room = _FIXED.kept_bytes
    for top, bottom in strips(*pyramid.padded):
        row, column = _open(logits[:, top:bottom], gates)
        if not len(row):
            continue
        stack = strip_features(pyramid, top, bottom)
        room -= len(row) * len(stack) * stack.itemsize
        if room <= 0:
            break
        kept[top] = OpenPixels(top + row, column, _picked(stack, row, column))
    return kept


def _open(
    logits: Stack, gates: tuple[float, ...]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Rows and columns of pixels that are above any object's gate."""
    limits = np.array(gates, np.float32)[:, None, None]
    row, column = np.nonzero((logits > limits).any(axis=0))
    return row, column


def second_logits(
    pyramid: Pyramid,
    first: Plane,
    networks: Perceptrons | None,
    gate: float,
    kept: dict[int, OpenPixels] | None = None,
) -> Plane:
    """Both stages' logits combined, float32 (H, W); below ``gate`` the first stage's stay.

    Args:
        pyramid: the image.
        first: first-stage logits of one object.
        networks: of the second stage; None leaves ``first`` as it is.
        gate: logit above which the second stage looks again.
        kept: what `first_logits` kept.
    """
    out = first.copy()
    if networks is None or not (first > gate).any():
        return out
    context = build_context(first)
    for top, bottom in strips(*pyramid.padded):
        pixels = (kept or {}).get(top)
        if pixels is None:
            row, column = np.nonzero(first[top:bottom] > gate)
            if not len(row):
                continue
            row += top
            features = _picked(strip_features(pyramid, top, bottom), row - top, column)
        else:
            wanted = first[pixels.row, pixels.column] > gate
            row, column = pixels.row[wanted], pixels.column[wanted]
            features = pixels.features[:, wanted]
        if len(row):
            around = _context_at(context, row, column)
            refined = networks.logits(np.concatenate([features, around]))[0]
            out[row, column] = (first[row, column] + refined) * np.float32(0.5)
    return out


def _context_at(context: Context, row: npt.NDArray[np.intp], column: npt.NDArray[np.intp]) -> Array:
    """Context features float32 (C, N) of N pixels, computed only where these lie."""
    top, bottom = _aligned(row)
    left, right = _aligned(column)
    stack = strip_context(context, top, bottom, (left, right))
    return _picked(stack, row - top, column - left)


def _aligned(at: npt.NDArray[np.intp]) -> tuple[int, int]:
    """The least span of multiples of `FEATURES.align` that holds some rows or columns."""
    first, last = (int(end) // FEATURES.align for end in (at.min(), at.max()))
    return first * FEATURES.align, (last + 1) * FEATURES.align


def _picked(stack: Stack, row: npt.NDArray[np.intp], column: npt.NDArray[np.intp]) -> Array:
    """Some pixels of contiguous planes, float32 (F, N); several times as fast as by index."""
    at = row * stack.shape[2] + column
    return np.asarray(stack.reshape(len(stack), -1).take(at, axis=1), np.float32)
