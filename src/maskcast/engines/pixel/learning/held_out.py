"""What models that never learned a reference find there, kept small until somebody asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from maskcast.types import Segmentation


@dataclass(frozen=True)
class HeldOut:
    """A segmentation with its masks as bits.

    Attributes:
        object_ids: int32 (K,).
        bits: uint8, the masks bool (K, H, W) packed.
        shape: (K, H, W).
        scores: float32 (K,).
        signals: by name, float32 (K,).
        evidence: of the picture.
    """

    object_ids: npt.NDArray[np.int32]
    bits: npt.NDArray[np.uint8]
    shape: tuple[int, ...]
    scores: npt.NDArray[np.float32]
    signals: Mapping[str, npt.NDArray[np.float32]]
    evidence: float | None = None

    @classmethod
    def of(cls, found: Segmentation) -> HeldOut:
        """Pack a segmentation."""
        shape = found.masks.shape
        bits = np.packbits(found.masks)
        signals = dict(found.signals)
        return cls(found.object_ids, bits, shape, found.scores, signals, found.evidence)

    def unpacked(self) -> Segmentation:
        """The segmentation."""
        masks = np.unpackbits(self.bits, count=int(np.prod(self.shape))).reshape(self.shape)
        return Segmentation(
            self.object_ids,
            masks.astype(np.bool_),
            self.scores,
            signals=self.signals,
            evidence=self.evidence,
        )
