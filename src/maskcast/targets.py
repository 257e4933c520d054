"""Finding images in a folder, and the names of their results."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from maskcast.images import is_image_name
from maskcast.types import Target

_NOTHING_TAKEN: Mapping[str, str] = MappingProxyType({})
_APPLE_DOUBLE = b"\x00\x05\x16\x07"


@dataclass(frozen=True)
class FoundImages:
    """The images in a folder.

    Attributes:
        targets: ascending by image id in code-point order.
        skipped: sentences for the user about what was left out; empty if nothing was.
    """

    targets: tuple[Target, ...]
    skipped: tuple[str, ...]


def find_images(folder: Path, exclude: Sequence[Path] = ()) -> FoundImages:
    """List the images in ``folder`` at any depth, told by their suffix in any case.

    Links to folders are followed, each folder is listed once: under its own name rather than
    that of a link, so that loops end and no image comes twice. Broken links and unreadable files
    with an image's name are listed, because reading them tells the user why they fail.

    Args:
        folder: where to look.
        exclude: folders in it that are left out, such as the output folder.

    Returns:
        The images, and sentences about folders that could not be listed and other files.
    """
    search = _Search(folder, {_identity(path) for path in exclude} - {None})
    search.walk()
    return FoundImages(
        tuple(sorted(search.targets, key=lambda target: target.image_id)), search.sentences()
    )


def output_names(
    image_ids: Iterable[str], taken: Mapping[str, str] = _NOTHING_TAKEN
) -> dict[str, str]:
    """The name of each image's results: its path without suffix, or with it where that is unique.

    Images whose names would collide keep their suffix (``a.jpg``, ``a.png``); where even that
    collides, ``~2`` and so on is added in code-point order of the image ids. Names that differ
    only in case or in Unicode normalisation collide too, because results are moved to file
    systems that cannot tell them apart.

    Args:
        image_ids: POSIX paths; their order has no influence on the names.
        taken: image id -> name given earlier, which is kept and never given to another image.

    Returns:
        Image id -> name, a POSIX path, in the order of ``image_ids``.
    """
    wanted = list(image_ids)
    fresh = sorted({image_id for image_id in wanted if image_id not in taken})
    names = {image_id: _without_suffix(image_id) for image_id in fresh}
    reserved = Counter(map(_fold, taken.values()))
    while True:
        uses = reserved + Counter(map(_fold, names.values()))
        colliding = [
            image_id
            for image_id, name in names.items()
            if uses[_fold(name)] > 1 and name != image_id
        ]
        if not colliding:
            break
        names |= {image_id: image_id for image_id in colliding}
    _number_duplicates(names, set(reserved))
    return {image_id: taken.get(image_id) or names[image_id] for image_id in wanted}


def _without_suffix(image_id: str) -> str:
    suffix = PurePosixPath(image_id).suffix
    name = image_id.removesuffix(suffix)
    # "...png" without its suffix would point out of the output folder.
    return image_id if name.rpartition("/")[2] in {"", ".", ".."} else name


def _number_duplicates(names: dict[str, str], used: set[str]) -> None:
    """Add a number to each name that is used already, by ``used`` or by an image before."""
    claimed = used | {_fold(name) for name in names.values()}
    for image_id, name in names.items():
        if _fold(name) in used:
            numbered = (f"{name}~{number}" for number in count(2))
            names[image_id] = next(one for one in numbered if _fold(one) not in claimed)
        used.add(_fold(names[image_id]))
        claimed.add(_fold(names[image_id]))


def _fold(name: str) -> str:
    """The same for names that some file system takes for one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


_FolderId = tuple[int, int]


def _identity(path: Path) -> _FolderId | None:
    """What two paths to the same folder have in common; None if there is no such folder."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


@dataclass
class _Search:
    """One walk through a folder."""

    root: Path
    excluded: set[_FolderId | None]
    targets: list[Target] = field(default_factory=list)
    listed: set[_FolderId | None] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    other_files: int = 0
    not_unicode: list[str] = field(default_factory=list)

    def walk(self) -> None:
        """Fill in the results, links to folders after all folders."""
        links = self._walk_below(self.root, "")
        while links:
            relative, path = links.pop(0)
            identity = _identity(path)
            if identity in self.listed:
                self.notes.append(f"{path} is a link to a folder that is listed already")
            elif identity not in self.excluded:
                links += self._walk_below(path, relative)

    def sentences(self) -> tuple[str, ...]:
        """What was left out."""
        sentences = list(self.notes)
        if self.not_unicode:
            sentences.append(
                f"{len(self.not_unicode)} files in {self.root} have names that are not valid "
                f"Unicode (first: {self.not_unicode[0]!a}); rename them"
            )
        if self.other_files:
            one, more = "file is not an image and is", "files are not images and are"
            what = one if self.other_files == 1 else more
            sentences.append(f"{self.other_files} {what} left out of {self.root}")
        return tuple(sentences)

    def _walk_below(self, top: Path, relative_top: str) -> list[tuple[str, Path]]:
        """List a folder and those below it; returns the links to folders that were met."""
        folders, links = [(relative_top, top)], []
        while folders:
            relative, path = folders.pop()
            self.listed.add(_identity(path))
            for entry in self._entries(path):
                inner = f"{relative}/{entry.name}" if relative else entry.name
                if not _is_folder(entry):
                    self._add_file(inner, Path(entry.path))
                elif entry.is_symlink():
                    links.append((inner, Path(entry.path)))
                elif _identity(Path(entry.path)) not in self.excluded | self.listed:
                    folders.append((inner, Path(entry.path)))
        return sorted(links)

    def _entries(self, path: Path) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(path) as entries:
                return list(entries)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            self.notes.append(f"the folder {path} cannot be listed ({reason})")
            return []

    def _add_file(self, image_id: str, path: Path) -> None:
        if not is_image_name(path.name) or _is_apple_double(path):
            self.other_files += 1
        elif not _is_unicode(image_id):
            self.not_unicode.append(image_id)
        else:
            self.targets.append(Target(image_id, path))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _is_apple_double(path: Path) -> bool:
    """Whether this is what macOS leaves beside ``a.png`` as ``._a.png`` on foreign disks."""
    if not path.name.startswith("._"):
        return False
    try:
        with path.open("rb") as file:
            return file.read(4) == _APPLE_DOUBLE
    except OSError:
        return False


def _is_unicode(name: str) -> bool:
    """False for names whose bytes are not UTF-8, which no JSON or database can hold."""
    return not any("\ud800" <= character <= "\udfff" for character in name)
