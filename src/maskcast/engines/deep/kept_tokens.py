"""Tokens of references, kept for the next memory bank: in memory, and as files for the next run.

One more reference then costs one more look, and a run that is started again none.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from cachetools import LRUCache
from safetensors import SafetensorError
from safetensors.numpy import load, save

from maskcast.engines.deep.encoder import TokenMaps
from maskcast.errors import StorageError
from maskcast.io.atomic import write_atomically
from maskcast.types import RgbImage

_BYTES_IN_MEMORY = 256 << 20
_BYTES_ON_DISK = 1 << 30
_NAME = "tokens"

logger = logging.getLogger(__name__)


class KeptTokens:
    """Token maps by picture, scale and encoder.

    Args:
        signature: what the tokens depend on, see ``Encoder``.
        folder: where they are kept for the next run; None keeps them in memory alone.
    """

    def __init__(self, signature: Mapping[str, str], folder: Path | None) -> None:
        self._signature = json.dumps(dict(signature), sort_keys=True)
        self._folder = folder
        self._recent: LRUCache[str, TokenMaps] = LRUCache(
            _BYTES_IN_MEMORY, getsizeof=lambda maps: int(maps.nbytes)
        )

    def of(
        self,
        images: Sequence[RgbImage],
        scale: float,
        encode: Callable[[Sequence[RgbImage], float], list[TokenMaps]],
    ) -> list[TokenMaps]:
        """Tokens of each picture; ``encode`` is called with those alone that are not kept."""
        keys = [self._key(image, scale) for image in images]
        found = {key: maps for key in keys if (maps := self._kept(key)) is not None}
        pictures = zip(keys, images, strict=True)
        missing = {key: image for key, image in pictures if key not in found}
        if missing:
            encoded = encode(list(missing.values()), scale)
            for key, maps in zip(missing, encoded, strict=True):
                found[key] = maps
                self._keep(key, maps)
        return [found[key] for key in keys]

    def _key(self, image: RgbImage, scale: float) -> str:
        content = hashlib.blake2b(f"{self._signature} {image.shape} {scale}".encode())
        content.update(np.ascontiguousarray(image).data)
        return content.hexdigest()[:64]

    def _kept(self, key: str) -> TokenMaps | None:
        recent = self._recent.get(key)
        if recent is not None or self._folder is None:
            return recent
        path = self._path(self._folder, key)
        try:
            maps = load(path.read_bytes())[_NAME]
        except FileNotFoundError:
            return None
        except (OSError, SafetensorError, KeyError):
            logger.debug("%s is damaged; its reference is encoded again", path, exc_info=True)
            return None
        self._remember(key, maps)
        return maps

    def _keep(self, key: str, maps: TokenMaps) -> None:
        self._remember(key, maps)
        if self._folder is None:
            return
        try:
            write_atomically(
                self._path(self._folder, key), save({_NAME: np.ascontiguousarray(maps)})
            )
            _forget_oldest(self._folder)
        except (OSError, StorageError) as error:
            logger.warning(
                "what was seen of the references is not kept for the next run (%s); kept_tokens "
                "in maskcast.toml names another folder, or false for none",
                str(error).rstrip("."),
            )

    def _remember(self, key: str, maps: TokenMaps) -> None:
        if maps.nbytes <= _BYTES_IN_MEMORY:
            self._recent[key] = maps

    @staticmethod
    def _path(folder: Path, key: str) -> Path:
        return folder / f"{key}.safetensors"


def _forget_oldest(folder: Path) -> None:
    """Remove the oldest files beyond a gigabyte."""
    files = [(path, path.stat()) for path in folder.glob("*.safetensors")]
    room = _BYTES_ON_DISK
    for path, facts in sorted(files, key=lambda file: -file[1].st_mtime):
        room -= facts.st_size
        if room < 0:
            path.unlink(missing_ok=True)
