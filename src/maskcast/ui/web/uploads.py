"""Pictures that come by upload: bounded, checked, never in the place of another.

The bytes go straight into the folder they are meant for, under a temporary name that nothing
lists; only a picture that decodes gets its own name, and only one that is free.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import unicodedata
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path, PurePosixPath
from typing import IO, Final

import anyio.to_thread

from maskcast.errors import ImageError, UploadError
from maskcast.io.atomic import raise_if_storage, temporary_name
from maskcast.io.images import IMAGE_SUFFIXES, is_image_name
from maskcast.io.rasters import read_raster
from maskcast.io.read_options import ReadOptions

_MOST_PARTS: Final = 8
_MOST_BYTES_IN_NAME: Final = 180
_FORBIDDEN: Final = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\/\u2028\u2029\u200e\u200f\u202a-\u202e]')
_RESERVED: Final = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)


@dataclass(frozen=True)
class UploadLimits:
    """What one server takes.

    Attributes:
        file_bytes: of one picture.
        files: pictures in a folder, those included that were there before.
        pixels: width x height of one picture.
    """

    file_bytes: int = 1_000_000_000
    files: int = 100_000
    pixels: int = 200_000_000


@dataclass(frozen=True)
class Uploaded:
    """Where an upload went.

    Attributes:
        image_id: POSIX path relative to the folder.
        is_new: False if the very same picture was there under this name already.
    """

    image_id: str
    is_new: bool


def clean_name(name: str) -> str:
    """A name from a browser as a harmless POSIX path, relative and without ``..``.

    Folders of a dropped folder are kept. Letters of any script are; control and reserved
    characters become ``_``, hidden names lose their dot, names too long lose their middle.

    Raises:
        UploadError: if no picture's name is left.
    """
    parts = [part for part in re.split(r"[/\\]", unicodedata.normalize("NFC", name)) if part]
    cleaned = [one for one in map(_clean_part, parts[-_MOST_PARTS:]) if one]
    if not cleaned or not is_image_name(cleaned[-1]):
        shown = name[-80:]
        raise UploadError(
            f"{shown!r} is not a picture's name; files end in "
            f"{', '.join(sorted(suffix[1:] for suffix in IMAGE_SUFFIXES))}"
        )
    return "/".join(cleaned)


async def receive(
    chunks: AsyncIterator[bytes], folder: Path, name: str, limits: UploadLimits
) -> Uploaded:
    """Store a picture.

    Args:
        chunks: its bytes.
        folder: where to; made if it is missing.
        name: as the browser calls it.
        limits: what is taken.

    Raises:
        UploadError: if the name, the size or the count is out of bounds, or it does not decode.
        StorageError: if the disk is full or the folder cannot be written.
    """
    wanted = PurePosixPath(clean_name(name))
    parent = await anyio.to_thread.run_sync(_prepare, folder, wanted, limits)
    temporary = parent / temporary_name("upload")
    try:
        digest = await _store(chunks, temporary, limits.file_bytes)
        return await anyio.to_thread.run_sync(_admit, temporary, folder, wanted, digest, limits)
    except OSError as error:
        raise_if_storage(error, folder)
        raise UploadError(f"{wanted} cannot be stored ({error.strerror}); rename it") from error
    finally:
        temporary.unlink(missing_ok=True)


def _clean_part(part: str) -> str:
    cleaned = _FORBIDDEN.sub("_", part).strip().lstrip(".").rstrip(". ")
    cleaned = cleaned.encode("utf-8", "ignore").decode("utf-8")
    stem, dot, suffix = cleaned.rpartition(".")
    if not dot:
        stem, suffix = cleaned, ""
    if _RESERVED.fullmatch(stem):
        stem = f"{stem}_"
    while len(f"{stem}{dot}{suffix}".encode()) > _MOST_BYTES_IN_NAME:
        middle = len(stem) // 2
        stem, suffix = stem[:middle] + stem[middle + 1 :], suffix[:20]
    return f"{stem}{dot}{suffix}"


def _prepare(folder: Path, wanted: PurePosixPath, limits: UploadLimits) -> Path:
    """The folder of the picture, made and surely inside ``folder``."""
    root = folder.resolve()
    parent = folder / wanted.parent
    if not _first_existing(parent).resolve().is_relative_to(_first_existing(root)):
        raise UploadError(f"{wanted.parent} leads out of {folder.name}; choose another name")
    try:
        parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise_if_storage(error, folder)
        raise UploadError(f"there is no folder {wanted.parent} to be made; rename it") from error
    if not parent.resolve().is_relative_to(root):
        raise UploadError(f"{wanted.parent} leads out of {folder.name}; choose another name")
    if sum(1 for _, _, names in os.walk(folder) for _ in names) >= limits.files:
        raise UploadError(f"{folder.name} holds {limits.files} files already; that is the bound")
    return parent


def _first_existing(path: Path) -> Path:
    return next(one for one in (path, *path.parents) if one.exists())


async def _store(chunks: AsyncIterator[bytes], path: Path, bound: int) -> bytes:
    """Write what comes; returns its sha256."""
    digest, size = hashlib.sha256(), 0
    with path.open("xb") as file:
        async for chunk in chunks:
            size += len(chunk)
            if size > bound:
                raise UploadError(
                    f"the picture has more than {bound / 1e6:.0f} MB, which is the bound here"
                )
            await anyio.to_thread.run_sync(_write, file, chunk, digest)
    return digest.digest()


def _write(file: IO[bytes], chunk: bytes, digest: hashlib._Hash) -> None:
    file.write(chunk)
    digest.update(chunk)


def _admit(
    temporary: Path, folder: Path, wanted: PurePosixPath, digest: bytes, limits: UploadLimits
) -> Uploaded:
    """Give a picture that decodes its name."""
    try:
        read_raster(temporary, ReadOptions(limits.pixels))
    except ImageError as error:
        raise UploadError(str(error).replace(str(temporary), wanted.name)) from error
    for number in count(1):
        stem = wanted.stem if number == 1 else f"{wanted.stem}-{number}"
        image_id = wanted.with_name(f"{stem}{wanted.suffix}")
        path = folder / image_id
        if _take_name(temporary, path):
            return Uploaded(image_id.as_posix(), is_new=True)
        if path.is_file() and _sha256(path) == digest:
            return Uploaded(image_id.as_posix(), is_new=False)
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


def _sha256(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
