"""The seam between the engine ``deep`` and pretrained networks, and the encoders it knows by name.

An encoder turns a picture into token maps: for every patch of some pixels a few hundred numbers
that say what is there, learned from millions of pictures. It is frozen; a learner learns on them.
No torch here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from maskcast.types import RgbImage

TokenMaps = npt.NDArray[np.float16]
"""float16 (C, h, w): C numbers for each of h x w tokens, which cover the whole picture evenly."""


class Encoder(Protocol):
    """A frozen pretrained network; not thread-safe unless it says so.

    Attributes:
        patch: side of a token, in pixels of the picture as the network sees it.
        is_scaled: whether it sees pictures at a scale; else it squashes every one to one size.
        signature: JSON-able facts that its tokens depend on (weights, layers, number format).
    """

    patch: int
    is_scaled: bool
    signature: Mapping[str, str]

    def encode(self, images: Sequence[RgbImage], scale: float) -> list[TokenMaps]:
        """Token maps of each picture by itself; the others never matter.

        Args:
            images: uint8 (H, W, 3) RGB each, sizes may differ.
            scale: factor by which pictures are enlarged before the network sees them; encoders
                that squash every picture to one size do not need it.
        """

    def release(self) -> None:
        """Free the network's memory; it is loaded again when it is next used."""


@dataclass(frozen=True)
class EncoderWeights:
    """Published weights of an encoder.

    Attributes:
        name: as given to ``--weights`` and ``maskcast engines pull``.
        repository: on the Hugging Face Hub.
        licence: of the weights.
        megabytes: to download, about.
        gated: whether access must be requested first.
        gflop: billions of floating-point operations of the blocks that are used, for a megapixel as
            the network sees it, in tiles of 32 x 32 tokens.
    """

    name: str
    repository: str
    licence: str
    megabytes: int
    gated: bool
    gflop: int


_APACHE = "Apache-2.0"
_DINOV3 = "DINOv3 License"

ENCODERS: Mapping[str, EncoderWeights] = {
    weights.name: weights
    for weights in (
        EncoderWeights("dinov2-small", "facebook/dinov2-small", _APACHE, 88, False, 235),
        EncoderWeights("dinov2-base", "facebook/dinov2-base", _APACHE, 346, False, 790),
        EncoderWeights("dinov2-large", "facebook/dinov2-large", _APACHE, 1217, False, 2700),
        EncoderWeights(
            "dinov2-registers-small",
            "facebook/dinov2-with-registers-small",
            _APACHE,
            88,
            False,
            235,
        ),
        EncoderWeights(
            "dinov2-registers-base",
            "facebook/dinov2-with-registers-base",
            _APACHE,
            346,
            False,
            790,
        ),
        EncoderWeights(
            "dinov2-registers-large",
            "facebook/dinov2-with-registers-large",
            _APACHE,
            1217,
            False,
            2700,
        ),
        EncoderWeights(
            "dinov3-small", "facebook/dinov3-vits16-pretrain-lvd1689m", _DINOV3, 86, True, 180
        ),
        EncoderWeights(
            "dinov3-base", "facebook/dinov3-vitb16-pretrain-lvd1689m", _DINOV3, 343, True, 610
        ),
    )
}
"""The first is the default; DINOv3's licence is its own, so it is only offered by name."""

DEFAULT = next(iter(ENCODERS.values()))
