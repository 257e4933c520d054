"""Targets to masks: memory attention and mask decoder in batches, masks at the target's size."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812

from maskcast.engines.sam.attention import MemoryTokens, Projected
from maskcast.engines.sam.devices import Limits
from maskcast.engines.sam.fields import Decoded, Features
from maskcast.engines.sam.memory import SamMemory, by_count
from maskcast.engines.sam.models import Models, logit
from maskcast.engines.sam.preprocess import squash_alone
from maskcast.engines.sam.tracker import Tracker
from maskcast.types import RgbImage, Segmentation

_PIXELS_AT_ONCE = 2**25


@dataclass(frozen=True)
class Bucket:
    """Objects with the same number of memory entries: attention takes no mask.

    Attributes:
        positions: of the objects among the bank's.
        tokens: what they remember.
        projected: their keys and values per layer, if there is room to keep them.
    """

    positions: list[int]
    tokens: MemoryTokens
    projected: list[Projected] | None


@dataclass(frozen=True)
class Launched:
    """A batch of N targets whose results may still be on their way to the host.

    Attributes:
        shapes: (height, width) of each target.
        positions: per target, int64 (k,) which objects were cut.
        masks: per target, see ``cut_masks``.
        presence: float32 (N, K) logits.
        scores: float32 (N, K).
        done: set when everything has arrived; None if it has.
    """

    shapes: Sequence[tuple[int, ...]]
    positions: list[torch.Tensor]
    masks: list[torch.Tensor]
    presence: torch.Tensor
    scores: torch.Tensor
    done: torch.cuda.Event | None


@dataclass(frozen=True)
class Rules:
    """From logits to what is reported.

    Attributes:
        threshold: probability above which a pixel is the object.
        presence: probability of presence above which an object is reported.
        max_references: most references per object; None = all.
    """

    threshold: float
    presence: float
    max_references: int | None


class Caster:
    """Casts one bank onto targets; keeps the bank's keys and values on the device."""

    def __init__(
        self,
        models: Models,
        memory: SamMemory,
        object_ids: tuple[int, ...],
        rules: Rules,
        limits: Limits,
    ) -> None:
        self._models = models
        self._tracker: Tracker = models.fast
        self._memory = memory
        self._ids = object_ids
        self._rules = rules
        self._limits = limits
        shown = [memory.entries_of(object_id, None, None) for object_id in object_ids]
        most = max(int((memory.objects == object_id).sum()) for object_id in object_ids)
        self._choosing = rules.max_references is not None and most > rules.max_references
        self._spatial = memory.spatial
        if self._choosing and memory.spatial.nbytes <= limits.projected_bytes:
            self._spatial = memory.spatial.to(self._tracker.device)
        self._buckets = [] if self._choosing else self._bucket(shown, keep=True)

    def launch(
        self,
        squashed: list[torch.Tensor],
        shapes: Sequence[tuple[int, ...]],
    ) -> Launched:
        """Begin a batch; on a GPU this returns before the results are there.

        Args:
            squashed: uint8 (3, S, S) each; pictures beyond the shapes only fill up the batch.
            shapes: the targets' own (height, width).
        """
        count = len(shapes)
        features = self._models.look_at_targets(squashed)
        # Compiled code wants batches of one size; targets that choose their references go singly.
        decoded = self.find(features[:count] if self._choosing else features)
        scores = decoded.presence.float().sigmoid() * decoded.quality.float().clamp(0, 1)
        positions, masks = [], []
        for logits, presence, shape in zip(
            decoded.logits[:count], decoded.presence[:count], shapes, strict=True
        ):
            rows = self._to_cut(presence)
            shown = logits if rows is None else logits[rows]
            cut = cut_masks(shown, (shape[0], shape[1]), logit(self._rules.threshold))
            positions.append(torch.arange(len(self._ids)) if rows is None else rows)
            masks.append(_to_host(cut))
        presence, scores = _to_host(decoded.presence.float()), _to_host(scores)
        return Launched(shapes, positions, masks, presence, scores, _mark(decoded.logits.device))

    def collect(self, launched: Launched, index: int) -> Segmentation:
        """Wait for a batch and take one of its targets; present objects with pixels are kept."""
        if launched.done is not None:
            launched.done.synchronize()
        height, width = launched.shapes[index]
        rows = launched.positions[index]
        masks = unpack_masks(launched.masks[index], (height, width))
        present = (launched.presence[index][rows] > logit(self._rules.presence)).numpy()
        kept = present & masks.any(axis=(1, 2))
        ids = np.array(self._ids, np.int32)[rows.numpy()]
        return Segmentation(ids[kept], masks[kept], launched.scores[index][rows].numpy()[kept])

    def cast_alone(self, image: RgbImage) -> Segmentation:
        """Mask one target with the calling thread alone."""
        squashed = squash_alone(image, self._tracker.size)
        return self.collect(self.launch([squashed], [image.shape[:2]]), 0)

    def find(self, features: Features) -> Decoded:
        """Find all K objects in N targets; every field begins with (N, K)."""
        started = self._tracker.start(features)
        if not self._choosing:
            return self._find_in(features, started, self._buckets)
        alone = [
            self._find_in(
                features[index : index + 1],
                started[index : index + 1],
                self._nearest_buckets(descriptor),
            )
            for index, descriptor in enumerate(features.descriptors.cpu())
        ]
        return Decoded.joined(alone, torch.cat)

    def _nearest_buckets(self, descriptor: torch.Tensor) -> list[Bucket]:
        most = self._rules.max_references
        entries = [self._memory.entries_of(object_id, most, descriptor) for object_id in self._ids]
        return self._bucket(entries, keep=False)

    def _bucket(self, entries: list[tuple[int, ...]], *, keep: bool) -> list[Bucket]:
        buckets = []
        room = self._limits.projected_bytes
        for positions in by_count(entries).values():
            rows = torch.tensor([entries[position] for position in positions])
            device = self._tracker.device
            tokens = self._tracker.tokens(
                self._spatial[rows].to(device), self._memory.pointers[rows].to(device)
            )
            needed = self._projected_bytes(tokens)
            projected = self._tracker.project(tokens) if keep and needed <= room else None
            room -= needed if projected else 0
            buckets.append(Bucket(positions, tokens, projected))
        return buckets

    def _projected_bytes(self, tokens: MemoryTokens) -> int:
        config = self._tracker.model.config
        width = config.memory_attention_hidden_size // config.memory_attention_downsample_rate
        tensors = 2 * self._tracker.attention.layer_count
        count: int = tokens.content[..., 0].numel() * width * tensors
        return count * tokens.content.element_size()

    def _find_in(
        self,
        features: Features,
        started: torch.Tensor,
        buckets: list[Bucket],
    ) -> Decoded:
        """Run bucket by bucket, each in parts that the device takes at once."""
        found: dict[int, Decoded] = {}
        at_once = max(1, self._limits.pairs // len(features))
        for bucket in buckets:
            for part in _parts(len(bucket.positions), at_once, alike=self._models.compiled):
                projected = _project_part(self._tracker, bucket, part)
                decoded = self._tracker.track(features, started, projected)
                for offset, position in enumerate(bucket.positions[part]):
                    first = offset * len(features)
                    found[position] = decoded.each(itemgetter(slice(first, first + len(features))))
        ordered = [found[position] for position in range(len(self._ids))]
        return Decoded.joined(ordered, lambda fields: torch.stack(fields, dim=1))

    def _to_cut(self, presence: torch.Tensor) -> torch.Tensor | None:
        """Positions of the objects to upsample, of (K,) presence logits; None = all.

        A CPU spares itself the absent ones; asking a GPU which these are would wait for it.
        """
        if presence.device.type != "cpu":
            return None
        return (presence > logit(self._rules.presence)).nonzero()[:, 0]


def cut_masks(logits: torch.Tensor, size: tuple[int, int], level: float) -> torch.Tensor:
    """Upsample (K, h, w) logits to ``size`` on their device and threshold them.

    Returns:
        uint8 (K, ceil(H * W / 8)) on a GPU: packed, as a 12-megapixel mask then travels as 1.5 MB
        instead of 12. Bool (K, H, W) on a CPU.
    """
    at_once = max(1, _PIXELS_AT_ONCE // (size[0] * size[1]))
    parts = []
    for part in _parts(len(logits), at_once):
        up = F.interpolate(logits[part, None].float(), size, mode="bilinear", align_corners=False)
        cut = up[:, 0] > level
        parts.append(cut if cut.device.type == "cpu" else pack_bits(cut.flatten(1)))
    return torch.cat(parts) if parts else torch.zeros(0, *size, dtype=torch.bool)


def unpack_masks(masks: torch.Tensor, size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """The masks of ``cut_masks``, on the host, as bool (K, H, W)."""
    array = masks.numpy()
    if masks.dtype == torch.bool:
        plain: npt.NDArray[np.bool_] = array
        return plain
    bits = np.unpackbits(array, axis=1, count=size[0] * size[1])
    return bits.view(np.bool_).reshape(-1, *size)


def pack_bits(flat: torch.Tensor) -> torch.Tensor:
    """Bool (K, n) to uint8 (K, ceil(n / 8)), first pixel in the highest bit, as numpy does."""
    padded = F.pad(flat.to(torch.uint8), (0, -flat.shape[1] % 8))
    # Made where it is needed: sending eight numbers would wait for all that a GPU has to do.
    places = 7 - torch.arange(8, dtype=torch.uint8, device=flat.device)
    return (padded.reshape(len(flat), -1, 8) << places).sum(dim=2, dtype=torch.uint8)


def _to_host(tensor: torch.Tensor) -> torch.Tensor:
    """Bring a tensor over; from CUDA without waiting, into pinned memory."""
    if not tensor.is_cuda:
        return tensor.cpu()
    host = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
    return host.copy_(tensor, non_blocking=True)


def _mark(device: torch.device) -> torch.cuda.Event | None:
    """What is done on CUDA when all that was asked so far is; None where nothing is put off."""
    if device.type != "cuda":
        return None
    done = torch.cuda.Event()  # type: ignore[no-untyped-call]
    done.record(torch.cuda.current_stream(device))
    return done


def _project_part(tracker: Tracker, bucket: Bucket, part: slice) -> list[Projected]:
    if bucket.projected is None:
        return tracker.project(bucket.tokens[part])
    return [Projected(layer.keys[part], layer.values[part]) for layer in bucket.projected]


def _parts(count: int, at_once: int, *, alike: bool = False) -> Iterator[slice]:
    """Slices of ``at_once`` and a rest; or, for compiled code, all of one length.

    These are as even as can be; where they do not come out even, the last begins in the one before.
    """
    if alike:
        at_once = math.ceil(count / math.ceil(count / at_once))
    for start in range(0, count, at_once):
        first = min(start, count - at_once) if alike else start
        yield slice(first, first + at_once)
