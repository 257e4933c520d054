"""The list of targets against the ledger: which are known, changed, gone.

A target that was replaced keeps its name, and often its size, as every BMP of one camera has. So
the ledger keeps bytes, time of change and a digest of each target that was masked. Where bytes and
time are the same it is taken for unchanged; the digest decides only where they are not. In stores
the place of the time is taken by what the store tells of an object's content.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from maskcast.io.digests import digest_of_file
from maskcast.io.listing import ImageFolder, ImageStream, Stamp
from maskcast.io.storage import Place
from maskcast.runs.ledger import Known, Ledger

_UNKNOWN: Stamp = (None, None)


@dataclass(frozen=True)
class Compared:
    """Folders whose results could collide, beside what the ledger knows of their targets.

    Attributes:
        folders: nearly always a single one.
        image_ids: of the targets in them.
        known: image id -> what the ledger holds; also of targets that are gone.
        changed: of those that are done, which are another picture now.
    """

    folders: list[ImageFolder]
    image_ids: list[str]
    known: dict[str, Known]
    changed: frozenset[str]

    def is_done(self, image_id: str) -> bool:
        """Whether a target is done as it is now."""
        known = self.known.get(image_id)
        return known is not None and known[0] and image_id not in self.changed


@dataclass
class TargetList:
    """The targets, streamed folder by folder, each against the ledger.

    Attributes:
        stream: lists them.
        place: where they are.
        ledger: open to be read; None = there is none yet.
        listed: targets seen so far; all of them once ``groups`` has ended.
        changed: image ids of those done that are other pictures now.
        touched: image id -> new bytes and tag of those whose content is the same all the same.
        missed: image ids that the ledger holds in folders seen so far, and that are not there.
    """

    stream: ImageStream
    place: Place
    ledger: Ledger | None
    listed: int = 0
    changed: list[str] = field(default_factory=list)
    touched: dict[str, Stamp] = field(default_factory=dict)
    missed: list[str] = field(default_factory=list)
    _known_before: int = 0
    _known_and_listed: int = 0
    _folders: set[str] = field(default_factory=set)

    def groups(self) -> Iterator[Compared]:
        """What can be decided together, ascending by name."""
        self._known_before = 0 if self.ledger is None else self.ledger.size()
        for folders in self.stream.groups():
            known: dict[str, Known] = {}
            changed: list[str] = []
            for images in folders:
                inside = self._known_in(images)
                changed += self._changed_in(images, inside)
                known |= inside
            image_ids = [image_id for images in folders for image_id in images.image_ids()]
            self.listed += len(image_ids)
            self.changed += changed
            yield Compared(folders, image_ids, known, frozenset(changed))

    def gone(self) -> list[str]:
        """Image ids, ascending, that the ledger holds and the list does not.

        Ask once ``groups`` has ended. Those in a folder that could not be listed are not gone.
        """
        if self.ledger is None or self._known_before == self._known_and_listed:
            return []
        elsewhere = (
            image_id
            for image_id in self.ledger.image_ids()
            if image_id.rpartition("/")[0] not in self._folders
        )
        missed = sorted([*self.missed, *elsewhere])
        return [image_id for image_id in missed if not self.stream.hides(image_id)]

    def _known_in(self, images: ImageFolder) -> dict[str, Known]:
        self._folders.add(images.relative)
        if self.ledger is None or not self._known_before:
            return {}
        known = self.ledger.known_in(images.relative)
        missed = known.keys() - set(images.image_ids()) if known else ()
        self.missed += missed
        self._known_and_listed += len(known) - len(missed)
        return known

    def _changed_in(self, images: ImageFolder, known: dict[str, Known]) -> Iterator[str]:
        for image_id, name in zip(images.image_ids(), images.names, strict=True) if known else ():
            if image_id in known:
                is_done, size, tag = known[image_id]
                now = self._stamp(images, image_id, name)
                before = size, tag
                if is_done and now != before and self._has_changed(image_id, before, now):
                    yield image_id

    def _stamp(self, images: ImageFolder, image_id: str, name: str) -> Stamp:
        if isinstance(self.place, Path):
            return stamp_of(f"{self.place}/{image_id}")
        return images.stamps.get(name, _UNKNOWN)

    def _has_changed(self, image_id: str, before: Stamp, now: Stamp) -> bool:
        """Whether a target with another stamp than before is another picture."""
        (size, tag), (size_now, tag_now) = before, now
        if None not in {size, size_now} and size != size_now:
            return True
        if tag_now is None:  # nothing can be told without reading
            return False
        # The ledgers of 0.1 know bytes only; what was masked then is taken for unchanged.
        if tag is None or self._has_the_same_bytes(image_id):
            self.touched[image_id] = now
            return False
        return True

    def _has_the_same_bytes(self, image_id: str) -> bool:
        row = None if self.ledger is None else self.ledger.row(image_id)
        try:
            return row is not None and digest_of_file(self.place / image_id) == row.digest
        except OSError:  # masking it will tell why
            return False


def stamp_of(path: str | Path) -> Stamp:
    """Bytes and time of the last change of a file; (None, None) if it cannot be looked at."""
    try:
        status = os.stat(path)  # noqa: PTH116 (a Path for each of a million takes seconds)
    except OSError:
        return _UNKNOWN
    return status.st_size, status.st_mtime_ns
