"""Short digests of files, that tell one content from another."""

from __future__ import annotations

import hashlib
from pathlib import Path

from maskcast.io.storage import Place

DIGEST_BYTES = 16


def digest_of(data: bytes) -> bytes:
    """BLAKE2b of 16 bytes: quick, and never the same by chance."""
    return hashlib.blake2b(data, digest_size=DIGEST_BYTES).digest()


def digest_of_file(place: Place) -> bytes:
    """The digest of a whole file or object.

    Raises:
        OSError: if it cannot be read.
    """
    if not isinstance(place, Path):
        return digest_of(place.read_bytes())
    with place.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=DIGEST_BYTES)).digest()
