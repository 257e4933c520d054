"""Reading files that are files: a pipe would wait for ever, and a device never ends."""

from __future__ import annotations

import errno
import stat
from pathlib import Path

from maskcast.io.storage import Place


def read_regular(place: Place) -> bytes:
    """All bytes of a file or object.

    Raises:
        FileNotFoundError: if there is none.
        OSError: if it cannot be read or is a pipe, a device or a socket.
    """
    if isinstance(place, Path):
        mode = place.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise OSError(errno.EINVAL, "it is not a regular file")
    return place.read_bytes()
