"""What to look at next: targets that are doubtful and typical of many others come first.

Ten corrections of one failure teach as much as one. So the first of the queue are chosen one after
the other, each for the doubt of the targets like it that no earlier choice is like: the greedy
maximum of a facility-location function (Nemhauser, Wolsey and Fisher 1978; used for choosing what
to label by Wei, Iyer and Bilmes 2015, "Submodularity in data subset selection and active
learning"). After these comes plain doubt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
import numpy.typing as npt

from maskcast.runs.ledger_rows import FoundScore

QueueOrder = Literal["useful", "doubt", "name"]
QUEUE_ORDERS: Final[tuple[QueueOrder, ...]] = get_args(QueueOrder)

_CHOSEN: Final = 40
"""So many are chosen for what they tell of others; by then a person has updated, or stopped."""

_CANDIDATES: Final = 400
_LANDMARKS: Final = 2000
"""At most so many targets stand for all; taken evenly from the list."""

_EMPTY_DOUBT: Final = 0.25
"""Of a target on which nothing was found, of which the ledger knows no score."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Queued:
    """A target to be looked at.

    Attributes:
        image_id: of the target.
        doubt: in [0, 1], 1 minus the trust in its most doubtful object: the probability that its
            mask is right, or the score where that is not known.
    """

    image_id: str
    doubt: float


def queued(found: Iterable[FoundScore], order: QueueOrder = "useful") -> list[Queued]:
    """Put targets into the order in which a person should look at them.

    Args:
        found: what was found in the targets that wait; rows of a target one after the other.
        order: ``useful`` as above, ``doubt`` the most doubtful first, ``name`` by image id.
    """
    targets = _by_target(found)
    names = list(targets)
    doubts = np.array([_doubt(rows) for rows in targets.values()], np.float64)
    if order == "name":
        ranks = np.argsort(np.array(names, object), kind="stable")
    else:
        ranks = np.lexsort((np.arange(len(names)), -doubts))
    if order == "useful" and len(names) > 1:
        ranks = _representative_first(_features(targets), doubts, ranks)
    return [Queued(names[index], float(doubts[index])) for index in ranks.tolist()]


def _by_target(found: Iterable[FoundScore]) -> dict[str, list[FoundScore]]:
    targets: dict[str, list[FoundScore]] = {}
    for row in found:
        targets.setdefault(row.image_id, []).append(row)
    return targets


def _doubt(rows: list[FoundScore]) -> float:
    trusts = [row.trust for row in rows if row.trust is not None]
    return 1 - min(trusts) if trusts else _EMPTY_DOUBT


def _features(targets: Mapping[str, list[FoundScore]]) -> Floats:
    """(N, 3 K) of each target and object id: whether it is there, its score, its share of the area.

    Each column has mean 0 and deviation 1, so that a distance weighs them alike.
    """
    ids = sorted({row.object_id for rows in targets.values() for row in rows if row.object_id})
    columns = {object_id: 3 * index for index, object_id in enumerate(ids)}
    table = np.zeros((len(targets), 3 * len(ids)), np.float64)
    for index, rows in enumerate(targets.values()):
        for row in rows:
            if row.object_id is not None and row.score is not None:
                start = columns[row.object_id]
                share = np.log(max(row.share, 1e-7))
                table[index, start : start + 3] = 1.0, row.score, share
    spread = table.std(axis=0)
    return np.asarray((table - table.mean(axis=0)) / np.where(spread > 0, spread, 1.0))


def _representative_first(
    features: Floats, doubts: Floats, ranks: npt.NDArray[np.intp]
) -> npt.NDArray[np.intp]:
    candidates = ranks[:_CANDIDATES]
    step = max(1, -(-len(features) // _LANDMARKS))
    landmarks = np.arange(0, len(features), step)
    likeness = _likeness(features[candidates], features[landmarks])
    weighted = likeness * doubts[landmarks]
    covered = np.zeros(len(landmarks))
    chosen: list[int] = []
    own = doubts[candidates]
    for _ in range(min(_CHOSEN, len(candidates))):
        gains = np.maximum(weighted - covered, 0).sum(axis=1) * own
        gains[chosen] = -1.0
        best = int(np.argmax(gains))
        chosen.append(best)
        covered = np.maximum(covered, weighted[best])
    first = candidates[chosen]
    return np.concatenate([first, ranks[~np.isin(ranks, first)]])


def _likeness(first: Floats, second: Floats) -> Floats:
    """(N, M) in (0, 1]: a Gaussian of the distance per feature."""
    if not first.shape[1]:
        return np.ones((len(first), len(second)))
    squares = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1)[None] - 2 * first @ second.T
    return np.asarray(np.exp(-np.maximum(squares, 0) / (2 * first.shape[1])))
