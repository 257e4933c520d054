"""Files appear whole or not at all.

Bytes go to a short hidden temporary name in the same folder, which is then renamed. A process
that is killed leaves at most such temporaries behind. They carry the name of their owner, such as
a run's identity, and ``remove_stale_temporaries`` takes those of one owner only.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
from collections.abc import Iterable
from pathlib import Path

from maskcast.errors import StorageError

# Short and independent of the final name, so that a name of 255 bytes can still be written.
_TEMPORARY = re.compile(r"\.mc-(?:[0-9a-z]{1,16}-)?[0-9a-f]{8}\.tmp")

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_FORBIDDEN = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


def write_atomically(path: Path, data: bytes, owner: str = "") -> None:
    """Write ``data`` to ``path``, replacing what is there; parent folders are created.

    This guards against a killed process; against a power cut see ``on_disk.settle``.

    Args:
        path: of the file.
        data: all of it.
        owner: who cleans up after a kill; see ``temporary_name``.

    Raises:
        StorageError: if the disk is full or the folder cannot be written.
        OSError: for anything that concerns this one path only, such as a name that is too long
            or a file where a folder is needed.
    """
    temporary = path.parent / temporary_name(owner)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_bytes(data)
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise_if_storage(error, path.parent)
        raise


def raise_if_storage(error: OSError, folder: Path) -> None:
    """Raise ``StorageError`` if ``error`` means that nothing more can be written to ``folder``.

    Raises:
        StorageError: if the disk or quota is full, or the folder may not be written.
    """
    if error.errno in _FULL:
        raise StorageError(
            f"no space is left to write to {folder}; free some space or choose another folder, "
            "then start again"
        ) from error
    if error.errno in _FORBIDDEN:
        reason = (error.strerror or "not permitted").lower()
        raise StorageError(
            f"the folder {folder} cannot be written ({reason}); change its permissions or choose "
            "another folder"
        ) from error


def temporary_name(owner: str = "") -> str:
    """A name (without folder) that nothing lists and that ``is_temporary`` knows.

    Args:
        owner: at most 16 digits and small letters, of whoever removes what a kill leaves; empty =
            nobody does.
    """
    return f".mc-{owner}-{secrets.token_hex(4)}.tmp" if owner else f".mc-{secrets.token_hex(4)}.tmp"


def is_temporary(name: str) -> bool:
    """Whether ``name`` (without folder) is one of our temporary names, whoever owns it."""
    return _TEMPORARY.fullmatch(name) is not None


def remove_stale_temporaries(folders: Iterable[Path], owner: str) -> int:
    """Remove the temporaries of ``owner`` that a killed process left, at any depth.

    Call it only while ``owner`` does not write there. Links to folders are not followed; a
    temporary that cannot be removed stays.

    Args:
        folders: where the owner writes; those that do not exist are passed over.
        owner: not empty.

    Returns:
        How many were removed.
    """
    removed = 0
    for folder in folders:
        for parent, _, names in os.walk(folder):
            for name in names:
                if name.startswith(f".mc-{owner}-") and is_temporary(name):
                    with contextlib.suppress(OSError):
                        (Path(parent) / name).unlink()
                        removed += 1
    return removed
