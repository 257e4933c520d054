"""Finding images in a folder."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TypeVar

from maskcast.errors import SettingsError, StorageError
from maskcast.io.images import is_image_name, is_unread_picture
from maskcast.io.output_names import fold
from maskcast.io.storage import Entry, Place, Tag, Url
from maskcast.types import Target

Stamp = tuple[int | None, Tag]
"""Bytes and tag of a file, by which a changed one is noticed; see ``storage.Tag``."""

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


def find_images(folder: Path, exclude: Sequence[Path] = (), mark: str = "") -> FoundImages:
    """List the images in ``folder`` at any depth, told by their suffix in any case.

    Links to folders are followed, each folder is listed once: under its own name rather than
    that of a link, so that loops end and no image comes twice. Broken links and unreadable files
    with an image's name are listed, because reading them tells the user why they fail.

    Args:
        folder: where to look.
        exclude: folders in it that are left out, such as the output folder.
        mark: see ``ImageStream``.

    Returns:
        The images, and sentences about folders that could not be listed and other files.
    """
    stream = ImageStream(folder, exclude, mark)
    targets = [
        Target(image_id, folder / image_id)
        for group in stream.groups()
        for images in group
        for image_id in images.image_ids()
    ]
    return FoundImages(
        tuple(sorted(targets, key=lambda target: target.image_id)), stream.sentences()
    )


@dataclass(frozen=True)
class ImageFolder:
    """The images of one folder, without those of its folders.

    Attributes:
        relative: POSIX path relative to where the search began; empty for that itself.
        names: file names, ascending.
        stamps: name -> bytes and tag, where the listing tells.
    """

    relative: str
    names: Sequence[str]
    stamps: Mapping[str, Stamp]

    def image_ids(self) -> Iterator[str]:
        """Ascending."""
        prefix = f"{self.relative}/" if self.relative else ""
        return (prefix + name for name in self.names)


class ImageStream:
    """Lists a folder or a place in a store, folder by folder, for lists too long to hold.

    Names of results can only collide within a folder (or two whose names differ only in case or
    Unicode normalisation), so a folder is the least that can be handed on.
    """

    def __init__(self, place: Place, exclude: Sequence[Place] = (), mark: str = "") -> None:
        """List ``place``.

        Args:
            place: a folder, here or in a store.
            exclude: folders in it that are left out.
            mark: folders below it that hold a file of this name are left out; empty = none are.
        """
        here = [path for path in exclude if isinstance(path, Path)]
        self._search: _Search | _StoreSearch = (
            _Search(place, {_identity(path) for path in here} - {None}, mark)
            if isinstance(place, Path)
            else _StoreSearch(place, frozenset(map(str, exclude)), mark)
        )

    def groups(self) -> Iterator[list[ImageFolder]]:
        """Folders whose results could collide, together; nearly always a single one."""
        return self._search.groups()

    def sentences(self) -> tuple[str, ...]:
        """What was left out, for the user; complete once ``groups`` has ended."""
        return self._search.sentences()

    def hides(self, image_id: str) -> bool:
        """Whether an image may be in a folder that could not be listed; ask at the end, too."""
        return any(image_id.startswith(folder) for folder in self._search.report.unlisted)


_FolderId = tuple[int, int]


def _identity(path: Path) -> _FolderId | None:
    """What two paths to the same folder have in common; None if there is no such folder."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


@dataclass
class _Report:
    """What a search leaves out."""

    notes: list[str] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)
    other_files: int = 0
    unread: list[str] = field(default_factory=list)
    not_unicode: list[str] = field(default_factory=list)
    not_files: list[str] = field(default_factory=list)

    def cannot_list(self, folder: Place, relative: str, reason: str) -> None:
        """Note a folder that is left out."""
        self.notes.append(f"the folder {folder} cannot be listed ({reason})")
        self.unlisted.append(f"{relative}/" if relative else "")

    def leave_out(self, name: str) -> None:
        """Note a file that does not have the name of a picture that is read."""
        if is_unread_picture(name):
            self.unread.append(name)
        else:
            self.other_files += 1

    def sentences(self, root: Place) -> tuple[str, ...]:
        """For the user."""
        sentences = list(self.notes)
        if self.unread:
            kinds = Counter(PurePosixPath(name).suffix.lower() for name in self.unread)
            told = ", ".join(f"{count} {suffix}" for suffix, count in sorted(kinds.items()))
            what = "picture is" if len(self.unread) == 1 else "pictures are"
            sentences.append(
                f"{len(self.unread)} {what} of a kind that is not read ({told}; first: "
                f"{self.unread[0]}) and left out of {root}; save them as PNG or TIFF"
            )
        if self.not_unicode:
            sentences.append(
                f"{len(self.not_unicode)} files in {root} have names that are not valid "
                f"Unicode (first: {self.not_unicode[0]!a}); rename them"
            )
        if self.not_files:
            sentences.append(
                f"{len(self.not_files)} names in {root} cannot be those of files (first: "
                f"{self.not_files[0]!a}) and are left out; rename them"
            )
        if self.other_files:
            single, more = "file is not an image and is", "files are not images and are"
            what = single if self.other_files == 1 else more
            sentences.append(f"{self.other_files} {what} left out of {root}")
        return tuple(sentences)


@dataclass
class _Search:
    """One walk through a folder of this machine."""

    root: Path
    excluded: set[_FolderId | None]
    mark: str
    listed: set[_FolderId | None] = field(default_factory=set)
    report: _Report = field(default_factory=_Report)

    def sentences(self) -> tuple[str, ...]:
        """What was left out."""
        return self.report.sentences(self.root)

    def groups(self) -> Iterator[list[ImageFolder]]:
        """See ``ImageStream``; links to folders come after all folders."""
        links: list[tuple[str, Path]] = []
        yield from self._walk_below(self.root, "", links)
        while links:
            relative, path = links.pop(0)
            identity = _identity(path)
            if identity in self.listed:
                self.report.notes.append(f"{path} is a link to a folder that is listed already")
            elif identity not in self.excluded:
                yield from self._walk_below(path, relative, links)

    def _walk_below(
        self, top: Path, relative_top: str, links: list[tuple[str, Path]]
    ) -> Iterator[list[ImageFolder]]:
        """List a folder and those below it; adds to ``links`` the links to folders met."""
        folders, met = [(relative_top, top)], []
        while folders:
            relative, path = folders.pop()
            self.listed.add(_identity(path))
            if relative and self.mark and (path / self.mark).exists():
                continue
            names: list[str] = []
            inside: list[tuple[str, Path]] = []
            for entry in self._entries(path, relative):
                inner = f"{relative}/{entry.name}" if relative else entry.name
                if not _is_folder(entry):
                    if self._is_image(entry, inner):
                        names.append(entry.name)
                elif entry.is_symlink():
                    met.append((inner, Path(entry.path)))
                else:
                    inside.append((inner, Path(entry.path)))
            yield [ImageFolder(relative, sorted(names), {})]
            alone, clashing = _by_clash(self._unlisted(inside))
            for clash in clashing:
                found: list[tuple[str, Path]] = []
                yield [
                    images
                    for inner, below in clash
                    for group in self._walk_below(below, inner, found)
                    for images in group
                ]
                met += found
            folders += sorted(alone, reverse=True)
        links += sorted(met)

    def _unlisted(self, folders: Iterable[tuple[str, Path]]) -> list[tuple[str, Path]]:
        done = self.excluded | self.listed if self.excluded else self.listed
        return [folder for folder in folders if _identity(folder[1]) not in done]

    def _entries(self, path: Path, relative: str) -> Iterator[os.DirEntry[str]]:
        try:
            with os.scandir(path) as entries:
                yield from entries
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            self.report.cannot_list(path, relative, reason)

    def _is_image(self, entry: os.DirEntry[str], image_id: str) -> bool:
        if not is_image_name(entry.name):
            self.report.leave_out(image_id)
        elif _is_apple_double(entry):
            self.report.other_files += 1
        elif not _is_unicode(image_id):
            self.report.not_unicode.append(image_id)
        else:
            return True
        return False


@dataclass
class _StoreSearch:
    """One walk through a place in a store."""

    root: Url
    excluded: frozenset[str]
    mark: str
    report: _Report = field(default_factory=_Report)

    def sentences(self) -> tuple[str, ...]:
        """What was left out."""
        return self.report.sentences(self.root)

    def groups(self) -> Iterator[list[ImageFolder]]:
        """See ``ImageStream``.

        Raises:
            SettingsError: if there is nothing at the place; stores know no empty folders.
            StorageError: if the store cannot be reached.
        """
        return self._walk_below("", self.root)

    def _walk_below(self, relative_top: str, top: Url) -> Iterator[list[ImageFolder]]:
        folders = [(relative_top, top)]
        while folders:
            relative, url = folders.pop()
            names: list[str] = []
            stamps: dict[str, Stamp] = {}
            inside: list[tuple[str, Url]] = []
            is_marked = False
            for entry in self._entries(url, relative):
                name = entry.url.name
                is_marked |= bool(relative and self.mark) and name == self.mark
                if not _is_file_name(name):
                    self.report.not_files.append(str(entry.url))
                elif entry.is_folder:
                    if str(entry.url) not in self.excluded:
                        inside.append((f"{relative}/{name}" if relative else name, entry.url))
                elif is_image_name(name):
                    names.append(name)
                    stamps[name] = entry.size, entry.tag
                else:
                    self.report.leave_out(f"{relative}/{name}" if relative else name)
            if is_marked:
                continue
            yield [ImageFolder(relative, sorted(names), stamps)]
            alone, clashing = _by_clash(inside)
            for clash in clashing:
                yield [
                    images
                    for inner, below in clash
                    for group in self._walk_below(inner, below)
                    for images in group
                ]
            folders += sorted(alone, key=lambda entry: entry[0], reverse=True)

    def _entries(self, url: Url, relative: str) -> Iterator[Entry]:
        """What is in a folder; one that may not be seen is reported, as on a disk."""
        is_empty = True
        try:
            for entry in url.entries():
                is_empty = False
                yield entry
        except OSError as error:
            if isinstance(error, PermissionError) and url != self.root:
                self.report.cannot_list(url, relative, str(error))
                return
            raise StorageError(
                f"the folder {url} cannot be listed ({error}); check credentials and connection"
            ) from error
        if is_empty and url == self.root:
            raise SettingsError(f"there is nothing at {url}; correct it or put images there")


_Folder = TypeVar("_Folder", Path, Url)


def _by_clash(
    folders: Sequence[tuple[str, _Folder]],
) -> tuple[list[tuple[str, _Folder]], list[list[tuple[str, _Folder]]]]:
    """Folders with a name of their own, and groups whose names some file system takes for one."""
    by_name: dict[str, list[tuple[str, _Folder]]] = {}
    for folder in folders:
        by_name.setdefault(fold(folder[0]), []).append(folder)
    alone = [entry for group in by_name.values() if len(group) == 1 for entry in group]
    return alone, [sorted(group) for group in by_name.values() if len(group) > 1]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _is_apple_double(entry: os.DirEntry[str]) -> bool:
    """Whether this is what macOS leaves beside ``a.png`` as ``._a.png`` on foreign disks."""
    if not entry.name.startswith("._"):
        return False
    try:
        with Path(entry.path).open("rb") as file:
            return file.read(4) == _APPLE_DOUBLE
    except OSError:
        return False


def _is_file_name(name: str) -> bool:
    """Whether a name that a store tells is one part of a path on every machine.

    Stores hold names such as ``..``, which would lead out of the output folder.
    """
    return name not in {"", ".", ".."} and not set(name) & {"/", "\\", "\0"}


def _is_unicode(name: str) -> bool:
    """False for names whose bytes are not UTF-8, which no JSON or database can hold."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
