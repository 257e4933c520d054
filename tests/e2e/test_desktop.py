"""The desktop labeler as a person meets it: a real window, a real mouse, real keys."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from maskcast.masks import iou
from maskcast.project.annotations import Annotation, read_annotations
from support import GRAY, RED, Maskcast, command, write_png

pytestmark = pytest.mark.skipif(
    not (shutil.which("Xvfb") and shutil.which("xdotool") and importlib.util.find_spec("_tkinter")),
    reason="needs Xvfb, xdotool and a Python with Tk",
)

HEIGHT, WIDTH = 150, 200
PANEL = 380
WINDOW = (1280, 800)
PATIENCE = 60

Pixels = npt.NDArray[np.bool_]


@pytest.fixture
def display() -> Iterator[str]:
    """A virtual screen of its own for each test."""
    read, write = os.pipe()
    server = subprocess.Popen(
        [
            "Xvfb",
            "-displayfd",
            str(write),
            "-screen",
            "0",
            "1400x900x24",
            "-dpi",
            "96",
            "-nolisten",
            "tcp",
        ],
        pass_fds=[write],
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with os.fdopen(read) as number:
        yield f":{number.readline().strip()}"
    server.terminate()
    server.wait()


def disc(cx: int, cy: int, radius: int) -> Pixels:
    y, x = np.ogrid[:HEIGHT, :WIDTH]
    inside: Pixels = (x + 0.5 - cx) ** 2 + (y + 0.5 - cy) ** 2 <= radius**2
    return inside


@pytest.fixture
def person(display: str, tmp_path: Path) -> Iterator[Person]:
    someone = Person(display, tmp_path / "stderr.txt")
    yield someone
    someone.leave()


DISC = disc(60, 50, 22)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Three references and two targets: a red disc on gray, and a picture of nothing but gray."""
    rng = np.random.default_rng(5)
    for name, shown in {
        "references/a.png": DISC,
        "references/b.png": np.zeros_like(DISC),
        "references/c.png": disc(120, 90, 25),
        "targets/one.png": disc(90, 60, 20),
        "targets/two.png": disc(140, 100, 24),
    }.items():
        image = np.where(shown[..., None], RED, GRAY) + rng.normal(0, 4, (HEIGHT, WIDTH, 3))
        write_png(tmp_path / name, image.clip(0, 255).astype(np.uint8))
    return tmp_path


class Person:
    """Moves the mouse and types, in coordinates of the image that fills the window."""

    def __init__(self, display: str, log: Path) -> None:
        self._env = {**os.environ, "DISPLAY": display}
        self._log = log
        self._started: subprocess.Popen[bytes] | None = None
        # The whole image with 2 % of room around it, in the middle of what the panel leaves.
        room = WINDOW[0] - PANEL, WINDOW[1]
        self.scale = min(room[0] / WIDTH, room[1] / HEIGHT) / 1.04
        self._corner = (room[0] - WIDTH * self.scale) / 2, (room[1] - HEIGHT * self.scale) / 2

    def start(self, *arguments: str | Path) -> None:
        with self._log.open("wb") as log:
            self._started = subprocess.Popen(command(*arguments), env=self._env, stderr=log)

    def await_end(self) -> None:
        assert self._started is not None
        assert self._started.wait(PATIENCE) == 0, self._log.read_text()

    def interrupt(self) -> None:
        assert self._started is not None
        self._started.send_signal(signal.SIGINT)

    def leave(self) -> None:
        if self._started is not None and self._started.poll() is None:
            self._started.kill()
            self._started.wait()

    def do(self, *arguments: str) -> str:
        done = subprocess.run(
            ["xdotool", *arguments],
            env=self._env,
            text=True,
            capture_output=True,
            check=True,
            timeout=PATIENCE,
        )
        return done.stdout.strip()

    def await_window(self, image: str) -> None:
        """Wait until a window shows an image."""
        self.do("search", "--sync", "--onlyvisible", "--name", f"^{image} - maskcast$")

    def at(self, x: float, y: float) -> list[str]:
        left, top = self._corner
        return ["mousemove", str(round(left + x * self.scale)), str(round(top + y * self.scale))]

    def drag(self, button: int, *places: tuple[float, float]) -> None:
        """All at once: as fast as the mouse can be."""
        moves = [word for place in places[1:] for word in self.at(*place)]
        self.do(*self.at(*places[0]), "mousedown", str(button), *moves, "mouseup", str(button))

    def click(self, button: int, x: float, y: float) -> None:
        self.do(*self.at(x, y), "click", str(button))

    def press(self, *keys: str) -> None:
        self.do("key", *keys)


def awaited(project: Path, image: str, condition: Callable[[Annotation], Any]) -> Annotation:
    """What the file holds of an image, once it is as it should be."""
    path = project / "references" / "annotations.json"
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        annotation = read_annotations(path).annotations.get(image)
        if annotation is not None and condition(annotation):
            return annotation
        time.sleep(0.05)
    pytest.fail(f"never came in {path.read_text() if path.exists() else path}")


def mask_of(annotation: Annotation, object_id: int) -> Pixels:
    mask = annotation.objects[object_id].mask
    assert mask is not None
    return mask


def right_of(annotation: Annotation) -> float:
    box = annotation.objects[1].prompts.box
    assert box is not None
    return float(box[2])


def test_a_person_annotates_comes_back_and_runs(
    project: Path, person: Person, maskcast: Maskcast
) -> None:
    person.start("annotate", project)
    person.await_window("a.png")
    draws_a_box_and_clicks_points(person, project)
    paints_erases_and_takes_back(person, project)
    paints_what_is_unknown(person, project)
    chooses_by_digit_and_deletes_with_the_middle_button(person, project)
    looks_around_without_a_trace(person, project)
    goes_on_to_the_next_image(person, project)
    person.press("q")
    person.await_end()

    person.start("run", project, "--annotate")
    person.await_window("c.png")  # the first that is not annotated yet
    person.drag(1, (90, 60), (150, 120))
    awaited(project, "c.png", lambda one: 1 in one.objects and one.objects[1].mask is not None)
    person.press("comma")
    person.await_window("b.png")
    person.press("comma")
    person.await_window("a.png")
    person.do(*person.at(150, 120))
    person.press("d")  # what was drawn before is there to be deleted
    awaited(project, "a.png", lambda one: len(one.objects[1].prompts.points) == 1)
    person.press("q")
    person.await_end()
    status = json.loads(maskcast("status", project, "--json").stdout)
    assert status["done"] == 2
    found = cv2.imread(str(project / "output" / "id_masks" / "one" / "1.png"), cv2.IMREAD_GRAYSCALE)
    assert found is not None
    assert iou(found > 0, disc(90, 60, 20)) > 0.8


def test_ctrl_c_finishes_like_q(project: Path, person: Person) -> None:
    person.start("annotate", project)
    person.await_window("a.png")
    person.press("b")
    person.drag(1, (20, 20), (90, 90))
    drawn = awaited(project, "a.png", lambda one: 1 in one.objects)
    assert mask_of(drawn, 1)[55, 55]
    names_the_object(person, project)
    person.interrupt()
    person.await_end()


def names_the_object(person: Person, project: Path) -> None:
    person.press("F2")
    person.do("search", "--sync", "--onlyvisible", "--name", "^maskcast$")
    person.do("type", "scratch")
    person.press("Return")
    path = project / "references" / "annotations.json"
    end = time.monotonic() + PATIENCE
    while "scratch" not in {spec.name for spec in read_annotations(path).objects}:
        assert time.monotonic() < end
        time.sleep(0.05)


def draws_a_box_and_clicks_points(person: Person, project: Path) -> None:
    person.drag(1, (34, 24), (60, 60), (86, 76))
    boxed = awaited(
        project, "a.png", lambda one: 1 in one.objects and one.objects[1].mask is not None
    )
    box = boxed.objects[1].prompts.box
    assert box is not None
    assert np.abs(box - [34, 24, 86, 76]).max() < 0.5
    assert iou(mask_of(boxed, 1), DISC) > 0.8

    person.drag(1, (86, 50), (95, 50))  # a handle of the box
    adjusted = awaited(project, "a.png", lambda one: right_of(one) > 90)
    box = adjusted.objects[1].prompts.box
    assert box is not None
    assert np.abs(box - [34, 24, 95, 76]).max() < 0.5

    person.click(1, 60, 50)
    person.click(3, 150, 120)
    pointed = awaited(project, "a.png", lambda one: len(one.objects[1].prompts.points) == 2)
    points = pointed.objects[1].prompts
    assert np.abs(points.points - [[60, 50], [150, 120]]).max() < 0.5
    assert points.point_labels.tolist() == [True, False]


def paints_erases_and_takes_back(person: Person, project: Path) -> None:
    person.press("n", "b")
    person.drag(1, (20, 120), (180, 100))
    painted = awaited(project, "a.png", lambda one: 2 in one.objects)
    stroke = mask_of(painted, 2)
    assert cv2.connectedComponents(stroke.astype(np.uint8))[0] == 2  # one piece and background
    for share in np.linspace(0, 1, 50):
        assert stroke[int(120 - 20 * share), int(20 + 160 * share)]

    person.drag(3, (100, 90), (100, 130))
    # Masks of the other object may be saved in between: what counts is what comes of this one.
    erased = mask_of(awaited(project, "a.png", lambda one: not mask_of(one, 2)[110, 100]), 2)
    assert cv2.connectedComponents(erased.astype(np.uint8))[0] == 3
    person.press("ctrl+z")
    awaited(project, "a.png", lambda one: (mask_of(one, 2) == stroke).all())
    person.press("ctrl+shift+z")
    awaited(project, "a.png", lambda one: (mask_of(one, 2) == erased).all())


def paints_what_is_unknown(person: Person, project: Path) -> None:
    person.press("u")
    person.drag(1, (20, 130), (60, 130))
    person.drag(3, (40, 120), (40, 140))
    painted = awaited(
        project,
        "a.png",
        lambda one: one.unknown is not None and not one.unknown.pixels[130, 40],
    )
    assert painted.unknown is not None
    assert painted.unknown.pixels[130, 25]
    person.press("u")


def chooses_by_digit_and_deletes_with_the_middle_button(person: Person, project: Path) -> None:
    person.press("5")
    person.click(1, 20, 60)  # a dab of the brush
    dab = awaited(project, "a.png", lambda one: 5 in one.objects)
    person.do(*person.at(20, 90), "click", "4", "click", "4", "key", "bracketright")
    person.click(1, 20, 90)  # and a larger one
    larger = awaited(
        project, "a.png", lambda one: mask_of(one, 5).sum() > 2 * mask_of(dab, 5).sum()
    )
    both = cv2.connectedComponentsWithStats(mask_of(larger, 5).astype(np.uint8))[2]
    assert both[2, cv2.CC_STAT_AREA] > 1.5 * both[1, cv2.CC_STAT_AREA]
    person.press("b")
    person.click(2, 20, 90)
    awaited(project, "a.png", lambda one: (mask_of(one, 5) == mask_of(dab, 5)).all())
    person.click(2, 20, 60)
    awaited(project, "a.png", lambda one: 5 not in one.objects)
    person.press("Next", "n")  # the page of 17 to 32 is only looked at: after 5 comes 6
    person.click(1, 20, 60)
    awaited(project, "a.png", lambda one: 6 in one.objects)
    person.press("ctrl+z")
    awaited(project, "a.png", lambda one: 6 not in one.objects)


def looks_around_without_a_trace(person: Person, project: Path) -> None:
    """Pan, zoom and the keys that matplotlib binds leave no prompt."""
    before = (project / "references" / "annotations.json").read_bytes()
    person.press("p")
    person.drag(1, (60, 60), (100, 100))
    person.press("p", "z")
    person.drag(1, (60, 60), (100, 100))
    person.click(3, 80, 80)
    person.press("z", "f", "v", "g", "l", "o", "r", "h")
    time.sleep(0.5)
    assert (project / "references" / "annotations.json").read_bytes() == before


def goes_on_to_the_next_image(person: Person, project: Path) -> None:
    person.press("Right")
    person.await_window("b.png")
    person.press("c")
    clean = awaited(project, "b.png", lambda one: one.clean)
    assert clean.objects == {}


def test_without_a_display_the_browser_is_named(project: Path) -> None:
    env = {key: value for key, value in os.environ.items() if key != "DISPLAY"}
    env.pop("WAYLAND_DISPLAY", None)
    for broken in (env, {**env, "DISPLAY": ":54321"}):
        done = subprocess.run(
            command("annotate", project), env=broken, text=True, capture_output=True, check=False
        )
        assert done.returncode == 1
        assert len(done.stderr.strip().splitlines()) == 1
        assert "maskcast serve" in done.stderr
