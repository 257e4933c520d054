"""File formats of other tools: one module each, with a pair of ``read_x`` and ``write_x``.

``FORMATS`` names them without loading any; ``load_format`` loads one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

from maskcast.errors import SettingsError

if TYPE_CHECKING:
    from maskcast.formats.records import LabeledImage, Reader, Writer

_MODULES: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "coco": ("coco", "read_coco", "write_coco"),
        "yolo": ("yolo", "read_yolo", "write_yolo"),
        "yolo-detect": ("yolo", "read_yolo", "write_yolo_detect"),
        "voc": ("voc", "read_voc", "write_voc"),
        "labelme": ("labelme", "read_labelme", "write_labelme"),
        "cvat": ("cvat", "read_cvat", "write_cvat"),
        "labelstudio": ("labelstudio", "read_labelstudio", "write_labelstudio"),
        "masks": ("masks_png", "read_masks", "write_masks"),
    }
)

FORMATS = tuple(_MODULES)
"""Names as given to ``maskcast export`` and ``maskcast import``."""


@dataclass(frozen=True)
class Format:
    """A format.

    Attributes:
        name: one of ``FORMATS``.
        read: annotations of references from its files.
        write: a set of labeled images into its files.
        picture_path: where an export has the picture of an image, POSIX and relative.
    """

    name: str
    read: Reader
    write: Writer
    picture_path: Callable[[LabeledImage], str]


def load_format(name: str) -> Format:
    """Load a format by name.

    Raises:
        SettingsError: if there is none of this name.
    """
    if name not in _MODULES:
        raise SettingsError(f"there is no format {name!r}; there are: {', '.join(FORMATS)}")
    module_name, reader, writer = _MODULES[name]
    module = import_module(f"maskcast.formats.{module_name}")
    return Format(name, getattr(module, reader), getattr(module, writer), module.picture_path)
