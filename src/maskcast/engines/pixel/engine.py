"""The ``pixel`` engine: no weights, no GPU, learns from the references on the spot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from maskcast.engines.base import (
    EngineInfo,
    EngineSettings,
    bank_fingerprint,
    check_bank,
    check_prompt_kinds,
    shown_object_ids,
)
from maskcast.engines.freed import give_memory_back
from maskcast.engines.large import LargeSegmentation, Tiles, Unfinished
from maskcast.engines.pixel.interactive.kept_steps import Memory
from maskcast.engines.pixel.interactive.segment import Sketch, segment_object
from maskcast.engines.pixel.learning.learner import LEARNER_VERSION, LearnerOptions, fit
from maskcast.engines.pixel.learning.model import calibration_of, predict, predict_with_planes
from maskcast.engines.pixel.learning.options import quick
from maskcast.engines.pixel.streaming.masking import predict_large
from maskcast.engines.pixel.threads import single_threaded_libraries
from maskcast.engines.planes import Calibration
from maskcast.errors import EngineError, SettingsError
from maskcast.io.windowed import Picture
from maskcast.types import Mask, MemoryBank, Prompts, Reference, RgbImage, Segmentation

_TARGETS_PER_WORKER = 2

_SKETCHES = 96
"""Kept, of at most 1.5 MB each: the latest of as many people as work at one server."""


class PixelEngine:
    """Classifies pixels by what the references show around them.

    It computes in ``settings.workers`` threads of its own and in no others, see ``threads``.
    Results do not depend on their number: each target and each network is one thread's work.
    """

    def __init__(self, settings: EngineSettings) -> None:
        """Make the engine; nothing heavy happens yet.

        Raises:
            SettingsError: if the device is not a CPU or there are options of another engine.
        """
        if settings.device not in ("auto", "cpu"):
            raise SettingsError(
                f"the engine 'pixel' computes on the CPU only, not on "
                f"{settings.device!r}; leave --device away"
            )
        if "weights" in settings.options:
            raise SettingsError(
                f"the engine 'pixel' takes no weights, but got {settings.options['weights']!r}; "
                "leave --weights (weights in maskcast.toml) out, or give an --engine that "
                "maskcast engines lists weights of"
            )
        if settings.options:
            raise SettingsError(
                f"the engine 'pixel' has no option {min(settings.options)!r}; "
                "remove it from [engines.pixel] in maskcast.toml"
            )
        self.info = EngineInfo(
            name="pixel",
            prompt_kinds=frozenset({"box", "point", "brush"}),
            max_batch=_TARGETS_PER_WORKER * settings.workers,
            device="cpu",
            needs_weights=False,
            signature={"version": LEARNER_VERSION, "threshold": settings.threshold},
        )
        self._options = LearnerOptions(threshold=settings.threshold, workers=settings.workers)
        self._sketches: Memory[Sketch] = Memory(_SKETCHES)
        self._pool = ThreadPoolExecutor(settings.workers, "pixel")

    def segment(self, image: RgbImage, prompts: Mapping[int, Prompts]) -> dict[int, Mask]:
        """Segment each object from its own prompts, see ``interactive``."""
        check_prompt_kinds(self.info, prompts)
        with single_threaded_libraries():
            return {
                object_id: segment_object(image, prompt, self._sketches)
                for object_id, prompt in prompts.items()
            }

    def memorize(self, references: Sequence[Reference]) -> MemoryBank:
        """Fit one model for all object ids and the background, see ``learner``."""
        return self._fitted(references, self.info, self._options)

    def memorize_quickly(self, references: Sequence[Reference]) -> MemoryBank:
        """See ``base.QuickLearner``: half of the time, without altered views of the references."""
        info = replace(self.info, signature={**self.info.signature, "quick": True})
        return self._fitted(references, info, quick(self._options))

    def _fitted(
        self, references: Sequence[Reference], info: EngineInfo, options: LearnerOptions
    ) -> MemoryBank:
        object_ids = shown_object_ids(references)
        if not object_ids:
            raise EngineError("no reference shows an object; annotate at least one")
        fingerprint = bank_fingerprint(info, references)
        return MemoryBank(info.name, object_ids, fingerprint, fit(references, options))

    def propagate(self, bank: MemoryBank, images: Sequence[RgbImage]) -> list[Segmentation]:
        """Predict each target by itself, several at once, see ``model``."""
        check_bank(self.info, bank)
        with single_threaded_libraries():
            return list(self._pool.map(lambda image: predict(bank.state, image), images))

    def calibration(self, bank: MemoryBank) -> Calibration:
        """See ``base.Probabilistic``."""
        check_bank(self.info, bank)
        return calibration_of(bank.state)

    def propagate_with_planes(
        self, bank: MemoryBank, images: Sequence[RgbImage]
    ) -> list[Segmentation]:
        """See ``base.Probabilistic``."""
        check_bank(self.info, bank)
        with single_threaded_libraries():
            return list(self._pool.map(partial(predict_with_planes, bank.state), images))

    def propagate_large(
        self,
        bank: MemoryBank,
        picture: Picture,
        tiles: Tiles,
        unfinished: Unfinished | None = None,
    ) -> LargeSegmentation:
        """See ``large.LargeEngine``; tiles are predicted several at once."""
        check_bank(self.info, bank)
        with single_threaded_libraries():
            found = predict_large(bank.state, picture, tiles, self._pool, unfinished)
        give_memory_back()
        return found

    def held_out(self, bank: MemoryBank) -> list[Segmentation]:
        """See ``base.CrossFitted``."""
        check_bank(self.info, bank)
        return [kept.unpacked() for kept in bank.state.held_out]

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()
