"""The folder of an export: it appears whole or not at all, and nothing is ever overwritten."""

from __future__ import annotations

import errno
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from maskcast.errors import ExportError, StorageError
from maskcast.io.atomic import raise_if_storage
from maskcast.project.folder import ProjectFolder


def check_destination(folder: Path, project: ProjectFolder) -> None:
    """Refuse a folder that holds anything, or in which files would be taken for others.

    Raises:
        ExportError: if it is refused.
    """
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise ExportError(
                f"{folder} is not empty, and nothing is ever overwritten; give another folder"
            )
    except OSError as error:
        raise ExportError(f"{folder} cannot be read ({error.strerror}); give another") from error
    inside = folder.resolve()
    for taken in (project.targets_place, project.references_place, project.output_place):
        if isinstance(taken, Path) and inside.is_relative_to(taken.resolve()):
            raise ExportError(
                f"{folder} lies in {taken}, where its files would be taken for others; "
                "give a folder outside"
            )


@contextmanager
def appearing(folder: Path) -> Iterator[Path]:
    """A temporary folder that becomes ``folder`` at the end, or vanishes after an error.

    A folder that is there, and empty, gets the content instead: it may be a mount, or where
    somebody stands.

    Raises:
        ExportError: if the folder cannot be written.
        StorageError: if the disk is full or the folder may not be written.
    """
    exists = folder.exists()
    beside = folder if exists else folder.absolute().parent
    temporary = beside / f".mc-{secrets.token_hex(4)}.export"
    try:
        temporary.mkdir(parents=True)
        try:
            yield temporary
            if exists:
                _move_up(temporary)
            else:
                temporary.rename(folder)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
    except StorageError as error:  # not with the name of the temporary folder
        if isinstance(error.__cause__, OSError):
            raise_if_storage(error.__cause__, folder)
        raise
    except OSError as error:
        raise_if_storage(error, folder)
        raise ExportError(
            f"{folder} cannot be written ({error.strerror or error}); give another folder"
        ) from error


def _move_up(temporary: Path) -> None:
    """Move what is in a folder to its parent, all or nothing, and remove the folder."""
    moves = [(child, temporary.parent / child.name) for child in sorted(temporary.iterdir())]
    taken = [target for _, target in moves if target.exists()]
    if taken:
        raise FileExistsError(errno.EEXIST, f"{taken[0].name} appeared in it meanwhile")
    try:
        for child, target in moves:
            child.rename(target)
        temporary.rmdir()
    except BaseException:
        for child, target in moves:
            if not child.exists() and target.exists():
                target.rename(child)
        raise
