"""What ``maskcast rethreshold`` makes of its flags."""

from __future__ import annotations

from pathlib import Path

import pytest

from maskcast.cli import thresholds
from maskcast.engines.planes import Calibration
from maskcast.errors import SettingsError
from maskcast.project.folder import ProjectFolder
from maskcast.runs.cuts import Cut, Cuts
from maskcast.runs.kept_planes import write_calibration, write_cuts


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    levels = {1: 96, 4: 90}
    write_calibration(tmp_path / "output", Calibration(levels, {1: 1.0, 4: 1.0}, exclusive=True))
    return ProjectFolder.open(tmp_path)


def chosen(
    project: ProjectFolder, given: dict[str, list[str]], *, calibrated: bool = False
) -> Cuts:
    return thresholds._chosen(project, given, calibrated=calibrated)


def test_a_value_is_for_one_object_or_for_all(project: ProjectFolder) -> None:
    cuts = chosen(project, {"threshold": ["4=0.3"], "smallest": ["20"]})
    assert cuts.chosen == {1: Cut(smallest=20), 4: Cut(0.3, smallest=20)}
    assert chosen(project, {"smooth": ["2", "4=3"]}).chosen == {1: Cut(smooth=2), 4: Cut(smooth=3)}


def test_what_was_chosen_before_holds_until_it_is_given_anew(project: ProjectFolder) -> None:
    write_cuts(project.output_folder, Cuts({1: Cut(0.2, holes=9)}))
    assert chosen(project, {"threshold": ["1=0.6"]}).chosen == {1: Cut(0.6, holes=9)}
    assert chosen(project, {"threshold": ["4=0.6"]}, calibrated=True).chosen == {4: Cut(0.6)}
    assert not chosen(project, {}, calibrated=True)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "nothing is chosen"),
        ({"threshold": ["1=x"]}, "expected a number or ID=NUMBER, got 'x'"),
        ({"threshold": ["1=1.5"]}, "between 0 and 1"),
        ({"smallest": ["1=2.5"]}, "got '2.5'"),
        ({"threshold": ["bridge=0.5"]}, "bridge"),
    ],
)
def test_wrong_flags_are_said(
    project: ProjectFolder, given: dict[str, list[str]], said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        chosen(project, given)
