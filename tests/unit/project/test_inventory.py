"""The list of references, and mending it when pictures were renamed or deleted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import maskcast
from maskcast.errors import AnnotationError, ConflictError, SettingsError
from maskcast.project.annotations import (
    Annotation,
    AnnotationFile,
    ObjectAnnotation,
    read_annotations,
    write_annotations,
)
from maskcast.project.inventory import ReferenceEntry, ReferenceState
from maskcast.project.store import AnnotationStore
from maskcast.types import Prompts

SHAPE = (20, 30)
ENTRY = ObjectAnnotation(Prompts(), np.eye(*SHAPE, dtype=np.bool_))


@pytest.fixture
def project(tmp_path: Path) -> maskcast.Project:
    """Pictures of four kinds, and annotations of two that are gone."""
    folder = tmp_path / "references"
    for name in ("a.png", "sub/clean.png", "open.png", "begun.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", SHAPE[::-1]).save(folder / name)
    annotations = [
        Annotation("a.png", *SHAPE, objects={7: ENTRY, 2: ENTRY}),
        Annotation("sub/clean.png", *SHAPE, clean=True),
        Annotation("begun.png", *SHAPE, version=5),
        Annotation("gone.png", *SHAPE, objects={1: ENTRY}, version=3),
        Annotation("gone clean.png", *SHAPE, clean=True),
    ]
    file = AnnotationFile((), {annotation.image_id: annotation for annotation in annotations})
    write_annotations(folder / "annotations.json", file)
    return maskcast.Project.open(tmp_path)


def known(project: maskcast.Project) -> set[str]:
    return set(read_annotations(project.annotations_path).annotations)


def test_every_reference_is_listed_with_what_there_is_of_it(project: maskcast.Project) -> None:
    assert project.references() == [
        ReferenceEntry("a.png", ReferenceState.ANNOTATED, (2, 7)),
        ReferenceEntry("begun.png", ReferenceState.OPEN, ()),
        ReferenceEntry("gone clean.png", ReferenceState.GONE, ()),
        ReferenceEntry("gone.png", ReferenceState.GONE, (1,)),
        ReferenceEntry("open.png", ReferenceState.OPEN, ()),
        ReferenceEntry("sub/clean.png", ReferenceState.CLEAN, ()),
    ]


def test_a_project_without_references_lists_none(tmp_path: Path) -> None:
    assert maskcast.Project.open(tmp_path).references() == []


def test_dropping_takes_the_annotation_and_leaves_the_picture(project: maskcast.Project) -> None:
    before = project.annotations_path.read_bytes()
    change = project.drop_references(["gone.png", "a.png"])
    assert known(project) == {"sub/clean.png", "begun.png", "gone clean.png"}
    assert (project.references_folder / "a.png").exists()
    assert change.image_ids == ("a.png", "gone.png")
    assert change.backup is not None
    assert change.backup.read_bytes() == before


def test_of_two_drops_both_backups_are_kept(project: maskcast.Project) -> None:
    before = project.annotations_path.read_bytes()
    project.drop_references(["gone.png"])
    project.drop_references(["a.png"])
    folder = project.references_folder
    assert before in [path.read_bytes() for path in folder.glob("annotations.json.bak*")]


def test_of_names_that_are_wrong_none_is_dropped(project: maskcast.Project) -> None:
    with pytest.raises(AnnotationError, match=r"gine\.png is not in .*; did you mean gone\.png\?"):
        project.drop_references(["a.png", "gine.png"])
    assert "a.png" in known(project)
    with pytest.raises(AnnotationError, match="maskcast references list shows all"):
        project.drop_references(["completely different"])


def test_all_that_are_gone_are_dropped(project: maskcast.Project) -> None:
    assert project.drop_gone_references().image_ids == ("gone clean.png", "gone.png")
    assert known(project) == {"a.png", "sub/clean.png", "begun.png"}
    assert project.drop_gone_references().backup is None


def test_renaming_gives_the_annotation_to_the_new_name(project: maskcast.Project) -> None:
    before = project.annotations_path.read_bytes()
    change = project.rename_reference("gone.png", "open.png")
    assert change.backup is not None
    assert change.backup.read_bytes() == before
    annotations = read_annotations(project.annotations_path).annotations
    assert "gone.png" not in annotations
    assert annotations["open.png"].image_id == "open.png"
    assert annotations["open.png"].objects == {1: ENTRY}


def test_renaming_onto_one_that_a_labeler_has_in_hand_is_a_conflict_there(
    project: maskcast.Project,
) -> None:
    project.rename_reference("gone.png", "begun.png")
    store = AnnotationStore(project.annotations_path)
    assert store.read().annotations["begun.png"].objects.keys() == {1}
    with pytest.raises(ConflictError):
        store.save(Annotation("begun.png", *SHAPE, clean=True), base=5)


def larger(project: maskcast.Project) -> None:
    Image.new("RGB", (31, 20)).save(project.references_folder / "open.png")


@pytest.mark.parametrize(
    ("old", "new", "prepare", "sentence"),
    [
        ("gine.png", "open.png", None, r"gine\.png is not in .*; did you mean gone\.png\?"),
        ("gone.png", "a.png", None, r"a\.png is annotated already in"),
        ("gone.png", "sub/clean.png", None, r"sub/clean\.png is annotated already in"),
        ("gone.png", "new.png", None, r"there is no picture new\.png in .*; rename the picture"),
        ("gone.png", "../open.png", None, r"there is no picture \.\./open\.png in"),
        ("gone.png", "open.png", larger, r"open\.png is 31 x 20 pixels but gone\.png was"),
        ("gone.png", "gone.png", None, r"there is no picture gone\.png"),
        ("a.png", "a.png", None, r"a\.png is annotated already in"),
    ],
)
def test_a_rename_that_does_not_fit_changes_nothing(
    project: maskcast.Project,
    old: str,
    new: str,
    prepare: Callable[[maskcast.Project], None] | None,
    sentence: str,
) -> None:
    if prepare is not None:
        prepare(project)
    before = project.annotations_path.read_bytes()
    with pytest.raises(AnnotationError, match=sentence):
        project.rename_reference(old, new)
    assert project.annotations_path.read_bytes() == before


def test_what_is_in_a_store_is_not_changed(tmp_path: Path) -> None:
    project = maskcast.Project.open(tmp_path, {"paths": {"references": "memory://bucket/refs"}})
    with pytest.raises(SettingsError, match="is in a store"):
        project.drop_references(["a.png"])
