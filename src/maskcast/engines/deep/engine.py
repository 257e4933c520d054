"""The engine ``deep``: a pretrained eye for the learner of ``pixel``.

The encoder's token maps, reduced to their principal components on the references, are laid beside
the feature bank, so that both stages of the learner see them; altered copies of a reference have
its tokens. Importing this module loads no torch; building an engine does, and finds the weights;
the encoder itself is loaded when it is first used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from platformdirs import user_cache_path

from maskcast.engines.base import (
    EngineInfo,
    EngineSettings,
    WeightsOffer,
    bank_fingerprint,
    check_bank,
    shown_object_ids,
)
from maskcast.engines.deep.altering import ALTERATIONS, Window, middle
from maskcast.engines.deep.encoder import ENCODERS, Encoder, TokenMaps
from maskcast.engines.deep.options import DeepOptions
from maskcast.engines.deep.projection import COMPONENTS, Changes, Projection
from maskcast.engines.deep.tiling import TILING, scale_of
from maskcast.engines.deep.weights import Found, find
from maskcast.engines.freed import give_memory_back
from maskcast.engines.hub import cached_snapshot, check_extra
from maskcast.engines.pixel.engine import PixelEngine
from maskcast.engines.pixel.learning.learner import LEARNER_VERSION, LearnerOptions, fit
from maskcast.engines.pixel.learning.model import (
    PixelModel,
    calibration_of,
    predict,
    predict_with_planes,
)
from maskcast.engines.pixel.learning.tokens import TokenGrid
from maskcast.engines.pixel.threads import single_threaded_libraries
from maskcast.engines.planes import Calibration
from maskcast.engines.tables import parse_table
from maskcast.errors import EngineError, ForeignBankError
from maskcast.types import Mask, MemoryBank, Prompts, Reference, RgbImage, Segmentation

if TYPE_CHECKING:
    import torch

Predicting = Callable[[PixelModel, RgbImage, TokenGrid], Segmentation]
"""``predict`` or ``predict_with_planes``."""

_VERSION = 2
_TARGETS_PER_WORKER = 2
_TILES_PER_TARGET = 4
_ALTERED_REFERENCES = 8
_SLOW_SECONDS = 4.0
_LARGE_BYTES = 8 << 20


@dataclass(frozen=True)
class DeepModel:
    """What is derived from the references.

    Attributes:
        encoder: what the tokens depend on.
        scale: factor by which pictures are enlarged for the encoder.
        projection: from its tokens to fewer numbers.
        pixel: the learner's model, which sees these beside its own features.
    """

    encoder: Mapping[str, str]
    scale: float
    projection: Projection
    pixel: PixelModel


class DeepEngine:
    """The learner of pixel with a pretrained encoder's eye."""

    def __init__(self, settings: EngineSettings) -> None:
        """Find device and weights; nothing heavy is loaded yet.

        Raises:
            EngineMissingError: if the extra or the weights are missing; says what to do.
            SettingsError: if an option, the device or the weights are given wrongly.
            EngineError: if the weights are damaged.
        """
        check_extra("deep")
        options = parse_table("deep", settings.options, DeepOptions)
        found = find(options.weights)
        from maskcast.engines.deep.kept_tokens import KeptTokens
        from maskcast.engines.sam.devices import limits_of, pick_device, side_by_side

        self._device = pick_device(settings.device)
        self._batch = limits_of(self._device).images
        self._encoder = _make_encoder(found, self._device, options, self._batch)
        self._labeler = PixelEngine(EngineSettings(workers=settings.workers))
        self._options = LearnerOptions(threshold=settings.threshold, workers=settings.workers)
        self._pool = ThreadPoolExecutor(side_by_side(self._device, settings.workers), "deep")
        self._tokens = KeptTokens(self._encoder.signature, _token_folder(options))
        self.info = EngineInfo(
            name="deep",
            prompt_kinds=self._labeler.info.prompt_kinds,
            max_batch=max(_TARGETS_PER_WORKER * settings.workers, self._batch),
            device=str(self._device),
            needs_weights=True,
            signature={
                "version": [_VERSION, LEARNER_VERSION],
                "encoder": dict(self._encoder.signature),
                "threshold": settings.threshold,
            },
            seconds_per_target=_slow_seconds(found, self._device),
            faster=("pixel",),
        )

    @classmethod
    def list_weights(cls) -> list[WeightsOffer]:
        """The encoders that are known by name and which of them are on this machine."""
        return [
            WeightsOffer(
                weights.name,
                weights.licence,
                weights.megabytes,
                cached_snapshot(weights.repository) is not None,
                weights.repository,
            )
            for weights in ENCODERS.values()
        ]

    def segment(self, image: RgbImage, prompts: Mapping[int, Prompts]) -> dict[int, Mask]:
        """Segment each object from its own prompts, as the engine ``pixel`` does."""
        return self._labeler.segment(image, prompts)

    def memorize(self, references: Sequence[Reference]) -> MemoryBank:
        """Encode the references and fit the learner; tokens are kept for the next time."""
        object_ids = shown_object_ids(references)
        if not object_ids:
            raise EngineError("no reference shows an object; annotate at least one")
        scale = scale_of([reference.image.shape for reference in references])
        maps = self._tokens.of([reference.image for reference in references], scale, self._encode)
        changes = self._changes([reference.image for reference in references], maps, scale)
        projection = Projection.of(maps, changes, COMPONENTS)
        grids = [
            _grid(projection, values, reference.image)
            for values, reference in zip(maps, references, strict=True)
        ]
        pixel = fit(references, self._options, grids)
        give_memory_back()
        return MemoryBank(
            self.info.name,
            object_ids,
            bank_fingerprint(self.info, references),
            DeepModel(self._encoder.signature, scale, projection, pixel),
        )

    def propagate(self, bank: MemoryBank, images: Sequence[RgbImage]) -> list[Segmentation]:
        """Encode and predict each target by itself, several at once.

        Raises:
            ForeignBankError: if the bank is not of this engine and these weights.
        """
        return self._cast_all(bank, images, predict)

    def calibration(self, bank: MemoryBank) -> Calibration:
        """See ``base.Probabilistic``."""
        check_bank(self.info, bank)
        return calibration_of(bank.state.pixel)

    def propagate_with_planes(
        self, bank: MemoryBank, images: Sequence[RgbImage]
    ) -> list[Segmentation]:
        """See ``base.Probabilistic``."""
        return self._cast_all(bank, images, predict_with_planes)

    def _cast_all(
        self, bank: MemoryBank, images: Sequence[RgbImage], predicting: Predicting
    ) -> list[Segmentation]:
        check_bank(self.info, bank)
        model: DeepModel = bank.state
        if model.encoder != self._encoder.signature:
            raise ForeignBankError(
                "this memory bank was made with other weights; memorize the references again"
            )
        if self._device.type == "cpu":
            with single_threaded_libraries(), _threads_kept():
                alone = partial(self._cast_alone, model, predicting)
                return list(self._pool.map(alone, images))
        return self._cast_in_batches(model, images, predicting)

    def held_out(self, bank: MemoryBank) -> list[Segmentation]:
        """See ``base.CrossFitted``."""
        check_bank(self.info, bank)
        return [kept.unpacked() for kept in bank.state.pixel.held_out]

    def close(self) -> None:
        """End the threads and free the encoder."""
        self._pool.shutdown()
        self._labeler.close()
        self._encoder.release()

    def _changes(
        self, images: Sequence[RgbImage], maps: Sequence[TokenMaps], scale: float
    ) -> list[Changes]:
        """By how much tokens change where pictures are shown otherwise, see `altering`."""
        found: list[Changes] = []
        some = [(i, m, _window(self._encoder, i, m)) for i, m in zip(images, maps, strict=True)]
        some = some[:: -(-len(some) // _ALTERED_REFERENCES)]
        for alteration in ALTERATIONS:
            if alteration.zoom != 1 and not self._encoder.is_scaled:
                continue
            copies = [alteration.of(image[window.pixels]) for image, _, window in some]
            shown = self._tokens.of(copies, scale * alteration.zoom, self._encode)
            for tokens, (_, kept, window) in zip(shown, some, strict=True):
                before = kept[:, *window.tokens].astype(np.float32)
                change = alteration.back(tokens, before.shape[1:]) - before
                found.append(change.reshape(len(change), -1).T)
        return found

    def _encode(self, images: Sequence[RgbImage], scale: float) -> list[TokenMaps]:
        """On a GPU in batches; on a CPU, where a batch gains nothing, each by a thread alone."""
        if self._device.type != "cpu":
            return self._encoder.encode(images, scale)
        with _threads_kept():
            return list(self._pool.map(partial(self._encode_alone, scale=scale), images))

    def _encode_alone(self, image: RgbImage, scale: float) -> TokenMaps:
        import torch

        torch.set_num_threads(1)  # of this thread
        return self._encoder.encode([image], scale)[0]

    def _cast_alone(
        self, model: DeepModel, predicting: Predicting, image: RgbImage
    ) -> Segmentation:
        # The tokens and what made them are gone before the learner needs memory.
        grid = _grid(model.projection, self._encode_alone(image, model.scale), image)
        if image.size > _LARGE_BYTES:
            give_memory_back()
        return predicting(model.pixel, image, grid)

    def _cast_in_batches(
        self, model: DeepModel, images: Sequence[RgbImage], predicting: Predicting = predict
    ) -> list[Segmentation]:
        """While the device encodes a batch, the learner masks the last on the CPU."""
        found: list[Future[Segmentation]] = []
        with single_threaded_libraries():
            for first in range(0, len(images), self._batch):
                part = images[first : first + self._batch]
                maps = self._encoder.encode(part, model.scale)
                found += [
                    self._pool.submit(_cast, model, predicting, image, tokens)
                    for image, tokens in zip(part, maps, strict=True)
                ]
            return [each.result() for each in found]


@contextmanager
def _threads_kept() -> Iterator[None]:
    """PyTorch has as many threads afterwards as before."""
    import torch

    threads = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _window(encoder: Encoder, image: RgbImage, maps: TokenMaps) -> Window:
    """What of a reference is altered: one tile, or all where a part would be shown larger."""
    if encoder.is_scaled:
        return middle(image.shape, maps.shape[1:])
    return Window((slice(None), slice(None)), (slice(None), slice(None)))


def _cast(
    model: DeepModel, predicting: Predicting, image: RgbImage, maps: TokenMaps
) -> Segmentation:
    return predicting(model.pixel, image, _grid(model.projection, maps, image))


def _grid(projection: Projection, maps: TokenMaps, image: RgbImage) -> TokenGrid:
    """The components of a picture's tokens, laid over all of it."""
    values = projection.apply(maps)
    height, width = image.shape[:2]
    return TokenGrid(values, height / values.shape[1], width / values.shape[2])


def _token_folder(options: DeepOptions) -> Path | None:
    if options.kept_tokens == "auto":
        return user_cache_path("maskcast", appauthor=False) / "tokens"
    return options.kept_tokens or None


def _make_encoder(found: Found, device: torch.device, options: DeepOptions, batch: int) -> Encoder:
    from maskcast.engines.deep import cpu
    from maskcast.engines.deep.sam_encoder import TrackerEncoder
    from maskcast.engines.deep.vit import VitEncoder
    from maskcast.engines.sam import devices

    if found.family is not None:
        dtype = devices.pick_dtype(options.dtype, device)
        return TrackerEncoder(found.files, found.family, device, dtype, batch)
    tiles = batch if device.type == "cpu" else batch * _TILES_PER_TARGET
    return VitEncoder(
        found.files, found.config, device, cpu.pick_dtype(options.dtype, device), tiles
    )


def _slow_seconds(found: Found, device: torch.device) -> float | None:
    """Seconds per megapixel if that is worth a warning: on a CPU, told by the encoder's size."""
    from maskcast.engines.deep.cpu import multiplies_bf16
    from maskcast.engines.sam.devices import seconds_on_cpu

    if device.type != "cpu" or found.gflop is None:
        return None
    seconds = seconds_on_cpu(found.gflop * TILING.scale**2) / (2 if multiplies_bf16() else 1)
    return seconds if seconds >= _SLOW_SECONDS else None
