"""What a server takes from all who ask it, together (docs/adr/0033-bounds-of-the-server.md)."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Final

from maskcast.ui.turns import PIXELS_AT_ONCE

if sys.platform != "win32":
    import resource

_MOST_CONNECTIONS: Final = 512
_FEWEST_CONNECTIONS: Final = 16
_FILES_FOR_THE_REST: Final = 128
_FILES_OF_A_CONNECTION: Final = 2


def most_connections() -> int:
    """Connections that fit under this process's bound on open files.

    128 files stay for the run, the ledger and what is being read; a connection counts as two,
    its socket and the file that an upload writes.

    Returns:
        16..512.
    """
    if sys.platform == "win32":
        return _MOST_CONNECTIONS
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return _MOST_CONNECTIONS
    fitting = (files - _FILES_FOR_THE_REST) // _FILES_OF_A_CONNECTION
    return max(_FEWEST_CONNECTIONS, min(fitting, _MOST_CONNECTIONS))


@dataclass(frozen=True)
class Bounds:
    """Of one server.

    Attributes:
        connections: open at once; below the process's bound on open files.
        header_seconds: from the opening of a connection, or the end of an answer on it, until the
            headers of the next request are there.
        body_seconds: waited for a body in all, beside what ``slowest_bytes`` allows.
        answer_seconds: in which at least a byte of an answer must be taken.
        slowest_bytes: of a body per second.
        message_bytes: of a body, unless it is an upload.
        pixels: being decoded at once, see ``Turns``; a picture of more is decoded alone.
    """

    connections: int = field(default_factory=most_connections)
    header_seconds: float = 20.0
    body_seconds: float = 20.0
    answer_seconds: float = 120.0
    slowest_bytes: int = 500
    message_bytes: int = 4_000_000
    pixels: int = PIXELS_AT_ONCE
