"""Learning from the references on the spot.

Two stages of small perceptrons. The first classifies pixels by the feature bank. Cross-fitting
(each reference is mapped by a network that never learned it) gives honest probability maps, on
which the second stage learns what the first one's answers look like around true objects
(auto-context, Tu & Bai 2010), and on which, after the second stage, the limits are calibrated. An
object whose cross-fitted maps the second stage makes worse, or that has none to learn from, does
without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from maskcast.engines.pixel.filters import Plane, Stack
from maskcast.engines.pixel.learning.context import build_context, context_count, strip_context
from maskcast.engines.pixel.learning.decision import Decision, calibrate, second_helps
from maskcast.engines.pixel.learning.features import build_pyramid, strips
from maskcast.engines.pixel.learning.held_out import HeldOut
from maskcast.engines.pixel.learning.model import (
    PixelModel,
    decided,
    first_logits,
    open_pixels,
    second_logits,
)
from maskcast.engines.pixel.learning.options import LearnerOptions
from maskcast.engines.pixel.learning.perceptron import (
    Array,
    Layers,
    Perceptrons,
    Scaler,
    combine,
    train,
)
from maskcast.engines.pixel.learning.rivals import never_overlap
from maskcast.engines.pixel.learning.sampling import Samples, balanced, merge, sample_view
from maskcast.engines.pixel.learning.tokens import TokenGrid
from maskcast.engines.pixel.learning.views import View, is_gray, make_views
from maskcast.engines.pixel.threads import single_threaded_libraries
from maskcast.types import Reference

__all__ = ["LEARNER_VERSION", "LearnerOptions", "fit"]

LEARNER_VERSION = "2"
"""Changes when the same references give another model; part of the memory bank's fingerprint."""

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class LearnerConstants:
    """Fixed by hand, with ``benchmarks/accuracy.py`` on the measuring packs (docs/adr/0002).

    Attributes:
        lost: share of the object's pixels that the gate may lose.
        gates: lowest and highest logit that a gate may be.
    """

    lost: float = 0.005
    gates: tuple[float, float] = (-2.5, -1.0)


_FIXED = LearnerConstants()


@dataclass(frozen=True)
class _Fit:
    """What is shared by the steps of one fit."""

    options: LearnerOptions
    pool: ThreadPoolExecutor
    views: list[View]
    folds: int
    color: bool
    exclusive: bool
    parts: list[Samples]

    def map(self, work: Callable[[_Item], _Result], items: Iterable[_Item]) -> list[_Result]:
        return list(self.pool.map(work, items))


def fit(
    references: Sequence[Reference],
    options: LearnerOptions,
    tokens: Sequence[TokenGrid] | None = None,
) -> PixelModel:
    """Learn all objects that ``references`` show; clean references teach what is not there.

    Raises:
        ValueError: if no reference shows an object.
    """
    shown = {i for ref in references for i, mask in ref.masks.items() if mask.any()}
    object_ids = tuple(sorted(shown))
    if not object_ids:
        raise ValueError("references: expected at least one that shows an object, got none")
    color = not all(is_gray(reference.image) for reference in references)
    views, folds = make_views(references, object_ids, options, tokens)
    count = max(500, options.samples // len(views))
    with single_threaded_libraries(), ThreadPoolExecutor(options.workers, "fit") as pool:
        parts = list(
            pool.map(
                lambda i: sample_view(views[i], count, options.seed + i, options, color=color),
                range(len(views)),
            )
        )
        return _fit_stages(
            _Fit(options, pool, views, folds, color, never_overlap(references), parts), object_ids
        )


def _fit_stages(work: _Fit, object_ids: tuple[int, ...]) -> PixelModel:
    first, crossed = _fit_first(work)
    maps = work.map(lambda view: _crossed_map(view, crossed, work.color), work.views)
    originals = [i for i, view in enumerate(work.views) if view.is_original]
    channels = work.map(
        lambda i: build_pyramid(work.views[i].image, color=work.color).fine, originals
    )
    gates = tuple(
        _gate([stack[index] for stack in maps], [view.masks[index] for view in work.views])
        for index in range(len(object_ids))
    )
    fitted = [
        _fit_second(work, index, [stack[index] for stack in maps], gate)
        for index, gate in enumerate(gates)
    ]
    refine = partial(
        _crossed_second,
        networks=[pair and pair[1] for pair in fitted],
        gates=gates,
        color=work.color,
    )
    refined = work.map(lambda i: refine(work.views[i], maps[i]), originals)
    second: list[Perceptrons | None] = []
    decisions: list[Decision] = []
    finals: list[list[Plane]] = []
    for index, pair in enumerate(fitted):
        networks = pair and pair[0]
        before = [maps[i][index] for i in originals]
        final = [stack[index] for stack in refined]
        truths = [work.views[i].masks[index] for i in originals]
        unknown = [work.views[i].unknown for i in originals]
        if networks is not None and not second_helps(before, final, truths, unknown):
            networks, final = None, before
        decisions.append(calibrate(final, truths, channels, work.options.threshold, unknown))
        finals.append(final)
        second.append(networks)
    return PixelModel(
        object_ids=object_ids,
        color=work.color,
        first=first,
        second=tuple(second),
        gates=gates,
        decisions=tuple(decisions),
        exclusive=work.exclusive,
        held_out=tuple(
            _held_out(work, finals, channels, dict(zip(object_ids, decisions, strict=True)))
        ),
    )


def _held_out(
    work: _Fit,
    finals: list[list[Plane]],
    channels: list[tuple[Plane, ...]],
    decisions: Mapping[int, Decision],
) -> tuple[HeldOut, ...]:
    """Per reference, what models that never learned it find there."""

    def found(index: int) -> HeldOut:
        planes = [final[index] for final in finals]
        return HeldOut.of(decided(planes, channels[index], decisions, exclusive=work.exclusive))

    return tuple(work.map(found, range(len(channels))))


def _fit_first(work: _Fit) -> tuple[Perceptrons, Perceptrons]:
    """Networks that learned everything, and one per fold that did not learn the fold."""
    options = work.options
    samples = merge(work.parts)
    scaler = Scaler.of(samples.features)
    inputs = scaler.apply(samples.features)

    def learn(left_out: int) -> Layers:
        used = np.flatnonzero(samples.fold != left_out)
        if not len(used):
            used = np.arange(len(samples.fold))
        truth, weight = samples.truth[used], samples.weight[used]
        return train(
            inputs[used],
            truth,
            balanced(truth, weight, options.balance),
            options.first,
            options.seed + left_out,
        )

    # Folds that do not exist leave nothing out.
    members = work.map(learn, range(work.folds + options.members))
    return combine(scaler, members[work.folds :]), combine(scaler, members[: work.folds])


def _crossed_map(view: View, networks: Perceptrons, color: bool) -> Stack:
    """First-stage logits (K, H, W), each column by the network that left its fold out."""
    pyramid = build_pyramid(view.image, color=color, tokens=view.tokens)
    out = first_logits(pyramid, networks.pick(int(view.fold[0])))
    for fold in np.unique(view.fold):
        if fold != view.fold[0]:
            out = np.where(view.fold == fold, first_logits(pyramid, networks.pick(fold)), out)
    return out


def _gate(planes: list[Plane], truths: list[npt.NDArray[np.bool_]]) -> float:
    """Logit that all but a few object pixels exceed."""
    inside = [plane[truth] for plane, truth in zip(planes, truths, strict=True)]
    limit = np.quantile(np.concatenate(inside), _FIXED.lost)
    return float(np.clip(limit, *_FIXED.gates))


def _fit_second(
    work: _Fit, index: int, planes: list[Plane], gate: float
) -> tuple[Perceptrons, Perceptrons] | None:
    """Networks from all samples above the gate, and one per fold that did not learn the fold."""
    options = work.options
    chosen = work.map(
        lambda i: _open_samples(work.parts[i], planes[i], gate), range(len(work.views))
    )
    features = np.concatenate([features for features, _ in chosen])
    rows = [part_rows for _, part_rows in chosen]
    truth, weight, fold = (
        np.concatenate([getattr(part, name)[r] for part, r in zip(work.parts, rows, strict=True)])
        for name in ("truth", "weight", "fold")
    )
    truth = truth[:, index : index + 1]
    # Folds that do not exist leave nothing out.
    outside = [
        np.flatnonzero(fold != left_out) for left_out in range(work.folds + options.refiners)
    ]
    if any(len(np.unique(truth[used])) < 2 for used in outside):
        return None
    scaler = Scaler.of(features)
    inputs = scaler.apply(features)

    def learn(left_out: int) -> Layers:
        used = outside[left_out]
        return train(
            inputs[used],
            truth[used],
            balanced(truth[used], weight[used], options.balance),
            options.second,
            options.seed + 1000 * (index + 1) + left_out,
        )

    members = work.map(learn, range(work.folds + options.refiners))
    return combine(scaler, members[work.folds :]), combine(scaler, members[: work.folds])


def _open_samples(part: Samples, plane: Plane, gate: float) -> tuple[Array, npt.NDArray[np.intp]]:
    """Features and context of the samples above the gate, (N, F + C), and which they are."""
    rows = np.flatnonzero(plane[part.row, part.column] > gate)
    features = np.empty((len(rows), part.features.shape[1] + context_count()), np.float32)
    features[:, : part.features.shape[1]] = part.features[rows]
    context = build_context(plane)
    row, column = part.row[rows], part.column[rows]
    for top, bottom in strips(*context.logit.shape):
        inside = np.flatnonzero((row >= top) & (row < bottom))
        if len(inside):
            stack = strip_context(context, top, bottom)
            features[inside, part.features.shape[1] :] = stack[
                :, row[inside] - top, column[inside]
            ].T
    return features, rows


def _crossed_second(
    view: View,
    maps: Stack,
    networks: Sequence[Perceptrons | None],
    gates: tuple[float, ...],
    color: bool,
) -> list[Plane]:
    """Per object both stages' logits (H, W), each column by the network that left its fold out."""
    pyramid = build_pyramid(view.image, color=color, tokens=view.tokens)
    used = zip(networks, gates, strict=True)
    limits = tuple(np.inf if crossed is None else gate for crossed, gate in used)
    kept = open_pixels(pyramid, maps, limits)
    finals = []
    for plane, crossed, gate in zip(maps, networks, gates, strict=True):
        final = plane
        if crossed is not None:
            for fold in np.unique(view.fold):
                refined = second_logits(pyramid, plane, crossed.pick(int(fold)), gate, kept)
                final = np.where(view.fold == fold, refined, final)
        finals.append(final)
    return finals
