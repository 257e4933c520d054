"""Read the measuring packs: real images, true masks and fixed few-shot splits.

Layout of a packs folder::

    PACK/CLASS/images/NAME.*     PACK/CLASS/masks/NAME.png     PACK/_clean/images/NAME.*
    PACK/splits.json             [class][shots][seed] -> {"references": [...], "targets": [...]}

Nothing from the packs is ever copied into the repository: their licences differ.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Split:
    """Names (without suffix) of the references and targets of one few-shot draw."""

    references: tuple[str, ...]
    targets: tuple[str, ...]


@dataclass(frozen=True)
class PackClass:
    """One class of one pack, by file path."""

    pack: str
    name: str
    images: Mapping[str, Path]
    masks: Mapping[str, Path]
    clean_images: tuple[Path, ...]
    splits: Mapping[tuple[int, int], Split]

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
    )


def _by_stem(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        return {}
    return {path.stem: path for path in sorted(folder.iterdir()) if path.is_file()}
