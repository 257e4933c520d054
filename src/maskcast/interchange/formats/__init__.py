"""File formats of other tools: one module each, with a pair of ``read_x`` and ``write_x``.

``FORMATS`` names them without loading any; ``load_format`` loads one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from maskcast.errors import SettingsError

if TYPE_CHECKING:
    from maskcast.interchange.formats.records import LabeledImage, Reader, Writer

Outlines = Literal["never", "always", "option"]
"""Whether a format is written with outlines: ``option`` = instead of masks, where asked for."""

_MODULES: Mapping[str, tuple[str, str, str, Outlines]] = MappingProxyType(
    {
        "coco": ("coco", "read_coco", "write_coco", "option"),
        "yolo": ("yolo", "read_yolo", "write_yolo", "always"),
        "yolo-detect": ("yolo", "read_yolo", "write_yolo_detect", "never"),
        "voc": ("voc", "read_voc", "write_voc", "never"),
        "labelme": ("labelme", "read_labelme", "write_labelme", "option"),
        "cvat": ("cvat", "read_cvat", "write_cvat", "option"),
        "labelstudio": ("labelstudio", "read_labelstudio", "write_labelstudio", "option"),
        "masks": ("masks_png", "read_masks", "write_masks", "never"),
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
        outlines: whether ``write`` makes any.
    """

    name: str
    read: Reader
    write: Writer
    picture_path: Callable[[LabeledImage], str]
    outlines: Outlines


def load_format(name: str) -> Format:
    """Load a format by name.

    Raises:
        SettingsError: if there is none of this name.
    """
    if name not in _MODULES:
        raise SettingsError(f"there is no format {name!r}; there are: {', '.join(FORMATS)}")
    module_name, reader, writer, outlines = _MODULES[name]
    module = import_module(f"maskcast.interchange.formats.{module_name}")
    read, write = getattr(module, reader), getattr(module, writer)
    return Format(name, read, write, module.picture_path, outlines)
