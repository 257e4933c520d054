"""Whether targets are of the size of the references, apart from which little is found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Final

from maskcast.io.sizes import picture_size
from maskcast.project.folder import ProjectFolder
from maskcast.types import Reference

_APART: Final = 2.5
"""Times as large along a side, from which it is worth a sentence: specks were seen from 3 on."""

_LOOKED_AT: Final = 12


def size_warning(project: ProjectFolder, references: Sequence[Reference]) -> str | None:
    """A sentence about targets that are far larger or smaller; None if they are not, or in a store.

    Only the headers of a few are read.
    """
    place = project.targets_place
    if not isinstance(place, Path):
        return None
    group = next(project.stream_targets().groups(), [])
    names = [image_id for images in group for image_id in images.image_ids()]
    step = max(1, len(names) // _LOOKED_AT)
    options = project.settings.images.read_options
    seen = (picture_size(place / name, options) for name in islice(names, 0, None, step))
    sizes = [size for size in seen if size is not None]
    if not sizes or not references:
        return None
    shown = _middle([reference.image.shape[:2] for reference in references])
    found = _middle(sizes)
    ratio = math.sqrt(math.prod(found) / math.prod(shown))
    if 1 / _APART < ratio < _APART:
        return None
    times, word = (ratio, "larger") if ratio > 1 else (1 / ratio, "smaller")
    wanted = [max(1, round(side / ratio)) for side in found]
    return (
        f"targets are about {times:.1f} times {word} than the references ({_written(found)} beside "
        f"{_written(shown)} pixels); unless the things in them are of one size in pixels, few are "
        f"found, and specks beside them: scale the targets to about {_written(wanted)} pixels "
        "first, or annotate a few pictures of their size as references"
    )


def _middle(sizes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """The size whose area is in the middle."""
    areas = sorted(sizes, key=math.prod)
    return min(areas, key=lambda size: abs(math.prod(size) - median(map(math.prod, areas))))


def _written(size: Sequence[int]) -> str:
    height, width = size
    return f"{width} x {height}"
