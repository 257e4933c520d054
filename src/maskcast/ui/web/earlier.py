"""What running again changed: the results before the last renewal, beside those that are there."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Final

from maskcast.project.folder import ProjectFolder
from maskcast.runs.copies import opened_ledger
from maskcast.runs.differences import CHANGES_NAME, ChangedTarget, changed_targets, read_changes
from maskcast.runs.generations import earlier_results
from maskcast.runs.ledger import Ledger
from maskcast.ui.turns import Turns
from maskcast.ui.web.pictures import TargetPictures, shown_as, shown_run

_MOST_SHOWN: Final = 200


@dataclass(frozen=True)
class Renewed:
    """What the last renewal came to.

    Attributes:
        targets: that changed in any pixel.
        newly_empty: of these, where nothing is found any more.
    """

    targets: int
    newly_empty: int


def renewed(project: ProjectFolder, ledger: Ledger) -> Renewed | None:
    """What the results that are there changed; None if none were before or nobody wrote it down."""
    changed = _changed(project, ledger)
    if changed is None:
        return None
    return Renewed(len(changed), sum(target.is_newly_empty for target in changed))


def _changed(project: ProjectFolder, ledger: Ledger) -> list[ChangedTarget] | None:
    if earlier_results(project, ledger) is None:
        return None
    changes = read_changes(project.output_folder / CHANGES_NAME)
    return None if changes is None else changed_targets(changes, ledger)


class EarlierPictures:
    """Lists what changed, and shows how it looked before; safe to use from any thread."""

    def __init__(self, project: ProjectFolder, turns: Turns) -> None:
        """Nothing is read yet; decoding waits for its turn."""
        self._project = project
        self._turns = turns
        self._lock = threading.Lock()
        self._shown: tuple[str, TargetPictures | None] = ("", None)

    def list_changed(self) -> list[dict[str, Any]]:
        """The targets that changed most, each with what its pictures are called then and now."""
        with opened_ledger(self._project) as ledger:
            changed = None if ledger is None else _changed(self._project, ledger)
            if ledger is None or not changed:
                return []
            run = shown_run(ledger)
            shown = changed[:_MOST_SHOWN]
            rows = {target.image_id: ledger.row(target.image_id) for target in shown}
        return [
            {
                "id": target.image_id,
                "shows": "" if (row := rows[target.image_id]) is None else shown_as(row, run),
                "gained": target.gained,
                "lost": target.lost,
                "newly_empty": target.is_newly_empty,
            }
            for target in shown
        ]

    def thumbnail(self, image_id: str) -> bytes | None:
        """How a target looked before, a small JPEG; None if there is nothing to be shown."""
        pictures = self._pictures()
        return None if pictures is None else pictures.thumbnail(image_id)

    def _pictures(self) -> TargetPictures | None:
        with opened_ledger(self._project) as ledger:
            if ledger is None:
                return None
            run, earlier = shown_run(ledger), earlier_results(self._project, ledger)
        with self._lock:
            if self._shown[0] != run:
                pictures = None if earlier is None else TargetPictures(earlier, self._turns)
                self._shown = run, pictures
            return self._shown[1]
