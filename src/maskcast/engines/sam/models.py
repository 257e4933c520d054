"""The loaded model on its device, in the precisions that are needed."""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Callable
from functools import cached_property

import numpy as np
import torch
from cachetools import LRUCache

from maskcast.engines.sam.compiled import CompiledTracker
from maskcast.engines.sam.devices import Uploader
from maskcast.engines.sam.families import Family, Model
from maskcast.engines.sam.fields import Features
from maskcast.engines.sam.preprocess import normalise, squash
from maskcast.engines.sam.tracker import Tracker
from maskcast.types import RgbImage

_CACHED_IMAGES = 8


class Models:
    """Loads the model when it is first needed; looks at images.

    Args:
        load: gives the model in float32 on the CPU.
        family: of the model.
        device: to compute on.
        dtype: number format for targets; references and prompts are computed in float32.
        compiled: use compiled code for targets, see ``CompiledTracker``.
        graphs: and CUDA graphs.
    """

    def __init__(
        self,
        load: Callable[[], Model],
        family: Family,
        device: torch.device,
        dtype: torch.dtype,
        *,
        compiled: bool = False,
        graphs: bool = False,
    ) -> None:
        self.device = device
        self.compiled = compiled
        self._load = load
        self._family = family
        self._dtype = dtype
        self._graphs = graphs
        self._upload = Uploader(device)
        self._cache: LRUCache[str, Features] = LRUCache(_CACHED_IMAGES)

    @cached_property
    def exact(self) -> Tracker:
        """In float32 (or what ``load`` gave), for references and prompts."""
        return Tracker(self._load().to(self.device))

    @cached_property
    def fast(self) -> Tracker:
        """In the chosen number format, for targets."""
        model = self.exact.model
        if self._dtype == torch.bfloat16:
            model = in_half(model)
        if self.compiled:
            return CompiledTracker(model, graphs=self._graphs)
        return self.exact if model is self.exact.model else Tracker(model)

    def look(self, image: RgbImage) -> Features:
        """Features of one image in float32; those of the last few images are kept."""
        content = hashlib.blake2b(repr(image.shape).encode())
        content.update(np.ascontiguousarray(image).data)
        key = content.hexdigest()
        features = self._cache.get(key)
        if features is None:
            features = self._look(self.exact, [squash(image, self.exact.size)])
            self._cache[key] = features
        return features

    def free_memory(self) -> None:
        """Give back what is kept for speed only."""
        self._cache.clear()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def release(self) -> None:
        """Free the model."""
        self.__dict__.pop("exact", None)
        self.__dict__.pop("fast", None)
        self.free_memory()

    def look_at_targets(self, squashed: list[torch.Tensor]) -> Features:
        """Features of squashed uint8 (3, S, S) targets as one batch, in the chosen format."""
        return self._look(self.fast, squashed)

    def _look(self, tracker: Tracker, squashed: list[torch.Tensor]) -> Features:
        """Pictures travel as 8-bit integers, a quarter of what floats would take."""
        sent = self._upload(squashed)
        mean, std = self._family.mean, self._family.std
        return tracker.look(normalise(sent, mean, std, tracker.dtype))


def in_half(model: Model) -> Model:
    """A copy with parameters in bfloat16.

    Buffers keep float32: rotary frequencies and the positional matrix lose their meaning when
    rounded; so does batch normalisation, whose statistics are buffers.
    """
    half = copy.deepcopy(model)
    for module in half.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):  # noqa: SLF001
            continue
        for parameter in module.parameters(recurse=False):
            parameter.data = parameter.data.to(torch.bfloat16)
    return half


def logit(probability: float) -> float:
    """Inverse of the sigmoid; minus infinity for 0."""
    return -math.inf if probability <= 0 else math.log(probability / (1 - probability))
