"""The figures of a report, gathered in one pass over the ledger; no picture is opened."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt

from maskcast.runs.ledger_rows import TargetRow

_CELLS = 24
"""Rows and columns of a map of positions."""

_MOST_SIZES = 200_000
"""Areas that are kept for a histogram; of more, every second, every fourth and so on."""

_LIKELY = 0.5
"""``right`` from which an object counts as found in tables."""


def folder_of(image_id: str) -> str:
    """The folder of a target; empty = the targets folder itself."""
    parent = str(PurePosixPath(image_id).parent)
    return "" if parent == "." else parent


@dataclass
class ObjectFigures:
    """What was found of one object.

    Attributes:
        found: targets it was found in.
        scores: counts of scores in 20 bins.
        right: counts of ``right`` in 20 bins.
        areas: shares of the picture.
        places: (24, 24) counts of the middles of boxes, rows from the top.
    """

    found: int = 0
    scores: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(20, np.int64))
    right: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(20, np.int64))
    areas: list[float] = field(default_factory=list)
    places: npt.NDArray[np.int64] = field(
        default_factory=lambda: np.zeros((_CELLS, _CELLS), np.int64)
    )
    _step: int = 1

    @property
    def mean_score(self) -> float | None:
        """To half a bin; None if it was never found."""
        middles = (np.arange(len(self.scores)) + 0.5) / len(self.scores)
        return float(self.scores @ middles / self.found) if self.found else None

    def add(self, row: TargetRow, place: int) -> None:
        """Count the object at ``place`` of a target's objects."""
        found = row.objects[place]
        self.found += 1
        self.scores[min(19, int(found.score * 20))] += 1
        if found.right is not None:
            self.right[min(19, int(found.right * 20))] += 1
        if row.size is None:
            return
        height, width = row.size
        if self.found % self._step == 0:
            self.areas.append(found.area / (height * width))
        if len(self.areas) > _MOST_SIZES:
            self.areas, self._step = self.areas[::2], 2 * self._step
        xmin, ymin, xmax, ymax = found.box
        across = min(_CELLS - 1, int((xmin + xmax) / 2 / width * _CELLS))
        down = min(_CELLS - 1, int((ymin + ymax) / 2 / height * _CELLS))
        self.places[down, across] += 1


@dataclass
class FolderFigures:
    """What became of the targets of one folder.

    Attributes:
        targets: done.
        clean: on which nothing was found.
        doubtful: on which something was found, nothing of it more likely right than not.
        failed: not done.
    """

    targets: int = 0
    clean: int = 0
    doubtful: int = 0
    failed: int = 0

    @property
    def shown(self) -> int:
        """Targets with an object that is more likely right than not."""
        return self.targets - self.clean - self.doubtful


@dataclass
class Figures:
    """All of them.

    Attributes:
        objects: object id -> its figures, ascending.
        folders: folder ("" = the targets folder itself) -> its figures.
        order: of each target that is done, in file order: the least ``right`` of its objects, NaN
            where nothing was found.
        image_ids: of these targets.
    """

    objects: dict[int, ObjectFigures] = field(default_factory=dict)
    folders: dict[str, FolderFigures] = field(default_factory=dict)
    order: list[float] = field(default_factory=list)
    image_ids: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, rows: Iterable[TargetRow]) -> Figures:
        """Gather them from rows in file order."""
        figures = cls()
        for row in rows:
            figures._add(row)
        figures.objects = dict(sorted(figures.objects.items()))
        return figures

    def _add(self, row: TargetRow) -> None:
        folder = self.folders.setdefault(folder_of(row.image_id), FolderFigures())
        if row.state != "done":
            folder.failed += 1
            return
        folder.targets += 1
        for place, found in enumerate(row.objects):
            self.objects.setdefault(found.object_id, ObjectFigures()).add(row, place)
        trust = [found.trust for found in row.objects]
        folder.clean += not trust
        folder.doubtful += bool(trust) and max(trust) < _LIKELY
        self.order.append(min(trust, default=float("nan")))
        self.image_ids.append(row.image_id)

    def chosen(self, count: int, seed: int = 0) -> dict[str, list[str]]:
        """Image ids for a contact sheet: ``best``, ``worst``, ``doubtful`` and ``random`` ones.

        No picture is chosen twice.
        """
        trust = np.array(self.order)
        shown = np.flatnonzero(~np.isnan(trust))
        by_trust = shown[np.argsort(trust[shown], kind="stable")]
        kinds = {
            "best": by_trust[::-1],
            "worst": by_trust,
            "doubtful": by_trust[np.argsort(np.abs(trust[by_trust] - 0.5), kind="stable")],
            "random": np.random.default_rng(seed).permutation(len(trust)),
        }
        taken: set[int] = set()
        picked: dict[str, list[str]] = {}
        for kind, places in kinds.items():
            fresh = [int(place) for place in places if int(place) not in taken][:count]
            taken.update(fresh)
            picked[kind] = [self.image_ids[place] for place in fresh]
        return picked

    def trend(
        self, points: int = 60, least: int = 10
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Over file order: share of targets with an object, mean of the least ``right``.

        Both in up to ``points`` groups of equal size, of at least ``least`` targets each. A group
        without an object has NaN for the latter.
        """
        count = min(points, max(1, len(self.order) // least))
        groups = [group for group in np.array_split(np.array(self.order), count) if len(group)]
        shares = np.array([float(np.mean(~np.isnan(group))) for group in groups])
        means = [group[~np.isnan(group)] for group in groups]
        return shares, np.array([float(m.mean()) if len(m) else np.nan for m in means])
