"""Where weights are, whether they are whole and of the right family. No torch, no network.

Weights are given as a checkpoint's name (``sam2.1-tiny``), a Hub repository (``owner/name``), a
folder with ``config.json`` and ``model.safetensors``, or the original ``sam3.pt``. What is named is
looked up in the local Hub cache; only ``maskcast engines pull`` ever downloads.
"""

from __future__ import annotations

import os
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from maskcast.engines.hub import (
    CONFIG,
    INDEX,
    REPOSITORY,
    SINGLE,
    WeightFiles,
    cached_snapshot,
    check_whole,
    inside_cache_folder,
    read_config,
    tensor_files,
)
from maskcast.engines.sam.families import (
    CHECKPOINTS,
    FAMILIES,
    SAM3,
    Checkpoint,
    Family,
    family_of_model_type,
)
from maskcast.errors import EngineError, EngineMissingError, SettingsError

_ORIGINAL = "sam3.pt"


def locate(weights: str | None, family: Family) -> WeightFiles:
    """Find the weights for ``family``; reads headers only.

    Args:
        weights: as a user gave them, see the module; None = the family's default checkpoint.
        family: whose model will be built from them.

    Raises:
        EngineMissingError: if they are not here; says how to get them.
        SettingsError: if they are given wrongly or belong to another family.
        EngineError: if they are damaged.
    """
    named = weights or family.default.name
    if named in CHECKPOINTS:
        checkpoint = CHECKPOINTS[named]
        _check_offered(checkpoint, family)
        folder = cached(checkpoint.repository)
        if folder is None:
            raise EngineMissingError(_how_to_get(checkpoint, family))
        return _open_folder(folder, family)
    path = Path(named).expanduser()
    if path.is_file():
        return _open_file(path, family)
    if path.is_dir():
        return _open_folder(inside_cache_folder(path), family)
    if REPOSITORY.fullmatch(named) and not named.startswith("."):
        return _open_repository(named, family)
    raise SettingsError(
        f"there are no weights {named!r}: no such file or folder, and not a checkpoint of "
        f"{family.engine}; give --weights one of {', '.join(_names(family))}, or a path"
    )


def cached(repository: str) -> Path | None:
    """Folder of a downloaded repository, in the Hub's layout or with the original file."""
    return cached_snapshot(repository, (CONFIG, _ORIGINAL))


def _check_offered(checkpoint: Checkpoint, family: Family) -> None:
    if checkpoint not in family.checkpoints:
        owner = next(other for other in FAMILIES.values() if checkpoint in other.checkpoints)
        raise SettingsError(
            f"the weights {checkpoint.name} belong to the engine {owner.engine!r}; "
            f"use --engine {owner.engine}, or one of {', '.join(_names(family))}"
        )


def _how_to_get(checkpoint: Checkpoint, family: Family) -> str:
    sentence = (
        f"the weights {checkpoint.name} of the engine {family.engine!r} are not on this machine; "
    )
    if os.environ.get("HF_HUB_OFFLINE"):
        sentence += "HF_HUB_OFFLINE is set: unset it, then "
    if checkpoint.gated:
        sentence += (
            f"request access at https://huggingface.co/{checkpoint.repository}, run: hf auth login,"
            " then "
        )
    sentence += f"run: maskcast engines pull {checkpoint.name} ({checkpoint.megabytes} MB)"
    here = [
        other.name
        for other in family.checkpoints
        if other != checkpoint and cached(other.repository) is not None
    ]
    others = f"; already here: --weights {' or '.join(here)}" if here else ""
    return f"{sentence}; or give --weights a folder with {CONFIG} and {SINGLE}{others}"


def _open_repository(repository: str, family: Family) -> WeightFiles:
    folder = cached(repository)
    if folder is None:
        raise EngineMissingError(
            f"the weights {repository} are not on this machine; "
            f"run: maskcast engines pull {repository}"
        )
    return _open_folder(folder, family)


def _open_file(path: Path, family: Family) -> WeightFiles:
    if path.suffix == ".safetensors":
        return _open_folder(path.parent, family)
    if family is not SAM3:
        raise SettingsError(
            f"{path} is not in the Hub's layout; the engine {family.engine!r} takes a folder with "
            f"{CONFIG} and {SINGLE} (only sam3 also takes the original sam3.pt)"
        )
    if not zipfile.is_zipfile(path):
        raise EngineError(
            f"{path} is cut short or not a PyTorch checkpoint; download it again, or run: "
            "maskcast engines pull sam3"
        )
    return WeightFiles(path.parent, (path,), original=True)


def _open_folder(folder: Path, family: Family) -> WeightFiles:
    if not (folder / CONFIG).is_file():
        original = folder / _ORIGINAL
        if original.is_file():
            return _open_file(original, family)
        raise EngineMissingError(
            f"{folder} holds no {CONFIG}; give --weights a folder with {CONFIG} and {SINGLE}, "
            f"or one of {', '.join(_names(family))}"
        )
    _check_config(folder / CONFIG, family)
    if not (folder / INDEX).is_file() and not (folder / SINGLE).is_file():
        original = folder / _ORIGINAL
        if original.is_file():
            return _open_file(original, family)
    files = tuple(tensor_files(folder))
    for path in files:
        check_whole(path, family.default.name)
    return WeightFiles(folder, files, original=False)


def _check_config(path: Path, family: Family) -> None:
    config = read_config(path)
    model_type = config.get("model_type")
    if model_type in family.model_types:
        _check_backbone(config, family)
        return
    owner = family_of_model_type(str(model_type))
    step = f"use --engine {owner.engine}" if owner else f"give one of {', '.join(_names(family))}"
    raise SettingsError(
        f"{path.parent} holds weights of {model_type!r}, not of the engine {family.engine!r}; "
        f"{step}"
    )


def _check_backbone(config: dict[str, Any], family: Family) -> None:
    """EdgeTAM's own image encoder is one of timm's, and timm needs torchvision."""
    backbone = config.get("vision_config", {}).get("backbone_config", {})
    missing = [name for name in ("timm", "torchvision") if find_spec(name) is None]
    if backbone.get("model_type") == "timm_wrapper" and missing:
        raise EngineMissingError(
            f"the image encoder of the engine {family.engine!r} needs {' and '.join(missing)}; "
            f"run: pip install {' '.join(missing)}"
        )


def _names(family: Family) -> list[str]:
    return [checkpoint.name for checkpoint in family.checkpoints]
