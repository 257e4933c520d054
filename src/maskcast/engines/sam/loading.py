"""Build a family's model from weight files."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import transformers
from transformers.initialization import no_init_weights
from transformers.utils import logging as transformers_logging

from maskcast.engines.hub import WeightFiles
from maskcast.engines.sam.checkpoint import convert, read_original, vision_config
from maskcast.engines.sam.families import Family, Model
from maskcast.errors import EngineError, EngineMissingError


def load_model(files: WeightFiles, family: Family) -> Model:
    """Load ``family``'s model in float32 on the CPU, ready to compute; nothing is downloaded.

    Raises:
        EngineError: if tensors are missing or have other shapes than the model's.
        EngineMissingError: if the model's own parts need a package that is not installed.
    """
    return _load_original(files) if files.original else _load_hub_layout(files, family)


def build_from_original(tensors: dict[str, torch.Tensor], where: str) -> Model:
    """Build SAM 3's tracker from the tensors of the original checkpoint.

    Raises:
        EngineError: if one is missing, left over or of another shape.
    """
    backbone = {"model_type": "sam3_vit_model", **vision_config(tensors)}
    settings: dict[str, Any] = {
        "vision_config": {"model_type": "sam3_vision_model", "backbone_config": backbone},
        "image_size": backbone["image_size"],
    }
    converted = convert(tensors)
    with no_init_weights():
        model: Model = transformers.Sam3TrackerVideoModel(
            transformers.Sam3TrackerVideoConfig(**settings)
        )
    check_names(model, converted, where)
    model.load_state_dict(converted)
    return model.eval()


def _load_original(files: WeightFiles) -> Model:
    (path,) = files.files
    return build_from_original(read_original(path), str(path))


def _load_hub_layout(files: WeightFiles, family: Family) -> Model:
    model_class = getattr(transformers, family.model_class)
    try:
        with quiet():
            model, report = model_class.from_pretrained(
                files.folder,
                dtype=torch.float32,
                use_safetensors=True,
                local_files_only=True,
                output_loading_info=True,
            )
    except ImportError as error:
        raise EngineMissingError(
            f"the image encoder of the engine {family.engine!r} needs timm and torchvision; "
            "run: pip install timm torchvision"
        ) from error
    except (OSError, RuntimeError, ValueError) as error:
        raise EngineError(
            f"{files.folder} cannot be loaded as weights of the engine {family.engine!r} "
            f"({str(error).partition(chr(10))[0]}); download them again: "
            f"maskcast engines pull {family.default.name}"
        ) from error
    missing = sorted(report["missing_keys"])
    if missing:
        raise EngineError(
            f"{files.folder} lacks {len(missing)} tensors of the engine {family.engine!r} (first: "
            f"{missing[0]}); it needs video weights, e.g. {family.default.repository}"
        )
    return model.eval()


def check_names(model: Model, converted: dict[str, torch.Tensor], where: str) -> None:
    """Raise ``EngineError`` unless ``converted`` has exactly the model's names and shapes."""
    expected = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    actual = {name: tuple(tensor.shape) for name, tensor in converted.items()}
    wrong = sorted(
        name for name in expected.keys() | actual.keys() if expected.get(name) != actual.get(name)
    )
    if wrong:
        name = wrong[0]
        raise EngineError(
            f"{where} does not fit SAM 3's tracker in {len(wrong)} tensors; {name}: expected "
            f"{expected.get(name, 'nothing')}, got {actual.get(name, 'nothing')}; give the "
            "original sam3.pt"
        )


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the progress bars and remarks from the user's terminal."""
    remarks: Any = transformers_logging
    level, bars = remarks.get_verbosity(), remarks.is_progress_bar_enabled()
    remarks.set_verbosity_error()
    remarks.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        remarks.set_verbosity(level)
        if bars:
            remarks.enable_progress_bar()
