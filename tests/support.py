"""Drawn pictures and the real command line, shared by the end-to-end tests."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

RED = (200, 40, 40)
GRAY = (120, 120, 120)

Maskcast = Callable[..., "subprocess.CompletedProcess[str]"]
MakeProject = Callable[..., Path]


def command(*arguments: str | Path) -> list[str]:
    """The command line as a user would type it."""
    return [sys.executable, "-m", "maskcast", *map(str, arguments)]


def write_png(path: Path, rgb: npt.NDArray[np.generic]) -> None:
    """Write a picture whose path may hold any characters."""
    path.parent.mkdir(parents=True, exist_ok=True)
    channels = rgb[..., ::-1] if rgb.ndim == 3 else rgb
    path.write_bytes(cv2.imencode(".png", np.ascontiguousarray(channels))[1].tobytes())


def picture(
    seed: int,
    discs: int = 1,
    size: tuple[int, int] = (64, 80),
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """Red discs on noisy gray, and where they are."""
    rng = np.random.default_rng(seed)
    image = np.full((*size, 3), GRAY, np.float32) + rng.normal(0, 5, (*size, 3))
    y, x = np.ogrid[: size[0], : size[1]]
    mask = np.zeros(size, np.bool_)
    for _ in range(discs):
        cy, cx = rng.integers(12, size[0] - 12), rng.integers(12, size[1] - 12)
        mask |= (x - cx) ** 2 + (y - cy) ** 2 <= 9**2
    image[mask] = RED + rng.normal(0, 5, (mask.sum(), 3))
    return image.clip(0, 255).astype(np.uint8), mask


def result_digests(output: Path) -> dict[str, str]:
    """sha256 of every result file.

    Ledger, lock, identity, verdicts and kept probabilities are left out.
    """
    beside = ("run.db", ".lock", ".run", "verdicts.csv")
    return {
        path.relative_to(output).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(output.rglob("*"))
        if path.is_file()
        and not path.name.startswith(beside)
        and path.relative_to(output).parts[0] != "probabilities"
    }
