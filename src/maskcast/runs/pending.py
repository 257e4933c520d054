"""What is still to be done, streamed: the list of targets against the ledger, folder by folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from maskcast.io.listing import Stamp
from maskcast.io.output_names import unusual_names, usual_name
from maskcast.io.printable import counted
from maskcast.io.storage import Place
from maskcast.runs.comparing import Compared, TargetList
from maskcast.runs.missing import ResultCheck
from maskcast.runs.pipeline import WorkItem


@dataclass
class PendingTargets:
    """The targets that are not done as they are now; holds one folder's names at a time.

    Attributes:
        compared: the list against the ledger.
        results: finds those of which a result file is missing; None = nobody looks.
        chosen: image ids of the only ones to be done this time, done or not; None = all pending.
        doubt: image id -> how soon it is done, the largest first; empty = as listed.
        pending: how many are to be done, of those listed so far.
        again: those of them that the ledger holds as done, and that were not done again yet.
    """

    compared: TargetList
    results: ResultCheck | None = None
    chosen: frozenset[str] | None = None
    doubt: Mapping[str, float] = field(default_factory=dict)
    pending: int = 0
    again: set[str] = field(default_factory=set)
    _missing: list[str] = field(default_factory=list)

    @property
    def place(self) -> Place:
        """Where the targets are."""
        return self.compared.place

    @property
    def listed(self) -> int:
        """Targets seen so far; all of them once ``items`` has ended."""
        return self.compared.listed

    @property
    def touched(self) -> dict[str, Stamp]:
        """See ``TargetList``."""
        return self.compared.touched

    def gone(self) -> list[str]:
        """See ``TargetList``."""
        return self.compared.gone()

    def gone_so_far(self) -> list[str]:
        """See ``TargetList``."""
        return self.compared.missed

    def items(self) -> Iterator[WorkItem]:
        """Folder by folder, ascending by name in each; with ``doubt`` the most doubtful first."""
        if not self.doubt:
            return self._listed()
        return iter(sorted(self._listed(), key=lambda item: -self.doubt.get(item.image_id, 1.0)))

    def _listed(self) -> Iterator[WorkItem]:
        for group in self.compared.groups():
            missing = set(self.results.missing_in(group)) if self.results else set()
            chosen = self.chosen or frozenset()
            pending = [
                image_id
                for image_id in group.image_ids
                if not group.is_done(image_id) or image_id in missing or image_id in chosen
            ]
            self._missing += sorted(missing.intersection(group.image_ids) - group.changed)
            self.pending += len(pending)
            self.again.update(key for key in pending if key in group.known and group.known[key][0])
            wanted = frozenset(pending) if self.chosen is None else chosen.intersection(pending)
            if wanted:
                yield from self._items_of(group, wanted)

    def notes(self) -> tuple[str, ...]:
        """What the user should know; complete once ``items`` has ended."""
        again = "done again" if self.chosen is None else "left for the next run"
        told = {
            f"changed since done, {again}": self.compared.changed,
            f"lacking result files, {again}": self._missing,
            "gone, with their results kept": self.gone(),
        }
        return (
            *self.compared.stream.sentences(),
            *(
                f"{what}: {counted(len(ids), 'target')}, such as {ids[0]}"
                for what, ids in told.items()
                if ids
            ),
        )

    def _items_of(self, group: Compared, wanted: frozenset[str]) -> Iterator[WorkItem]:
        taken: dict[str, str] = {}
        ledger = self.compared.ledger
        if ledger is not None and group.known:
            for images in group.folders:
                taken |= ledger.names_in(images.relative)
        unusual = unusual_names(group.image_ids, taken)
        for images in group.folders:
            for image_id, file_name in zip(images.image_ids(), images.names, strict=True):
                if image_id in wanted:
                    usual = unusual.get(image_id) or usual_name(image_id)
                    size, tag = images.stamps.get(file_name, (None, None))
                    name = taken.get(image_id, usual)
                    yield WorkItem(image_id, self.place / image_id, name, size, tag)
