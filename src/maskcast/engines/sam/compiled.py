"""The steps that targets go through, as compiled code."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import MethodType
from typing import Any

import torch

from maskcast.engines.sam.attention import Projected
from maskcast.engines.sam.families import Model
from maskcast.engines.sam.fields import Decoded, Features
from maskcast.engines.sam.tracker import Tracker


class CompiledTracker(Tracker):
    """A tracker that compiles ``look``, ``start`` and ``track``, for each shape anew.

    After eight shapes of one step, PyTorch leaves further ones uncompiled; results stay the same.

    Args:
        model: as for ``Tracker``.
        graphs: on CUDA, replay each step as one CUDA graph instead of launching its kernels one by
            one; elsewhere the same as without.
    """

    def __init__(self, model: Model, *, graphs: bool = False) -> None:
        super().__init__(model)
        self._graphs = graphs and self.device.type == "cuda"
        self._look = self._compiled(Tracker.look)
        self._start = self._compiled(Tracker.start)
        self._track = self._compiled(Tracker.track)

    @torch.no_grad()
    def look(self, pixels: torch.Tensor) -> Features:
        """As ``Tracker.look``."""
        if self._graphs:
            torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
        features: Features = self._look(pixels)
        return features.each(self._own)

    @torch.no_grad()
    def start(self, features: Features) -> torch.Tensor:
        """As ``Tracker.start``."""
        started: torch.Tensor = self._start(features)
        return self._own(started)

    @torch.no_grad()
    def track(
        self,
        features: Features,
        started: torch.Tensor,
        projected: list[Projected],
    ) -> Decoded:
        """As ``Tracker.track``."""
        decoded: Decoded = self._track(features, started, projected)
        return decoded.each(self._own)

    def _compiled(self, step: Callable[..., Any]) -> Callable[..., Any]:
        # Without its decorator, which all steps share: PyTorch counts shapes by the code it enters.
        bare = MethodType(inspect.unwrap(step), self)
        mode = "reduce-overhead" if self._graphs else None
        compiled: Callable[..., Any] = torch.compile(bare, dynamic=False, mode=mode)
        return compiled

    def _own(self, result: torch.Tensor) -> torch.Tensor:
        """What a graph returns lies in memory that its next replay overwrites: copy it."""
        return result.clone() if self._graphs else result
