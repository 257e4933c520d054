"""An output and its ledger belong together, and a fresh start loses nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from fake_engine import FakeEngine
from maskcast.errors import EngineError, IdentityError
from maskcast.project.folder import ProjectFolder
from maskcast.results.result import read_results
from maskcast.runs.ledger import Ledger
from maskcast.runs.lock import output_lock
from maskcast.runs.run import run_project
from of_old import turn_into_0_1
from quiet import Quiet
from support import MakeProject, Maskcast, result_digests

FAKE = ("--engine", "fake")


def moved_aside(folder: Path, name: str) -> Path:
    (aside,) = (path for path in folder.iterdir() if path.name.startswith(f"{name}-"))
    return aside


@pytest.fixture
def ran(make_project: MakeProject, maskcast: Maskcast, tmp_path: Path) -> Path:
    """A project of two targets that ran with its ledger elsewhere."""
    project = make_project(2)
    first = maskcast("run", project, *FAKE, "--ledger", tmp_path / "mine.db")
    assert first.returncode == 0, first.stderr
    return project


def reading(project: Path, tmp_path: Path) -> list[list[str | Path]]:
    return [
        ["status", project],
        ["evaluate", project, "--truth", tmp_path / "truth"],
        ["export", "coco", tmp_path / "coco", "--project", project],
    ]


def test_another_output_is_refused_by_the_ledger_everywhere(
    ran: Path, maskcast: Maskcast, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    places = ["--ledger", tmp_path / "mine.db", "--output", other]
    commands: list[list[str | Path]] = [["run", ran, *FAKE], *reading(ran, tmp_path)]
    for command in commands:
        refused = maskcast(*command, *places)
        assert refused.returncode == 1, command
        assert f"ledger {tmp_path / 'mine.db'} records 2 results" in refused.stderr
        assert f"{other} does not hold them" in refused.stderr
        (sentence,) = (line for line in refused.stderr.splitlines() if "error" in line)
        assert sentence.count("--fresh") == 1
    assert maskcast("run", ran, *FAKE, "--output", other).returncode == 0
    refused = maskcast("run", ran, *FAKE, *places)
    assert refused.returncode == 1
    assert "is that of run" in refused.stderr
    assert f"{other} holds the results of run" in refused.stderr
    opened = ProjectFolder.open(ran, {"paths": {"ledger": tmp_path / "mine.db", "output": other}})
    with pytest.raises(IdentityError, match="is that of run"):
        list(read_results(opened))


def test_an_output_that_was_deleted_is_not_done(
    ran: Path, maskcast: Maskcast, tmp_path: Path
) -> None:
    shutil.rmtree(ran / "output")
    refused = maskcast("run", ran, *FAKE, "--ledger", tmp_path / "mine.db")
    assert refused.returncode == 1
    assert "does not hold them" in refused.stderr
    fresh = maskcast("run", ran, *FAKE, "--ledger", tmp_path / "mine.db", "--fresh", "--json")
    assert json.loads(fresh.stdout)["finished_now"] == 2, fresh.stderr
    assert len(list((ran / "output" / "masks").iterdir())) == 2
    with Ledger.read(moved_aside(tmp_path, "mine")) as old:
        assert old.counts().done == 2


def test_results_without_their_ledger_are_not_begun_anew(ran: Path, maskcast: Maskcast) -> None:
    for command in (["run", ran, *FAKE], ["status", ran]):
        refused = maskcast(*command)
        assert refused.returncode == 1
        assert "its ledger is not in" in refused.stderr


def test_a_fresh_start_moves_output_and_ledger_which_still_belong_together(
    ran: Path, maskcast: Maskcast, tmp_path: Path
) -> None:
    before = result_digests(ran / "output")
    ledger = ["--ledger", tmp_path / "mine.db"]
    fresh = maskcast("run", ran, *FAKE, *ledger, "--fresh", "--threshold", "0.7", "--json")
    assert json.loads(fresh.stdout)["finished_now"] == 2, fresh.stderr
    output, old = moved_aside(ran, "output"), moved_aside(tmp_path, "mine")
    assert str(output) in fresh.stderr.replace("\n", "")
    assert result_digests(output) == before
    told = maskcast("status", ran, "--output", output, "--ledger", old, "--json")
    assert json.loads(told.stdout)["done"] == 2, told.stderr
    assert json.loads(maskcast("status", ran, *ledger, "--json").stdout)["done"] == 2


def test_outputs_inside_the_targets_never_become_targets(
    make_project: MakeProject, maskcast: Maskcast, tmp_path: Path
) -> None:
    project = make_project(2)
    for name in ("results", "other"):
        places = ["--output", project / "targets" / name, "--ledger", tmp_path / f"{name}.db"]
        for extra in ((), ("--fresh",), ("--fresh",)):
            ran = maskcast("run", project, *FAKE, *places, *extra, "--json")
            assert json.loads(ran.stdout)["targets"] == 2, (name, extra, ran.stderr)


def test_an_output_of_0_1_that_was_moved_aside_is_no_target(
    make_project: MakeProject, maskcast: Maskcast, tmp_path: Path
) -> None:
    project = make_project(2)
    places = ["--output", project / "targets" / "out", "--ledger", tmp_path / "mine.db"]
    assert maskcast("run", project, *FAKE, *places).returncode == 0
    (project / "targets" / "out" / ".run").unlink()
    (project / "targets" / "out").rename(project / "targets" / "out-20250101-120000")
    (tmp_path / "mine.db").unlink()
    ran = maskcast("run", project, *FAKE, *places, "--json")
    assert json.loads(ran.stdout)["targets"] == 2, ran.stderr


BROKEN = {
    "an unreadable reference": lambda project: (project / "references/r1.png").write_bytes(b""),
    "broken annotations": lambda project: (project / "references/annotations.json").write_text("{"),
    "no targets": lambda project: (project / "targets").rename(project / "elsewhere"),
    "a broken setting": lambda project: (project / "maskcast.toml").write_text("engine = 'none'"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_fresh_start_that_cannot_start_moves_nothing(
    make_project: MakeProject, maskcast: Maskcast, what: str
) -> None:
    project = make_project(1)
    assert maskcast("run", project).returncode == 0
    before = result_digests(project / "output")
    BROKEN[what](project)
    refused = maskcast("run", project, "--fresh")
    assert refused.returncode == 1, refused.stderr
    assert result_digests(project / "output") == before
    assert [path.name for path in project.glob("output*")] == ["output"]


def test_an_engine_that_cannot_learn_moves_nothing(
    make_project: MakeProject, maskcast: Maskcast, monkeypatch: pytest.MonkeyPatch
) -> None:
    def memorize(*_: object) -> None:
        raise EngineError("it cannot learn from these")

    project = make_project(1)
    assert maskcast("run", project, *FAKE).returncode == 0
    before = result_digests(project / "output")
    monkeypatch.setattr(FakeEngine, "memorize", memorize)
    with pytest.raises(EngineError):
        run_project(ProjectFolder.open(project, {"engine": "fake"}), Quiet(), fresh=True)
    assert result_digests(project / "output") == before
    assert not list(project.glob("output-*"))


def test_three_fresh_starts_within_a_second(make_project: MakeProject) -> None:
    opened = ProjectFolder.open(make_project(1), {"engine": "fake"})
    for count in range(5):
        run_project(opened, Quiet(), fresh=True)
        assert len(list(opened.root.glob("output-*"))) == count


def test_a_fresh_start_waits_for_nobody_who_writes_there(
    ran: Path, maskcast: Maskcast, tmp_path: Path
) -> None:
    with output_lock(ran / "output"):
        refused = maskcast("run", ran, *FAKE, "--ledger", tmp_path / "mine.db", "--fresh")
    assert refused.returncode == 1
    assert "another run is writing" in refused.stderr
    assert (ran / "output" / "masks").is_dir()


@pytest.mark.parametrize("elsewhere", [True, False])
def test_an_output_of_0_1_gets_the_identity_of_its_ledger(
    make_project: MakeProject, maskcast: Maskcast, tmp_path: Path, elsewhere: bool
) -> None:
    project = make_project(3)
    ledger = tmp_path / "mine.db" if elsewhere else project / "output" / "run.db"
    flags = ["--ledger", ledger]
    assert maskcast("run", project, *FAKE, *flags, "--limit", "2").returncode == 0
    turn_into_0_1(ledger)
    (project / "output" / ".run").unlink(missing_ok=True)
    content = ledger.read_bytes()
    told = maskcast("status", project, *flags, "--json")
    assert json.loads(told.stdout)["done"] == 2, told.stderr
    assert ledger.read_bytes() == content, "status changed a ledger"
    ran = maskcast("run", project, *FAKE, *flags, "--json")
    assert json.loads(ran.stdout)["finished_now"] == 1, ran.stderr
    with Ledger.read(ledger) as opened:
        assert opened.run_id in (project / "output" / ".run").read_text()


def foreign_outputs(project: Path, tmp_path: Path) -> dict[Path, str]:
    for name in ("letters", "photos", "home"):
        (tmp_path / name).mkdir()
    (tmp_path / "letters" / "letter.txt").write_text("mine")
    (tmp_path / "photos" / "a.jpg").write_bytes(b"x")
    (tmp_path / "photos" / "run.db").write_text("notes of a run in the park")
    return {
        project: "is the project folder",
        project / "targets": "is the targets folder",
        project / "references": "is the references folder",
        project / "references" / "out": "is in the references folder",
        tmp_path: "contains the",
        Path("/"): "contains the",
        tmp_path / "letters": "holds what is not of a run, such as letter.txt",
        tmp_path / "photos": "run.db is not a maskcast ledger",
        tmp_path / "home": "is the home folder",
    }


@pytest.mark.parametrize("fresh", [(), ("--fresh",)])
def test_nothing_is_written_among_what_is_not_ours(
    make_project: MakeProject,
    maskcast: Maskcast,
    tmp_path: Path,
    fresh: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    project = make_project(1)
    outputs = foreign_outputs(project, tmp_path)
    before = sorted(tmp_path.rglob("*"))
    for output, why in outputs.items():
        refused = maskcast("run", project, *FAKE, "--output", output, *fresh)
        assert refused.returncode == 1, output
        assert why in refused.stderr
    (project / "maskcast.toml").write_text('[paths]\noutput = "."\n')
    refused = maskcast("run", project, *FAKE, *fresh)
    assert "is the project folder" in refused.stderr
    (project / "maskcast.toml").unlink()
    assert sorted(tmp_path.rglob("*")) == before
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / ".DS_Store").write_bytes(b"x")
    ran = maskcast("run", project, *FAKE, "--output", tmp_path / "empty")
    assert ran.returncode == 0, ran.stderr


LEDGERS = {
    "": "is a folder",
    "targets": "is a folder",
    "maskcast.toml": "has the name of something else",
    "references/annotations.json": "has the name of something else",
    "targets/new.png": "has the name of something else",
    "poetry": "poetry.lock is not the lock of a ledger",
    "notes.txt": "notes.txt is not a maskcast ledger",
}


@pytest.mark.parametrize("fresh", [(), ("--fresh",)])
def test_no_ledger_takes_the_place_of_something_else(
    make_project: MakeProject, maskcast: Maskcast, fresh: tuple[str, ...]
) -> None:
    project = make_project(1)
    (project / "notes.txt").write_text("buy some more wafers\n")
    (project / "poetry.lock").write_text("[[package]]")
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    for name, why in LEDGERS.items():
        refused = maskcast("run", project, *FAKE, "--ledger", project / name, *fresh)
        assert refused.returncode == 1, (name, refused.stderr)
        assert why in refused.stderr.replace("\n", " "), (name, refused.stderr)
    after = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    assert after == before


def test_only_what_this_run_left_is_cleaned_up(
    make_project: MakeProject, maskcast: Maskcast
) -> None:
    project = make_project(2)
    output = project / "output"
    assert maskcast("run", project, *FAKE, "--limit", "1").returncode == 0
    run_id = json.loads((output / ".run").read_text())["run"]
    own = output / "masks" / f".mc-{run_id}-0123abcd.tmp"
    others = [
        output / "masks" / ".mc-0123abcd-0123abcd.tmp",
        output / "masks" / ".mc-0123abcd.tmp",
        output / "mine" / f".mc-{run_id}-0123abcd.tmp",
        project / "targets" / f".mc-{run_id}-0123abcd.tmp",
    ]
    (output / "mine").mkdir()
    for path in (own, *others):
        path.write_bytes(b"x")
    assert maskcast("run", project, *FAKE).returncode == 0
    assert not own.exists()
    assert all(path.exists() for path in others)


def test_temporaries_carry_the_identity_of_their_run(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = ProjectFolder.open(make_project(1), {"engine": "fake"})
    written: list[Path] = []
    write_bytes = Path.write_bytes

    def noting(self: Path, data: bytes) -> int:
        written.append(self)
        return write_bytes(self, data)

    monkeypatch.setattr(Path, "write_bytes", noting)
    run_project(opened, Quiet())
    run_id = json.loads((opened.output_folder / ".run").read_text())["run"]
    results = [path for path in written if path.parent.parent.name == "output"]
    assert results
    assert all(path.name.startswith(f".mc-{run_id}-") for path in written), written
