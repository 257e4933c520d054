"""Which references are others than those that results were made from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from maskcast.project.annotations import Annotation, ObjectAnnotation
from maskcast.project.folder import ProjectFolder
from maskcast.project.references import ReferencePictures
from maskcast.project.store import AnnotationStore
from maskcast.runs.ledger import Ledger
from maskcast.runs.reference_changes import ReferenceChanges, ReferenceWatch
from maskcast.runs.run import run_project
from maskcast.types import Prompts
from quiet import Quiet
from runnable import SIZE, draw_target, runnable_project
from support import picture, write_png


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    opened = runnable_project(tmp_path / "project", targets=1)
    run_project(opened, Quiet())
    return opened


def changes(project: ProjectFolder, watch: ReferenceWatch) -> ReferenceChanges:
    with Ledger.read(project.ledger_path) as ledger:
        return watch.compare(ledger.fingerprint)


def annotate(project: ProjectFolder, image_id: str, mask: np.ndarray | None) -> None:
    store = AnnotationStore(project.annotations_path)
    known = store.read().annotations.get(image_id)
    prompts = Prompts(box=np.array([1, 2, 9, 8], np.float32))
    objects = {1: ObjectAnnotation(prompts, mask)}
    store.save(Annotation(image_id, *SIZE, objects=objects), 0 if known is None else known.version)


def test_nothing_changed(project: ProjectFolder) -> None:
    assert not changes(project, ReferenceWatch(project))


def test_what_changed_was_added_and_went_is_told_and_goes_away_with_the_change(
    project: ProjectFolder,
) -> None:
    watch, mask = ReferenceWatch(project), np.ones(SIZE, np.bool_)
    store = AnnotationStore(project.annotations_path)
    original = store.read().annotations["r.png"]
    annotate(project, "r.png", mask)
    assert changes(project, watch) == ReferenceChanges(changed=("r.png",))

    write_png(project.references_folder / "new.png", picture(5, size=SIZE)[0])
    assert changes(project, watch) == ReferenceChanges(changed=("r.png",))  # it teaches nothing yet
    annotate(project, "new.png", mask)
    assert changes(project, watch) == ReferenceChanges(changed=("r.png",), added=("new.png",))

    picture_of_r = project.references_folder / "r.png"
    picture_of_r.rename(project.root / "r.png")
    assert changes(project, watch) == ReferenceChanges(added=("new.png",), removed=("r.png",))

    (project.root / "r.png").rename(picture_of_r)
    store.save(replace(original), store.read().annotations["r.png"].version)
    (project.references_folder / "new.png").unlink()
    assert not changes(project, watch)


def test_another_picture_of_the_same_name_is_a_change(project: ProjectFolder) -> None:
    watch = ReferenceWatch(project)
    assert not changes(project, watch)
    write_png(project.references_folder / "r.png", picture(7, size=SIZE)[0])
    assert changes(project, watch) == ReferenceChanges(changed=("r.png",))


def test_prompts_that_only_an_engine_can_resolve_are_no_change(project: ProjectFolder) -> None:
    annotate(project, "r.png", None)
    assert not changes(project, ReferenceWatch(project))


def test_pictures_are_decoded_once(project: ProjectFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    original = ReferencePictures.read

    def reading(pictures: ReferencePictures, image_id: str) -> object:
        read.append(image_id)
        return original(pictures, image_id)

    monkeypatch.setattr(ReferencePictures, "read", reading)
    watch = ReferenceWatch(project)
    for _ in range(3):
        changes(project, watch)
    draw_target(project.root, "0.png", 8)
    changes(project, watch)
    assert read == ["r.png"]
