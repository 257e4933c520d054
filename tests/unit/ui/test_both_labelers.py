"""The desktop and the web labeler are two faces of one session: same gestures, same file."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from desk_support import LEFT, MIDDLE, RIGHT, SHAPE, Desk
from maskcast.project.folder import ProjectFolder
from maskcast.ui.web.annotate import AnnotateService
from maskcast.ui.web.workspace import Workspace
from support import picture, write_png


def test_the_same_gestures_give_the_same_file_in_both(tmp_path: Path) -> None:
    """Whatever the mouse does in the window, a page's messages of the same places do as well."""
    here, there = tmp_path / "window", tmp_path / "browser"
    write_png(here / "references" / "a.png", picture(0, size=SHAPE)[0])
    shutil.copytree(here, there)
    desk = Desk(ProjectFolder.open(here))
    page = AnnotateService(Workspace(ProjectFolder.open(there, {"engine": "fake"})))
    tab = page.answer({"do": "start"})["desk"]
    page.answer({"do": "open", "desk": tab, "image": "a.png"})
    radius, at = desk.labeler._radius, desk.seen
    reach = 24 / desk.labeler.stage.view.scale
    first, second = {"object": 1}, {"object": 2}
    box = [*at(20, 18), *at(50, 45)]
    path = [at(10, 50), at(70, 52), at(60, 20)]
    rubber = [at(40, 45), at(45, 60)]
    steps: list[dict[str, object]] = [
        {**first, "kind": "box", **dict(zip(("x0", "y0", "x1", "y1"), box, strict=True))},
        {**first, "kind": "point", "x": at(30, 30)[0], "y": at(30, 30)[1], "positive": True},
        {**first, "kind": "point", "x": at(70, 10)[0], "y": at(70, 10)[1], "positive": False},
        {**first, "kind": "point", "x": at(5, 60)[0], "y": at(5, 60)[1], "positive": False},
        {**first, "kind": "delete", "x": at(5, 60)[0], "y": at(5, 60)[1], "reach": reach},
        {**second, "kind": "stroke", "path": path, "radius": radius, "erase": False},
        {**second, "kind": "stroke", "path": rubber, "radius": radius, "erase": True},
        {"kind": "undo"},
        {"kind": "undo"},
        {"kind": "redo"},
    ]
    change = {"do": "change", "desk": tab, "image": "a.png", "number": 1, "steps": steps}
    assert page.answer(change)["ok"]
    assert page.answer({"do": "preview", "desk": tab, "number": 1})["ok"]

    desk.drag(LEFT, (20, 18), (50, 45))
    desk.drag(LEFT, (30, 30))
    desk.drag(RIGHT, (70, 10))
    desk.drag(RIGHT, (5, 60))
    desk.drag(MIDDLE, (5, 60))
    desk.press("n", "b")
    desk.drag(LEFT, (10, 50), (70, 52), (60, 20))
    desk.drag(RIGHT, (40, 45), (45, 60))
    desk.press("ctrl+z", "ctrl+z", "ctrl+shift+z")
    desk.session.save()
    desk.worker.start()
    end = time.monotonic() + 30
    while desk.session.request() is not None and time.monotonic() < end:
        time.sleep(0.01)
    desk.worker.close()

    files = [folder / "references" / "annotations.json" for folder in (here, there)]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert files[0].read_text().count('"counts"') == 3  # two masks and the paint of one
