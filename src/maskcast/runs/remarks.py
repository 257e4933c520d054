"""What a person should know before the first target is masked, such as targets of another size."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Final

from maskcast.drawing.fonts import font_for
from maskcast.io.sizes import picture_size
from maskcast.io.storage import Place
from maskcast.project.folder import ProjectFolder
from maskcast.types import ObjectSpec, Reference

_APART: Final = 2.5
"""Times as large along a side, from which it is worth a sentence: specks were seen from 3 on."""

_LOOKED_AT: Final = 12
_LETTERS: Final = 16


def remarks_before(
    project: ProjectFolder, references: Sequence[Reference], specs: Iterable[ObjectSpec]
) -> Iterator[str]:
    """What a person should know before the first target is masked, in sentences."""
    size = size_warning(project, references)
    if size is not None:
        yield size
    if _is_same(project.targets_place, project.references_place):
        yield (
            "the targets are the references themselves, so their results say little about other "
            "pictures; maskcast selftest does"
        )
    unwritten = [spec.name for spec in specs if font_for(spec.name, _LETTERS) is None]
    if unwritten:
        yield (
            f"no font here has all the letters of {', '.join(unwritten)}, so overlays show the id "
            "alone; install one that has, such as fonts-nanum or Noto Sans CJK"
        )


def size_warning(project: ProjectFolder, references: Sequence[Reference]) -> str | None:
    """A sentence about targets that are far larger or smaller; None if they are not, or in a store.

    Only the headers of a few are read. What is to be cut is meant to be larger.
    """
    place = project.targets_place
    if not isinstance(place, Path) or project.settings.tiles.side is not None:
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


def _is_same(place: Place, other: Place) -> bool:
    if isinstance(place, Path) and isinstance(other, Path):
        return place.resolve() == other.resolve()
    return place == other


def _middle(sizes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """The size whose area is in the middle."""
    areas = sorted(sizes, key=math.prod)
    return min(areas, key=lambda size: abs(math.prod(size) - median(map(math.prod, areas))))


def _written(size: Sequence[int]) -> str:
    height, width = size
    return f"{width} x {height}"
