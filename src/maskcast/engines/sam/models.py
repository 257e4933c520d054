"""The loaded model on its device, in the precisions that are needed."""

from __future__ import annotations

import copy
import hashlib
import math
from collections import OrderedDict
from collections.abc import Callable
from functools import cached_property

import numpy as np
import torch

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
        compiled: use ``torch.compile`` for the image encoder.
    """

    def __init__(
        self,
        load: Callable[[], Model],
        family: Family,
        device: torch.device,
        dtype: torch.dtype,
        *,
        compiled: bool = False,
    ) -> None:
        self.device = device
        self._load = load
        self._family = family
        self._dtype = dtype
        self._compiled = compiled
        self._cache: OrderedDict[str, Features] = OrderedDict()

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
        if self._compiled:
            model = model if model is not self.exact.model else copy.copy(model)
            model.get_image_features = torch.compile(model.get_image_features, dynamic=False)
        return self.exact if model is self.exact.model else Tracker(model)

    def look(self, image: RgbImage) -> Features:
        """Features of one image in float32; those of the last few images are kept."""
        content = hashlib.blake2b(repr(image.shape).encode())
        content.update(np.ascontiguousarray(image).data)
        key = content.hexdigest()
        if key in self._cache:
            self._cache.move_to_end(key)
            return self._cache[key]
        features = self.exact.look(self.pixels(self.exact, squash(image, self.exact.size)[None]))
        self._cache[key] = features
        while len(self._cache) > _CACHED_IMAGES:
            self._cache.popitem(last=False)
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
        return self.fast.look(self.pixels(self.fast, torch.stack(squashed)))

    def pixels(self, tracker: Tracker, squashed: torch.Tensor) -> torch.Tensor:
        """Send uint8 (N, 3, S, S) to the device, a quarter of what floats would take; normalise."""
        if self.device.type == "cuda":
            squashed = squashed.pin_memory()
        sent = squashed.to(self.device, non_blocking=True)
        return normalise(sent, self._family.mean, self._family.std, tracker.dtype)


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
