"""The demo project: drawn references and targets, their true masks kept apart.

::

    folder/
    ├── maskcast.toml        names and colours of the three objects
    ├── references/          five with defects, two clean
    ├── targets/lot-a, lot-b
    └── truth/
        ├── references/      label maps to import
        └── targets/         label maps to evaluate against
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from maskcast.demo.big_wafer import BigWafer, write_big_wafer
from maskcast.demo.wafers import (
    BRIDGE,
    KINDS,
    PARTICLE,
    SCRATCH,
    SIZE,
    draw_inspection_image,
)
from maskcast.drawing.palette import default_color, hex_color
from maskcast.errors import SettingsError
from maskcast.io.atomic import write_atomically
from maskcast.io.images import encode_label_png
from maskcast.masks import compose_label_map
from maskcast.project.settings import SETTINGS_NAME

# Each kind of defect is shown by three references, alone and beside others.
_REFERENCES: tuple[Collection[int], ...] = (
    (PARTICLE, SCRATCH),
    (BRIDGE,),
    (PARTICLE, BRIDGE),
    (SCRATCH, BRIDGE),
    (PARTICLE, SCRATCH),
    (),
    (),
)
_CLEAN_SHARE = 0.25
_ALSO_SHARE = 0.3
_LOTS = ("lot-a", "lot-b")


@dataclass(frozen=True)
class DemoProject:
    """Where a demo project keeps what.

    Attributes:
        root: the project folder.
        reference_truth: label maps named as the references, to import.
        target_truth: label maps named as the results, to evaluate against.
    """

    root: Path
    reference_truth: Path
    target_truth: Path


@dataclass(frozen=True)
class _Picture:
    """One picture to draw: where it goes and what is on it."""

    image: Path
    truth: Path
    kinds: Collection[int]
    rng: np.random.Generator


def write_big_project(folder: Path, seed: int, side: int) -> DemoProject:
    """The demo's references, and a single target: a wafer of ``side`` x ``side`` pixels.

    Args:
        folder: created if needed.
        seed: see ``write_demo_project``.
        side: rows and columns of the wafer, pixels.

    Raises:
        SettingsError: see ``write_demo_project``.
        StorageError: if the disk is full or the folder cannot be written.
    """
    if seed < 0:
        raise SettingsError(f"the seed must not be negative, got {seed}; give 0 or more")
    project = DemoProject(folder, folder / "truth" / "references", folder / "truth" / "targets")
    heading = f"# Drawn by maskcast demo: seed {seed}, a wafer of {side} x {side} pixels."
    _check_folder(folder, heading)
    if not (folder / SETTINGS_NAME).exists():
        tables = f'\n[tiles]\nside = "auto"\n\n[images]\nmax_pixels = {max(side * side, 1)}\n'
        write_atomically(folder / SETTINGS_NAME, (_settings(heading) + tables).encode())
    for picture in _pictures(project, seed, 0):
        if not (picture.image.exists() and picture.truth.exists()):
            _draw(picture)
    image, truth = folder / "targets" / "wafer.tif", project.target_truth / "wafer.png"
    if not (image.exists() and truth.exists()):
        write_big_wafer(image, truth, BigWafer.drawn(seed, side))
    return project


def write_demo_project(folder: Path, seed: int, targets: int = 60) -> DemoProject:
    """Draw a small inspection project into ``folder``.

    The same seed gives the same files. Into a folder that already holds this demo only what is
    missing is drawn, so nothing that was changed or annotated since is lost.

    Args:
        folder: created if needed.
        seed: of everything that is drawn, not negative.
        targets: how many targets.

    Raises:
        SettingsError: if the folder holds anything but this demo, or the seed is negative.
        StorageError: if the disk is full or the folder cannot be written.
    """
    if seed < 0:
        raise SettingsError(f"the seed must not be negative, got {seed}; give 0 or more")
    project = DemoProject(folder, folder / "truth" / "references", folder / "truth" / "targets")
    heading = f"# Drawn by maskcast demo: seed {seed}, {targets} targets."
    _check_folder(folder, heading)
    if not (folder / SETTINGS_NAME).exists():  # first, so that a killed demo is known as one
        write_atomically(folder / SETTINGS_NAME, _settings(heading).encode())
    for picture in _pictures(project, seed, targets):
        if not (picture.image.exists() and picture.truth.exists()):
            _draw(picture)
    return project


def _check_folder(folder: Path, heading: str) -> None:
    """Refuse a folder that holds anything else than this demo."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    path = folder / SETTINGS_NAME
    found = path.read_text("utf-8", "replace").partition("\n")[0] if path.is_file() else ""
    if found != heading:
        raise SettingsError(
            f"{folder} already holds something other than this demo; "
            "name a folder that does not exist yet, e.g. maskcast demo another-demo"
        )


def _settings(heading: str) -> str:
    """``maskcast.toml`` with the objects' names and colours."""
    objects = "".join(
        f'\n[[objects]]\nid = {key}\nname = "{name}"\ncolor = "{hex_color(default_color(key))}"\n'
        for key, name in KINDS.items()
    )
    return f"{heading}\n{objects}"


def _pictures(project: DemoProject, seed: int, targets: int) -> Iterator[_Picture]:
    """All pictures of the demo; each has a generator of its own."""
    for number, kinds in enumerate(_REFERENCES, start=1):
        name = f"reference-{number}.png"
        rng = np.random.default_rng((seed, 0, number))
        image = project.root / "references" / name
        yield _Picture(image, project.reference_truth / name, kinds, rng)
    for number in range(targets):
        name = f"{_LOTS[number * len(_LOTS) // targets]}/site-{number + 1:03d}.png"
        rng = np.random.default_rng((seed, 1, number))
        image = project.root / "targets" / name
        yield _Picture(image, project.target_truth / name, _some_kinds(rng, number), rng)


def _some_kinds(rng: np.random.Generator, number: int) -> Collection[int]:
    """Nothing on some targets; else each kind in turn, at times with others."""
    if rng.random() < _CLEAN_SHARE:
        return ()
    kinds = list(KINDS)
    main = kinds[number % len(kinds)]
    return [kind for kind in kinds if kind == main or rng.random() < _ALSO_SHARE]


def _draw(picture: _Picture) -> None:
    drawn = draw_inspection_image(picture.rng, picture.kinds)
    label_map = compose_label_map(list(drawn.masks), list(drawn.masks.values()), (SIZE, SIZE))
    colors = {key: default_color(key) for key in KINDS}
    write_atomically(picture.truth, encode_label_png(label_map, colors))
    content = io.BytesIO()
    Image.fromarray(drawn.image[..., 0]).save(content, "PNG", compress_level=1)
    write_atomically(picture.image, content.getvalue())
