"""What a click corrects: the region around it that is wrong, as a whole.

A person clicks in the middle of what is missing or too much. Each proposed region around the click
(`proposals`) is restricted to where the mask has the other label, and measured: is the click in its
middle, does its outline follow the old mask or stand free, does it look like the label it has now
or like the one it would get, do the hypotheses agree.

The whole mask may be wrong in the same way everywhere, so masks that replace it compete too, if
they agree with every click so far: other hypotheses, level sets of the belief, the mask grown or
shrunk by a few pixels. As for the box, a linear score becomes a probability and the choice is the
mask with the highest expected overlap.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from maskcast.engines.pixel.filters import SQUARE_3, SQUARE_7
from maskcast.engines.pixel.interactive.box import (
    Hypotheses,
    Measures,
    mean_over,
    most_promising,
    score,
    side_gaps,
    soft_log,
)
from maskcast.engines.pixel.interactive.fitted import Weights
from maskcast.engines.pixel.interactive.frame import Floats, Frame, Look
from maskcast.engines.pixel.interactive.proposals import (
    Click,
    Patch,
    component_at,
    depth_at,
    propose,
)
from maskcast.types import Mask


@dataclass(frozen=True)
class ClickConstants:
    """Fixed by hand, with ``benchmarks/interactive.py`` on the measuring packs (docs/adr/0003).

    Attributes:
        beliefs: levels of the hypotheses' belief.
        replacements: most promising ones that may replace the mask.
        steps: pixels by which the mask may grow or shrink as a whole.
        look_noise: added to the variances of two looks that are compared.
    """

    beliefs: tuple[float, ...] = (0.03, 0.1, 0.25, 0.5, 0.75, 0.9)
    replacements: int = 16
    steps: tuple[int, ...] = (1, 2, 3)
    look_noise: float = 0.5


_FIXED = ClickConstants()


@dataclass(frozen=True)
class Draft:
    """A mask on its way: what it is now and what it may yet be.

    Attributes:
        mask: bool (h, w).
        hypotheses: from the box, or from the first click if there is no box.
        settled: bool (h, w), what clicks have put right; only a click right there changes it again.
    """

    mask: Mask
    hypotheses: Hypotheses
    settled: Mask

    @classmethod
    def begin(cls, mask: Mask, hypotheses: Hypotheses) -> Draft:
        """A draft before the first click."""
        return cls(mask, hypotheses, np.zeros_like(mask))

    def told(self, click: Click) -> Draft:
        """The draft with less trust in hypotheses that a click contradicts."""
        wrong = self.hypotheses.masks[:, click.row, click.column] != click.positive
        return replace(self, hypotheses=self.hypotheses.doubt(wrong))

    def become(self, answer: Mask, click: Click) -> Draft:
        """The draft with another mask, settled where it changed around a click."""
        changed = answer ^ self.mask
        settled = (self.settled & ~changed) | component_at(changed, click).mask
        return replace(self, mask=answer, settled=settled)


@dataclass(frozen=True)
class Choices:
    """What a mask may become after a click.

    Attributes:
        masks: bool (N, h, w), N at least 1.
        patches: measurements of the first of them, where a region around the click changes.
        wholes: measurements of the others, which replace the mask; empty if there are none.
    """

    masks: npt.NDArray[np.bool_]
    patches: Measures
    wholes: Measures

    def scores(self, weights: Weights) -> Floats:
        """What speaks for each, (N,)."""
        patches = score(self.patches, weights.click)
        if not self.wholes:
            return patches
        return np.concatenate([patches, score(self.wholes, weights.whole)])


def correct(
    frame: Frame, draft: Draft, click: Click, done: Sequence[Click], weights: Weights
) -> Draft:
    """The draft with what a click says put right.

    Args:
        frame: what the draft lies on.
        draft: its mask has the wrong label at the click.
        click: the click to obey.
        done: earlier clicks; what they said stays so.
        weights: of what speaks for each choice.
    """
    told = draft.told(click)
    choices = consider(frame, told, click, done)
    return told.become(most_promising(choices.masks, choices.scores(weights)), click)


def consider(frame: Frame, draft: Draft, click: Click, done: Sequence[Click]) -> Choices:
    """What a draft that was told of a click may become, see `correct`."""
    domain = _domain(frame, draft, click, done)
    patches = list(propose(frame, draft.hypotheses, domain, click))
    changed = np.stack([patch.mask for patch in patches]) ^ draft.mask
    measures = measure_patches(frame, draft, domain, click, patches)
    wholes = list(replacements(draft, click, done))
    if not wholes:
        return Choices(changed, measures, {})
    replaced = np.stack(wholes)
    return Choices(
        np.concatenate([changed, replaced]), measures, measure_wholes(draft, click, replaced)
    )


def replacements(draft: Draft, click: Click, done: Sequence[Click]) -> Iterator[Mask]:
    """Masks, bool (h, w), that may replace the draft's: they agree with every click."""
    for whole in _wholes(draft, click):
        mask = np.where(draft.settled, draft.mask, whole)
        if all(other.on(mask) == other.positive for other in (*done, click)):
            yield mask


def measure_patches(
    frame: Frame, draft: Draft, domain: Mask, click: Click, patches: Sequence[Patch]
) -> Measures:
    """What speaks for and against each proposal, by the names of `ClickWeights`."""
    masks = np.stack([patch.mask for patch in patches])
    shells = np.empty(masks.shape, np.uint8)
    free = np.empty(len(patches))
    allowed = domain.view(np.uint8)
    for i, pixels in enumerate(masks.view(np.uint8)):
        grown = cv2.dilate(pixels, SQUARE_3)
        shells[i] = cv2.bitwise_and(cv2.dilate(pixels, SQUARE_7) - grown, allowed)
        outline = grown - pixels
        free[i] = cv2.countNonZero(cv2.bitwise_and(outline, allowed))
        free[i] /= max(1, cv2.countNonZero(outline))
    area = np.array([patch.area for patch in patches], np.float64)
    depths = np.array([depth_at(patch.mask, click, patch.bounds) for patch in patches])
    looks, shell = Look.of(frame, masks), Look.of(frame, shells)
    inside, outside = Look.of(frame, draft.mask[None]), Look.of(frame, ~draft.mask[None])
    now, then = (outside, inside) if click.positive else (inside, outside)
    misfit, fit = _distance(looks, now), _distance(looks, then)
    share = np.log(area / np.count_nonzero(domain))
    belief = mean_over(draft.hypotheses.belief, masks.view(np.uint8))
    agreed = belief if click.positive else 1 - belief
    return {
        "roundness": np.log(depths[:, 0] / np.sqrt(area)),
        "centred": depths[:, 0] / depths[:, 1],
        "centred_log": np.log(depths[:, 0] / depths[:, 1] + 0.02),
        "free_outline": free,
        "share": share,
        "share_squared": share**2,
        "growth": np.log(area / max(1, int(np.count_nonzero(draft.mask)))),
        "gap_change": _gap_changes(frame, draft.mask, draft.mask ^ masks),
        "belief": np.log((agreed + 0.02) / (1.02 - agreed)),
        "misfit": soft_log(misfit),
        "better_fit": misfit - fit,
        "shell_light": np.where(shell.count[:, 0] > 1, soft_log(looks.contrast(shell)[:, 0]), -3),
    }


def measure_wholes(draft: Draft, click: Click, masks: npt.NDArray[np.bool_]) -> Measures:
    """The same for masks (N, h, w) that would replace the draft's, see `WholeWeights`."""
    changes = masks ^ draft.mask
    everywhere = (0, 0, masks.shape[2], masks.shape[1])
    depths = np.array([depth_at(change, click, everywhere) for change in changes])
    area = changes.sum(axis=(1, 2)).astype(np.float64)
    both = (masks & draft.mask).sum(axis=(1, 2))
    return {
        "whole": np.ones(len(masks)),
        "merit": np.log(draft.hypotheses.merits_of(masks).astype(np.float64) + 0.01),
        "overlap": both / np.maximum(1, (masks | draft.mask).sum(axis=(1, 2))),
        "roundness": np.log(depths[:, 0] / np.sqrt(area)),
        "centred": depths[:, 0] / depths[:, 1],
    }


def _domain(frame: Frame, draft: Draft, click: Click, done: Sequence[Click]) -> Mask:
    """Pixels a click may change: of the other label, in the box if the click is, not settled."""
    domain = ~draft.mask if click.positive else draft.mask.copy()
    if not click.on(draft.settled):
        domain &= ~draft.settled
    if click.positive and click.on(frame.inside):
        domain &= frame.inside
    for other in done:
        if other.positive != click.positive:
            domain[other.row, other.column] = False
    domain[click.row, click.column] = True
    return domain


def _wholes(draft: Draft, click: Click) -> Iterator[Mask]:
    hypotheses, pixels = draft.hypotheses, draft.mask.view(np.uint8)
    best_first = np.argsort(-hypotheses.merits, kind="stable")[: _FIXED.replacements]
    yield from hypotheses.masks[best_first]
    for level in _FIXED.beliefs:
        yield hypotheses.belief >= level
    change = cv2.dilate if click.positive else cv2.erode
    for step in _FIXED.steps:
        yield np.asarray(change(pixels, SQUARE_3, iterations=step), np.bool_)


def _gap_changes(frame: Frame, mask: Mask, changed: npt.NDArray[np.bool_]) -> Floats:
    """How much farther from the sides of the box masks (N, h, w) are than a mask was."""
    box = frame.box
    if box is None:
        return np.zeros(len(changed))

    def gap(pixels: Mask) -> float:
        x, y, width, height = cv2.boundingRect(pixels.view(np.uint8))
        gaps = side_gaps((x, y, x + width, y + height), box)
        return float(np.sqrt(gaps).mean()) if width else 1.0

    before = gap(mask)
    return np.array([gap(pixels) - before for pixels in changed])


def _distance(look: Look, other: Look) -> Floats:
    spread = (look.variance + other.variance) / 2 + _FIXED.look_noise
    distance: Floats = np.sqrt((np.square(look.mean - other.mean) / spread).sum(axis=1))
    return distance
