"""A project resolves its annotations to references, and its object table from three places."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maskcast.engines.base import EngineSettings
from maskcast.engines.fake import FakeEngine
from maskcast.errors import AnnotationError, ImageError, SettingsError
from maskcast.io.images import IntensityWindow
from maskcast.project.annotations import (
    Annotation,
    AnnotationFile,
    ObjectAnnotation,
    write_annotations,
)
from maskcast.project.folder import ProjectFolder
from maskcast.types import ObjectSpec, Prompts

MASK = np.eye(20, 30, dtype=np.bool_)
BOX = Prompts(box=np.array([2, 3, 10, 12], np.float32))


def annotation(image_id: str, **objects: ObjectAnnotation) -> Annotation:
    numbered = {int(key[1:]): value for key, value in objects.items()}
    return Annotation(image_id, 20, 30, not numbered, numbered, 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "references").mkdir()
    for name in ("a.png", "b.png", "clean.png", "not annotated.png"):
        Image.new("RGB", (30, 20), (9, 8, 7)).save(tmp_path / "references" / name)
    return tmp_path


def annotate(folder: Path, *annotations: Annotation, objects: tuple[ObjectSpec, ...] = ()) -> None:
    write_annotations(
        folder / "references" / "annotations.json",
        AnnotationFile(objects, {one.image_id: one for one in annotations}),
    )


def test_masks_are_kept_prompts_are_segmented_and_the_rest_is_left_out(folder: Path) -> None:
    annotate(
        folder,
        annotation("b.png", o2=ObjectAnnotation(BOX, None), o1=ObjectAnnotation(BOX, MASK)),
        annotation("clean.png"),
    )
    loaded = ProjectFolder.open(folder).load_references(FakeEngine(EngineSettings()), None)
    assert [reference.image_id for reference in loaded] == ["b.png", "clean.png"]
    assert loaded[1].is_clean
    assert np.array_equal(loaded[0].masks[1], MASK)
    filled = np.zeros((20, 30), np.bool_)
    filled[3:12, 2:10] = True
    assert np.array_equal(loaded[0].masks[2], filled)


def test_unknown_pixels_reach_the_reference(folder: Path) -> None:
    entry = ObjectAnnotation(Prompts(), MASK)
    annotate(folder, Annotation("a.png", 20, 30, objects={1: entry}, unknown=np.roll(MASK, 1)))
    (loaded,) = ProjectFolder.open(folder).load_references(FakeEngine(EngineSettings()), None)
    assert loaded.unknown is not None
    assert np.array_equal(loaded.unknown, np.roll(MASK, 1))


def test_only_clean_references_teach_nothing(folder: Path) -> None:
    annotate(folder, annotation("clean.png"))
    with pytest.raises(AnnotationError, match=r"every reference in .* is clean"):
        ProjectFolder.open(folder).load_references(FakeEngine(EngineSettings()), None)


def test_an_image_that_changed_its_size_is_named(folder: Path) -> None:
    annotate(folder, annotation("a.png", o1=ObjectAnnotation(Prompts(), MASK)))
    Image.new("RGB", (31, 20)).save(folder / "references" / "a.png")
    with pytest.raises(AnnotationError, match=r"a\.png is 31 x 20 pixels but was annotated as 30"):
        ProjectFolder.open(folder).load_references(FakeEngine(EngineSettings()), None)


def test_an_annotated_image_that_is_gone_is_named(folder: Path) -> None:
    annotate(folder, annotation("gone.png", o1=ObjectAnnotation(Prompts(), MASK)))
    with pytest.raises(ImageError, match=r"gone\.png"):
        ProjectFolder.open(folder).load_references(FakeEngine(EngineSettings()), None)


def test_settings_name_objects_before_the_annotation_file_does(folder: Path) -> None:
    annotate(
        folder,
        objects=(ObjectSpec(1, "from the labeler", (1, 1, 1)), ObjectSpec(2, "hole", (2, 2, 2))),
    )
    (folder / "maskcast.toml").write_text(
        '[[objects]]\nid = 1\nname = "from the settings"\n[[objects]]\nid = 7\ncolor = "#070809"\n'
    )
    specs = ProjectFolder.open(folder).object_specs({3})
    assert specs[1] == ObjectSpec(1, "from the settings", (1, 1, 1))
    assert specs[2].name == "hole"
    assert specs[7].color == (7, 8, 9)
    assert list(specs) == [1, 2, 3, 7]


def test_the_window_is_measured_on_annotated_references_unless_set(folder: Path) -> None:
    values = np.linspace(1000, 3000, 600).reshape(20, 30).astype(np.uint16)
    Image.fromarray(values).save(folder / "references" / "a.png")
    Image.fromarray(values * 20).save(folder / "references" / "b.png")
    annotate(folder, annotation("a.png", o1=ObjectAnnotation(Prompts(), MASK)))
    measured = ProjectFolder.open(folder).intensity_window()
    assert measured is not None
    assert (measured.low, measured.high) == pytest.approx((1000, 3000), abs=10)
    told = ProjectFolder.open(folder, {"images": {"window": (5, 6)}}).intensity_window()
    assert told == IntensityWindow(5, 6)


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
    with pytest.raises(SettingsError, match=r"references folder .* does not exist"):
        ProjectFolder.open(tmp_path).load_references(FakeEngine(EngineSettings()), None)
