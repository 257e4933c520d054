"""What is removed goes into the bin whole, and comes back as it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from maskcast.errors import AnnotationError, SettingsError
from maskcast.project.bin import Bin
from maskcast.project.folder import ProjectFolder
from maskcast.project.references import ReferencePictures
from maskcast.project.store import AnnotationStore
from runnable import SIZE, draw_target, runnable_project
from support import picture, write_png


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    return runnable_project(tmp_path / "project")


def targets(project: ProjectFolder) -> list[str]:
    return [target.image_id for target in project.find_targets().targets]


def test_a_target_goes_and_comes_back(project: ProjectFolder) -> None:
    before = (project.targets_folder / "1.png").read_bytes()
    removed = Bin(project).remove("targets", "1.png")
    assert targets(project) == ["0.png", "2.png"]
    assert [entry.image_id for entry in Bin(project).entries()] == ["1.png"]
    Bin(project).put_back(removed.name)
    assert (project.targets_folder / "1.png").read_bytes() == before
    assert Bin(project).entries() == []


def test_a_reference_goes_and_comes_back_with_its_annotation(project: ProjectFolder) -> None:
    store = AnnotationStore(project.annotations_path)
    mask = store.read().annotations["r.png"].objects[1].mask
    removed = Bin(project, store).remove("references", "r.png")
    assert ReferencePictures(project).image_ids() == []
    assert store.read().annotations == {}
    Bin(project).put_back(removed.name)
    known = store.read().annotations["r.png"]
    np.testing.assert_array_equal(known.objects[1].mask, mask)
    assert known.version > 1  # whoever has the old one in hand notices


def test_nothing_lists_the_bin_where_the_project_folder_holds_the_pictures(
    project: ProjectFolder,
) -> None:
    flat = ProjectFolder.open(
        project.root, {"engine": "fake", "paths": {"targets": Path(), "references": Path()}}
    )
    Bin(flat).remove("targets", "targets/1.png")
    assert not [name for name in targets(flat) if ".bin" in name]
    assert not [name for name in ReferencePictures(flat).image_ids() if ".bin" in name]


def test_one_picture_takes_the_place_of_another_and_gives_it_back(project: ProjectFolder) -> None:
    store = AnnotationStore(project.annotations_path)
    old = (project.references_folder / "r.png").read_bytes()
    write_png(project.references_folder / "r-2.png", picture(7, size=SIZE)[0])
    new = (project.references_folder / "r-2.png").read_bytes()
    replaced = Bin(project, store).replace("references", "r.png", "r-2.png")
    assert ReferencePictures(project).image_ids() == ["r.png"]
    assert (project.references_folder / "r.png").read_bytes() == new
    assert 1 in store.read().annotations["r.png"].objects  # of one size
    Bin(project, store).put_back(replaced.name)
    assert (project.references_folder / "r.png").read_bytes() == old
    assert 1 in store.read().annotations["r.png"].objects
    (left,) = Bin(project).entries()
    assert left.image_id == "r.png"  # the new one is not lost


def test_an_annotation_does_not_go_to_a_picture_of_another_size(project: ProjectFolder) -> None:
    store = AnnotationStore(project.annotations_path)
    write_png(project.references_folder / "r-2.png", picture(7, size=(50, 60))[0])
    replaced = Bin(project, store).replace("references", "r.png", "r-2.png")
    assert store.read().annotations == {}
    Bin(project, store).put_back(replaced.name)
    assert 1 in store.read().annotations["r.png"].objects


def test_what_cannot_be_removed_or_put_back_is_said(project: ProjectFolder, tmp_path: Path) -> None:
    trash = Bin(project)
    for image_id in ("no.png", "../r.png", "", "../references/r.png"):
        with pytest.raises(SettingsError, match="there is no"):
            trash.remove("targets", image_id)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    write_png(elsewhere / "a.png", picture(1)[0])
    (project.targets_folder / "link").symlink_to(elsewhere)
    with pytest.raises(SettingsError, match="behind a link"):
        trash.remove("targets", "link/a.png")
    assert (elsewhere / "a.png").exists()
    removed = trash.remove("targets", "0.png")
    draw_target(project.root, "0.png", 9)
    with pytest.raises(SettingsError, match="another picture is called"):
        trash.put_back(removed.name)
    with pytest.raises(SettingsError, match="not in the bin"):
        trash.put_back("../references")
    write_png(project.references_folder / "r-2.png", picture(7, size=SIZE)[0])
    with pytest.raises(AnnotationError, match="annotated itself"):
        trash.replace("references", "r-2.png", "r.png")
