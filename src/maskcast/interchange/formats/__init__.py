"""File formats of other tools, to be written: one module each, with a ``write_x``.

``FORMATS`` names them without loading any, ``load_writer`` loads one. What reads them is in
``interchange.reading``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from maskcast.errors import SettingsError

if TYPE_CHECKING:
    from maskcast.interchange.formats.writing import ExportedImage, Writer

Outlines = Literal["never", "always", "option"]
"""Whether a format is written with outlines: ``option`` = instead of masks, where asked for."""


@dataclass(frozen=True)
class _Entry:
    module: str
    name: str
    outlines: Outlines = "never"
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
        "csv": _Entry("csv_tables", "csv"),
        "geojson": _Entry("geojson", "geojson", "always"),
        "hf": _Entry("imagefolder", "hf"),
        "fiftyone": _Entry("fiftyone", "fiftyone", "option"),
    }
)

FORMATS = tuple(_ENTRIES)
"""Names as given to ``maskcast export``."""


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
    entry = _ENTRIES[name]
    module = import_module(f"maskcast.interchange.formats.{entry.module}")
    write = getattr(module, f"write_{entry.name}")
    return Format(name, write, module.picture_path, entry.outlines, entry.instances)
