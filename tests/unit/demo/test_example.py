"""The demo project: what is written where, repeatable, never over anything else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maskcast.demo.example import _some_kinds, write_demo_project
from maskcast.demo.wafers import KINDS
from maskcast.errors import SettingsError
from maskcast.project.settings import load_settings

TARGETS = 4


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_demo_project(tmp_path_factory.mktemp("parent") / "demo", 7, TARGETS).root


def files_under(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


def test_every_image_has_a_truth_of_its_name(demo: Path) -> None:
    files = files_under(demo)
    references = [name for name in files if name.startswith("references/")]
    targets = [name for name in files if name.startswith("targets/")]
    assert (len(references), len(targets)) == (7, TARGETS)
    assert {name.split("/")[1] for name in targets} == {"lot-a", "lot-b"}
    truths = {f"truth/{name}" for name in references + targets}
    assert set(files) == {*references, *targets, *truths, "maskcast.toml"}


def test_truths_are_label_maps_of_the_images_size(demo: Path) -> None:
    for image in [*demo.glob("references/*.png"), *demo.glob("targets/*/*.png")]:
        labels = pixels(demo / "truth" / image.relative_to(demo))
        assert labels.shape == pixels(image).shape == (512, 512)
        assert labels.dtype == np.uint8
        assert labels.max() <= 3


def test_references_show_each_kind_more_than_once_and_two_are_clean(demo: Path) -> None:
    shown = [set(np.unique(pixels(path))) - {0} for path in demo.glob("truth/references/*.png")]
    assert all(sum(kind in ids for ids in shown) >= 2 for kind in KINDS)
    assert sum(not ids for ids in shown) == 2


def test_settings_name_the_objects(demo: Path) -> None:
    objects = load_settings(demo, {}).objects
    assert [(one.id, one.name) for one in objects] == [
        (1, "particle"),
        (2, "scratch"),
        (3, "bridge"),
    ]
    assert objects[0].color == "#e69f00"


def test_some_targets_are_clean_and_each_kind_is_frequent() -> None:
    kinds = [_some_kinds(np.random.default_rng((0, number)), number) for number in range(400)]
    assert 60 < sum(not some for some in kinds) < 140
    for kind in KINDS:
        assert sum(kind in some for some in kinds) > 80


def test_the_same_seed_gives_the_same_files(demo: Path, tmp_path: Path) -> None:
    write_demo_project(tmp_path / "again", 7, TARGETS)
    assert files_under(tmp_path / "again") == files_under(demo)


def test_another_seed_gives_other_images(demo: Path, tmp_path: Path) -> None:
    write_demo_project(tmp_path / "other", 8, 1)
    name = "references/reference-1.png"
    assert files_under(tmp_path / "other")[name] != files_under(demo)[name]


def test_only_what_is_missing_is_drawn_again(tmp_path: Path) -> None:
    folder = write_demo_project(tmp_path, 7, 1).root
    before = files_under(folder)
    changed, lost = folder / "references" / "reference-2.png", folder / "targets/lot-a/site-001.png"
    changed.write_bytes(b"the user's own")
    lost.unlink()
    (folder / "references" / "annotations.json").write_text("{}")
    write_demo_project(folder, 7, 1)
    after = files_under(folder)
    assert after.pop("references/annotations.json") == b"{}"
    assert after.pop("references/reference-2.png") == b"the user's own"
    before.pop("references/reference-2.png")
    assert after == before


def test_a_folder_with_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(SettingsError, match="already holds something other"):
        write_demo_project(tmp_path, 0, 1)
    assert list(files_under(tmp_path)) == ["thesis.txt"]


def test_a_project_that_is_no_demo_is_refused(tmp_path: Path) -> None:
    (tmp_path / "maskcast.toml").write_text('engine = "pixel"\n')
    with pytest.raises(SettingsError, match="already holds something other"):
        write_demo_project(tmp_path, 0, 1)


@pytest.mark.parametrize(("seed", "targets"), [(8, 1), (7, 2)])
def test_a_demo_of_other_pictures_is_refused(tmp_path: Path, seed: int, targets: int) -> None:
    write_demo_project(tmp_path, 7, 1)
    before = files_under(tmp_path)
    with pytest.raises(SettingsError, match="already holds something other"):
        write_demo_project(tmp_path, seed, targets)
    assert files_under(tmp_path) == before


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("a file")
    with pytest.raises(SettingsError, match="already holds something other"):
        write_demo_project(tmp_path / "demo", 0, 1)


def test_a_negative_seed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="must not be negative, got -1"):
        write_demo_project(tmp_path, -1)
