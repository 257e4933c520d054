"""The three model families and their published checkpoints. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Model = Any
"""A model or module of ``transformers``, whose attributes are not typed."""

_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Checkpoint:
    """Published weights.

    Attributes:
        name: as given to ``--weights`` and ``maskcast engines pull``.
        repository: on the Hugging Face Hub.
        licence: of the weights.
        megabytes: to download, about.
        gated: whether access must be requested first.
        gflop: billions of floating-point operations of a target with one object and one reference.
    """

    name: str
    repository: str
    licence: str
    megabytes: int
    gated: bool
    gflop: int


@dataclass(frozen=True)
class Family:
    """What the adapter must know about one family.

    Attributes:
        engine: name of the engine.
        model_class: in ``transformers``.
        model_types: ``model_type`` of configurations that the class reads.
        mean: per channel, of pixel values in [0, 1].
        std: per channel, of pixel values in [0, 1].
        checkpoints: the first is the default.
    """

    engine: str
    model_class: str
    model_types: tuple[str, ...]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    checkpoints: tuple[Checkpoint, ...]

    @property
    def default(self) -> Checkpoint:
        """The checkpoint used when none is named."""
        return self.checkpoints[0]


SAM3 = Family(
    "sam3",
    "Sam3TrackerVideoModel",
    ("sam3_video", "sam3_tracker_video"),
    (0.5, 0.5, 0.5),
    (0.5, 0.5, 0.5),
    (Checkpoint("sam3", "facebook/sam3", "SAM License", 3450, True, 5900),),
)

SAM2 = Family(
    "sam2",
    "Sam2VideoModel",
    ("sam2_video",),
    _IMAGENET_MEAN,
    _IMAGENET_STD,
    (
        Checkpoint("sam2.1-tiny", "facebook/sam2.1-hiera-tiny", "Apache-2.0", 156, False, 480),
        Checkpoint("sam2.1-small", "facebook/sam2.1-hiera-small", "Apache-2.0", 184, False, 550),
        Checkpoint(
            "sam2.1-base-plus", "facebook/sam2.1-hiera-base-plus", "Apache-2.0", 324, False, 835
        ),
        Checkpoint("sam2.1-large", "facebook/sam2.1-hiera-large", "Apache-2.0", 898, False, 2010),
    ),
)

EDGETAM = Family(
    "edgetam",
    "EdgeTamVideoModel",
    ("edgetam_video",),
    _IMAGENET_MEAN,
    _IMAGENET_STD,
    (Checkpoint("edgetam", "yonigozlan/EdgeTAM-hf", "Apache-2.0", 56, False, 103),),
)

FAMILIES: Mapping[str, Family] = {family.engine: family for family in (SAM3, SAM2, EDGETAM)}

CHECKPOINTS: Mapping[str, Checkpoint] = {
    checkpoint.name: checkpoint for family in FAMILIES.values() for checkpoint in family.checkpoints
}


def family_of_model_type(model_type: str) -> Family | None:
    """The family whose configuration says ``model_type``, e.g. ``sam2_video``; None if unknown."""
    for family in FAMILIES.values():
        if model_type in family.model_types:
            return family
    return None
