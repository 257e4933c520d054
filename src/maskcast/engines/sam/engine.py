"""The engines ``sam3``, ``sam2`` and ``edgetam``: one adapter, three families.

Importing this module loads no torch; building an engine does, and finds the weights; the model
itself is loaded when it is first used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from platformdirs import user_cache_path

from maskcast.engines.base import (
    EngineInfo,
    EngineSettings,
    WeightsOffer,
    bank_fingerprint,
    check_bank,
    check_prompt_kinds,
    shown_object_ids,
)
from maskcast.engines.hub import WeightFiles, check_extra
from maskcast.engines.sam.families import EDGETAM, SAM2, SAM3, Family
from maskcast.engines.sam.options import SamOptions, parse_options
from maskcast.engines.sam.weights import cached, locate
from maskcast.errors import EngineError, ForeignBankError
from maskcast.types import Mask, MemoryBank, Prompts, Reference, RgbImage, Segmentation

if TYPE_CHECKING:
    import torch

    from maskcast.engines.sam.targets import Caster

_VERSION = 1
_DEFAULT_THRESHOLD = 0.5
_SLOW_SECONDS = 2.0
_FASTER = {
    "sam3": ("sam2", "edgetam", "pixel"),
    "sam2": ("edgetam", "pixel"),
    "edgetam": ("pixel",),
}


class _SamEngine:
    """Common to the three families."""

    family: ClassVar[Family]

    def __init__(self, settings: EngineSettings) -> None:
        """Find device and weights; nothing heavy is loaded yet.

        Raises:
            EngineMissingError: if the extra or the weights are missing; says what to do.
            SettingsError: if an option, the device or the weights are given wrongly.
            EngineError: if the weights are damaged.
        """
        check_extra(self.family.engine)
        self._options = parse_options(self.family.engine, settings.options)
        files = locate(self._options.weights, self.family)
        from maskcast.engines.sam import devices
        from maskcast.engines.sam.feeding import Feeder
        from maskcast.engines.sam.loading import load_model
        from maskcast.engines.sam.models import Models

        device = devices.pick_device(settings.device)
        self._models = Models(
            partial(load_model, files, self.family),
            self.family,
            device,
            devices.pick_dtype(self._options.dtype, device),
            compiled=bool(self._options.compile),
            graphs=self._options.compile == "graphs",
        )
        self._threshold = settings.threshold or _DEFAULT_THRESHOLD
        self._feeder = Feeder(self._models, settings.workers, self.family.engine)
        self._caster: tuple[str, Caster] | None = None
        self.info = self._describe(files, device, settings)

    @classmethod
    def list_weights(cls) -> list[WeightsOffer]:
        """The published checkpoints and which of them are on this machine."""
        return [
            WeightsOffer(
                checkpoint.name,
                checkpoint.licence,
                checkpoint.megabytes,
                cached(checkpoint.repository) is not None,
                checkpoint.repository,
            )
            for checkpoint in cls.family.checkpoints
        ]

    def segment(self, image: RgbImage, prompts: Mapping[int, Prompts]) -> dict[int, Mask]:
        """Segment each object from its own prompts; the image is encoded once and kept."""
        check_prompt_kinds(self.info, prompts)
        from maskcast.engines.sam.annotated import segment_object

        return {
            object_id: segment_object(self._models, image, prompt, self._threshold)
            for object_id, prompt in prompts.items()
        }

    def memorize(self, references: Sequence[Reference]) -> MemoryBank:
        """Encode each object of each reference once, or take the bank kept from last time."""
        from maskcast.engines.sam.annotated import memorize
        from maskcast.engines.sam.memory import load_memory, save_memory

        object_ids = shown_object_ids(references)
        if not object_ids:
            raise EngineError("no reference shows an object; annotate at least one")
        fingerprint = bank_fingerprint(self.info, references)
        folder = _bank_folder(self._options)
        memory = load_memory(folder, fingerprint, self._signature) if folder else None
        if memory is None:
            memory = memorize(self._models, references, self._options, self._signature)
            if folder:
                save_memory(folder, fingerprint, memory)
        return MemoryBank(self.info.name, object_ids, fingerprint, memory)

    def propagate(self, bank: MemoryBank, images: Sequence[RgbImage]) -> list[Segmentation]:
        """Find all objects in all targets, as many targets at once as memory takes.

        Raises:
            ForeignBankError: if the bank is not of this engine and these weights.
            MemoryError: if even one target does not fit.
        """
        check_bank(self.info, bank)
        if getattr(bank.state, "family", None) != self._signature:
            raise ForeignBankError(
                "this memory bank was made with other weights; memorize the references again"
            )
        return self._feeder.cast(self._caster_of(bank), images) if images else []

    def close(self) -> None:
        """End the threads and free the model."""
        self._feeder.close()
        self._caster = None
        self._models.release()

    def _caster_of(self, bank: MemoryBank) -> Caster:
        """The bank on the device, kept for the next call."""
        from maskcast.engines.sam.targets import Caster, Rules

        if self._caster is None or self._caster[0] != bank.fingerprint:
            rules = Rules(self._threshold, self._options.presence, self._options.max_references)
            caster = Caster(self._models, bank.state, bank.object_ids, rules, self._feeder.limits)
            self._caster = (bank.fingerprint, caster)
        return self._caster[1]

    def _describe(
        self,
        files: WeightFiles,
        device: torch.device,
        settings: EngineSettings,
    ) -> EngineInfo:
        from maskcast.engines.sam.memory import family_signature

        digest = files.digest()
        self._signature = family_signature({"family": self.family.engine, "weights": digest})
        return EngineInfo(
            name=self.family.engine,
            prompt_kinds=frozenset({"box", "point", "brush"}),
            max_batch=self._feeder.most,
            device=str(device),
            needs_weights=True,
            signature={
                "version": _VERSION,
                "weights": digest,
                "threshold": settings.threshold,
                **self._options.signature,
            },
            seconds_per_target=self._slow_seconds(files, device),
            faster=_FASTER[self.family.engine],
        )

    def _slow_seconds(self, files: WeightFiles, device: torch.device) -> float | None:
        """Seconds per target if that is worth a warning: on a CPU, told by the model's size."""
        from maskcast.engines.sam.devices import seconds_on_cpu

        if device.type != "cpu":
            return None
        megabytes = files.bytes / 1e6
        nearest = min(self.family.checkpoints, key=lambda known: abs(known.megabytes - megabytes))
        seconds = seconds_on_cpu(nearest.gflop * min(1.0, megabytes / nearest.megabytes))
        return seconds if seconds >= _SLOW_SECONDS else None


class Sam3Engine(_SamEngine):
    """SAM 3's tracker: the strongest and the heaviest; for a GPU."""

    family = SAM3


class Sam2Engine(_SamEngine):
    """SAM 2.1's tracker in four sizes; open weights."""

    family = SAM2


class EdgeTamEngine(_SamEngine):
    """EdgeTAM's tracker: made for phones, the one for a CPU; open weights."""

    family = EDGETAM


def _bank_folder(options: SamOptions) -> Path | None:
    if options.bank_cache == "auto":
        return user_cache_path("maskcast", appauthor=False) / "banks"
    return options.bank_cache or None
