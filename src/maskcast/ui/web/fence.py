"""What may leave the machine: files that really lie in a folder of the project, and no places."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from maskcast.project.folder import ProjectFolder


class Fence:
    """Admits files below a folder, links resolved; the folder itself may be a link."""

    def __init__(self, root: Path) -> None:
        """Admit what is below ``root``."""
        self._root = root.resolve()
        self._is_inside = lru_cache(maxsize=4096)(self._resolves_inside)

    def admits(self, path: Path) -> bool:
        """Whether ``path`` is a file, and neither it nor a folder above leads out of the fence."""
        return path.is_file() and self.encloses(path)

    def encloses(self, path: Path) -> bool:
        """Whether neither ``path`` nor a folder above leads out; it need not exist."""
        if path.is_symlink():
            return self._resolves_inside(path)
        return self._is_inside(path.parent)

    def _resolves_inside(self, path: Path) -> bool:
        try:
            return path.resolve().is_relative_to(self._root)
        except (OSError, RuntimeError):  # links in a circle
            return False


def without_places(sentence: str, project: ProjectFolder) -> str:
    """A sentence without where the project is, here or in a store; that is nothing to a browser."""
    places = (project.references_place, project.targets_place, project.output_place)
    for place in sorted((*places, project.root), key=lambda place: -len(str(place))):
        if not isinstance(place, Path) or place.is_absolute():
            sentence = sentence.replace(str(place), place.name)
    return sentence
