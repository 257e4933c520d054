"""The whole of ``annotate``, with a window that nobody sees and a person who follows a script."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backend_bases import MouseEvent

from desk_support import LEFT, PANEL, SHAPE, WINDOW, PaperWindow
from maskcast.project.annotations import Annotation, read_annotations
from maskcast.project.folder import ProjectFolder
from maskcast.project.store import AnnotationStore
from maskcast.ui.desktop import annotate
from maskcast.ui.session import Session
from support import picture, write_png


class ScriptedWindow(PaperWindow):
    """Is open as long as its script runs."""

    script: Callable[[], None]

    def run(self) -> None:
        self.script()

    def send(self, name: str, x: int, y: int) -> None:
        event = MouseEvent(name, self.canvas, x, WINDOW[1] - y, LEFT)
        self.canvas.callbacks.process(name, event)

    def pixel(self, x: int, y: int) -> list[int]:
        buffer = self.canvas.buffer_rgba()  # type: ignore[no-untyped-call]
        values: list[int] = np.asarray(buffer)[y, x].tolist()
        return values

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """As a toolkit waits: its timers go on."""
        end = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < end
            for timer in self.paper.timers:
                timer._on_timer()  # type: ignore[attr-defined]
            time.sleep(0.01)


@pytest.fixture
def window(monkeypatch: pytest.MonkeyPatch) -> ScriptedWindow:
    window = ScriptedWindow()
    monkeypatch.setattr("maskcast.ui.desktop.open_window", lambda: window)
    return window


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    for number, name in enumerate(("a.png", "b.png")):
        write_png(tmp_path / "references" / name, picture(number, size=SHAPE)[0])
    return ProjectFolder.open(tmp_path, {"engine": "fake"})


def test_it_begins_where_work_is_left_and_a_mask_shows_by_itself(
    window: ScriptedWindow, project: ProjectFolder
) -> None:
    AnnotationStore(project.annotations_path).save(Annotation("a.png", *SHAPE, clean=True), 0)
    middle = (WINDOW[0] - PANEL) // 2, WINDOW[1] // 2

    def script() -> None:
        assert window.title == "b.png - maskcast"
        bare = window.pixel(*middle)
        x, y = middle
        window.send("button_press_event", x - 90, y - 50)
        window.send("motion_notify_event", x, y)
        window.send("motion_notify_event", x + 90, y + 70)
        window.send("button_release_event", x + 90, y + 70)
        window.wait_until(lambda: window.pixel(*middle) != bare)  # the mask's tint

    window.script = script
    annotate(project)

    saved = read_annotations(project.annotations_path).annotations
    assert saved["a.png"].clean
    assert saved["b.png"].objects[1].mask is not None


def test_what_could_not_be_saved_at_the_end_is_told(
    window: ScriptedWindow,
    project: ProjectFolder,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(Session, "refresh", lambda _: False)  # too late to see it coming

    def script() -> None:
        x, y = (WINDOW[0] - PANEL) // 2, WINDOW[1] // 2
        theirs = Annotation("a.png", *SHAPE, clean=True)
        AnnotationStore(project.annotations_path).save(theirs, 0)
        window.send("button_press_event", x, y)
        window.send("button_release_event", x, y)

    window.script = script
    annotate(project)

    assert "somebody else" in caplog.text
    assert read_annotations(project.annotations_path).annotations["a.png"].clean
