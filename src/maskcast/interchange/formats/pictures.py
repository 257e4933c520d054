"""Which reference the annotations of another tool belong to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from maskcast.errors import AnnotationError
from maskcast.io.output_names import output_names
from maskcast.io.rasters import read_raster
from maskcast.io.read_options import DEFAULT_OPTIONS, ReadOptions

_FOLDERS_OF_SETS = frozenset(
    {"JPEGImages", "data", "default", "images", "labels", "obj_train_data", "test", "train", "val"}
    | {"valid"}
)
"""Folders that tools put pictures into; they say nothing about where a picture comes from."""


class ReferencePictures:
    """Finds references by the names that other tools give them."""

    _ANY: ClassVar[str] = ".*"

    def __init__(self, paths: Mapping[str, Path], options: ReadOptions = DEFAULT_OPTIONS) -> None:
        """Know the references.

        Args:
            paths: image id -> file.
            options: how pictures are read.
        """
        self._paths = paths
        self._options = options
        self._sizes: dict[str, tuple[int, int]] = {}
        self._by_name: dict[str, list[str]] = {}
        self._by_last_name: dict[str, list[str]] = {}
        names = output_names(paths)
        for image_id in paths:
            stem, _, suffix = image_id.rpartition(".")
            known = {image_id, f"{names[image_id]}.{suffix}"}
            known |= {name + self._ANY for name in (stem, image_id, names[image_id])}
            for name in sorted(known):
                self._by_name.setdefault(name, []).append(image_id)
            for name in sorted({name.rpartition("/")[2] for name in known}):
                self._by_last_name.setdefault(name, []).append(image_id)

    def find(self, name: str, place: str) -> str:
        """See ``Pictures``.

        Leading folders that no reference has are ignored, and a name without a folder may be that
        of a reference in one, if there is no other of that name. A name in another folder than the
        reference of that name is not: cameras call pictures the same in every folder.
        """
        parts = [part for part in name.replace("\\", "/").split("/") if part not in {"", "."}]
        tails = ("/".join(parts[start:]) for start in range(len(parts)))
        matches = [self._by_name[tail] for tail in tails if tail in self._by_name]
        if set(parts[:-1]) <= _FOLDERS_OF_SETS:
            matches += [self._by_last_name.get(part, []) for part in parts[-1:]]
        for owners in filter(None, matches):
            if len(owners) > 1:
                raise AnnotationError(
                    f"{place} could belong to {' or '.join(owners[:5])}; use the whole name with "
                    "folder and suffix"
                )
            return owners[0]
        raise AnnotationError(
            f"{place} belongs to no image: no reference is called {name.removesuffix(self._ANY)!r}"
            f"{', whatever the suffix' if name.endswith(self._ANY) else ''}; put it into the "
            "references folder or leave it out"
        )

    def size(self, image_id: str) -> tuple[int, int]:
        """See ``Pictures``."""
        if image_id not in self._sizes:
            samples = read_raster(self._paths[image_id], self._options).samples
            self._sizes[image_id] = (samples.shape[0], samples.shape[1])
        return self._sizes[image_id]
