"""Taking pictures of an annotated set into a project: which, and how they get there."""

from __future__ import annotations

import filecmp
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence, Set
from pathlib import Path

from maskcast.errors import ImageError, SettingsError
from maskcast.interchange.reading.left_out import Kind, MisfitError
from maskcast.io.atomic import raise_if_storage, write_atomically
from maskcast.io.listing import find_images


class PictureFolder:
    """A folder from which pictures are taken into the references folder, under the same paths."""

    def __init__(self, folder: Path | None, references: Mapping[str, Path]) -> None:
        """Know the pictures of ``folder``, and those that are references already.

        Args:
            folder: None if nothing is to be taken.
            references: image id -> file.

        Raises:
            SettingsError: if there is no such folder.
        """
        if folder is not None and not folder.is_dir():
            raise SettingsError(f"the folder {folder} does not exist; correct --take-images")
        found = () if folder is None else find_images(folder).targets
        self._references = references
        self._pictures = {target.image_id: target.path for target in found}

    @property
    def paths(self) -> dict[str, Path]:
        """Image id -> file of references and of pictures that may become some."""
        return {**self._pictures, **self._references}

    def is_new(self, image_id: str) -> bool:
        """Whether a picture is still to be taken."""
        return image_id not in self._references

    def check(self, image_id: str) -> None:
        """Raise ``MisfitError`` if the reference of a name is not the picture of that name."""
        here, there = self._references.get(image_id), self._pictures.get(image_id)
        if here is None or there is None or filecmp.cmp(here, there, shallow=False):
            return
        raise MisfitError(
            Kind.OTHER_PICTURE,
            image_id,
            f"{here} is another picture than {there}; rename one of them",
        )

    def take(self, image_ids: Sequence[str], folder: Path) -> int:
        """Copy those that are new into the references folder; returns how many.

        Raises:
            StorageError: if the disk is full or the folder cannot be written.
            ImageError: if a picture cannot be copied otherwise.
        """
        new = [image_id for image_id in image_ids if self.is_new(image_id)]
        for image_id in new:
            try:
                write_atomically(folder / image_id, self._pictures[image_id].read_bytes())
            except OSError as error:
                raise_if_storage(error, folder)
                raise ImageError(
                    f"{self._pictures[image_id]} cannot be copied into {folder} ({error}); "
                    "correct that"
                ) from error
        return len(new)


def spread(shown: Mapping[str, Set[Hashable]], taken: Sequence[str]) -> Iterator[str]:
    """Pictures in an order that shows every class early: each next one has most of what was rare.

    Args:
        shown: image id -> the classes on it; pictures without any are not offered.
        taken: pictures that are there already and so count.
    """
    counts: Counter[Hashable] = Counter(key for image_id in taken for key in shown[image_id])
    waiting = {key: classes for key, classes in sorted(shown.items()) if classes}
    for image_id in taken:
        waiting.pop(image_id, None)
    while waiting:
        best = max(waiting, key=lambda key: sum(1 / (1 + counts[name]) for name in waiting[key]))
        counts.update(waiting.pop(best))
        yield best
