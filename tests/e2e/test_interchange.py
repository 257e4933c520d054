"""Import and export as users call them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from maskcast.io.label_maps import read_label_map
from support import MakeProject, Maskcast, picture, write_png

HEAVY = ("torch", "ray", "gradio", "matplotlib", "sklearn", "maskcast.engines.pixel.engine")


@pytest.fixture
def finished(make_project: MakeProject, maskcast: Maskcast) -> Path:
    project = make_project(6)
    ran = maskcast("run", project, "--engine", "fake")
    assert ran.returncode == 0, ran.stderr
    return project


def test_exported_coco_can_be_imported_as_references(
    finished: Path, maskcast: Maskcast, tmp_path: Path
) -> None:
    coco = tmp_path / "coco"
    exported = maskcast(
        "export", "coco", coco, "--project", finished, "--split", "0.5", "0.5", "0", "--seed", "3",
        "--copy-images", "--check", "--json",
    )  # fmt: skip
    assert exported.returncode == 0, exported.stderr
    summary = json.loads(exported.stdout)
    assert (summary["images"], summary["negatives"], summary["objects"]) == (6, 2, 4)
    assert "pycocotools" in exported.stderr
    assert "as exported" in exported.stderr
    second = tmp_path / "second"
    (second / "references").mkdir(parents=True)
    for path in (coco / "images").rglob("*.png"):
        path.rename(second / "references" / path.name)
    # Split into two files: reading the folder takes both.
    imported = maskcast("import", "coco", coco, "--project", second, "--classes", "object 1=9")
    assert imported.returncode == 0, imported.stderr
    assert "imported 4 annotated and 2 clean references; object ids: 9" in imported.stderr
    masks = maskcast("export", "masks", tmp_path / "masks", "--project", finished)
    assert masks.returncode == 0, masks.stderr
    expected = read_label_map(tmp_path / "masks/masks/0000.png")
    assert np.mean((expected > 0) == picture(0)[1]) > 0.95


def test_exporting_needs_no_engine(finished: Path, tmp_path: Path) -> None:
    program = (
        "import sys\nfrom maskcast import cli\n"
        f"sys.argv = ['maskcast', 'export', 'cvat', {str(tmp_path / 'out')!r}, "
        f"'--project', {str(finished)!r}]\n"
        "try:\n    cli.main()\nexcept SystemExit as end:\n    assert not end.code\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], text=True, capture_output=True, check=True
    )
    assert ended.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("stop", ["SIGINT", "SIGTERM"])
def test_an_export_that_is_stopped_leaves_nothing(
    finished: Path, tmp_path: Path, stop: str
) -> None:
    program = (
        "import os, signal, sys\nfrom maskcast import cli\n"
        "from maskcast.interchange import exporting\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"exporting.read_id_mask = lambda place: os.kill(os.getpid(), signal.{stop})\n"
        f"sys.argv = ['maskcast', 'export', 'coco', {str(tmp_path / 'out/coco')!r}, "
        f"'--project', {str(finished)!r}, '--copy-images']\ncli.main()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], text=True, capture_output=True, check=False
    )
    assert ended.returncode == 130, ended.stderr
    assert "Traceback" not in ended.stderr
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["export", "zip", "{tmp}/out"], "there is no format 'zip'; there are: coco,"),
        (["export", "coco", "{tmp}"], "is not empty"),
        (["export", "coco", "{tmp}/out", "--split", "0.5", "0.6", "0.1"], "add up to 1"),
        (["export", "coco", "{tmp}/out", "--copy-images", "--link-images"], "exclude each other"),
        (["export", "coco", "{tmp}/out", "--min-score", "7"], "min-score"),
        (["import", "coco", "{tmp}/out"], "does not exist"),
        (["import", "coco", "{tmp}", "--merge", "--replace"], "exclude each other"),
        (["import", "coco", "{tmp}", "--classes", "a"], "neither name=id nor a file"),
    ],
)
def test_errors_are_one_sentence(
    make_project: MakeProject,
    maskcast: Maskcast,
    tmp_path: Path,
    arguments: list[str],
    sentence: str,
) -> None:
    project = make_project(1)
    ended = maskcast(*(text.format(tmp=tmp_path) for text in arguments), "--project", project)
    assert ended.returncode == 1
    last = ended.stderr.splitlines()[-1]
    assert last.startswith("error: ")
    assert sentence in last
    assert ended.stdout == ""
    assert not (tmp_path / "out").exists()


def test_the_examples_run(finished: Path, maskcast: Maskcast, tmp_path: Path) -> None:
    (finished / "maskcast.toml").write_text('engine = "fake"\n')
    examples = Path(__file__).parents[2] / "examples"
    exported = maskcast("export", "coco", tmp_path / "coco", finished)
    assert exported.returncode == 0, exported.stderr
    twice = maskcast("export", "coco", tmp_path / "x", finished, "--project", tmp_path)
    assert "the project is given twice" in twice.stderr
    usage = subprocess.run(
        [sys.executable, examples / "train_set_from_results.py"],
        text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert usage.stderr.startswith("usage: ")
    labels = json.loads((tmp_path / "coco/annotations/instances_default.json").read_text())
    names = {number: f"r{index}.png" for index, number in enumerate((1, 2))}
    labels["images"] = [one | {"file_name": names[one["id"]]} for one in labels["images"][:2]]
    labels["annotations"] = [one for one in labels["annotations"] if one["image_id"] in names]
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    for arguments, sentence in (
        (["results_in_python.py", finished], "drew 0000.png, 80 x 64 pixels"),
        (["train_set_from_results.py", finished, tmp_path / "labels.json", tmp_path / "yolo"],
         "train 5, val 0, test 1"),
    ):  # fmt: skip
        ended = subprocess.run(
            [sys.executable, examples / str(arguments[0]), *map(str, arguments[1:])],
            text=True, capture_output=True, check=False,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stderr
        assert sentence in ended.stdout


def test_an_annotated_set_is_one_command_away_from_a_run(
    maskcast: Maskcast, tmp_path: Path
) -> None:
    for number in range(3):
        write_png(tmp_path / "set" / "images" / f"{number}.png", picture(number)[0])
        truth = picture(number)[1].astype(np.uint8)
        write_png(tmp_path / "set" / "labels" / f"{number}_mask.png", truth * 255)
        write_png(tmp_path / "set" / "photos" / f"{number}.png", picture(number)[0])
    arguments = ("--project", tmp_path / "new", "--take-images", tmp_path / "set/images")

    refused = maskcast("import", "masks", tmp_path / "set/photos", *arguments)
    assert refused.returncode == 1
    assert not (tmp_path / "new").exists()

    imported = maskcast("import", "masks", tmp_path / "set/labels", *arguments, "--take", "2")
    assert imported.returncode == 0, imported.stderr
    assert imported.stderr.splitlines()[-1] == (
        "imported 2 annotated and 0 clean references; object ids: 1"
    )
    write_png(tmp_path / "new" / "targets" / "2.png", picture(2)[0])
    ran = maskcast("run", tmp_path / "new")
    assert ran.returncode == 0, ran.stderr
    found = read_label_map(tmp_path / "new/output/masks/2.png")
    assert np.mean((found > 0) == picture(2)[1]) > 0.95
