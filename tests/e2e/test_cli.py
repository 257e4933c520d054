"""The commands as users and scripts call them."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support import MakeProject, Maskcast, picture, write_png

HEAVY = ("torch", "ray", "gradio", "matplotlib", "sklearn", "cv2")


def test_import_run_status_evaluate(
    make_project: MakeProject,
    maskcast: Maskcast,
    tmp_path: Path,
) -> None:
    project = make_project(6)
    ran = maskcast("run", project, "--json")
    assert ran.returncode == 0, ran.stderr
    summary = json.loads(ran.stdout)
    assert (summary["done"], summary["failed"], summary["pending"]) == (6, 0, 0)
    status = json.loads(maskcast("status", project, "--json").stdout)
    assert (status["engine"], status["done"], status["empty"]) == ("pixel", 6, 2)
    assert status["found_in"] == {"1": 4}
    evaluation = json.loads(
        maskcast("evaluate", project, "--truth", tmp_path / "truth", "--json").stdout
    )
    assert evaluation["targets"] == 6
    assert evaluation["objects"]["1"]["iou"] > 0.9
    assert evaluation["objects"]["1"]["presence"]["precision"] == 1.0


def test_the_four_folders_hold_what_the_contract_says(
    make_project: MakeProject,
    maskcast: Maskcast,
) -> None:
    project = make_project(3)
    assert maskcast("run", project, "--engine", "fake").returncode == 0
    output = project / "output"
    assert sorted(path.name for path in output.iterdir() if not path.name.startswith(".")) == [
        "bboxes",
        "id_masks",
        "masks",
        "overlays",
        "run.db",
        "verdicts.csv",
    ]
    for name, shown in (("0000", True), ("0002", False)):
        with Image.open(output / "masks" / f"{name}.png") as labels:
            assert labels.mode == "P"
            assert labels.size == (80, 64)
            values = set(np.unique(np.asarray(labels)).tolist())
        assert values == ({0, 1} if shown else {0})
        with Image.open(output / "overlays" / f"{name}.jpg") as overlay:
            assert overlay.size == (80, 64)
        lines = box_lines(output, name)
        assert lines[0] == ["id", "xmin", "ymin", "xmax", "ymax", "score", "right"]
        assert (len(lines) > 1) == shown
        assert (output / "id_masks" / name / "1.png").exists() == shown
    with Image.open(output / "id_masks/0000/1.png") as mask:
        assert set(np.unique(np.asarray(mask)).tolist()) == {0, 255}
    true_box = np.argwhere(picture(0)[1])
    box = [int(value) for value in box_lines(output, "0000")[1][1:5]]
    expected = [*true_box.min(axis=0)[::-1], *(true_box.max(axis=0)[::-1] + 1)]
    assert np.abs(np.array(box) - expected).max() <= 1


def box_lines(output: Path, name: str) -> list[list[str]]:
    return list(csv.reader((output / "bboxes" / f"{name}.csv").read_text().splitlines()))


def test_a_flag_wins_over_the_file_and_is_relative_to_the_caller(
    make_project: MakeProject,
    maskcast: Maskcast,
    tmp_path: Path,
) -> None:
    project = make_project(2)
    (project / "maskcast.toml").write_text('engine = "pixel"\n[paths]\noutput = "results"\n')
    ran = maskcast("run", project, "--engine", "fake", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert (project / "results" / "run.db").exists()
    assert (
        maskcast("run", project, "--engine", "fake", "--output", "mine", cwd=tmp_path).returncode
        == 0
    )
    assert (tmp_path / "mine" / "run.db").exists()


def test_a_ledger_somewhere_else_is_found_where_it_is_given(
    make_project: MakeProject, maskcast: Maskcast, tmp_path: Path
) -> None:
    project, flags = make_project(2), ["--ledger", tmp_path / "elsewhere.db"]
    assert maskcast("run", project, "--engine", "fake", *flags).returncode == 0
    assert not (project / "output" / "run.db").exists()
    assert "done 2" in maskcast("status", project, *flags).stdout
    told = maskcast("evaluate", project, "--truth", tmp_path / "truth", "--json", *flags)
    assert json.loads(told.stdout)["targets"] == 2


def test_importing_twice_changes_nothing_and_conflicts_are_refused(
    make_project: MakeProject,
    maskcast: Maskcast,
    tmp_path: Path,
) -> None:
    project = make_project(1)
    path = project / "references" / "annotations.json"
    before = path.read_bytes()
    assert maskcast("import", "masks", tmp_path / "labels", "--project", project).returncode == 0
    assert path.read_bytes() == before
    write_png(tmp_path / "other" / "r0.png", np.zeros((64, 80), np.uint8))
    refused = maskcast("import", "masks", tmp_path / "other", "--project", project)
    assert refused.returncode == 1
    assert "r0.png" in refused.stderr
    assert path.read_bytes() == before
    replaced = maskcast("import", "masks", tmp_path / "other", "--project", project, "--replace")
    assert replaced.returncode == 0, replaced.stderr
    assert path.with_name("annotations.json.bak").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", "{tmp}/nowhere"], "does not exist"),
        (["run", "{project}", "--engine", "sam9"], "there is no engine 'sam9'"),
        (["run", "{project}", "--threshold", "1.5"], "threshold"),
        (["run", "{project}", "--batch-size", "many"], "batch_size"),
        (["run", "{project}", "--targets", "{tmp}/nowhere"], "does not exist"),
        (["run", "{project}", "--references", "{tmp}/nowhere"], "does not exist"),
        (["run", "{project}", "--no-such-flag"], "No such option"),
        (["import", "zip", "{tmp}", "--project", "{project}"], "no format 'zip' can be read"),
        (["import", "masks", "{tmp}/nowhere", "--project", "{project}"], "does not exist"),
        (["evaluate", "{project}", "--truth", "{tmp}"], "run maskcast run first"),
    ],
)
def test_errors_are_one_sentence_and_exit_1(
    make_project: MakeProject,
    maskcast: Maskcast,
    tmp_path: Path,
    arguments: list[str],
    sentence: str,
) -> None:
    project = make_project(1)
    filled = [text.format(tmp=tmp_path, project=project) for text in arguments]
    ended = maskcast(*filled)
    assert ended.returncode == 1, ended.stderr
    last = ended.stderr.splitlines()[-1]
    assert last.lower().startswith("error: ")
    assert sentence in last
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""


def test_debug_shows_the_traceback(maskcast: Maskcast, tmp_path: Path) -> None:
    for arguments in (["--debug", "run", "nowhere"], ["run", "nowhere", "--debug"]):
        ended = maskcast(*arguments, cwd=tmp_path)
        assert ended.returncode == 1
        assert "Traceback" in ended.stderr


def test_a_misspelt_setting_names_file_and_key(
    make_project: MakeProject,
    maskcast: Maskcast,
) -> None:
    project = make_project(1)
    (project / "maskcast.toml").write_text("treshold = 0.5\n")
    ended = maskcast("run", project)
    assert ended.returncode == 1
    assert "maskcast.toml" in ended.stderr
    assert "'treshold'" in ended.stderr


def test_a_project_without_annotations_says_what_to_do(maskcast: Maskcast, tmp_path: Path) -> None:
    write_png(tmp_path / "references" / "a.png", picture(1)[0])
    write_png(tmp_path / "targets" / "b.png", picture(2)[0])
    ended = maskcast("run", cwd=tmp_path)
    assert ended.returncode == 1
    assert "no reference is annotated yet" in ended.stderr
    assert "maskcast import masks" in ended.stderr


def test_engines_lists_pixel_as_ready(maskcast: Maskcast) -> None:
    listed = {entry["name"]: entry for entry in json.loads(maskcast("engines", "--json").stdout)}
    assert listed["pixel"]["ready"] is True
    assert listed["pixel"]["needs_weights"] is False
    assert "pixel" in maskcast("engines").stdout


HELP_PROGRAM = """
import sys
from maskcast import cli
sys.argv = ["maskcast", "--help"]
try:
    cli.main()
except SystemExit:
    pass
"""


@pytest.mark.parametrize("program", ["import maskcast", HELP_PROGRAM], ids=["import", "help"])
def test_starting_up_loads_nothing_heavy(program: str) -> None:
    check = f"\nimport sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    ended = subprocess.run(
        [sys.executable, "-c", program + check], text=True, capture_output=True, check=True
    )
    assert ended.stdout.splitlines()[-1] == "[]"


def test_every_command_has_help(maskcast: Maskcast) -> None:
    listing = maskcast("--help").stdout
    for name in ("run", "status", "import", "evaluate", "engines", "demo"):
        assert name in listing
        helped = maskcast(name, "--help")
        assert helped.returncode == 0
        assert "Usage: maskcast" in helped.stdout


def test_the_demo_learns_and_tells(maskcast: Maskcast, tmp_path: Path) -> None:
    ended = maskcast("demo", tmp_path / "demo", "--targets", "9")
    assert ended.returncode == 0, ended.stderr
    for word in ("particle", "scratch", "bridge", "overall", "ms per target"):
        assert word in ended.stdout
    assert len(list((tmp_path / "demo/output/overlays").rglob("*.jpg"))) == 9
    evaluation = json.loads(
        maskcast(
            "evaluate", tmp_path / "demo", "--truth", tmp_path / "demo/truth/targets", "--json"
        ).stdout
    )
    assert evaluation["overall"]["iou"] > 0.55


def test_the_demo_tells_what_another_engine_gains(maskcast: Maskcast, tmp_path: Path) -> None:
    ended = maskcast("demo", tmp_path / "demo", "--targets", "2", "--engine", "fake")
    assert ended.returncode == 0, ended.stderr
    found = re.search(r"(\d\.\d+) with fake, (\d\.\d+) with pixel \(([+-]\d\.\d+)\)", ended.stdout)
    assert found
    ours, plain, gain = map(float, found.groups())
    assert gain == pytest.approx(ours - plain, abs=0.0011)
    for folder in ("output", "output-pixel"):
        assert len(list((tmp_path / "demo" / folder / "overlays").rglob("*.jpg"))) == 2


def test_the_installed_command_is_the_module(maskcast: Maskcast) -> None:
    script = Path(sys.executable).with_name("maskcast")
    printed = subprocess.run([script, "--version"], text=True, capture_output=True, check=True)
    assert printed.stdout == maskcast("--version").stdout


def test_no_name_of_a_file_reaches_the_terminal_as_it_is(
    make_project: MakeProject, maskcast: Maskcast, tmp_path: Path
) -> None:
    project = make_project(1)
    names = ["\x1b[2J.png", "a.png failed: no\nnote: forged.png", "x\u202egnp.png"]
    for name in names:
        (project / "targets" / name).write_bytes(b"not a picture")
    exports = ["export", "coco", tmp_path / "coco", "--project", project]
    truth = ["evaluate", project, "--truth", tmp_path / "truth"]
    said = [
        maskcast("run", project, "--engine", "fake"),
        maskcast("status", project),
        maskcast("status", project, "--json"),
        maskcast(*truth),
        maskcast(*exports),
        maskcast("run", tmp_path / "\x1b[2J no\nproject", "--debug"),
    ]
    for text in (text for one in said for text in (one.stdout, one.stderr)):
        assert not {"\x1b", "\u202e"} & set(text), text
        assert not any(line.startswith("note: forged") for line in text.splitlines()), text
    assert r"\x1b[2J.png failed" in said[0].stderr
    assert r"failed: x\u202egnp.png" in said[1].stdout
    failed = {failure["image_id"] for failure in json.loads(said[2].stdout)["failures"]}
    assert failed == set(names)
