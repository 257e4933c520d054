"""Settings of a project: ``maskcast.toml`` under the flags of the command line.

Every key is optional; a flag wins over the file. Unknown keys are refused, because a misspelt key
that silently does nothing is worse than an error.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    FiniteFloat,
    ValidationError,
    field_validator,
)

from maskcast.drawing.palette import parse_hex_color
from maskcast.errors import SettingsError
from maskcast.io.images import IntensityWindow
from maskcast.io.read_options import DEFAULT_MAX_PIXELS, ReadOptions
from maskcast.io.regular import read_regular
from maskcast.io.storage import Place, parse_place
from maskcast.types import MAX_OBJECT_ID

SETTINGS_NAME = "maskcast.toml"

_MOST_DOTS = 1000
"""In a line of the file: the parser takes memory by the square of the parts of a key."""

_MOST_WORKERS = 1024
_LARGEST = 2**31 - 1
_SHOWN = 60
_Count = Annotated[int, Field(gt=0, le=_LARGEST)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _as_place(value: object) -> object:
    return parse_place(value) if isinstance(value, str) else value


_PlaceSetting = Annotated[Place, BeforeValidator(_as_place)]


class PathSettings(_Section):
    """Folders, relative to the project folder unless absolute, or URLs.

    Attributes:
        references: reference images and ``annotations.json``.
        targets: target images, at any depth.
        output: where a run writes.
        ledger: the ledger's file; None = in the output folder, or for a URL in the user's state
            folder.
    """

    references: _PlaceSetting = Path("references")
    targets: _PlaceSetting = Path("targets")
    output: _PlaceSetting = Path("output")
    ledger: Path | None = None


class ImageSettings(_Section):
    """How pictures are read.

    Attributes:
        window: (low, high) raw intensities shown as 0 and 255 in pictures of more than 8 bits;
            None = measured on the references.
        max_pixels: pictures with more pixels are refused before decoding.
        page: of TIFFs with several pages, from 1; None = the first.
        channel: the channel that is shown as gray, from 1; None = gray or RGB as the file has it.
        accept_damaged: whether damaged pictures are read as far as they can be, with a note.
    """

    window: tuple[FiniteFloat, FiniteFloat] | None = None
    max_pixels: Annotated[int, Field(gt=0, le=2**62)] = DEFAULT_MAX_PIXELS
    page: _Count | None = None
    channel: _Count | None = None
    accept_damaged: bool = False

    @field_validator("window")
    @classmethod
    def _ascending(cls, window: tuple[float, float] | None) -> tuple[float, float] | None:
        if window is not None and not window[0] < window[1]:
            raise ValueError(f"expected low < high, got {list(window)}")
        return window

    @property
    def intensity_window(self) -> IntensityWindow | None:
        """The window as the image reader takes it."""
        return None if self.window is None else IntensityWindow(*self.window)

    @property
    def read_options(self) -> ReadOptions:
        """What the image reader is told beside the window."""
        return ReadOptions(self.max_pixels, self.page, self.channel, self.accept_damaged)


class TileSettings(_Section):
    """How targets that are larger than a tile are cut.

    Attributes:
        side: rows and columns of a tile, pixels; ``auto`` = what suits the engine; None = targets
            are read whole.
        halo: pixels around a tile that an engine is shown as well.
    """

    side: Annotated[int, Field(ge=64, le=65_536)] | Literal["auto"] | None = None
    halo: Annotated[int, Field(ge=0, le=4096)] = 128


class ObjectSettings(_Section):
    """Name and colour of one object id."""

    id: Annotated[int, Field(ge=1, le=MAX_OBJECT_ID)]
    name: str | None = None
    color: str | None = None

    @field_validator("color")
    @classmethod
    def _hex(cls, color: str | None) -> str | None:
        if color is not None:
            parse_hex_color(color)
        return color


class Settings(_Section):
    """Everything ``maskcast.toml`` may hold.

    Attributes:
        engine: name of the engine; ``auto`` lets a run take the best that is ready.
        weights: what the engine computes with, as ``maskcast engines`` lists it, or a path (from
            where the command is started); None = the engine's own choice.
        device: ``auto``, ``cpu``, ``cuda``, ``mps``, with an index if wanted.
        batch_size: targets per engine call, or ``auto``.
        workers: CPU threads; None = one per usable core.
        threshold: probability in (0, 1) above which a pixel is the object; None = calibrated.
        min_area: pixels of the smallest part of a mask that counts as found; None = by what the
            references show, see ``runs.crumbs``.
        keep_probabilities: bytes of probability planes that a run keeps beside its results, as a
            number or like ``2GB``; None = none are kept. No result depends on it.
        engines: per engine name, a table of its own options.
    """

    engine: str = "pixel"
    weights: str | None = None
    device: str = "auto"
    batch_size: _Count | Literal["auto"] = "auto"
    workers: Annotated[int, Field(gt=0, le=_MOST_WORKERS)] | None = None
    threshold: Annotated[float, Field(gt=0, lt=1)] | None = None
    min_area: _Count | None = None
    keep_probabilities: Annotated[ByteSize, Field(ge=0)] | None = None
    paths: PathSettings = PathSettings()
    images: ImageSettings = ImageSettings()
    tiles: TileSettings = TileSettings()
    objects: tuple[ObjectSettings, ...] = ()
    engines: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict)

    @field_validator("objects")
    @classmethod
    def _distinct(cls, objects: tuple[ObjectSettings, ...]) -> tuple[ObjectSettings, ...]:
        ids = [spec.id for spec in objects]
        if len(set(ids)) < len(ids):
            raise ValueError(f"expected each object id once, got {ids}")
        return objects


def load_settings(project: Path, flags: Mapping[str, Any]) -> Settings:
    """Read ``project/maskcast.toml`` (which may be missing) and lay ``flags`` over it.

    Args:
        project: the project folder.
        flags: nested like the file, e.g. ``{"engine": "pixel", "paths": {"output": "out"}}``;
            values that are None count as not given.

    Raises:
        SettingsError: naming the file and the key that is wrong.
    """
    path = project / SETTINGS_NAME
    content = _read(path)
    try:
        Settings.model_validate(content)
    except ValidationError as error:
        raise SettingsError(f"{path}: {_first_problem(error)}") from error
    try:
        return Settings.model_validate(_merge(content, flags))
    except ValidationError as error:
        raise SettingsError(_first_problem(error)) from error


def _read(path: Path) -> dict[str, Any]:
    """What the file holds; nothing if there is none."""
    try:
        text = read_regular(path).decode("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (ValueError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SettingsError(f"{path} cannot be read: {reason}; correct it or remove it") from error
    if any(line.count(".") > _MOST_DOTS for line in text.splitlines()):
        raise SettingsError(f"{path}: a line has more than {_MOST_DOTS} dots; correct or remove it")
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise SettingsError(f"{path} is nested too deeply; correct it or remove it") from error
    except ValueError as error:  # not only the parser's own: some numbers are too long
        raise SettingsError(f"{path} cannot be read: {error}; correct it or remove it") from error


def usable_cores() -> int:
    """CPU cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _merge(content: Mapping[str, Any], flags: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(content)
    for key, value in flags.items():
        if isinstance(value, Mapping):
            merged[key] = _merge(merged.get(key, {}), value)
        elif value is not None:
            merged[key] = value
    return merged


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    where = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"there is no setting {where!r}; correct its name or remove it"
    shown = repr(problem["input"])
    shown = shown if len(shown) <= _SHOWN else shown[: _SHOWN - 3] + "..."
    return f"{where}: {problem['msg']}, got {shown}"
