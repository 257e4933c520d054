"""The desktop labeler on a canvas that no window shows, and somebody at its mouse."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.backend_bases import KeyEvent, MouseButton, MouseEvent, TimerBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from fake_engine import FakeEngine
from maskcast.drawing.palette import Color, hex_color
from maskcast.engines.base import EngineSettings
from maskcast.project.annotations import Annotation
from maskcast.project.bin import Bin
from maskcast.project.folder import ProjectFolder
from maskcast.project.store import AnnotationStore
from maskcast.ui.desktop.inputs import Inputs
from maskcast.ui.desktop.labeler import Labeler
from maskcast.ui.desktop.worker import Worker
from maskcast.ui.naming import ObjectNames
from maskcast.ui.session import Segmenter, Session
from maskcast.ui.shown_references import ReferenceImages
from maskcast.ui.suggesting import Suggester
from maskcast.ui.thumbnails import ObjectGallery

LEFT, RIGHT, MIDDLE = MouseButton.LEFT, MouseButton.RIGHT, MouseButton.MIDDLE
NAMES = ("a.png", "b.png", "c.png")
SHAPE = (64, 80)
WINDOW = (900, 700)
PANEL = 380


class Canvas(FigureCanvasAgg):
    """Remembers what was shown anew."""

    shown: list[npt.NDArray[np.float64]]
    timers: list[TimerBase]

    def new_timer(self, *args: Any, **kwargs: Any) -> TimerBase:  # noqa: ANN401 - matplotlib's
        timer = TimerBase(*args, **kwargs)
        self.timers.append(timer)
        return timer

    def blit(self, bbox: object = None) -> None:
        assert bbox is not None
        self.shown.append(np.asarray(bbox))


class PaperWindow:
    """A window that nobody sees."""

    def __init__(self) -> None:
        figure = Figure(figsize=(WINDOW[0] / 100, WINDOW[1] / 100), dpi=100)
        self.paper = Canvas(figure)
        self.paper.shown, self.paper.timers = [], []
        self.canvas: FigureCanvasAgg = self.paper
        self.title = ""
        self.asked: list[tuple[str, str]] = []
        self.answer: str | None = None
        self.chosen: Color | None = None
        self.closed = False

    def set_title(self, title: str) -> None:
        self.title = title

    def show(self) -> None:
        """Never."""

    def run(self) -> None:
        """Never."""

    def close(self) -> None:
        self.closed = True

    def ask_text(self, question: str, text: str) -> str | None:
        self.asked.append((question, text))
        return self.answer

    def ask_color(self, question: str, color: Color) -> Color | None:
        self.asked.append((question, hex_color(color)))
        return self.chosen


class Desk:
    """A labeler whose worker does not run by itself, and somebody at its mouse."""

    def __init__(self, project: ProjectFolder) -> None:
        self.path = project.annotations_path
        images, store = ReferenceImages(project), AnnotationStore(project.annotations_path)
        self.session = Session(store, images)
        self.session.open("a.png")
        segmenter = Segmenter(FakeEngine(EngineSettings()))
        gallery, suggester = ObjectGallery(project, store, images), Suggester(project, store)
        names = ObjectNames(project, store)
        self.worker = Worker(self.session, segmenter, gallery, suggester, names)
        self.window = PaperWindow()
        self.canvas = self.window.canvas
        removed = Bin(project, store)
        self.labeler = Labeler(self.window, self.session, self.worker, NAMES, removed, names)
        self.labeler.stage.resize()
        self.inputs = Inputs(self.canvas, self.labeler)
        self.labeler.show_image()

    def mouse(self, name: str, x: float, y: float, button: MouseButton | None = None) -> None:
        view = self.labeler.stage.view
        at = (x - view.x) * view.scale, WINDOW[1] - (y - view.y) * view.scale
        event = MouseEvent(name, self.canvas, round(at[0]), round(at[1]), button)
        self.canvas.callbacks.process(name, event)

    def seen(self, x: float, y: float) -> tuple[float, float]:
        """The place of the image that the mouse is on, as it stands on whole screen pixels."""
        view = self.labeler.stage.view
        at = (x - view.x) * view.scale, WINDOW[1] - (y - view.y) * view.scale
        return view.to_image(round(at[0]), WINDOW[1] - round(at[1]))

    def drag(self, button: MouseButton, *places: tuple[float, float]) -> None:
        self.mouse("button_press_event", *places[0], button)
        for place in places[1:]:
            self.mouse("motion_notify_event", *place)
        self.mouse("button_release_event", *places[-1], button)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.canvas.callbacks.process(
                "key_press_event", KeyEvent("key_press_event", self.canvas, key)
            )

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """As a toolkit waits, whose timer looks for news; the worker was started."""
        end = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < end
            self.inputs.take_news()
            time.sleep(0.01)

    @property
    def annotation(self) -> Annotation:
        return self.session.annotation

    @property
    def pixels(self) -> npt.NDArray[np.uint8]:
        """What the canvas holds, uint8 (H, W, 3)."""
        buffer = self.canvas.buffer_rgba()  # type: ignore[no-untyped-call]
        pixels: npt.NDArray[np.uint8] = np.asarray(buffer)[..., :3].copy()
        return pixels

    @property
    def told(self) -> str:
        return self.labeler._message
