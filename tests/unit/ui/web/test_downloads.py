"""Archives hold the results and nothing else, and their size is known beforehand."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from maskcast.errors import RunError, SettingsError
from maskcast.interchange.exporting import export_project
from maskcast.interchange.formats import FORMATS
from maskcast.interchange.importing import import_annotations
from maskcast.interchange.options import ExportOptions
from maskcast.project.folder import ProjectFolder
from maskcast.runs.run import run_project
from maskcast.ui.web.downloads import Archive, zip_export, zip_results
from support import picture, result_digests, write_png
from web_support import Quiet


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    image, mask = picture(1, 2)
    write_png(tmp_path / "p" / "references" / "r.png", image)
    write_png(tmp_path / "labels" / "r.png", mask.astype(np.uint8) * 255)
    for name in ("a", "한글/b c", "sub/d"):
        write_png(tmp_path / "p" / "targets" / f"{name}.png", picture(len(name))[0])
    opened = ProjectFolder.open(tmp_path / "p", {"engine": "fake"})
    import_annotations(opened, "masks", tmp_path / "labels")
    return opened


def read(archive: Archive) -> dict[str, bytes]:
    data = b"".join(archive.chunks)
    assert len(data) == archive.size
    with zipfile.ZipFile(io.BytesIO(data)) as content:
        return {name: content.read(name) for name in content.namelist()}


def test_all_results_and_each_part(project: ProjectFolder) -> None:
    run_project(project, Quiet())
    output = project.output_folder
    expected = {name: (output / name).read_bytes() for name in result_digests(output)}
    assert read(zip_results(project)) == expected
    for part in ("id_masks", "masks", "overlays", "bboxes"):
        found = {name: data for name, data in expected.items() if name.startswith(f"{part}/")}
        assert found
        assert read(zip_results(project, part)) == found


def test_files_that_are_gone_or_lead_out_are_left_out(
    project: ProjectFolder, tmp_path: Path
) -> None:
    run_project(project, Quiet())
    output = project.output_folder
    (tmp_path / "secret").write_bytes(b"secret")
    (output / "masks" / "a.png").unlink()
    (output / "bboxes" / "a.csv").unlink()
    (output / "bboxes" / "a.csv").symlink_to(tmp_path / "secret")
    (output / "overlays" / "sub").rename(tmp_path / "moved")
    (output / "overlays" / "sub").symlink_to(tmp_path / "moved")
    names = set(read(zip_results(project)))
    assert not {"masks/a.png", "bboxes/a.csv", "overlays/sub/d.jpg"} & names
    assert {"overlays/a.jpg", "masks/sub/d.png"} <= names


def test_a_file_that_changes_meanwhile_breaks_the_download(project: ProjectFolder) -> None:
    run_project(project, Quiet())
    archive = zip_results(project, "bboxes")
    with (project.output_folder / "bboxes" / "sub" / "d.csv").open("a") as file:
        file.write("more")
    with pytest.raises(RuntimeError):
        b"".join(archive.chunks)


def test_results_that_are_elsewhere_are_no_empty_archive(project: ProjectFolder) -> None:
    run_project(project, Quiet())
    (project.output_folder / "masks").rename(project.root / "moved")
    with pytest.raises(RunError, match="no masks files"):
        zip_results(project, "masks")


def test_of_a_run_into_shards_the_shards_are_sent(project: ProjectFolder) -> None:
    run_project(project, Quiet(), shard_size=2)
    shards = project.output_folder / "shards"
    (shards / "notes.txt").write_text("mine")
    expected = {f"shards/{one.name}": one.read_bytes() for one in shards.glob("*.tar")}
    assert len(expected) == 2
    assert read(zip_results(project)) == expected
    with pytest.raises(RunError, match="packed in shards"):
        zip_results(project, "masks")
    assert read(zip_export(project, "coco"))


def test_without_results_there_is_nothing_to_download(project: ProjectFolder) -> None:
    with pytest.raises(RunError, match="no results yet"):
        zip_results(project)


@pytest.mark.parametrize("name", FORMATS)
def test_an_export_is_what_the_command_writes(
    project: ProjectFolder, tmp_path: Path, name: str
) -> None:
    run_project(project, Quiet())
    folder = tmp_path / "export"
    export_project(project, name, folder, ExportOptions(pictures="link"))
    expected = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }
    found = read(zip_export(project, name))
    assert found == expected
    assert len(found) > 0
    assert not any(str(project.root.name).encode() + b"/targets" in data for data in found.values())


def test_there_is_no_export_of_an_unknown_format(project: ProjectFolder) -> None:
    with pytest.raises(SettingsError, match="there is no format"):
        zip_export(project, "../coco")
