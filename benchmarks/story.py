"""The story that is told to processes and disks that fail: run, review, update, and the way back.

``kills.py`` and ``full_disk.py`` tell it undisturbed once, and then again while they disturb it.
After every try of a step, the ledger and the log of decisions must open; every target that the
ledger calls done must have all its files, whole; every decision that was acknowledged must be in
the log, and at most the one that was being made besides. At the end results, ledger and decisions
must be those of the undisturbed story.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

import maskcast
from maskcast.project.annotations import Annotation, ObjectAnnotation
from maskcast.project.folder import ProjectFolder
from maskcast.review.decisions import DATABASE_NAME, Decision
from maskcast.runs.ledger import Ledger, holds_ledger
from maskcast.runs.ledger_rows import TargetRow
from maskcast.runs.outputs import OutputFolders, read_id_mask
from maskcast.types import Prompts

SIZE: Final = (40, 48)
TARGETS: Final = 12

_ACTIONS: Final[tuple[tuple[str, Decision | None], ...]] = (
    ("00.png", "accepted"),
    ("01.png", "rejected"),
    ("02.png", "corrected"),
    ("03.png", "undecided"),
    ("01.png", None),
    ("04.png", "rejected"),
    ("02.png", "corrected"),
    ("05.png", "accepted"),
)
"""A review: targets and decisions, None = taken back. Each adds a row to the log."""


@dataclass
class Told:
    """What became of a story.

    Attributes:
        results: path in the output -> sha256, after the update and after going back.
        rows: of the ledger, after the same.
        decisions: rows of the log without their moments.
    """

    results: list[dict[str, str]] = field(default_factory=list)
    rows: list[list[TargetRow]] = field(default_factory=list)
    decisions: list[tuple[Any, ...]] = field(default_factory=list)


def make_project(root: Path, engine: str) -> None:
    """A project with a reference and targets, all drawn."""
    for number in range(-1, TARGETS):
        image, mask = _drawn(number + 1)
        if number < 0:
            _write(root / "references" / "r.png", image)
            _write(root / "labels" / "r.png", mask.astype(np.uint8) * 255)
        else:
            _write(root / "targets" / f"{number:02}.png", image)
    (root / "maskcast.toml").write_text(f'engine = "{engine}"\nworkers = 2\n')
    maskcast.Project.open(root).import_annotations("masks", root / "labels")


def tell(root: Path, attempt: Callable[[str, Path], bool]) -> Told:
    """Tell the story in a project.

    Args:
        root: a project that nothing was done in.
        attempt: tries a step of ``STEPS`` in it, and tells whether it came to its end; it is tried
            again until it does.

    Raises:
        AssertionError: if something was lost.
    """
    told = Told()
    for step in STEPS:
        ended = False
        while not ended:
            ended = attempt(step, root)
            _check(root)
        if step in {"update", "back"}:
            told.results.append(_digests(root / "output"))
            told.rows.append(_rows(root))
    told.decisions = _decisions(root)
    return told


def do(step: str, root: Path) -> bool:
    """Do a step undisturbed."""
    STEPS[step](maskcast.Project.open(root))
    return True


def compare(whole: Told, broken: Told) -> None:
    """Both stories ended alike.

    Raises:
        AssertionError: if they did not.
    """
    assert broken.results == whole.results, "results differ"
    assert broken.rows == whole.rows, "ledgers differ"
    assert broken.decisions == whole.decisions, "decisions differ"


def _run(project: maskcast.Project) -> None:
    project.run()


def _review(project: maskcast.Project) -> None:
    made = len(_decisions(project.root))
    _acknowledge(project.root, made)
    for number in range(made, len(_ACTIONS)):
        name, decision = _ACTIONS[number]
        if decision is None:
            project.take_back([name], who="kim")
        elif decision == "corrected":
            project.decide([name], decision, who="kim", correction=_correction(name, number))
        else:
            project.decide([name], decision, who="kim")
        _acknowledge(project.root, number + 1)
    project.run()  # what was decided and not shown yet is shown


def _acknowledge(root: Path, made: int) -> None:
    """Note that so many decisions were made; the note survives the process, as the log must."""
    with _diary(root).open("a") as diary:
        diary.write(f"{made}\n")


def _diary(root: Path) -> Path:
    """Beside the project, where no disk is full."""
    return root.with_name(f"{root.name}-diary")


def _update(project: maskcast.Project) -> None:
    if _generation(project) < 2:
        project.update()
    project.run()


def _back(project: maskcast.Project) -> None:
    if _generation(project) == 2:
        project.go_back()
    project.run()


STEPS: Final[dict[str, Callable[[maskcast.Project], None]]] = {
    "run": _run,
    "review": _review,
    "update": _update,
    "back": _back,
}


def _generation(project: ProjectFolder) -> int:
    if not holds_ledger(project.ledger_path):  # killed while folders were swapped
        return 1
    with Ledger.read(project.ledger_path) as ledger:
        return ledger.generation


def _correction(name: str, number: int) -> Annotation:
    mask = np.zeros(SIZE, np.bool_)
    mask[3 : 9 + number, 4:11] = True
    return Annotation(name, *SIZE, objects={1: ObjectAnnotation(Prompts(), mask)})


def _check(root: Path) -> None:
    """What holds at any moment."""
    decided = {name for _, name, *_ in _decisions(root)}
    for row in _rows(root):
        folders = OutputFolders(root / "output")
        # What was decided may be written and not be in the ledger yet; the next run mends that.
        for found in row.objects if row.image_id not in decided else ():
            mask = read_id_mask(folders.id_mask(row.name, found.object_id))
            assert int(mask.sum()) == found.area, f"{row.name} is not what the ledger says"
        for path in (folders.mask(row.name), folders.overlay(row.name), folders.boxes(row.name)):
            assert path.stat().st_size, f"{path} is empty"
    diary = _diary(root)
    noted = diary.read_text().split() if diary.exists() else []
    acknowledged = int(noted[-1]) if noted else 0
    known = _decisions(root)
    assert len(known) in {acknowledged, acknowledged + 1}, "a decision was lost"
    wanted = [(name, decision) for name, decision in _ACTIONS[: len(known)]]
    assert [(row[1], row[2]) for row in known] == wanted, "decisions are not what was said"


def _rows(root: Path) -> list[TargetRow]:
    path = root / "output" / "run.db"
    if not holds_ledger(path):
        return []
    with Ledger.read(path) as ledger:
        return list(ledger.rows())


def _decisions(root: Path) -> list[tuple[Any, ...]]:
    """Rows of the log: number, image id, decision, whom it takes back, correction."""
    path = root / "review" / DATABASE_NAME
    if not path.exists():
        return []
    with closing(sqlite3.connect(path)) as connection:
        if not any(connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'decisions'")):
            return []
        wanted = "number, image_id, decision, takes_back, correction"
        return connection.execute(f"SELECT {wanted} FROM decisions ORDER BY number").fetchall()  # noqa: S608


def _digests(output: Path) -> dict[str, str]:
    """sha256 of each file of results."""
    return {
        path.relative_to(output).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for part in ("id_masks", "masks", "overlays", "bboxes")
        for path in sorted((output / part).rglob("*"))
        if path.is_file()
    }


def _drawn(seed: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """A red disc on noisy gray, uint8 (H, W, 3) RGB, and where it is."""
    rng = np.random.default_rng(seed)
    image = rng.normal(120, 5, (*SIZE, 3))
    y, x = np.ogrid[: SIZE[0], : SIZE[1]]
    cy, cx = rng.integers(10, SIZE[0] - 10), rng.integers(10, SIZE[1] - 10)
    mask: npt.NDArray[np.bool_] = (x - cx) ** 2 + (y - cy) ** 2 <= 8**2
    image[mask] = np.array((200, 40, 40)) + rng.normal(0, 5, (int(mask.sum()), 3))
    return image.clip(0, 255).astype(np.uint8), mask


def _write(path: Path, pixels: npt.NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", pixels[..., ::-1])[1].tobytes())
