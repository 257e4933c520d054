"""Which files may leave the machine: those that really lie in one of the project's folders."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path


class Fence:
    """Admits files below a folder, links resolved; the folder itself may be a link."""

    def __init__(self, root: Path) -> None:
        """Admit what is below ``root``."""
        self._root = root.resolve()
        self._is_inside = lru_cache(maxsize=4096)(self._resolves_inside)

    def admits(self, path: Path) -> bool:
        """Whether ``path`` is a file, and neither it nor a folder above leads out of the fence."""
        if path.is_symlink():
            return path.is_file() and self._resolves_inside(path)
        return path.is_file() and self._is_inside(path.parent)

    def _resolves_inside(self, path: Path) -> bool:
        try:
            return path.resolve().is_relative_to(self._root)
        except OSError:  # links in a circle
            return False
