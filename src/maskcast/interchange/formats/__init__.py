"""File formats of other tools: one module each, with a pair of ``read_x`` and ``write_x``.

``FORMATS`` names them without loading any; ``load_writer`` and ``load_reader`` load one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from maskcast.errors import SettingsError

if TYPE_CHECKING:
    from maskcast.interchange.formats.records import Reader
    from maskcast.interchange.formats.writing import ExportedImage, Writer

Outlines = Literal["never", "always", "option"]
"""Whether a format is written with outlines: ``option`` = instead of masks, where asked for."""


@dataclass(frozen=True)
class _Entry:
    module: str
    name: str
    outlines: Outlines = "never"
    is_read: bool = True
    instances: Literal["components", "one"] = "components"


_ENTRIES: Mapping[str, _Entry] = MappingProxyType(
    {
        "coco": _Entry("coco", "coco", "option"),
        "yolo": _Entry("yolo", "yolo", "always"),
        "yolo-detect": _Entry("yolo", "yolo_detect"),
        "voc": _Entry("voc", "voc"),
        "labelme": _Entry("labelme", "labelme", "option"),
        "cvat": _Entry("cvat", "cvat", "option"),
        "labelstudio": _Entry("labelstudio", "labelstudio", "option"),
        "masks": _Entry("masks_png", "masks", instances="one"),
    }
)

FORMATS = tuple(_ENTRIES)
"""Names as given to ``maskcast export``."""

READ_FORMATS = tuple(name for name, entry in _ENTRIES.items() if entry.is_read)
"""Names as given to ``maskcast import``."""

_READERS = {"yolo-detect": "yolo"}
"""Formats that the reader of another one reads."""


@dataclass(frozen=True)
class Format:
    """A format, to be written.

    Attributes:
        name: one of ``FORMATS``.
        write: a set of exported images into its files.
        picture_path: where an export has the picture of an image, POSIX and relative.
        outlines: whether ``write`` makes any.
        instances: how it is meant to tell instances apart.
    """

    name: str
    write: Writer
    picture_path: Callable[[ExportedImage], str]
    outlines: Outlines
    instances: Literal["components", "one"]


def load_writer(name: str) -> Format:
    """Load a format by name, to write it.

    Raises:
        SettingsError: if there is none of this name.
    """
    if name not in _ENTRIES:
        raise SettingsError(f"there is no format {name!r}; there are: {', '.join(FORMATS)}")
    entry, module = _ENTRIES[name], _module(name)
    write = getattr(module, f"write_{entry.name}")
    return Format(name, write, module.picture_path, entry.outlines, entry.instances)


def load_reader(name: str) -> Reader:
    """Load what reads a format, by name.

    Raises:
        SettingsError: if there is none of this name, or it is only written.
    """
    known = ", ".join(READ_FORMATS)
    if name not in FORMATS:
        raise SettingsError(f"there is no format {name!r}; there are: {known}")
    if name not in READ_FORMATS:
        raise SettingsError(f"the format {name!r} is only written; those that are read: {known}")
    reader: Reader = getattr(_module(name), f"read_{_READERS.get(name, _ENTRIES[name].name)}")
    return reader


def _module(name: str) -> Any:  # noqa: ANN401
    return import_module(f"maskcast.interchange.formats.{_ENTRIES[name].module}")
