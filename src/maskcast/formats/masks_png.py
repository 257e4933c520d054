"""``masks``: a folder of PNG label maps, named as the pictures they belong to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from maskcast.errors import AnnotationError
from maskcast.images import read_label_map
from maskcast.masks import split_label_map
from maskcast.targets import output_names
from maskcast.types import Mask


def read_masks(source: Path, image_ids: Sequence[str]) -> dict[str, dict[int, Mask]]:
    """Read the label maps of some images.

    Args:
        source: folder, any depth. ``a/b.png`` belongs to the image ``a/b.jpg`` (any suffix), or to
            the image called exactly ``a/b.png.<suffix>`` or ``a/b`` + its suffix + ``.png``.
        image_ids: images that label maps may belong to.

    Returns:
        Image id -> object id -> bool (H, W). Empty for a label map that is all zero.

    Raises:
        AnnotationError: if the folder holds no PNG, one that is no label map, or one that belongs
            to no image or to several.
    """
    if not source.is_dir():
        raise AnnotationError(f"the folder of label maps {source} does not exist; correct the path")
    paths = sorted(path for path in source.rglob("*") if path.suffix.lower() == ".png")
    if not paths:
        raise AnnotationError(
            f"there is no PNG label map in {source}; name them as the images, with the suffix .png"
        )
    owners = {path: _owner(path, source, _images_by_name(image_ids)) for path in paths}
    _check_distinct(owners)
    return {owner: split_label_map(read_label_map(path)) for path, owner in owners.items()}


def _images_by_name(image_ids: Sequence[str]) -> dict[str, list[str]]:
    """Every name a label map of an image may have -> those images."""
    unique = output_names(image_ids)
    names: dict[str, list[str]] = {}
    for image_id in image_ids:
        stem = image_id.rpartition(".")[0]
        for name in sorted({unique[image_id], stem, image_id}):
            names.setdefault(name, []).append(image_id)
    return names


def _owner(path: Path, source: Path, names: Mapping[str, Sequence[str]]) -> str:
    name = path.relative_to(source).as_posix().rpartition(".")[0]
    owners = names.get(name, [])
    if not owners:
        raise AnnotationError(
            f"{path} belongs to no image: none is called {name!r} apart from its "
            "suffix; rename it or leave it out"
        )
    if len(owners) > 1:
        raise AnnotationError(
            f"{path} could belong to {' or '.join(owners)}; call it "
            f"{owners[0]}.png or {owners[1]}.png"
        )
    return owners[0]


def _check_distinct(owners: Mapping[Path, str]) -> None:
    seen: dict[str, Path] = {}
    for path, owner in owners.items():
        if owner in seen:
            raise AnnotationError(f"{seen[owner]} and {path} both belong to {owner}; keep one")
        seen[owner] = path
