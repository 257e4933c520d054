"""A tracker engine through the real command line, with tiny random weights and no network."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from maskcast.io.images import read_image
from maskcast.project.folder import ProjectFolder
from maskcast.project.references import load_references
from sam_support import tiny_weights
from support import MakeProject, Maskcast

TARGETS = 200


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.mark.usefixtures("offline")
def test_two_hundred_targets_in_two_runs(
    make_project: MakeProject,
    maskcast: Maskcast,
    tmp_path: Path,
) -> None:
    project = make_project(TARGETS)
    (project / "maskcast.toml").write_text(
        "threshold = 0.4\nmin_area = 1\n[engines.sam2]\npresence = 0.0\n"
    )
    weights = tiny_weights("sam2", tmp_path)
    arguments = ("run", project, "--engine", "sam2", "--weights", weights, "--json")
    first = maskcast(*arguments, "--limit", "70")
    assert first.returncode == 0, first.stderr
    banks = list((tmp_path / "cache" / "maskcast" / "banks").iterdir())
    second = maskcast(*arguments)
    assert second.returncode == 0, second.stderr
    summary = json.loads(second.stdout)
    assert (summary["done"], summary["finished_now"], summary["failed"]) == (200, 130, 0)
    assert list((tmp_path / "cache" / "maskcast" / "banks").iterdir()) == banks
    _check_some_results(project, weights)


def _check_some_results(project: Path, weights: Path) -> None:
    """What is on disk is what the engine says of the same pictures."""
    opened = ProjectFolder.open(project, {"engine": "sam2", "weights": str(weights)})
    engine = opened.create_engine()
    bank = engine.memorize(load_references(opened, engine).references)
    shown = 0
    for name in ("0000", "0069", "0070", "0199"):
        picture = read_image(project / "targets" / f"{name}.png").rgb
        (found,) = engine.propagate(bank, [picture])
        on_disk = project / "output" / "id_masks" / name / "1.png"
        assert on_disk.exists() == (len(found.masks) > 0)
        if on_disk.exists():
            shown += 1
            mask = read_image(on_disk).rgb[..., 0] > 0
            np.testing.assert_array_equal(mask, found.masks[0])
    assert shown > 1
    engine.close()


@pytest.mark.usefixtures("offline")
def test_weights_that_are_not_here_end_the_run_with_the_next_step(
    make_project: MakeProject,
    maskcast: Maskcast,
) -> None:
    project = make_project(1)
    ran = maskcast("run", project, "--engine", "sam3")
    assert ran.returncode == 1
    error = ran.stderr.splitlines()[-1]
    assert error.startswith("error: the weights sam3")
    assert "request access at https://huggingface.co/facebook/sam3" in error
    assert not (project / "output" / "masks").exists()


@pytest.mark.usefixtures("offline")
def test_engines_are_listed_with_their_weights_and_pulled_on_demand_only(
    maskcast: Maskcast,
) -> None:
    listed = maskcast("engines")
    assert listed.returncode == 0, listed.stderr
    assert "maskcast engines pull sam2.1-large" in listed.stdout
    entries = {entry["name"]: entry for entry in json.loads(maskcast("engines", "--json").stdout)}
    assert not entries["sam2"]["ready"]
    assert [offer["name"] for offer in entries["sam3"]["weights"]] == ["sam3"]
    assert entries["pixel"]["weights"] == []
    pulled = maskcast("engines", "pull", "sam2.1-tiny")
    assert pulled.returncode == 1
    assert "HF_HUB_OFFLINE is set" in pulled.stderr
