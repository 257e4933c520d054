"""The same run on Ray: same bytes, stopped here and resumed there, dying workers and all."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from fragile_engine import POISON
from maskcast.errors import RunError
from maskcast.project.folder import ProjectFolder
from maskcast.quality.expectation import SelfTest
from maskcast.runs.executor import Executor, LocalExecutor
from maskcast.runs.ledger import Ledger
from maskcast.runs.ledger_rows import LedgerCounts, TargetRow
from maskcast.runs.ray import RayExecutor
from maskcast.runs.run import run_project
from maskcast.runs.shards import unpack
from maskcast.runs.stages import RunStage
from maskcast.runs.summary import RunSummary
from support import MakeProject, Maskcast, command, picture, result_digests, write_png

if find_spec("ray") is None:  # not imported yet: Ray reads its settings when it is
    pytest.skip("needs the extra ray", allow_module_level=True)


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """A cluster of this machine with room for two workers."""
    environment = {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        import ray

        yield _started(ray).address_info["gcs_address"]
        ray.shutdown()


def _started(ray: Any) -> Any:  # noqa: ANN401 (Ray is not typed here)
    """A new cluster; tried twice, for a busy machine may miss the 30 s that Ray allows."""
    with warnings.catch_warnings():
        # Ray forgets the processes of a start that failed.
        warnings.simplefilter("ignore", ResourceWarning)
        with suppress(Exception):
            return _start(ray)
        ray.shutdown()
        gc.collect()
        return _start(ray)


def _start(ray: Any) -> Any:  # noqa: ANN401
    return ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        object_store_memory=128 * 2**20,
    )


class Watcher:
    """Keeps what a run says, and does something at its first row."""

    def __init__(self, at_first_row: Callable[[], None] = lambda: None) -> None:
        self.notes: list[str] = []
        self.rows: list[TargetRow] = []
        self._at_first_row = at_first_row

    def stage(self, stage: RunStage) -> None: ...

    def note(self, text: str) -> None:
        self.notes.append(text)

    def tested(self, selftest: SelfTest, names: Mapping[int, str]) -> None: ...

    def start(self, total: int, counts: LedgerCounts) -> None: ...

    def row(self, row: TargetRow) -> None:
        self.rows.append(row)
        if len(self.rows) == 1:
            self._at_first_row()


def run(
    project: Path,
    output: Path,
    executor: Executor,
    *,
    engine: str = "fake",
    options: Mapping[str, Any] | None = None,
    watcher: Watcher | None = None,
    limit: int | None = None,
    stop: threading.Event | None = None,
) -> RunSummary:
    flags = {
        "engine": engine,
        "paths": {"output": output},
        "engines": {"fragile": options or {}},
    }
    return run_project(
        ProjectFolder.open(project, flags),
        watcher or Watcher(),
        limit=limit,
        stop=stop,
        executor=executor,
    )


def rows(output: Path) -> list[TargetRow]:
    with Ledger.open(output / "run.db") as ledger:
        return list(ledger.rows())


@pytest.mark.usefixtures("cluster")
def test_a_run_stopped_on_one_and_resumed_on_the_other_gives_the_same_bytes(
    make_project: MakeProject, tmp_path: Path
) -> None:
    project = make_project(60)
    (project / "targets" / "broken.png").write_bytes(b"not a picture")
    whole = tmp_path / "whole"
    run(project, whole, LocalExecutor())
    for first, second in ((LocalExecutor(), RayExecutor()), (RayExecutor(), LocalExecutor())):
        output = tmp_path / f"begun by {type(first).__name__}"
        stop = threading.Event()
        stopped = run(project, output, first, watcher=Watcher(stop.set), stop=stop, engine="fake")
        assert stopped.stopped
        assert 1 <= stopped.finished_now < 61
        done = {
            row.name: _modified(output, row.name) for row in rows(output) if row.state == "done"
        }
        assert run(project, output, second).pending == 0
        assert {name: _modified(output, name) for name in done} == done, "done work was done again"
        assert result_digests(output) == result_digests(whole)
        assert rows(output) == rows(whole)


@pytest.mark.usefixtures("cluster")
def test_a_worker_killed_mid_run_loses_nothing(make_project: MakeProject, tmp_path: Path) -> None:
    project = make_project(48)
    run(project, tmp_path / "whole", LocalExecutor(), engine="fake")
    killed: list[int] = []

    diary = tmp_path / "diary"

    def kill_one() -> None:
        killed.append(int(diary.read_text()))
        os.kill(killed[0], signal.SIGKILL)

    watcher = Watcher(kill_one)
    summary = run(
        project,
        tmp_path / "broken",
        RayExecutor(),
        engine="fragile",
        options={"seconds": 0.05, "diary": str(diary)},
        watcher=watcher,
    )
    assert int(diary.read_text()) != killed[0], "nobody went on"
    assert killed
    assert any("a worker died" in note for note in watcher.notes)
    assert (summary.counts.done, summary.counts.failed, summary.pending) == (48, 0, 0)
    assert len(watcher.rows) == 48, "a target came back twice"
    assert result_digests(tmp_path / "broken") == result_digests(tmp_path / "whole")


@pytest.mark.usefixtures("cluster")
def test_a_target_that_kills_its_worker_twice_is_set_aside(
    make_project: MakeProject, tmp_path: Path
) -> None:
    project = make_project(20)
    image, _ = picture(7)
    image[0, 0] = POISON
    write_png(project / "targets" / "0007.png", image)
    summary = run(project, tmp_path / "out", RayExecutor(), engine="fragile")
    assert (summary.counts.done, summary.counts.failed, summary.pending) == (19, 1, 0)
    (failed,) = (row for row in rows(tmp_path / "out") if row.state == "failed")
    assert failed.image_id == "0007.png"
    assert "it killed its worker 2 times" in str(failed.reason)


@pytest.mark.usefixtures("cluster")
def test_shards_of_dying_workers_hold_every_target_once(
    make_project: MakeProject, tmp_path: Path
) -> None:
    project, output = make_project(40), tmp_path / "out"
    run(project, tmp_path / "whole", LocalExecutor(), engine="fragile")
    image, _ = picture(7)
    image[0, 0] = POISON
    write_png(project / "targets" / "0007.png", image)
    flags = {"engine": "fragile", "paths": {"output": output}}
    summary = run_project(
        ProjectFolder.open(project, flags), Watcher(), executor=RayExecutor(), shard_size=16
    )
    assert (summary.counts.done, summary.counts.failed, summary.pending) == (39, 1, 0)
    found: dict[str, bytes] = {}
    for shard in (output / "shards").iterdir():
        files = unpack(shard.read_bytes())
        assert not found.keys() & files.keys(), "a target is in two shards"
        found |= files
    expected = {name for name in result_digests(tmp_path / "whole") if "/0007" not in name}
    assert set(found) == expected
    assert all((tmp_path / "whole" / name).read_bytes() == data for name, data in found.items())


@pytest.mark.usefixtures("cluster")
def test_a_worker_that_does_not_see_the_output_is_told_to_share_it(
    make_project: MakeProject, tmp_path: Path
) -> None:
    project = make_project(2)
    output = tmp_path / "out"

    class Moved(Watcher):
        def stage(self, stage: RunStage) -> None:
            if stage.name == "learning":
                output.rename(tmp_path / "elsewhere")

    with pytest.raises(RunError, match="does not see the output folder"):
        run(project, output, RayExecutor(), watcher=Moved())


def test_the_command_starts_a_cluster_of_its_own_and_joins_a_given_one(
    cluster: str, make_project: MakeProject, maskcast: Maskcast, tmp_path: Path
) -> None:
    project = make_project(6)
    run(project, tmp_path / "whole", LocalExecutor())
    for number, flags in enumerate((("--max-workers", "1"), ("--address", cluster))):
        output = tmp_path / str(number)
        finished = maskcast(
            "run", project, "--engine", "fake", "--executor", "ray", "--output", output, *flags
        )
        assert finished.returncode == 0, finished.stderr
        assert result_digests(output) == result_digests(tmp_path / "whole")


def test_control_c_lets_workers_finish_what_they_are_at(
    cluster: str, make_project: MakeProject, tmp_path: Path
) -> None:
    project, output = make_project(200), tmp_path / "out"
    (project / "maskcast.toml").write_text("[engines.fragile]\nseconds = 0.05\n")
    flags = ("--engine", "fragile", "--executor", "ray", "--address", cluster, "--output", output)
    process = subprocess.Popen(
        command("run", project, *flags), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        # Files come after the ledger was made; a second row after the first was told.
        if any((output / "masks").glob("*.png")) and len(rows(output)) > 1:
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, message = process.communicate(timeout=120)
    assert process.returncode == 130, message.decode()
    assert b"start the same command again to go on" in message
    done = rows(output)
    assert 1 <= len(done) < 200
    assert len(list((output / "masks").glob("*.png"))) == len(done), "a target was left half done"


def test_without_ray_the_error_names_the_pip_line(
    make_project: MakeProject, tmp_path: Path
) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "ray.py").write_text("raise ModuleNotFoundError('No module named ray', name='ray')")
    refused = subprocess.run(
        command("run", make_project(1), "--engine", "fake", "--executor", "ray"),
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(hidden), *sys.path])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 1
    assert "pip install 'maskcast[ray]'" in refused.stderr


def _modified(output: Path, name: str) -> int:
    return (output / "masks" / f"{name}.png").stat().st_mtime_ns
