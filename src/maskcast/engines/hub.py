"""Weight files on this machine and on the Hugging Face Hub: found, checked, told apart, pulled.

For every engine that computes with trained weights. No torch; the network is used by ``download``
alone, which only ``maskcast engines pull`` calls.
"""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from maskcast.errors import EngineError, EngineMissingError

PIP_LINE = "pip install 'maskcast[sam]'"
"""What installs all that engines with trained weights need; the extra ``deep`` is the same."""

CONFIG = "config.json"
SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
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


def cached_snapshot(repository: str, names: tuple[str, ...] = (CONFIG,)) -> Path | None:
    """Folder of a downloaded Hub repository that holds one of ``names``; None without one."""
    if find_spec("huggingface_hub") is None:
        return None
    from huggingface_hub import try_to_load_from_cache

    for name in names:
        found = try_to_load_from_cache(repository, name)
        if isinstance(found, str):
            return Path(found).parent
    return None


def download(repository: str, name: str) -> Path:
    """Download configuration and safetensors of a repository, with a progress bar.

    Args:
        repository: ``owner/name``.
        name: as the user called it, for messages.

    Returns:
        The folder in the Hub's cache.

    Raises:
        EngineMissingError: if the client is not installed.
        EngineError: if the Hub cannot be reached or refuses; says what to do.
    """
    check_extra(name)
    from huggingface_hub import constants, errors, snapshot_download

    if constants.HF_HUB_OFFLINE:
        raise EngineError(
            f"HF_HUB_OFFLINE is set, so {name} cannot be downloaded; unset it and run again: "
            f"maskcast engines pull {name}"
        )
    try:
        folder = snapshot_download(repository, allow_patterns=[CONFIG, "model*.safetensors", INDEX])
    except errors.GatedRepoError as error:
        raise EngineError(_how_to_be_let_in(repository, name)) from error
    except errors.RepositoryNotFoundError as error:
        raise EngineError(
            f"the Hugging Face Hub shows no repository {repository} to you; correct the name, or "
            "run: hf auth login"
        ) from error
    except (OSError, errors.HfHubHTTPError) as error:
        raise EngineError(
            f"{repository} cannot be downloaded ({first_line(error)}); check the network and "
            f"disk and run again: maskcast engines pull {name} (what is there is kept)"
        ) from error
    return Path(folder)


def inside_cache_folder(path: Path) -> Path:
    """The snapshot inside a Hub-cache folder ``models--owner--name``; other folders unchanged."""
    reference = path / "refs" / "main"
    if reference.is_file():
        return path / "snapshots" / reference.read_text("utf-8").strip()
    return path


def tensor_files(folder: Path) -> Iterator[Path]:
    """The safetensors files that a folder should hold: all that its index names, or the one."""
    index = folder / INDEX
    if index.is_file():
        names = sorted(set(read_config(index).get("weight_map", {}).values()))
        yield from (folder / name for name in names)
    else:
        yield folder / SINGLE


def check_whole(path: Path, name: str) -> None:
    """Check that a safetensors file is all there; it tells its own length in its header.

    Args:
        path: of the file.
        name: of what ``maskcast engines pull`` would download again.

    Raises:
        EngineMissingError: if there is no such file.
        EngineError: if it is cut short or something else.
    """
    again = f"download it again: maskcast engines pull {name}"
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


def read_config(path: Path) -> dict[str, Any]:
    """A JSON object of a weights folder.

    Raises:
        EngineError: if the file cannot be read or holds something else.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
    except (ValueError, OSError) as error:
        raise EngineError(
            f"{path} cannot be read ({first_line(error)}); download the weights again"
        ) from error
    if not isinstance(content, dict):
        raise EngineError(f"{path} is not a configuration; download the weights again")
    return content


def first_line(error: BaseException) -> str:
    """The first line of an error's text, or its kind."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _how_to_be_let_in(repository: str, name: str) -> str:
    return (
        f"{repository} is gated: request access at https://huggingface.co/{repository}, run: "
        f"hf auth login, then run again: maskcast engines pull {name}"
    )


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
