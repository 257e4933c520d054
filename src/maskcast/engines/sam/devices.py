"""Devices: which one, in which number format, and how much fits at once."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch

from maskcast.errors import SettingsError

_GIB = 1024**3
_BYTES_PER_TARGET = 2 * _GIB
_FULL_ENOUGH = 0.45
_BENCHMARK_SIDE = 768
_CPU_EFFICIENCY = 0.6


@dataclass(frozen=True)
class Limits:
    """What a device takes at once.

    Attributes:
        images: most targets in one batch.
        pairs: most pairs of target and object in memory attention and mask decoder.
        projected_bytes: most memory for keys and values kept between batches.
    """

    images: int
    pairs: int
    projected_bytes: int


# On a CPU a batch gains nothing; targets run side by side instead, see `feeding`. Four pairs of
# SAM 3 hold about 0.4 GB of activations in float32.
_LIMITS = {
    "cpu": Limits(images=1, pairs=4, projected_bytes=_GIB),
    "cuda": Limits(images=16, pairs=64, projected_bytes=8 * _GIB),
    "mps": Limits(images=2, pairs=8, projected_bytes=2 * _GIB),
}


def pick_device(name: str) -> torch.device:
    """The device called ``name``; ``auto`` = CUDA, else Apple's MPS, else the CPU.

    Raises:
        SettingsError: if there is no such device here.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda:0")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise SettingsError(f"there is no device {name!r}; give auto, cpu, cuda or mps") from error
    here = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not here.get(device.type, False):
        raise SettingsError(
            f"the device {name!r} is not available to PyTorch here; give --device auto, or install "
            "a PyTorch that supports it (https://pytorch.org/get-started)"
        )
    if device.type == "cuda" and device.index is None:
        return torch.device("cuda:0")
    return device


def side_by_side(device: torch.device, workers: int) -> int:
    """Threads for targets: on a CPU as many as memory takes, elsewhere for squashing pictures."""
    if device.type != "cpu":
        return workers
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return workers
    return max(1, min(workers, free // _BYTES_PER_TARGET))


def pick_dtype(name: str, device: torch.device) -> torch.dtype:
    """``fp32``, ``bf16``, or ``auto``: bf16 where the hardware multiplies it faster."""
    if name == "auto":
        fast = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if fast else torch.float32
    return {"fp32": torch.float32, "bf16": torch.bfloat16}[name]


def limits_of(device: torch.device) -> Limits:
    """What ``device`` takes at once."""
    return _LIMITS[device.type]


def is_out_of_memory(error: BaseException) -> bool:
    """Whether PyTorch ran out of memory; CPU and MPS tell it in words only."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and (
        "can't allocate memory" in text or "out of memory" in text
    )


def memory_use(device: torch.device) -> Callable[[], float]:
    """A function that tells which share of the device's memory the last batch took at its peak."""
    if device.type != "cuda":
        return lambda: 0.0

    def share() -> float:
        peak = torch.cuda.max_memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        return peak / torch.cuda.get_device_properties(device).total_memory

    return share


class Uploader:
    """Sends pictures to a device; to CUDA in a stream of its own, beside what is being computed."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def __call__(self, pictures: list[torch.Tensor]) -> torch.Tensor:
        """Stack pictures of one shape on the device.

        On CUDA the caller does not wait for them to arrive, but what it computes next does.
        """
        if self._device.type != "cuda":
            return torch.stack(pictures).to(self._device)
        pinned = torch.empty(
            len(pictures), *pictures[0].shape, dtype=pictures[0].dtype, pin_memory=True
        )
        torch.stack(pictures, out=pinned)
        computing = torch.cuda.current_stream(self._device)
        with torch.cuda.stream(self._stream):
            sent = pinned.to(self._device, non_blocking=True)
        computing.wait_stream(self._stream)
        # Made in one stream and used in another: its memory is free when the latter is done.
        sent.record_stream(computing)
        return sent

    @cached_property
    def _stream(self) -> torch.cuda.Stream:
        return torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]


class BatchSizer:
    """How many targets to take at once: doubles until memory is well used, halves when it is not.

    Args:
        most: upper limit.
        memory_use: tells the share of memory that the last batch took.
        start: first size.
    """

    def __init__(self, most: int, memory_use: Callable[[], float], start: int = 1) -> None:
        self.size = start
        self._most = most
        self._memory_use = memory_use

    def worked(self, count: int) -> None:
        """A batch of ``count`` targets went through."""
        if count == self.size < self._most and self._memory_use() < _FULL_ENOUGH:
            self.size = min(2 * self.size, self._most)

    def failed(self, count: int) -> bool:
        """A batch of ``count`` ran out of memory; whether a smaller one may be tried."""
        if count == 1:
            return False
        self.size = self._most = max(1, count // 2)
        return True


def seconds_on_cpu(gflop: float) -> float:
    """About how long ``gflop`` billion operations take on this CPU, from a short measurement."""
    square = torch.ones(_BENCHMARK_SIDE, _BENCHMARK_SIDE)
    square @ square  # the first product pays for the library's start
    began = time.perf_counter()
    square @ square
    seconds = time.perf_counter() - began
    return gflop * 1e9 * seconds / (2 * _BENCHMARK_SIDE**3 * _CPU_EFFICIENCY)
