"""Pictures that come by upload: bounded, checked, never in the place of another.

The bytes go straight into the folder they are meant for, under a temporary name that nothing
lists; only a picture that decodes gets its own name, and only one that is free.
"""

from __future__ import annotations

import errno
import hashlib
import os
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path, PurePosixPath
from typing import IO, Final

import anyio
import anyio.to_thread

from maskcast.errors import ImageError, UploadError
from maskcast.io.atomic import raise_if_storage
from maskcast.io.rasters import read_raster
from maskcast.io.read_options import ReadOptions
from maskcast.io.sizes import pixels_in
from maskcast.ui.turns import Turns
from maskcast.ui.web.spool import spooled
from maskcast.ui.web.upload_names import clean_name

_COUNTED_FOR: Final = 60.0
_COUNTING_SHARE: Final = 30


@dataclass(frozen=True)
class UploadLimits:
    """What one server takes.

    Attributes:
        file_bytes: of one picture.
        files: pictures in a folder, those included that were there before.
    """

    file_bytes: int = 1_000_000_000
    files: int = 100_000


@dataclass(frozen=True)
class Uploaded:
    """Where an upload went.

    Attributes:
        image_id: POSIX path relative to the folder.
        is_new: False if the very same picture was there under this name already.
        wanted: the name that it would have got, had no other picture been called so.
    """

    image_id: str
    is_new: bool
    wanted: str


class UploadFolder:
    """A folder that takes pictures; for one event loop.

    Attributes:
        waiting: pictures that are here whole and are looked at, or wait for their turn.
    """

    def __init__(
        self, folder: Path, limits: UploadLimits, options: ReadOptions, turns: Turns
    ) -> None:
        """Take pictures into ``folder``, which is made if it is missing.

        Args:
            folder: where to.
            limits: what is taken.
            options: how the pictures are going to be read.
            turns: for decoding.
        """
        self.waiting = 0
        self._folder = folder
        self._limits = limits
        self._options = options
        self._turns = turns
        self._files = _FileCount(folder, limits.files)

    async def receive(
        self, chunks: AsyncIterator[bytes], name: str, decoding: anyio.CapacityLimiter
    ) -> Uploaded:
        """Store a picture.

        Args:
            chunks: its bytes.
            name: as the browser calls it.
            decoding: of threads that decode.

        Raises:
            UploadError: if the name, the size or the count is out of bounds, or it does not decode.
            StorageError: if the disk is full or the folder cannot be written.
        """
        wanted = PurePosixPath(clean_name(name))
        run = anyio.to_thread.run_sync
        try:
            parent = await run(_prepare, self._folder, wanted)
            await run(self._files.check)
            with spooled(parent) as (temporary, file):
                content = await _store(chunks, file, self._limits.file_bytes)
                self.waiting += 1
                try:
                    await run(self._check_picture, temporary, wanted, limiter=decoding)
                finally:
                    self.waiting -= 1
                uploaded = await run(_give_name, temporary, self._folder, wanted, content)
        except OSError as error:
            raise_if_storage(error, self._folder)
            raise UploadError(f"{wanted} cannot be stored ({error.strerror}); rename it") from error
        if uploaded.is_new:
            self._files.add_one()
        return uploaded

    def _check_picture(self, temporary: Path, wanted: PurePosixPath) -> None:
        try:
            with self._turns.take(pixels_in(temporary, self._options)):
                read_raster(temporary, self._options)
        except ImageError as error:
            raise UploadError(str(error).replace(str(temporary), wanted.name)) from error


class _FileCount:
    """How many files are in a folder, without looking at each upload; for any thread."""

    def __init__(self, folder: Path, most: int) -> None:
        self._folder = folder
        self._most = most
        self._lock = threading.Lock()
        self._count, self._until = 0, 0.0

    def check(self) -> None:
        """Raises ``UploadError`` if there is no room for one more."""
        with self._lock:
            now = time.monotonic()
            # What others do there is seen in time; and before it is said that it is full.
            if now > self._until or self._count >= self._most:
                self._count = sum(1 for _, _, names in os.walk(self._folder) for _ in names)
                took = time.monotonic() - now
                self._until = now + max(_COUNTED_FOR, _COUNTING_SHARE * took)
            if self._count >= self._most:
                raise UploadError(
                    f"{self._folder.name} holds {self._most} files already; that is the bound"
                )

    def add_one(self) -> None:
        with self._lock:
            self._count += 1


def _prepare(folder: Path, wanted: PurePosixPath) -> Path:
    """The folder of the picture, made and surely inside ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    root = folder.resolve()
    parent = folder / wanted.parent
    if not _first_existing(parent).resolve().is_relative_to(root):
        raise UploadError(f"{wanted.parent} leads out of {folder.name}; choose another name")
    try:
        parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise_if_storage(error, folder)
        raise UploadError(f"there is no folder {wanted.parent} to be made; rename it") from error
    if not parent.resolve().is_relative_to(root):
        raise UploadError(f"{wanted.parent} leads out of {folder.name}; choose another name")
    return parent


def _first_existing(path: Path) -> Path:
    return next(place for place in (path, *path.parents) if place.exists())


async def _store(chunks: AsyncIterator[bytes], file: IO[bytes], bound: int) -> tuple[int, bytes]:
    """Write what comes; returns its size and its sha256."""
    digest, size = hashlib.sha256(), 0
    async for chunk in chunks:
        size += len(chunk)
        if size > bound:
            raise UploadError(
                f"the picture has more than {bound / 1e6:.0f} MB, which is the bound here"
            )
        await anyio.to_thread.run_sync(_write, file, chunk, digest)
    await anyio.to_thread.run_sync(file.flush)
    return size, digest.digest()


def _write(file: IO[bytes], chunk: bytes, digest: hashlib._Hash) -> None:
    file.write(chunk)
    digest.update(chunk)


def _give_name(
    temporary: Path, folder: Path, wanted: PurePosixPath, content: tuple[int, bytes]
) -> Uploaded:
    """Give a picture the first name that is free; none if it is there under one before that."""
    for number in count(1):
        stem = wanted.stem if number == 1 else f"{wanted.stem}-{number}"
        image_id = wanted.with_name(f"{stem}{wanted.suffix}")
        path = folder / image_id
        if _take_name(temporary, path):
            return Uploaded(image_id.as_posix(), is_new=True, wanted=wanted.as_posix())
        if _holds(path, content):
            return Uploaded(image_id.as_posix(), is_new=False, wanted=wanted.as_posix())
    raise AssertionError("numbers do not end")


def _take_name(temporary: Path, path: Path) -> bool:
    """Move to a name that is free, in one step; False if it is taken."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in {errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EXDEV}:
            raise
        # No hard links here (FAT, some network drives): claim the name, then replace the claim.
        try:
            path.open("xb").close()
        except FileExistsError:
            return False
        temporary.replace(path)
    return True


def _holds(path: Path, content: tuple[int, bytes]) -> bool:
    """Whether a file is of this size and sha256."""
    if not path.is_file() or path.stat().st_size != content[0]:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest() == content[1]
