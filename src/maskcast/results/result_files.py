"""The files of results, wherever a run put them: a folder, a store, or shards in either.

Whoever reads results asks ``ResultFiles`` and gets something to read, as a path is. Of a shard only
regular members are read, by the name that the ledger's row gives; nothing is ever unpacked.
"""

from __future__ import annotations

import os
import shutil
import tarfile
import threading
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import BinaryIO

from cachetools import LRUCache

from maskcast.errors import ImageError, StorageError
from maskcast.io.atomic import temporary_name
from maskcast.io.storage import Place, Readable, Url
from maskcast.runs.ledger_rows import TargetRow
from maskcast.runs.shards import FOLDER, member_name

_MOST_SHARDS = 64
"""Whose members are kept in mind."""

_MOST_MEMBERS = 100_000
"""Of these shards together, unless a single one has more; some 30 MB."""

_MOST_COPIES = 4
"""Of shards in a store, and so most of them in mind."""

_Extent = tuple[int, int]
"""Where the bytes of a member begin, and how many they are."""


class ResultFiles:
    """The files of the targets of one output; safe to use from any thread.

    Shards are read in place. One in a store is copied to a temporary folder first, of which the
    last few are kept: reading by image id, the order in which a run masks them, copies each once.
    """

    def __init__(self, output: Place) -> None:
        """Nothing is read yet."""
        self._output = output
        self._shards = _Shards()

    def id_mask(self, row: TargetRow, object_id: int) -> Readable:
        """The binary mask of an object, a PNG."""
        return self._file(row, f"id_masks/{row.name}/{object_id}.png")

    def overlay(self, row: TargetRow) -> Readable:
        """The overlay, a JPEG."""
        return self._file(row, f"overlays/{row.name}.jpg")

    def _file(self, row: TargetRow, path: str) -> Readable:
        if row.shard is None:
            return self._output / path
        shard = self._output / f"{FOLDER}/{row.shard}"
        return ShardMember(shard, member_name(row.name, path), self._shards)


@dataclass(frozen=True)
class ShardMember:
    """A file of a target in a shard.

    Attributes:
        shard: the tar.
        name: of the member.
    """

    shard: Place
    name: str
    _shards: _Shards = field(repr=False, compare=False)

    def __str__(self) -> str:
        return f"{self.name} in {self.shard}"

    def read_bytes(self) -> bytes:
        """The whole file.

        Raises:
            ImageError: if the shard is missing, or does not hold it.
        """
        return self._shards.read(self.shard, self.name)


def file_behind(found: Readable) -> Path | None:
    """The file of this machine that is opened to read ``found``; None if it is in a store."""
    opened = found.shard if isinstance(found, ShardMember) else found
    return opened if isinstance(opened, Path) else None


@dataclass(frozen=True)
class _Index:
    """What a shard holds.

    Attributes:
        file: the shard, or the copy of it here.
        is_copy: whether that goes when it is forgotten.
        stamp: tells whether the file is still the same one.
        members: name -> where it is.
    """

    file: Path
    is_copy: bool
    stamp: tuple[int, int]
    members: dict[str, _Extent]


class _Indices(LRUCache[Place, _Index]):
    """Of the shards read last: so many, and so many members together."""

    def __init__(self) -> None:
        super().__init__(_MOST_MEMBERS, getsizeof=_share)

    def popitem(self) -> tuple[Place, _Index]:
        """Forget the shard not read for longest."""
        shard, index = super().popitem()
        if index.is_copy:
            index.file.unlink(missing_ok=True)
        return shard, index


def _share(index: _Index) -> int:
    """What an index takes of all that is kept; a single large one may take all of it."""
    least = _MOST_MEMBERS // (_MOST_COPIES if index.is_copy else _MOST_SHARDS)
    return min(max(least, len(index.members)), _MOST_MEMBERS)


class _Shards:
    """Reads members of shards, with what the last few shards hold kept in mind."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._kept = _Indices()
        self._copies: Path | None = None

    def __reduce__(self) -> tuple[type[_Shards], tuple[()]]:
        return _Shards, ()  # results can be sent to other processes; what is kept stays here

    def read(self, shard: Place, name: str) -> bytes:
        """A whole member; see ``ShardMember.read_bytes``."""
        with self._turn:
            path = shard if isinstance(shard, Path) else self._copy(shard)
            if not path.is_file():
                raise _missing(shard)
            try:
                with path.open("rb") as file:
                    offset, size = self._members(shard, path, file).get(name, (0, -1))
                    file.seek(offset)
                    data = file.read(size) if size > 0 else b""
            except OSError as error:
                raise ImageError(f"{shard} cannot be read ({error.strerror or error})") from error
        if len(data) != size:
            raise ImageError(
                f"{shard} does not hold {name}: it is damaged or cut off; restore it, or move it "
                "away and do its targets again with maskcast run --shards"
            )
        return data

    def _members(self, shard: Place, path: Path, file: BinaryIO) -> dict[str, _Extent]:
        status = os.fstat(file.fileno())
        stamp = status.st_mtime_ns, status.st_size
        kept = self._kept.get(shard)
        if kept is None or kept.stamp != stamp:
            is_copy = not isinstance(shard, Path)
            kept = _Index(path, is_copy, stamp, dict(_extents(file, status.st_size)))
            self._kept[shard] = kept
        return kept.members

    def _copy(self, shard: Url) -> Path:
        """A copy here of a shard in a store."""
        kept = self._kept.get(shard)
        if kept is not None and kept.file.is_file():
            return kept.file
        if self._copies is None or not self._copies.is_dir():
            self._copies = Path(mkdtemp(prefix="maskcast-shards-"))
            weakref.finalize(self, shutil.rmtree, self._copies, ignore_errors=True)
        file = self._copies / temporary_name()
        try:
            if not shard.download(file):
                raise _missing(shard)
        except StorageError as error:
            file.unlink(missing_ok=True)
            raise ImageError(f"{shard} cannot be read ({error.__cause__ or error})") from error
        return file


def _missing(shard: Place) -> ImageError:
    return ImageError(
        f"the shard {shard} is missing; put it back, or do its targets again with maskcast run "
        "--shards"
    )


def _extents(file: BinaryIO, size: int) -> Iterator[tuple[str, _Extent]]:
    """The regular members of a tar, as far as it can be read; only their headers are.

    A member that would end beyond the file, or begin before one that came earlier, is the end: a
    tar can be made by anybody.
    """
    end = 0
    try:
        with tarfile.open(fileobj=file, mode="r:") as tar:
            while (member := tar.next()) is not None:
                tar.members.clear()  # type: ignore[attr-defined]  # or it keeps all of them
                begin, end = end, member.offset_data + member.size
                if member.size < 0 or member.offset < begin or end > size:
                    return
                if member.isreg() and not member.issparse():
                    yield member.name, (member.offset_data, member.size)
    except (tarfile.TarError, ValueError, OverflowError, RuntimeError):
        return
