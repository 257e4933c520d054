"""Vision transformers of ``transformers`` as encoders: DINOv2, with and without registers, DINOv3.

Tokens of two middle blocks are used: the last ones say what a picture is about, the middle ones
also where (Amir et al. 2021, "Deep ViT features as dense visual descriptors"). Blocks above the
last one used are never computed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any

import numpy as np
import torch
import transformers

from maskcast.engines.deep.cpu import HALF_ATTENTION
from maskcast.engines.deep.encoder import TokenMaps
from maskcast.engines.deep.tiling import Tile, alike, lay
from maskcast.engines.hub import WeightFiles, first_line
from maskcast.engines.sam.devices import (
    BatchSizer,
    Uploader,
    is_out_of_memory,
    memory_use,
)
from maskcast.engines.sam.families import Model
from maskcast.engines.sam.loading import quiet
from maskcast.engines.sam.preprocess import normalise
from maskcast.errors import EngineError
from maskcast.types import RgbImage

MODEL_CLASSES = {
    "dinov2": "Dinov2Model",
    "dinov2_with_registers": "Dinov2WithRegistersModel",
    "dinov3_vit": "DINOv3ViTModel",
}
"""``model_type`` of a configuration -> class in ``transformers``."""

_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)
_DEPTHS = (0.5, 0.75)
"""Of all blocks: the 6th and 9th of 12 (docs/adr/0040)."""


class VitEncoder:
    """A vision transformer; ``encode`` may be called from several threads on a CPU.

    Args:
        files: its weights.
        config: what ``config.json`` holds.
        device: to compute on.
        dtype: number format of the network; tokens leave it as float16.
        batch: most tiles at once; begins with few, see ``BatchSizer``.
    """

    def __init__(
        self,
        files: WeightFiles,
        config: Mapping[str, Any],
        device: torch.device,
        dtype: torch.dtype,
        batch: int,
    ) -> None:
        self._files = files
        self._class = getattr(transformers, MODEL_CLASSES[config["model_type"]])
        self._device = device
        self._dtype = dtype
        self._loaded: Model | None = None
        self._loading = Lock()
        self._sizer = BatchSizer(batch, memory_use(device))
        is_half = device.type == "cpu" and dtype == torch.bfloat16
        self._attention = HALF_ATTENTION if is_half else "sdpa"
        self._upload = Uploader(device)
        self.is_scaled = True
        self.patch = int(config["patch_size"])
        count = int(config["num_hidden_layers"])
        self._blocks = tuple(max(1, round(depth * count)) for depth in _DEPTHS)
        self._prefix = 1 + int(config.get("num_register_tokens", 0))
        self.signature: Mapping[str, str] = {
            "weights": files.digest(),
            "blocks": " ".join(map(str, self._blocks)),
            "dtype": str(dtype).removeprefix("torch."),
        }

    def encode(self, images: Sequence[RgbImage], scale: float) -> list[TokenMaps]:
        """Tokens of both blocks, float16 (2 C, h, w) for each picture; see ``Encoder``."""
        laid = [lay(image, scale, self.patch) for image in images]
        shapes = [(len(picture) // self.patch, picture.shape[1] // self.patch) for picture in laid]
        grids = [np.empty((self._channels, *shape), np.float16) for shape in shapes]
        for tiles in alike(shapes):
            while tiles:
                part = tiles[: self._sizer.size]
                if self._place(part, laid, grids):
                    tiles = tiles[len(part) :]
        return grids

    def release(self) -> None:
        """Free the network."""
        self._loaded = None

    def _place(
        self, tiles: Sequence[Tile], laid: Sequence[RgbImage], grids: Sequence[TokenMaps]
    ) -> bool:
        """Tokens of tiles into their pictures' grids; False if fewer at once should be tried.

        Raises:
            MemoryError: if even one tile does not fit.
        """
        parts = [_to_tensor(tile.pixels_of(laid[tile.picture], self.patch)) for tile in tiles]
        try:
            found = self._forward(parts)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if not self._sizer.failed(len(tiles)):
                raise MemoryError(str(error)) from error
            return False
        self._sizer.worked(len(tiles))
        for tile, tokens in zip(tiles, found, strict=True):
            tile.place(tokens, grids[tile.picture])
        return True

    @torch.inference_mode()
    def _forward(self, tiles: list[torch.Tensor]) -> TokenMaps:
        """Tokens float16 (N, 2 C, T) of N tiles uint8 (3, S, S')."""
        pixels = normalise(self._upload(tiles), _MEAN, _STD, self._dtype)
        states = self._model(pixels, output_hidden_states=True).hidden_states
        chosen = [states[block][:, self._prefix :].half() for block in self._blocks]
        return torch.cat(chosen, dim=-1).transpose(1, 2).cpu().numpy()

    @property
    def _channels(self) -> int:
        return len(self._blocks) * int(self._model.config.hidden_size)

    @property
    def _model(self) -> Model:
        """Loaded when it is first used, by whichever thread comes first."""
        with self._loading:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded

    def _load(self) -> Model:
        try:
            with quiet():
                model, report = self._class.from_pretrained(
                    self._files.folder,
                    dtype=self._dtype,
                    use_safetensors=True,
                    local_files_only=True,
                    output_loading_info=True,
                    num_hidden_layers=self._blocks[-1],
                    attn_implementation=self._attention,
                )
        except (OSError, RuntimeError, ValueError) as error:
            raise EngineError(
                f"{self._files.folder} cannot be loaded as weights of an encoder "
                f"({first_line(error)}); download them again: maskcast engines pull NAME"
            ) from error
        if missing := sorted(report["missing_keys"]):
            raise EngineError(
                f"{self._files.folder} lacks {len(missing)} tensors of its own model (first: "
                f"{missing[0]}); download it again: maskcast engines pull NAME"
            )
        return model.eval().to(self._device)


def _to_tensor(picture: RgbImage) -> torch.Tensor:
    """uint8 (H, W, 3) as uint8 (3, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))
