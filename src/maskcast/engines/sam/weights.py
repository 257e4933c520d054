"""Where weights are, whether they are whole and of the right family. No torch, no network.

Weights are given as a checkpoint's name (``sam2.1-tiny``), a Hub repository (``owner/name``), a
folder with ``config.json`` and ``model.safetensors``, or the original ``sam3.pt``. What is named is
looked up in the local Hub cache; only ``pull`` ever downloads.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from maskcast.engines.sam.families import (
    CHECKPOINTS,
    FAMILIES,
    PIP_LINE,
    SAM3,
    Checkpoint,
    Family,
    family_of_model_type,
)
from maskcast.errors import EngineError, EngineMissingError, SettingsError

_CONFIG = "config.json"
_SINGLE = "model.safetensors"
_INDEX = "model.safetensors.index.json"
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
_SAMPLES = 64
_SAMPLE_BYTES = 64 * 1024
_EXTRA = ("torch", "transformers", "safetensors", "huggingface_hub")


@dataclass(frozen=True)
class WeightFiles:
    """Weights on this machine, checked to be whole.

    Attributes:
        folder: with the configuration, or of the original checkpoint.
        files: tensor files.
        original: whether it is Meta's own ``sam3.pt`` instead of the Hub's layout.
    """

    folder: Path
    files: tuple[Path, ...]
    original: bool

    @property
    def bytes(self) -> int:
        """Size of all tensor files."""
        return sum(path.stat().st_size for path in self.files)

    def digest(self) -> str:
        """Identify the weights wherever they lie: sha256 (hex), quick even for gigabytes.

        A ``.pt`` file lists a checksum of every tensor; of safetensors the header and 64 evenly
        spaced samples are read, which tells any two trainings apart.
        """
        content = hashlib.sha256()
        for path in self.files:
            for part in _pt_parts(path) if self.original else _safetensors_parts(path):
                content.update(part)
        return content.hexdigest()


def check_extra(engine: str) -> None:
    """Raise ``EngineMissingError`` with the pip line unless the extra is installed."""
    missing = [name for name in _EXTRA if find_spec(name) is None]
    if missing:
        raise EngineMissingError(
            f"the engine {engine!r} needs {', '.join(missing)}, which is not installed; "
            f"run: {PIP_LINE}"
        )


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
        folder = cached_snapshot(checkpoint.repository)
        if folder is None:
            raise EngineMissingError(_how_to_get(checkpoint, family))
        return _open_folder(folder, family)
    path = Path(named).expanduser()
    if path.is_file():
        return _open_file(path, family)
    if path.is_dir():
        return _open_folder(_inside_cache_folder(path), family)
    if _REPOSITORY.fullmatch(named) and not named.startswith("."):
        return _open_repository(named, family)
    raise SettingsError(
        f"there are no weights {named!r}: no such file or folder, and not a checkpoint of "
        f"{family.engine}; give --weights one of {', '.join(_names(family))}, or a path"
    )


def cached_snapshot(repository: str) -> Path | None:
    """Folder of a downloaded Hub repository; None if it is not in the cache."""
    if find_spec("huggingface_hub") is None:
        return None
    from huggingface_hub import try_to_load_from_cache

    for name in (_CONFIG, "sam3.pt"):
        found = try_to_load_from_cache(repository, name)
        if isinstance(found, str):
            return Path(found).parent
    return None


def pull(name: str) -> Path:
    """Download a checkpoint from the Hub, with a progress bar; returns its folder.

    Args:
        name: a checkpoint's name, an engine's (its default checkpoint), or ``owner/name``.

    Raises:
        SettingsError: if there is no such checkpoint.
        EngineError: if the Hub cannot be reached or refuses; says what to do.
    """
    checkpoint = FAMILIES[name].default if name in FAMILIES else CHECKPOINTS.get(name)
    repository = checkpoint.repository if checkpoint else name
    if checkpoint is None and not _REPOSITORY.fullmatch(name):
        raise SettingsError(
            f"there are no weights {name!r} to pull; there are: {', '.join(CHECKPOINTS)}"
        )
    check_extra(name)
    from huggingface_hub import constants, errors, snapshot_download

    if constants.HF_HUB_OFFLINE:
        raise EngineError(
            f"HF_HUB_OFFLINE is set, so {name} cannot be downloaded; unset it and run again: "
            f"maskcast engines pull {name}"
        )
    try:
        folder = snapshot_download(
            repository, allow_patterns=[_CONFIG, "model*.safetensors", _INDEX]
        )
    except errors.GatedRepoError as error:
        raise EngineError(_how_to_be_let_in(repository, name)) from error
    except errors.RepositoryNotFoundError as error:
        raise EngineError(
            f"the Hugging Face Hub shows no repository {repository} to you; correct the name, or "
            "run: hf auth login"
        ) from error
    except (OSError, errors.HfHubHTTPError) as error:
        raise EngineError(
            f"{repository} cannot be downloaded ({_first_line(error)}); check the network and "
            f"disk and run again: maskcast engines pull {name} (what is there is kept)"
        ) from error
    return Path(folder)


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
        if other != checkpoint and cached_snapshot(other.repository) is not None
    ]
    others = f"; already here: --weights {' or '.join(here)}" if here else ""
    return f"{sentence}; or give --weights a folder with {_CONFIG} and {_SINGLE}{others}"


def _how_to_be_let_in(repository: str, name: str) -> str:
    return (
        f"{repository} is gated: request access at https://huggingface.co/{repository}, run: "
        f"hf auth login, then run again: maskcast engines pull {name}"
    )


def _open_repository(repository: str, family: Family) -> WeightFiles:
    folder = cached_snapshot(repository)
    if folder is None:
        raise EngineMissingError(
            f"the weights {repository} are not on this machine; "
            f"run: maskcast engines pull {repository}"
        )
    return _open_folder(folder, family)


def _inside_cache_folder(path: Path) -> Path:
    """The snapshot inside a Hub-cache folder ``models--owner--name``; other folders unchanged."""
    reference = path / "refs" / "main"
    if reference.is_file():
        return path / "snapshots" / reference.read_text("utf-8").strip()
    return path


def _open_file(path: Path, family: Family) -> WeightFiles:
    if path.suffix == ".safetensors":
        return _open_folder(path.parent, family)
    if family is not SAM3:
        raise SettingsError(
            f"{path} is not in the Hub's layout; the engine {family.engine!r} takes a folder with "
            f"{_CONFIG} and {_SINGLE} (only sam3 also takes the original sam3.pt)"
        )
    if not zipfile.is_zipfile(path):
        raise EngineError(
            f"{path} is cut short or not a PyTorch checkpoint; download it again, or run: "
            "maskcast engines pull sam3"
        )
    return WeightFiles(path.parent, (path,), original=True)


def _open_folder(folder: Path, family: Family) -> WeightFiles:
    if not (folder / _CONFIG).is_file():
        original = folder / "sam3.pt"
        if original.is_file():
            return _open_file(original, family)
        raise EngineMissingError(
            f"{folder} holds no {_CONFIG}; give --weights a folder with {_CONFIG} and {_SINGLE}, "
            f"or one of {', '.join(_names(family))}"
        )
    _check_config(folder / _CONFIG, family)
    if not (folder / _INDEX).is_file() and not (folder / _SINGLE).is_file():
        original = folder / "sam3.pt"
        if original.is_file():
            return _open_file(original, family)
    files = tuple(_tensor_files(folder))
    for path in files:
        _check_whole(path, family)
    return WeightFiles(folder, files, original=False)


def _check_config(path: Path, family: Family) -> None:
    config = _read_json(path)
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


def _tensor_files(folder: Path) -> Iterator[Path]:
    index = folder / _INDEX
    if index.is_file():
        names = sorted(set(_read_json(index).get("weight_map", {}).values()))
        yield from (folder / name for name in names)
    else:
        yield folder / _SINGLE


def _check_whole(path: Path, family: Family) -> None:
    """A safetensors file tells its own length: 8 bytes, a header, and the last tensor's end."""
    again = f"download it again: maskcast engines pull {family.default.name}"
    if not path.is_file():
        raise EngineMissingError(f"{path} is missing; {again}")
    try:
        header, begin = _safetensors_header(path)
        ends = [entry["data_offsets"][1] for key, entry in header.items() if key != "__metadata__"]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise EngineError(f"{path} is not a safetensors file; {again}") from error
    expected, actual = begin + max(ends, default=0), path.stat().st_size
    if expected != actual:
        raise EngineError(f"{path} is cut short: expected {expected} bytes, got {actual}; {again}")


def _safetensors_header(path: Path) -> tuple[dict[str, Any], int]:
    """Header of a safetensors file and the offset of its first tensor byte."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 0 < length <= path.stat().st_size:
            raise ValueError(f"header of {length} bytes")
        header: dict[str, Any] = json.loads(file.read(length))
    return header, 8 + length


def _safetensors_parts(path: Path) -> Iterator[bytes]:
    header, begin = _safetensors_header(path)
    yield json.dumps(header, sort_keys=True).encode()
    room = path.stat().st_size - begin - _SAMPLE_BYTES
    with path.open("rb") as file:
        for sample in range(_SAMPLES):
            file.seek(begin + max(room, 0) * sample // (_SAMPLES - 1))
            yield file.read(_SAMPLE_BYTES)


def _pt_parts(path: Path) -> Iterator[bytes]:
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            name = entry.filename.partition("/")[2]
            yield f"{name} {entry.file_size} {entry.CRC}".encode()


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (ValueError, OSError) as error:
        raise EngineError(
            f"{path} cannot be read ({_first_line(error)}); download the weights again"
        ) from error
    if not isinstance(content, dict):
        raise EngineError(f"{path} is not a configuration; download the weights again")
    return content


def _names(family: Family) -> list[str]:
    return [checkpoint.name for checkpoint in family.checkpoints]


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
