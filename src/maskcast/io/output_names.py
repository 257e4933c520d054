"""Names of results: what becomes of the path of a target's image."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from types import MappingProxyType

import numpy as np

_NOTHING_TAKEN: Mapping[str, str] = MappingProxyType({})


def output_names(
    image_ids: Iterable[str], taken: Mapping[str, str] = _NOTHING_TAKEN
) -> dict[str, str]:
    """The name of each image's results: its path without suffix, or with it where that is unique.

    Images whose names would collide keep their suffix (``a.jpg``, ``a.png``); where even that
    collides, ``~2`` and so on is added in code-point order of the image ids. Names that differ
    only in case or in Unicode normalisation collide too, because results are moved to file
    systems that cannot tell them apart.

    Args:
        image_ids: POSIX paths; their order has no influence on the names.
        taken: image id -> name given earlier, which is kept and never given to another image.

    Returns:
        Image id -> name, a POSIX path, in the order of ``image_ids``.
    """
    wanted = list(image_ids)
    fresh = sorted({image_id for image_id in wanted if image_id not in taken})
    names = {image_id: usual_name(image_id) for image_id in fresh}
    reserved = Counter(map(fold, taken.values()))
    while True:
        uses = reserved + Counter(map(fold, names.values()))
        colliding = [
            image_id
            for image_id, name in names.items()
            if uses[fold(name)] > 1 and name != image_id
        ]
        if not colliding:
            break
        names |= {image_id: image_id for image_id in colliding}
    _number_duplicates(names, set(reserved))
    return {image_id: taken.get(image_id) or names[image_id] for image_id in wanted}


def unusual_names(image_ids: Sequence[str], taken: Mapping[str, str]) -> dict[str, str]:
    """Of ``output_names``, the entries that are not simply the path without suffix.

    For lists of millions: only the images that could collide are looked at together.

    Args:
        image_ids: all whose names could collide with each other.
        taken: see ``output_names``.
    """
    stems = np.fromiter((_key(usual_name(image_id)) for image_id in image_ids), np.int64)
    values, uses = np.unique(stems, return_counts=True)
    wanted = {int(value) for value in values[uses > 1]} | {_key(name) for name in taken.values()}
    suspects: set[int] = set()
    while new := set(np.flatnonzero(np.isin(stems, list(wanted))).tolist()) - suspects:
        suspects |= new
        wanted |= {_key(image_ids[index]) for index in new}
    numbered = (index for index, image_id in enumerate(image_ids) if "~" in image_id)
    suspects |= set(numbered)
    names = output_names([image_ids[index] for index in sorted(suspects)], taken)
    return {image_id: name for image_id, name in names.items() if name != usual_name(image_id)}


def usual_name(image_id: str) -> str:
    """The name of an image's results where no other image could have the same: without suffix."""
    folder, slash, last = image_id.rpartition("/")
    stem, _, suffix = last.rpartition(".")
    # "...png" without its suffix would point out of the output folder.
    return image_id if not suffix or stem in {"", ".", ".."} else folder + slash + stem


def fold(name: str) -> str:
    """The same for names that some file system takes for one."""
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def _key(name: str) -> int:
    """The same number for names that some file system takes for one."""
    return hash(fold(name))


def _number_duplicates(names: dict[str, str], used: set[str]) -> None:
    """Add a number to each name that is used already, by ``used`` or by an image before."""
    claimed = used | {fold(name) for name in names.values()}
    for image_id, name in names.items():
        if fold(name) in used:
            numbered = (f"{name}~{number}" for number in count(2))
            names[image_id] = next(
                candidate for candidate in numbered if fold(candidate) not in claimed
            )
        used.add(fold(names[image_id]))
        claimed.add(fold(names[image_id]))
