"""maskcast.toml under the flags; what is wrong is named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from limited import run_limited
from maskcast.errors import SettingsError
from maskcast.project.settings import load_settings


def test_everything_has_a_default(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, {})
    assert (settings.engine, settings.batch_size, settings.threshold) == ("pixel", "auto", None)
    assert settings.paths.output == Path("output")


def test_flags_win_and_none_is_not_a_flag(tmp_path: Path) -> None:
    (tmp_path / "maskcast.toml").write_text(
        'engine = "sam3"\nthreshold = 0.4\n[paths]\ntargets = "in"\noutput = "out"\n'
    )
    settings = load_settings(
        tmp_path,
        {"engine": "fake", "threshold": None, "paths": {"output": Path("/o"), "targets": None}},
    )
    assert (settings.engine, settings.threshold) == ("fake", 0.4)
    assert (settings.paths.targets, settings.paths.output) == (Path("in"), Path("/o"))


def test_objects_and_window_are_read(tmp_path: Path) -> None:
    (tmp_path / "maskcast.toml").write_text(
        '[images]\nwindow = [10, 4095.5]\n[[objects]]\nid = 3\nname = "흠집"\ncolor = "#0a0b0c"\n'
    )
    settings = load_settings(tmp_path, {})
    window = settings.images.intensity_window
    assert window is not None
    assert (window.low, window.high) == (10, 4095.5)
    assert settings.objects[0].model_dump() == {"id": 3, "name": "흠집", "color": "#0a0b0c"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("treshold = 0.5", "there is no setting 'treshold'"),
        ("[paths]\nouput = 'x'", "there is no setting 'paths.ouput'"),
        ("threshold = 0", "threshold: Input should be greater than 0, got 0"),
        ("batch_size = 'many'", "batch_size"),
        ("[images]\nwindow = [5, 5]", "expected low < high"),
        ("[[objects]]\nid = 256", "objects.0.id"),
        ("[[objects]]\nid = 1\n[[objects]]\nid = 1", "expected each object id once"),
        ("[[objects]]\nid = 1\ncolor = 'reddish'", "objects.0.color"),
        ("engine = ", "cannot be read"),
        ("workers = 99999999999999999999", "workers: Input should be less than or equal to 1024"),
        ("batch_size = 99999999999999999999", "batch_size"),
        ("workers = " + "9" * 5000, "cannot be read"),
        ("[images]\nwindow = [-inf, inf]", "images.window.0: Input should be a finite number"),
        ("[images]\npage = 99999999999999999999", "images.page"),
        ("a = " + "[" * 10_000, "nested too deeply"),
        ("a = " + "{a = " * 10_000, "nested too deeply"),
        (".".join(["a"] * 5000) + " = 1", "more than 1000 dots"),
        ("batch_size = '" + "9" * 5000 + "'", "got '9999"),
    ],
)
def test_mistakes_name_the_file_and_the_key(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "maskcast.toml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path, {})
    assert str(tmp_path / "maskcast.toml") in str(caught.value)
    assert sentence in str(caught.value)
    assert len(str(caught.value)) < len(str(tmp_path)) + 300


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_settings_are_read_from_regular_files_only(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "maskcast.toml"
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    said = run_limited(
        "import sys\nfrom pathlib import Path\n"
        "from maskcast.project.settings import load_settings\n"
        "load_settings(Path(sys.argv[1]), {})",
        tmp_path,
        seconds=10,
    )
    assert "SettingsError" in said
    assert "it is not a regular file" in said


def test_a_wrong_flag_does_not_blame_the_file(tmp_path: Path) -> None:
    (tmp_path / "maskcast.toml").write_text("threshold = 0.5\n")
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path, {"threshold": 1.5})
    assert "maskcast.toml" not in str(caught.value)
    assert "threshold" in str(caught.value)
