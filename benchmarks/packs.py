"""Read the measuring packs: real images, true masks and fixed few-shot splits.

Layout of a packs folder::

    PACK/CLASS/images/NAME.*     PACK/CLASS/masks/NAME.png     PACK/_clean/images/NAME.*
    PACK/splits.json             [class][shots][seed] -> {"references": [...], "targets": [...]}

``hard_splits`` draws others from the same images: references of one end (the smallest objects, the
darkest pictures) and targets of the other, one reference, two object ids at once.

Nothing from the packs is ever copied into the repository: their licences differ.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

_HARD_REFERENCES = 5
_HARD_TARGETS = 12
_FEW_REFERENCES = 2
_FEWEST_GROUPS = 6
"""A class of fewer groups (a video, three micrographs) could not be split by them."""


@dataclass(frozen=True)
class Split:
    """Names (without suffix) of the references and targets of one few-shot draw."""

    references: tuple[str, ...]
    targets: tuple[str, ...]
    beside: tuple[Beside, ...] = ()


@dataclass(frozen=True)
class Beside:
    """One more reference, of another class of the same pack or a clean one.

    Attributes:
        image: its path.
        mask: path of what is object 2 there; None if nothing is.
    """

    image: Path
    mask: Path | None


@dataclass(frozen=True)
class PackClass:
    """One class of one pack, by file path."""

    pack: str
    name: str
    images: Mapping[str, Path]
    masks: Mapping[str, Path]
    clean_images: tuple[Path, ...]
    splits: Mapping[tuple[int, int], Split]
    groups: Mapping[str, str]

    @property
    def key(self) -> str:
        """`pack/class`, unique over all packs."""
        return f"{self.pack}/{self.name}"


def load_packs(root: str | Path) -> list[PackClass]:
    """Every class under `root`, ordered by pack and class name."""
    folder = Path(root)
    if not folder.is_dir():
        raise SystemExit(f"No packs folder at {folder}.")
    classes = [
        _load_class(pack, sub)
        for pack in sorted(folder.iterdir())
        if (pack / "splits.json").is_file()
        for sub in sorted(pack.iterdir())
        if (sub / "masks").is_dir() and not sub.name.startswith("_")
    ]
    if not classes:
        raise SystemExit(f"{folder} holds no pack (PACK/splits.json and PACK/CLASS/masks).")
    return classes


def read_image(path: Path) -> NDArray[np.uint8]:
    """RGB image, uint8 (H, W, 3); gray files are repeated over the three channels."""
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if bgr is None:
        raise SystemExit(f"{path} is not a readable image.")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def read_mask(path: Path) -> NDArray[np.bool_]:
    """True mask, bool (H, W)."""
    gray = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if gray is None:
        raise SystemExit(f"{path} is not a readable mask.")
    return np.asarray(gray > 127)


def _load_class(pack: Path, folder: Path) -> PackClass:
    splits = json.loads((pack / "splits.json").read_text())[folder.name]
    return PackClass(
        pack=pack.name,
        name=folder.name,
        images=_by_stem(folder / "images"),
        masks=_by_stem(folder / "masks"),
        clean_images=tuple(_by_stem(pack / "_clean" / "images").values()),
        splits={
            (int(shots), int(seed)): Split(tuple(names["references"]), tuple(names["targets"]))
            for shots, seeds in splits.items()
            for seed, names in seeds.items()
        },
        groups=_groups(pack, folder.name),
    )


def _groups(pack: Path, name: str) -> Mapping[str, str]:
    """Image -> the physical thing it shows; empty where the pack does not say."""
    path = pack / "pack.json"
    content = json.loads(path.read_text()) if path.is_file() else {}
    groups: dict[str, str] = content.get("groups", {}).get(name, {})
    return groups if len(set(groups.values())) >= _FEWEST_GROUPS else {}


def hard_splits(item: PackClass, siblings: Sequence[PackClass] = ()) -> dict[str, Split]:
    """Splits that are hard on purpose, by what makes them so.

    ``larger``: references with the smallest objects, targets with the largest. ``darker`` and
    ``brighter``: pictures; ``denser`` and ``emptier``: share of the picture that is object. Five
    references and the twelve targets farthest off, none of a group that the references show.
    ``one``: a single reference. ``two``: two references, two of another class of the pack as
    object 2, and a clean one where the pack has any; only where ``siblings``, all classes that
    were loaded, hold another class of the pack.
    """
    facts = {name: _facts(item, name) for name in item.images}
    kinds: dict[str, Callable[[str], float]] = {
        "larger": lambda name: facts[name].size,
        "darker": lambda name: -facts[name].brightness,
        "brighter": lambda name: facts[name].brightness,
        "denser": lambda name: facts[name].share,
        "emptier": lambda name: -facts[name].share,
    }
    few = {"one": _first(item, item.splits[1, 0].references), **_two(item, siblings)}
    return {kind: _ends(item, measure) for kind, measure in kinds.items()} | few


def _two(item: PackClass, siblings: Sequence[PackClass]) -> dict[str, Split]:
    others = [other for other in siblings if other.pack == item.pack and other.name != item.name]
    if not others:
        return {}
    other = others[0]
    shown = other.splits[_HARD_REFERENCES, 0].references[:_FEW_REFERENCES]
    beside = [Beside(other.images[name], other.masks[name]) for name in shown]
    beside += [Beside(path, None) for path in item.clean_images[:1]]
    few = item.splits[_HARD_REFERENCES, 0].references[:_FEW_REFERENCES]
    return {"two": replace(_first(item, few), beside=tuple(beside))}


def _first(item: PackClass, references: Sequence[str]) -> Split:
    """These references and twelve targets that all of the first seed's splits leave over."""
    targets = item.splits[_HARD_REFERENCES, 0].targets
    return Split(
        tuple(references), tuple(n for n in targets if n not in references)[:_HARD_TARGETS]
    )


@dataclass(frozen=True)
class _Facts:
    """What one image shows: mean gray level, side of its largest thing, share that is object."""

    brightness: float
    size: float
    share: float


def _facts(item: PackClass, name: str) -> _Facts:
    mask = read_mask(item.masks[name])
    stats = cv2.connectedComponentsWithStats(mask.astype(np.uint8))[2]
    largest = float(stats[1:, cv2.CC_STAT_AREA].max(initial=0))
    return _Facts(float(read_image(item.images[name]).mean()), largest**0.5, float(mask.mean()))


def _ends(item: PackClass, measure: Callable[[str], float]) -> Split:
    """References from the low end, targets from the high end; references show something."""
    order = sorted(item.images, key=lambda name: (measure(name), name))
    shown = [name for name in order if read_mask(item.masks[name]).any()]
    references = _of_different_groups(item, shown, _HARD_REFERENCES)
    used = {item.groups.get(name, name) for name in references}
    others = [name for name in order if item.groups.get(name, name) not in used]
    return Split(tuple(references), tuple(others[-_HARD_TARGETS:]))


def _of_different_groups(item: PackClass, names: Sequence[str], count: int) -> list[str]:
    """The first ``count`` names, one of a group as far as there are enough groups."""
    first = {item.groups.get(name, name): name for name in reversed(names)}
    chosen = [name for name in names if first[item.groups.get(name, name)] == name]
    return (chosen + [name for name in names if name not in chosen])[:count]


def _by_stem(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        return {}
    return {path.stem: path for path in sorted(folder.iterdir()) if path.is_file()}
