"""How smooth the desktop labeler paints: updates a second in a real window, per image size.

Run with a display (or under ``xvfb-run``): ``python benchmarks/desktop_brush.py``. Every update is
one mouse event taken through the labeler to the screen, the toolkit's own events included; the
stroke wanders all over the image. The last column draws the whole window anew after each event:
what painting would cost without blitting, and what undo costs.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from matplotlib.backend_bases import MouseButton, MouseEvent
from matplotlib.backends.backend_agg import FigureCanvasAgg

from maskcast.project.bin import Bin
from maskcast.project.folder import ProjectFolder
from maskcast.project.store import AnnotationStore
from maskcast.ui.controls import Command
from maskcast.ui.desktop.inputs import Inputs
from maskcast.ui.desktop.keys import Action
from maskcast.ui.desktop.labeler import Labeler
from maskcast.ui.desktop.windows import open_window
from maskcast.ui.desktop.worker import Worker
from maskcast.ui.naming import ObjectNames
from maskcast.ui.session import Segmenter, Session
from maskcast.ui.shown_references import ReferenceImages
from maskcast.ui.suggesting import Suggester
from maskcast.ui.thumbnails import ObjectGallery

SIZES = ((1000, 1000), (2000, 2000), (3000, 4000))
UPDATES = 200
UNBLITTED = 20
RADIUS_SHARE = 60


def wandering(area: tuple[int, int], count: int) -> list[tuple[float, float]]:
    """Places of the mouse in a window, 40 pixels apart at the most."""
    steps = np.linspace(0, 1, count)
    x = area[0] * (0.5 + 0.35 * np.sin(2 * np.pi * 3 * steps))
    y = area[1] * (0.5 + 0.35 * np.cos(2 * np.pi * 2 * steps))
    return list(zip(x.tolist(), y.tolist(), strict=True))


def send(canvas: FigureCanvasAgg, name: str, x: float, y: float) -> None:
    """A mouse event with the left button, and everything that the toolkit makes of it."""
    canvas.callbacks.process(name, MouseEvent(name, canvas, round(x), round(y), MouseButton.LEFT))
    canvas.flush_events()


def milliseconds(act: Callable[[float, float], None], places: list[tuple[float, float]]) -> float:
    """Median over the places."""
    seconds = []
    for x, y in places:
        before = time.perf_counter()
        act(x, y)
        seconds.append(time.perf_counter() - before)
    return 1000 * float(np.median(seconds))


def measure(folder: Path, height: int, width: int) -> tuple[float, float, float]:
    """Milliseconds of an update, of the slowest of 20, and of one without blitting."""
    rng = np.random.default_rng(0)
    (folder / "references").mkdir(parents=True)
    picture = rng.integers(0, 255, (height, width, 3), np.uint8)
    cv2.imwrite(str(folder / "references" / "a.png"), cv2.blur(picture, (9, 9)))
    project = ProjectFolder.open(folder)
    images, store = ReferenceImages(project), AnnotationStore(project.annotations_path)
    session = Session(store, images)
    session.open("a.png")
    window = open_window()
    segmenter = Segmenter(project.create_engine())
    gallery, suggester = ObjectGallery(project, store, images), Suggester(project, store)
    names = ObjectNames(project, store)
    worker = Worker(session, segmenter, gallery, suggester, names)
    labeler = Labeler(window, session, worker, ["a.png"], Bin(project, store), names)
    labeler.stage.resize()
    Inputs(window.canvas, labeler)
    window.show()
    labeler.show_image()
    labeler.do(Action(Command.BRUSH))
    canvas = window.canvas
    canvas.flush_events()
    places = wandering((labeler.stage.area.width, labeler.stage.area.height), UPDATES)
    send(canvas, "button_press_event", *places[0])
    seconds = []
    for x, y in places:
        before = time.perf_counter()
        send(canvas, "motion_notify_event", x, y)
        seconds.append(time.perf_counter() - before)

    def unblitted(x: float, y: float) -> None:
        send(canvas, "motion_notify_event", x, y)
        labeler.redraw()
        canvas.flush_events()

    whole = milliseconds(unblitted, places[:UNBLITTED])
    send(canvas, "button_release_event", *places[-1])
    assert session.annotation.objects[1].mask is not None
    window.close()
    ordered = sorted(seconds)
    return 1000 * float(np.median(ordered)), 1000 * ordered[int(0.95 * UPDATES)], whole


def main() -> None:
    """Measure each size and print a table."""
    print("| image | update, ms | 95 %, ms | updates a second | whole window, ms |")
    print("|---|---|---|---|---|")
    for height, width in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            median, slow, whole = measure(Path(folder), height, width)
        print(
            f"| {height * width / 1e6:.0f} megapixels | {median:.1f} | {slow:.1f} "
            f"| {1000 / median:.0f} | {whole:.1f} |"
        )


if __name__ == "__main__":
    main()
