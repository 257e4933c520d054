"""What was worked out for the prompts so far, so that one more click costs one more step.

A labeler sends all prompts again at every click. Sketches are pure functions of the image, the box
and the points so far; the few latest are kept under exactly that key. Forgetting never changes a
result.
"""

from __future__ import annotations

import hashlib
import threading
import weakref
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from cachetools import FIFOCache, LRUCache

from maskcast.masks import Box
from maskcast.types import RgbImage

_PICTURES = 64
"""Of so many pictures the digest is remembered: as many as labelers of one server keep at hand."""

Value = TypeVar("Value")


class Point(NamedTuple):
    """A click, in pixels of the image."""

    x: float
    y: float
    positive: bool


class Key(NamedTuple):
    """What a sketch depends on.

    Attributes:
        picture: digest of the image's pixels.
        shape: of the image.
        box: in whole pixels, or None.
        points: in the order they were set.
    """

    picture: bytes
    shape: tuple[int, ...]
    box: Box | None
    points: tuple[Point, ...]


class Memory(Generic[Value]):
    """The values that were kept last, safe to share between threads.

    To be recalled makes none newer: a step is hardly needed any more once the next one is kept.
    """

    def __init__(self, length: int) -> None:
        """Keep at most ``length`` values."""
        self._lock = threading.Lock()
        self._values: FIFOCache[Key, Value] = FIFOCache(length)
        self._digests: LRUCache[int, tuple[weakref.ref[RgbImage], bytes]] = LRUCache(_PICTURES)

    def digest(self, image: RgbImage) -> bytes:
        """Digest of an image's pixels, uint8 (H, W, 3).

        Worked out once for an array that owns its pixels and is not writeable, as those of
        labelers are; anew at every call for one that may have changed.
        """
        if image.flags.writeable or not image.flags.owndata:
            return _digest(image)
        with self._lock:
            known = self._digests.get(id(image))
        if known is not None and known[0]() is image:
            return known[1]
        digest = _digest(image)
        with self._lock:
            self._digests[id(image)] = weakref.ref(image), digest
        return digest

    def recall(self, key: Key) -> Value | None:
        """What is kept under a key, or None."""
        with self._lock:
            return self._values.get(key)

    def keep(self, key: Key, value: Value) -> None:
        """Keep a value as the newest, and forget the oldest if there are too many."""
        with self._lock:
            self._values[key] = value

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._values.clear()


def _digest(image: RgbImage) -> bytes:
    return hashlib.sha1(np.ascontiguousarray(image).data, usedforsecurity=False).digest()
