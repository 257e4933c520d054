"""Which toolkit is taken, and one sentence where no window can be opened."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from matplotlib.backend_bases import KeyEvent
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from maskcast.errors import AnnotationError, DisplayError, ImageError, SettingsError
from maskcast.project.folder import ProjectFolder
from maskcast.ui.desktop import annotate, windows
from maskcast.ui.desktop.windows import full_key, open_window
from support import picture, write_png

DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Top-level modules that are there; ``matplotlib`` to begin with."""
    names = {"matplotlib"}
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: object() if name in names else None
    )
    monkeypatch.setattr(windows, "_TkWindow", lambda: "tk")
    monkeypatch.setattr(windows, "_QtWindow", lambda: "qt")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.delenv("MPLBACKEND", raising=False)
    return names


@pytest.mark.parametrize(
    ("toolkits", "backend", "expected"),
    [
        ({"_tkinter"}, "", "tk"),
        ({"_tkinter", "PyQt6"}, "", "tk"),
        ({"_tkinter", "PySide6"}, "QtAgg", "qt"),
        ({"_tkinter"}, "QtAgg", "tk"),
        ({"PyQt5"}, "", "qt"),
        ({"PyQt6"}, "TkAgg", "qt"),
    ],
)
def test_whichever_toolkit_is_there_is_taken(
    installed: set[str],
    monkeypatch: pytest.MonkeyPatch,
    toolkits: set[str],
    backend: str,
    expected: str,
) -> None:
    installed |= toolkits
    monkeypatch.setenv("MPLBACKEND", backend)
    window: object = open_window()
    assert window == expected


def test_where_one_toolkit_opens_no_window_the_other_is_tried(
    installed: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise DisplayError("no window can be opened (libtk8.6.so: cannot open shared object file)")

    monkeypatch.setattr(windows, "_TkWindow", broken)
    installed |= {"_tkinter", "PyQt6"}
    window: object = open_window()
    assert window == "qt"
    installed.remove("PyQt6")
    with pytest.raises(DisplayError, match="libtk8"):
        open_window()


@pytest.mark.parametrize("module", ["tkinter", "matplotlib.backends.backend_tkagg"])
def test_a_tk_that_cannot_be_loaded_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(DisplayError, match=r"no window can be opened .*maskcast serve"):
        windows._TkWindow()


def test_a_qt_that_cannot_be_loaded_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.backends.backend_qtagg", None)
    with pytest.raises(DisplayError, match=r"no window can be opened .*maskcast serve"):
        windows._QtWindow()


@pytest.mark.parametrize(
    ("screen", "ratio", "expected"),
    [
        ((1920, 1080), 1.0, (1280, 800)),
        ((3840, 2160), 2.0, (2560, 1600)),
        ((1366, 768), 1.0, (1256, 706)),
        ((1920, 1080), 0.75, (1280, 800)),
    ],
)
def test_the_window_has_the_same_size_for_the_eye_on_any_screen(
    screen: tuple[int, int], ratio: float, expected: tuple[int, int]
) -> None:
    assert windows._window_size(screen, ratio) == expected


def test_without_a_toolkit_the_browser_is_named(installed: set[str]) -> None:
    assert installed == {"matplotlib"}
    with pytest.raises(DisplayError, match=r"neither Tk nor Qt.*maskcast serve"):
        open_window()


def test_without_a_display_the_browser_is_named(
    installed: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    installed.add("PyQt6")
    for name in DISPLAYS:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(DisplayError, match="maskcast serve"):
        open_window()


def test_without_matplotlib_the_pip_line_is_named(installed: set[str]) -> None:
    installed.clear()
    with pytest.raises(DisplayError, match=r"pip install 'maskcast\[desktop\]'"):
        open_window()


def test_importing_the_labeler_needs_no_matplotlib() -> None:
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "import maskcast.ui.desktop, maskcast.cli.labelers"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("key", "state", "expected"),
    [
        ("ctrl+z", 0b101, "shift+ctrl+z"),  # as Tk gives Ctrl-Shift-Z
        ("ctrl+z", 0b100, "ctrl+z"),
        ("ctrl+z", None, "ctrl+z"),  # Qt has no state, and keeps the shift
        (None, 0b001, ""),
    ],
)
def test_shift_is_kept(key: str | None, state: int | None, expected: str) -> None:
    gui = None if state is None else SimpleNamespace(state=state)
    event = KeyEvent("key_press_event", FigureCanvasAgg(Figure()), key, guiEvent=gui)
    assert full_key(event) == expected


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ProjectFolder:
    monkeypatch.setattr("maskcast.ui.desktop.open_window", lambda: None)
    (tmp_path / "references").mkdir()
    return ProjectFolder.open(tmp_path)


def test_a_project_without_references_is_told_what_to_do(project: ProjectFolder) -> None:
    with pytest.raises(SettingsError, match="put a few there"):
        annotate(project)


def test_when_no_reference_can_be_read_the_first_is_named(project: ProjectFolder) -> None:
    for name in ("a.png", "b.png"):
        (project.references_folder / name).write_bytes(b"torn")
    with pytest.raises(ImageError, match=r"a\.png"):
        annotate(project)


def test_a_broken_annotation_file_is_named(project: ProjectFolder) -> None:
    write_png(project.references_folder / "a.png", picture(1)[0])
    project.annotations_path.write_text("{")
    with pytest.raises(AnnotationError, match=r"annotations\.json"):
        annotate(project)
