"""What is still to be done, streamed: the list of targets against the ledger, folder by folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from maskcast.io.listing import ImageFolder, ImageStream
from maskcast.io.output_names import unusual_names, usual_name
from maskcast.io.storage import Place
from maskcast.runs.ledger import Ledger
from maskcast.runs.pipeline import WorkItem


class PendingTargets:
    """The targets that a ledger does not hold as done; holds one folder's names at a time.

    Attributes:
        place: where they are.
        listed: targets seen so far; all of them once ``items`` has ended.
        pending: of these, how many are to be done.
    """

    def __init__(self, stream: ImageStream, place: Place, ledger: Ledger) -> None:
        self.place = place
        self.listed = 0
        self.pending = 0
        self._stream = stream
        self._ledger = ledger
        self._changed = 0
        self._first_changed = ""

    def items(self) -> Iterator[WorkItem]:
        """Folder by folder, ascending by name in each."""
        is_new = not self._ledger.counts().done
        for group in self._stream.groups():
            done: dict[str, int | None] = {}
            for images in group if not is_new else ():
                done |= self._ledger.done_in(images.relative)
            image_ids = [image_id for images in group for image_id in images.image_ids()]
            pending = sum(image_id not in done for image_id in image_ids)
            self.listed += len(image_ids)
            self.pending += pending
            self._compare(group, done)
            if pending:
                yield from self._items_of(group, image_ids, done)

    def notes(self) -> tuple[str, ...]:
        """What the user should know; complete once ``items`` has ended."""
        notes = self._stream.sentences()
        if self._changed:
            changed = (
                f"{self._changed} targets changed since they were done (first: "
                f"{self._first_changed}); their results are kept, --fresh does them again"
            )
            notes = (*notes, changed)
        return notes

    def _items_of(
        self, group: list[ImageFolder], image_ids: list[str], done: dict[str, int | None]
    ) -> Iterator[WorkItem]:
        taken: dict[str, str] = {}
        for images in group if done else ():
            taken |= self._ledger.names_in(images.relative)
        unusual = unusual_names(image_ids, taken)
        for images in group:
            for image_id, file_name in zip(images.image_ids(), images.names, strict=True):
                if image_id not in done:
                    name = unusual.get(image_id) or usual_name(image_id)
                    size = images.sizes.get(file_name)
                    yield WorkItem(image_id, self.place / image_id, name, size)

    def _compare(self, group: list[ImageFolder], done: dict[str, int | None]) -> None:
        """Count the files that have another size than when they were done."""
        for images in group if done else ():
            for image_id, file_name in zip(images.image_ids(), images.names, strict=True):
                if image_id in done and self._has_changed(
                    image_id, images.sizes.get(file_name), done[image_id]
                ):
                    self._first_changed = self._first_changed or image_id
                    self._changed += 1

    def _has_changed(self, image_id: str, listed: int | None, size_when_done: int | None) -> bool:
        if isinstance(self.place, Path):
            return _size(self.place / image_id) != size_when_done
        return listed is not None and listed != size_when_done


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
