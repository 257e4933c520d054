"""Cutting a set into train, val and test: seeded, and written down."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from maskcast.interchange.formats.writing import DEFAULT_SPLIT
from maskcast.io.atomic import write_atomically

SPLIT_NAMES = ("train", "val", "test")
SPLITS_FILE = "splits.json"


def assign_splits(
    image_ids: Sequence[str], shares: Sequence[float] | None, seed: int
) -> dict[str, str]:
    """The part of each image: ranked by a hash of seed and id, then cut at the shares.

    A target that is added later moves few others from one part to another.
    """
    if shares is None:
        return dict.fromkeys(image_ids, DEFAULT_SPLIT)
    ranked = sorted(
        image_ids,
        key=lambda image_id: hashlib.sha256(f"{seed}/{image_id}".encode()).digest(),
    )
    splits: dict[str, str] = {}
    begin, total = 0, 0.0
    for name, share in zip(SPLIT_NAMES, shares, strict=False):
        total += share
        end = round(total * len(ranked))
        splits |= dict.fromkeys(ranked[begin:end], name)
        begin = end
    return splits


def write_splits(path: Path, splits: Mapping[str, str], shares: Sequence[float], seed: int) -> None:
    """Write down what ``assign_splits`` decided."""
    parts = {
        name: sorted(image_id for image_id, part in splits.items() if part == name)
        for name in SPLIT_NAMES[: len(shares)]
    }
    content = {"seed": seed, "shares": list(shares), "images": parts}
    write_atomically(path, (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode())
