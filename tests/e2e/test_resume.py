"""A run can be stopped in every way there is, and goes on as if nothing had been."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from maskcast.runs.ledger import Ledger, holds_ledger
from maskcast.runs.ledger_rows import TargetRow
from maskcast.runs.lock import output_lock
from support import MakeProject, Maskcast, command, result_digests


def rows(output: Path) -> list[TargetRow]:
    if not holds_ledger(output / "run.db"):
        return []
    with Ledger.open(output / "run.db") as ledger:
        return list(ledger.rows())


def start(project: Path, output: Path, engine: str = "fake") -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command("run", project, "--output", output, "--engine", engine, "--batch-size", "3"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def wait_for_masks(output: Path, count: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if len(list((output / "masks").glob("*.png"))) >= count:
            return
        time.sleep(0.002)


def modified(output: Path, names: list[str]) -> dict[str, int]:
    return {name: (output / "masks" / f"{name}.png").stat().st_mtime_ns for name in names}


@pytest.mark.parametrize(("engine", "targets", "moments"), [("fake", 150, 5), ("pixel", 150, 2)])
def test_a_run_killed_again_and_again_ends_like_one_never_interrupted(
    make_project: MakeProject,
    maskcast: Maskcast,
    tmp_path: Path,
    engine: str,
    targets: int,
    moments: int,
) -> None:
    project = make_project(targets)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert maskcast("run", project, "--output", whole, "--engine", engine).returncode == 0
    moment = random.Random(engine)
    kills = 0
    for goal in sorted(moment.sample(range(1, targets // 2), moments)):
        process = start(project, broken, engine)
        wait_for_masks(broken, goal, process)
        time.sleep(moment.uniform(0, 0.02))
        process.kill()
        kills += process.wait() == -signal.SIGKILL
        _close(process)
        done = [row.name for row in rows(broken)]
        before = modified(broken, done)
        again = maskcast("run", project, "--output", broken, "--engine", engine, "--limit", "2")
        assert again.returncode == 0, again.stderr
        assert modified(broken, done) == before, "something already done was done again"
    assert kills >= 1, "the run was over before it could be killed"
    assert maskcast("run", project, "--output", broken, "--engine", engine).returncode == 0
    assert result_digests(broken) == result_digests(whole)
    assert rows(broken) == rows(whole)
    assert len(rows(whole)) == targets


def test_a_run_killed_before_its_first_target_can_start_again(
    make_project: MakeProject,
    maskcast: Maskcast,
    tmp_path: Path,
) -> None:
    project, output = make_project(3), tmp_path / "out"
    for delay in (0.3, 0.5, 0.7, 0.9, 1.1):
        process = start(project, output)
        time.sleep(delay)
        process.kill()
        process.wait()
        _close(process)
    finished = maskcast("run", project, "--output", output, "--engine", "fake")
    assert finished.returncode == 0, finished.stderr
    assert len(rows(output)) == 3


def test_control_c_finishes_what_is_in_flight_and_says_how_to_go_on(
    make_project: MakeProject,
    maskcast: Maskcast,
    tmp_path: Path,
) -> None:
    project, output = make_project(400), tmp_path / "out"
    process = start(project, output)
    wait_for_masks(output, 5, process)
    process.send_signal(signal.SIGINT)
    _, message = process.communicate(timeout=60)
    assert process.returncode == 130, message.decode()
    assert b"start the same command again to go on" in message
    done = rows(output)
    assert 5 <= len(done) < 400
    assert len(list((output / "masks").glob("*.png"))) == len(done), "a target was left half done"
    before = modified(output, [row.name for row in done])
    finished = maskcast("run", project, "--output", output, "--engine", "fake", "--json")
    assert finished.returncode == 0
    assert json.loads(finished.stdout)["finished_now"] == 400 - len(done)
    assert modified(output, list(before)) == before


def test_changed_settings_are_refused_and_fresh_moves_the_old_output_aside(
    make_project: MakeProject,
    maskcast: Maskcast,
) -> None:
    project = make_project(4)
    assert maskcast("run", project, "--engine", "fake").returncode == 0
    before = result_digests(project / "output")
    refused = maskcast("run", project, "--engine", "fake", "--threshold", "0.7")
    assert refused.returncode == 1
    assert "engine settings: threshold None -> 0.7" in refused.stderr
    assert "--fresh" in refused.stderr
    assert result_digests(project / "output") == before
    fresh = maskcast("run", project, "--engine", "fake", "--threshold", "0.7", "--fresh")
    assert fresh.returncode == 0, fresh.stderr
    (aside,) = (path for path in project.iterdir() if path.name.startswith("output-"))
    assert result_digests(aside) == before
    assert len(rows(project / "output")) == 4


def test_a_changed_reference_is_named(make_project: MakeProject, maskcast: Maskcast) -> None:
    project = make_project(2)
    assert maskcast("run", project, "--engine", "fake").returncode == 0
    (project / "references" / "r1.png").write_bytes((project / "targets/0000.png").read_bytes())
    refused = maskcast("run", project, "--engine", "fake")
    assert refused.returncode == 1
    assert "references: r1.png changed" in refused.stderr


def test_a_second_run_on_a_live_output_is_refused(
    make_project: MakeProject,
    maskcast: Maskcast,
) -> None:
    project = make_project(2)
    with output_lock(project / "output"):
        for extra in ((), ("--fresh",)):
            refused = maskcast("run", project, "--engine", "fake", *extra)
            assert refused.returncode == 1
            assert "another run is writing" in refused.stderr
    assert maskcast("run", project, "--engine", "fake").returncode == 0


def test_new_targets_are_done_and_old_ones_left_alone(
    make_project: MakeProject,
    maskcast: Maskcast,
) -> None:
    project = make_project(3)
    assert maskcast("run", project, "--engine", "fake").returncode == 0
    before = modified(project / "output", ["0000", "0001", "0002"])
    content = (project / "targets/0000.png").read_bytes()
    (project / "targets/0000.bmp.png").write_bytes(content)
    (project / "targets/0001.tif").write_bytes(content)
    finished = maskcast("run", project, "--engine", "fake", "--json")
    assert json.loads(finished.stdout)["finished_now"] == 2
    assert modified(project / "output", list(before)) == before
    assert {row.name for row in rows(project / "output")} == {
        "0000",
        "0001",
        "0002",
        "0000.bmp",
        "0001.tif",
    }


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for few results; needs the right to mount."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(folder)],
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_ends_with_a_sentence_and_a_ledger_that_opens(
    make_project: MakeProject,
    maskcast: Maskcast,
    small_disk: Path,
) -> None:
    project = make_project(60)
    filled = maskcast("run", project, "--engine", "fake", "--output", small_disk / "out")
    assert filled.returncode == 1
    assert "Traceback" not in filled.stderr
    assert "full" in filled.stderr
    told = maskcast("status", project, "--output", small_disk / "out", "--json")
    assert told.returncode == 0, told.stderr
    status = json.loads(told.stdout)
    assert status["done"] + status["pending"] == 60
    assert status["failed"] == 0


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX limits")
def test_an_output_folder_that_is_a_file_is_told(
    make_project: MakeProject,
    maskcast: Maskcast,
    tmp_path: Path,
) -> None:
    (tmp_path / "taken").write_text("mine")
    refused = maskcast("run", make_project(1), "--engine", "fake", "--output", tmp_path / "taken")
    assert refused.returncode == 1
    assert "cannot be written" in refused.stderr
    assert (tmp_path / "taken").read_text() == "mine"


def test_memory_does_not_grow_with_the_number_of_targets(
    make_project: MakeProject,
    tmp_path: Path,
) -> None:
    """The peak at many targets is within 10 % of that at few."""
    project = make_project(60)
    for number in range(60, 1200):
        os.link(project / "targets/0000.png", project / "targets" / f"{number:04}.png")
    peaks = [
        int(
            subprocess.run(
                [
                    sys.executable,
                    "-c",
                    PEAK_PROGRAM,
                    "run",
                    str(project),
                    "--engine",
                    "fake",
                    "--output",
                    str(tmp_path / f"out{limit}"),
                    "--limit",
                    str(limit),
                ],
                check=True,
                capture_output=True,
                text=True,
            ).stdout
        )
        for limit in (60, 1200)
    ]
    assert peaks[1] < 1.1 * peaks[0]


PEAK_PROGRAM = """
import resource, sys
from maskcast import cli
try:
    cli.main()
except SystemExit as end:
    assert end.code == 0, end.code
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def _close(process: subprocess.Popen[bytes]) -> None:
    if process.stderr is not None:
        process.stderr.close()
