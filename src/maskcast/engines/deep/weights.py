"""Which encoder a user's ``--weights`` mean, and where its files are. No torch, no network.

They are given as a name (``dinov2-small``), a Hub repository (``owner/name``), a folder with
``config.json`` and ``model.safetensors``, or as weights of a SAM engine, whose image encoder then
serves: whoever has those has an eye already.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maskcast.engines.deep.encoder import DEFAULT, ENCODERS, EncoderWeights
from maskcast.engines.hub import (
    CONFIG,
    REPOSITORY,
    SINGLE,
    WeightFiles,
    cached_snapshot,
    check_whole,
    inside_cache_folder,
    read_config,
    tensor_files,
)
from maskcast.engines.sam import weights as sam_weights
from maskcast.engines.sam.families import CHECKPOINTS, FAMILIES, Family, family_of_model_type
from maskcast.errors import EngineMissingError, SettingsError

VIT_TYPES = ("dinov2", "dinov2_with_registers", "dinov3_vit")
"""``model_type`` of the configurations that ``vit`` reads."""


@dataclass(frozen=True)
class Found:
    """An encoder's files.

    Attributes:
        files: checked to be whole.
        config: what ``config.json`` holds; empty for an original ``sam3.pt``.
        family: of a SAM engine whose image encoder is used; None for a vision transformer.
        gflop: of a megapixel as the network sees it; None if unknown.
    """

    files: WeightFiles
    config: Mapping[str, Any]
    family: Family | None
    gflop: int | None = None


def find(weights: str | None) -> Found:
    """Find an encoder; reads headers only.

    Args:
        weights: as a user gave them, see the module; None = the default ones.

    Raises:
        EngineMissingError: if they are not here; says how to get them.
        SettingsError: if they are given wrongly or are no encoder's.
        EngineError: if they are damaged.
    """
    named = weights or DEFAULT.name
    if named in ENCODERS:
        return _find_published(ENCODERS[named])
    family = _family_of_checkpoint(named)
    if family is not None:
        return _of_family(sam_weights.locate(named, family), family)
    path = Path(named).expanduser()
    if path.exists():
        return _open(inside_cache_folder(path) if path.is_dir() else path.parent)
    if REPOSITORY.fullmatch(named) and not named.startswith("."):
        folder = cached_snapshot(named)
        if folder is None:
            raise EngineMissingError(
                f"the weights {named} are not on this machine; run: maskcast engines pull {named}"
            )
        return _open(folder)
    raise SettingsError(
        f"there are no weights {named!r}: no such file or folder, and not an encoder that is known "
        f"by name; give --weights one of {', '.join(ENCODERS)}, or a path"
    )


def _family_of_checkpoint(name: str) -> Family | None:
    checkpoint = CHECKPOINTS.get(name)
    return next((f for f in FAMILIES.values() if checkpoint in f.checkpoints), None)


def _find_published(weights: EncoderWeights) -> Found:
    folder = cached_snapshot(weights.repository)
    if folder is None:
        raise EngineMissingError(_how_to_get(weights))
    found = _open(folder)
    return Found(found.files, found.config, found.family, weights.gflop)


def _open(folder: Path) -> Found:
    if not (folder / CONFIG).is_file():
        raise EngineMissingError(
            f"{folder} holds no {CONFIG}; give --weights a folder with {CONFIG} and {SINGLE}, or "
            f"one of {', '.join(ENCODERS)}"
        )
    config = read_config(folder / CONFIG)
    model_type = str(config.get("model_type"))
    family = family_of_model_type(model_type)
    if family is not None:
        return _of_family(sam_weights.locate(str(folder), family), family)
    if model_type not in VIT_TYPES:
        raise SettingsError(
            f"{folder} holds weights of {model_type!r}, which the engine 'deep' cannot use; give "
            f"one of {', '.join(ENCODERS)}, a folder of a model of type {', '.join(VIT_TYPES)}, "
            "or weights of a SAM engine"
        )
    files = tuple(tensor_files(folder))
    for path in files:
        check_whole(path, DEFAULT.name)
    return Found(WeightFiles(folder, files, original=False), config, None)


def _of_family(files: WeightFiles, family: Family) -> Found:
    return Found(files, {}, family)


def _how_to_get(weights: EncoderWeights) -> str:
    sentence = f"the weights {weights.name} of the engine 'deep' are not on this machine; "
    if os.environ.get("HF_HUB_OFFLINE"):
        sentence += "HF_HUB_OFFLINE is set: unset it, then "
    if weights.gated:
        sentence += (
            f"request access at https://huggingface.co/{weights.repository}, run: hf auth login, "
            "then "
        )
    here = [
        other.name
        for other in ENCODERS.values()
        if other != weights and cached_snapshot(other.repository) is not None
    ] + [name for name, known in CHECKPOINTS.items() if sam_weights.cached(known.repository)]
    others = f"; already here: --weights {' or '.join(here)}" if here else ""
    return (
        f"{sentence}run: maskcast engines pull {weights.name} ({weights.megabytes} MB); "
        f"or give --weights a folder with {CONFIG} and {SINGLE}{others}"
    )
