"""Drawing the sample of an audit: each part of the list gives one target.

The list is sorted by what the sample shall be spread over and cut into as many equal parts as the
sample has places; one target is drawn from each, independently. So the chances of all places have
the share of the whole list as their mean, exactly, which the bounds of ``intervals`` ask for, and a
list sorted by score or object gives a stratified sample with proportional parts. A target on the
border of two parts may be drawn for both: it then counts twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np

Stratum = Literal["score", "object"]
STRATA: Final[tuple[Stratum, ...]] = get_args(Stratum)

BLOCK: Final = 10
"""Places of a sample that may stop early; the answers are looked at after each such block."""


@dataclass(frozen=True)
class Candidate:
    """A target that may be drawn.

    Attributes:
        image_id: of the target.
        trust: in [0, 1], of its most doubtful object.
        objects: ids of what was found, ascending.
        digest: of the picture that was masked; None if unknown.
    """

    image_id: str
    trust: float
    objects: tuple[int, ...]
    digest: bytes | None


def draw_sample(
    candidates: Sequence[Candidate],
    size: int,
    seed: int,
    strata: Sequence[Stratum] = (),
    *,
    blocks: bool = False,
) -> list[Candidate]:
    """Draw a sample; the same seed draws the same from the same targets.

    Args:
        candidates: what may be drawn, in a fixed order.
        size: of the sample; all are taken where there are no more.
        seed: of the draw.
        strata: what the sample is spread over: ``object`` by what was found, ``score`` by trust.
        blocks: whether each ``BLOCK`` of places is a sample of the whole list; the size is then
            rounded up to a multiple.

    Returns:
        What to look at, in an order that tells nothing.
    """
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(candidates)).tolist()
    if "score" in strata:
        order.sort(key=lambda index: candidates[index].trust)
    if "object" in strata:
        order.sort(key=lambda index: candidates[index].objects)
    if not blocks and size >= len(candidates):
        return [candidates[index] for index in generator.permutation(len(candidates))]
    sizes = [BLOCK] * -(-size // BLOCK) if blocks else [size]
    drawn = []
    for count in sizes:
        places = (np.arange(count) + generator.random(count)) * (len(order) / count)
        chosen = np.minimum(places.astype(int), len(order) - 1)
        drawn += [candidates[order[place]] for place in generator.permutation(chosen)]
    return drawn
