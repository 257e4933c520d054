"""Feed a device with targets: how many at once, and what goes on while it computes."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import torch

from maskcast.engines.sam.devices import (
    BatchSizer,
    is_out_of_memory,
    limits_of,
    memory_use,
    side_by_side,
)
from maskcast.engines.sam.models import Models
from maskcast.engines.sam.preprocess import squash_alone
from maskcast.engines.sam.targets import Caster, Launched
from maskcast.types import RgbImage, Segmentation

_BATCHES_PER_CALL = 2


class Feeder:
    """Takes targets through a caster: side by side on a CPU, batch by batch elsewhere.

    Attributes:
        limits: what the device takes at once.
        most: targets that one call is worth.
    """

    def __init__(self, models: Models, workers: int, name: str) -> None:
        """Feed the device of some models.

        Args:
            models: loaded when they are first used.
            workers: threads for targets on a CPU, for squashing and unpacking elsewhere.
            name: of the threads.
        """
        self._models = models
        self.limits = limits_of(models.device)
        self._sizer = BatchSizer(
            self.limits.images,
            memory_use(models.device),
            start=self.limits.images if models.compiled else 1,
        )
        threads = side_by_side(models.device, workers)
        self.most = _BATCHES_PER_CALL * max(self.limits.images, threads)
        self._pool = ThreadPoolExecutor(threads, name)
        self._largest_call = 1

    def cast(self, caster: Caster, images: Sequence[RgbImage]) -> list[Segmentation]:
        """What the caster finds in each image, uint8 (H, W, 3) RGB each, in their order.

        Raises:
            MemoryError: if even one target does not fit.
        """
        is_cpu = self._models.device.type == "cpu"
        cast = self._cast_side_by_side if is_cpu else self._cast_in_batches
        threads = torch.get_num_threads()
        try:
            return cast(caster, images)
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise MemoryError(str(error)) from error
            raise
        finally:
            torch.set_num_threads(threads)

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()

    def _cast_side_by_side(self, caster: Caster, images: Sequence[RgbImage]) -> list[Segmentation]:
        """One target per thread, each computed by that thread alone.

        Results depend neither on the number of threads nor on the other targets, to the last bit,
        and no core waits for another.
        """
        return list(self._pool.map(caster.cast_alone, images))

    def _cast_in_batches(self, caster: Caster, images: Sequence[RgbImage]) -> list[Segmentation]:
        """Batch by batch.

        While a batch computes, pictures of the next are squashed and masks of the last fetched.
        """
        size = self._models.fast.size
        squashed = [self._pool.submit(squash_alone, image, size) for image in images]
        self._largest_call = max(self._largest_call, len(images))
        found: list[Segmentation] = []
        waiting: list[Launched] = []
        start = 0
        while start < len(images):
            part = slice(start, start + self._sizer.size)
            batch = [picture.result() for picture in squashed[part]]
            count = len(batch)
            batch = self._filled_up(batch)
            try:
                waiting.append(caster.launch(batch, [image.shape[:2] for image in images[part]]))
            except (RuntimeError, MemoryError) as error:
                if not (is_out_of_memory(error) and self._sizer.failed(len(batch))):
                    raise
                self._models.free_memory()
                continue
            start += count
            self._sizer.worked(count)
            if len(waiting) > 1:
                found += self._collect(caster, waiting.pop(0))
        return found + [each for last in waiting for each in self._collect(caster, last)]

    def _filled_up(self, batch: list[torch.Tensor]) -> list[torch.Tensor]:
        """The batch at the size that code was compiled for, if it was."""
        if not self._models.compiled:
            return batch
        return batch + batch[-1:] * (min(self._sizer.size, self._largest_call) - len(batch))

    def _collect(self, caster: Caster, launched: Launched) -> list[Segmentation]:
        return list(self._pool.map(partial(caster.collect, launched), range(len(launched.shapes))))
