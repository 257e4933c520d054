"""What goes between the parts of a tracker: features, memory entries, decoded masks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter

import torch
import torch.nn.functional as F  # noqa: N812

NO_OBJECT_LOGIT = -1024.0
"""What the official code overwrites mask logits with where it finds no object."""


@dataclass(frozen=True)
class Features:
    """Image features of N images.

    Attributes:
        fine: (N, C / 8, 4h, 4w).
        medium: (N, C / 4, 2h, 2w).
        coarse: (N, h * w, C).
    """

    fine: torch.Tensor
    medium: torch.Tensor
    coarse: torch.Tensor

    def __len__(self) -> int:
        return len(self.coarse)

    def __getitem__(self, images: slice) -> Features:
        """The features of some of the images."""
        return self.each(itemgetter(images))

    def each(self, change: Callable[[torch.Tensor], torch.Tensor]) -> Features:
        """The same change to every field."""
        return Features(change(self.fine), change(self.medium), change(self.coarse))

    @property
    def descriptors(self) -> torch.Tensor:
        """float32 (N, C) of length 1: what the images look like as a whole."""
        return F.normalize(self.coarse.float().mean(dim=1), dim=-1)


@dataclass(frozen=True)
class Decoded:
    """What the mask decoder says about B pairs of image and object.

    Attributes:
        logits: (B, h, w) at the model's low resolution, as decoded: not overwritten where the
            object seems absent.
        quality: (B,) predicted IoU of the mask.
        presence: (B,) logit that the object is there.
        pointers: (B, C) what to remember of the object.
    """

    logits: torch.Tensor
    quality: torch.Tensor
    presence: torch.Tensor
    pointers: torch.Tensor

    def each(self, change: Callable[[torch.Tensor], torch.Tensor]) -> Decoded:
        """The same change to every field, e.g. a selection of pairs."""
        return Decoded(
            change(self.logits),
            change(self.quality),
            change(self.presence),
            change(self.pointers),
        )

    @staticmethod
    def joined(
        parts: Sequence[Decoded],
        join: Callable[[list[torch.Tensor]], torch.Tensor],
    ) -> Decoded:
        """Several as one, field by field, e.g. stacked."""
        return Decoded(
            join([part.logits for part in parts]),
            join([part.quality for part in parts]),
            join([part.presence for part in parts]),
            join([part.pointers for part in parts]),
        )

    @property
    def gated_logits(self) -> torch.Tensor:
        """The logits as the official code returns them."""
        absent = (self.presence <= 0)[:, None, None]
        return self.logits.masked_fill(absent, NO_OBJECT_LOGIT)


@dataclass(frozen=True)
class Entries:
    """E memory entries, each one object in one reference.

    Attributes:
        spatial: (E, T, 64), as computed; ``Tracker.tokens`` rounds it to ``memory_dtype``.
        pointers: (E, C).
    """

    spatial: torch.Tensor
    pointers: torch.Tensor
