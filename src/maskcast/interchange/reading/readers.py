"""Which formats can be read, and by what."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

from maskcast.errors import SettingsError

if TYPE_CHECKING:
    from maskcast.interchange.reading.entries import Reader

_READERS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "coco": ("coco", "read_coco"),
        "yolo": ("yolo", "read_yolo"),
        "yolo-detect": ("yolo", "read_yolo"),
        "voc": ("voc", "read_voc"),
        "labelme": ("labelme", "read_labelme"),
        "cvat": ("cvat", "read_cvat"),
        "labelstudio": ("labelstudio", "read_labelstudio"),
        "masks": ("masks_folder", "read_masks"),
        "csv": ("csv_rows", "read_csv"),
        "geojson": ("geojson", "read_geojson"),
        "hf": ("imagefolder", "read_hf"),
        "fiftyone": ("coco", "read_coco"),
    }
)

READ_FORMATS = tuple(_READERS)
"""Names as given to ``maskcast import``."""


def load_reader(name: str) -> Reader:
    """Load what reads a format, by name.

    Raises:
        SettingsError: if there is none of this name.
    """
    if name not in _READERS:
        raise SettingsError(
            f"no format {name!r} can be read; those that can: {', '.join(READ_FORMATS)}"
        )
    module, function = _READERS[name]
    reader: Reader = getattr(import_module(f"maskcast.interchange.reading.{module}"), function)
    return reader
