"""A project finds its places, and makes its object table from three of them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from PIL import Image

from maskcast.errors import SettingsError
from maskcast.project.annotations import (
    AnnotationFile,
    write_annotations,
)
from maskcast.project.folder import ProjectFolder
from maskcast.types import ObjectSpec


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "references").mkdir()
    for name in ("a.png", "b.png", "clean.png", "not annotated.png"):
        Image.new("RGB", (30, 20), (9, 8, 7)).save(tmp_path / "references" / name)
    return tmp_path


def test_settings_name_objects_before_the_annotation_file_does(folder: Path) -> None:
    objects = ObjectSpec(1, "from the labeler", (1, 1, 1)), ObjectSpec(2, "hole", (2, 2, 2))
    write_annotations(folder / "references" / "annotations.json", AnnotationFile(objects))
    (folder / "maskcast.toml").write_text(
        '[[objects]]\nid = 1\nname = "from the settings"\n[[objects]]\nid = 7\ncolor = "#070809"\n'
    )
    specs = ProjectFolder.open(folder).object_specs({3})
    assert specs[1] == ObjectSpec(1, "from the settings", (1, 1, 1))
    assert specs[2].name == "hole"
    assert specs[7].color == (7, 8, 9)
    assert list(specs) == [1, 2, 3, 7]


def test_targets_leave_outputs_out_old_ones_too(folder: Path) -> None:
    for output in ("output", "output-20260102-030405"):
        (folder / output / "masks").mkdir(parents=True)
        Image.new("L", (2, 2)).save(folder / output / "masks" / "x.png")
        (folder / output / "run.db").touch()
    project = ProjectFolder.open(folder, {"paths": {"targets": folder}})
    names = [target.image_id for target in project.find_targets().targets]
    assert "references/a.png" in names
    assert not [name for name in names if name.startswith("output")]


def test_missing_folders_are_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"project folder .* does not exist"):
        ProjectFolder.open(tmp_path / "nowhere")
    with pytest.raises(SettingsError, match=r"targets folder .* does not exist"):
        ProjectFolder.open(tmp_path).find_targets()


@pytest.mark.skipif(sys.platform != "linux", reason="the places of other systems are their own")
def test_the_state_of_an_output_in_a_store_is_where_it_always_was(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is what 0.1 gave it."""
    opened = ProjectFolder.open(folder, {"paths": {"output": "s3://bucket/some/output"}})
    name = "s3-bucket-some-output-6387d4acb3e7"
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    assert opened.state_folder == folder / ".local" / "state" / "maskcast" / "runs" / name
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    assert opened.state_folder == folder / "state" / "maskcast" / "runs" / name
