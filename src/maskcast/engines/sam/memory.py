"""What SAM remembers of the references, and its file.

A bank's state is flat: one row per memory entry. Entries of a *clean* reference belong to object 0,
which stands for every object: they are the same for all, so they are kept once.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from maskcast.errors import StorageError
from maskcast.io.atomic import write_atomically

EVERY_OBJECT = 0
_LAYOUT = 1
_BANKS_KEPT = 32

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SamMemory:
    """State of a memory bank, on the CPU.

    Attributes:
        family: signature of the model that made it, JSON.
        objects: int64 (E,) object id of each entry; 0 = every object, from a clean reference.
        references: int64 (E,) which reference each entry is from.
        spatial: (E, T, 64).
        pointers: (E, C).
        descriptors: float32 (R, C) of the references, see ``Features.descriptors``.
    """

    family: str
    objects: torch.Tensor
    references: torch.Tensor
    spatial: torch.Tensor
    pointers: torch.Tensor
    descriptors: torch.Tensor

    def entries_of(
        self,
        object_id: int,
        most: int | None,
        descriptor: torch.Tensor | None,
    ) -> tuple[int, ...]:
        """Rows to look at for an object, those that show it first.

        Args:
            object_id: an object of the bank.
            most: at most so many that show it; None = all.
            descriptor: float32 (C,) of the target; with it the nearest references are taken.

        Returns:
            Ascending rows that show it, then as many at most that show nothing: more of these
            would outvote the object itself.
        """
        showing = self._rows(object_id, descriptor)[:most]
        showing_nothing = self._rows(EVERY_OBJECT, descriptor)[: len(showing)]
        return (*sorted(showing), *sorted(showing_nothing))

    def _rows(self, object_id: int, descriptor: torch.Tensor | None) -> list[int]:
        rows: list[int] = torch.nonzero(self.objects == object_id)[:, 0].tolist()
        if descriptor is None:
            return rows
        likeness = self.descriptors[self.references] @ descriptor
        return sorted(rows, key=lambda row: (-float(likeness[row]), row))


def bank_path(folder: Path, fingerprint: str) -> Path:
    """Where the bank with ``fingerprint`` is kept."""
    return folder / f"{fingerprint}.safetensors"


def save_memory(folder: Path, fingerprint: str, memory: SamMemory) -> None:
    """Keep a bank, whole or not at all, and forget the oldest beyond 32.

    Where it cannot be kept (a full disk, a folder of somebody else) that is logged in a sentence:
    the next run encodes the references again, and no run fails for it.
    """
    path = bank_path(folder, fingerprint)
    tensors = {
        name: getattr(memory, name).contiguous()
        for name in ("objects", "references", "spatial", "pointers", "descriptors")
    }
    metadata = {"layout": str(_LAYOUT), "fingerprint": fingerprint, "family": memory.family}
    try:
        write_atomically(path, save(tensors, metadata))
        kept = sorted(folder.glob("*.safetensors"), key=lambda file: file.stat().st_mtime)
        for old in kept[:-_BANKS_KEPT]:
            old.unlink(missing_ok=True)
    except (OSError, StorageError) as error:
        logger.warning(
            "what was learned of the references is not kept for the next run (%s); bank_cache in "
            "maskcast.toml names another folder, or false for none",
            str(error).rstrip("."),
        )


def load_memory(folder: Path, fingerprint: str, family: str) -> SamMemory | None:
    """A kept bank; None unless it is whole and was made from the same references and model."""
    path = bank_path(folder, fingerprint)
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            expected = {"layout": str(_LAYOUT), "fingerprint": fingerprint, "family": family}
            if metadata != expected:
                return None
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError):
        logger.debug("%s is damaged; the references are memorized again", path, exc_info=True)
        return None
    return SamMemory(family, **tensors)


def family_signature(facts: dict[str, str]) -> str:
    """What a bank must share with the model that reads it, as JSON."""
    return json.dumps(facts, sort_keys=True)


def by_count(entries: Sequence[tuple[int, ...]]) -> dict[int, list[int]]:
    """Positions of objects by how many entries they have; attention takes no mask."""
    buckets: dict[int, list[int]] = {}
    for position, rows in enumerate(entries):
        buckets.setdefault(len(rows), []).append(position)
    return dict(sorted(buckets.items()))
