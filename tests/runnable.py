"""Small projects that the fake engine runs on in no time, made without a command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from maskcast.interchange.importing import import_annotations
from maskcast.project.folder import ProjectFolder
from support import picture, write_png

SIZE = (40, 48)


def runnable_project(root: Path, targets: int = 3, **flags: Any) -> ProjectFolder:  # noqa: ANN401
    """A project with a reference and targets ``0.png``, ``1.png``, ...

    Args:
        root: the project folder to make.
        targets: how many.
        flags: over the settings.
    """
    image, mask = picture(1000, size=SIZE)
    write_png(root / "references" / "r.png", image)
    write_png(root / "labels" / "r.png", mask.astype(np.uint8) * 255)
    (root / "targets").mkdir()
    for number in range(targets):
        draw_target(root, f"{number}.png", number)
    import_annotations(ProjectFolder.open(root), "masks", root / "labels")
    return ProjectFolder.open(root, {"engine": "fake", **flags})


def draw_target(root: Path, name: str, seed: int) -> None:
    """Put another picture in the place of a target."""
    write_png(root / "targets" / name, picture(seed, size=SIZE)[0])
