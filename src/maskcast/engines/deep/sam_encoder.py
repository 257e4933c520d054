"""The image encoder of a SAM tracker as an encoder: what it shows its memory, for a learner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import torch

from maskcast.engines.deep.encoder import TokenMaps
from maskcast.engines.hub import WeightFiles
from maskcast.engines.sam.devices import is_out_of_memory
from maskcast.engines.sam.families import Family
from maskcast.engines.sam.loading import load_model
from maskcast.engines.sam.models import Models
from maskcast.engines.sam.preprocess import squash
from maskcast.types import RgbImage


class TrackerEncoder:
    """The coarsest features of a tracker's image encoder.

    Every picture is squashed to the model's square, so the scale does not matter, and a token is
    wider than high where the picture is.

    Args:
        files: the tracker's weights.
        family: of the tracker.
        device: to compute on.
        dtype: number format of the network.
        batch: most pictures at once.
    """

    def __init__(
        self,
        files: WeightFiles,
        family: Family,
        device: torch.device,
        dtype: torch.dtype,
        batch: int,
    ) -> None:
        self._models = Models(partial(load_model, files, family), family, device, dtype)
        self._batch = batch
        self.is_scaled = False
        self.patch = 16
        self.signature: Mapping[str, str] = {
            "weights": files.digest(),
            "family": family.engine,
            "dtype": str(dtype).removeprefix("torch."),
        }

    def encode(self, images: Sequence[RgbImage], scale: float) -> list[TokenMaps]:  # noqa: ARG002
        """Tokens float16 (C, 64, 64) or so for each picture, wherever its sides."""
        found: list[TokenMaps] = []
        for first in range(0, len(images), self._batch):
            found += self._encode(images[first : first + self._batch])
        return found

    def release(self) -> None:
        """Free the network."""
        self._models.release()

    @torch.inference_mode()
    def _encode(self, images: Sequence[RgbImage]) -> list[TokenMaps]:
        size = self._models.fast.size
        try:
            features = self._models.look_at_targets([squash(image, size) for image in images])
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise MemoryError(str(error)) from error
            raise
        tokens = features.coarse.half().cpu().numpy()
        side = round(tokens.shape[1] ** 0.5)
        return [np.ascontiguousarray(values.T).reshape(-1, side, side) for values in tokens]
