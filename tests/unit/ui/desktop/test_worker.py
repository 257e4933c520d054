"""Saving and masks off the event thread: at once, latest wins, errors become sentences."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

from fake_engine import FakeEngine
from maskcast.engines.base import EngineSettings
from maskcast.errors import AnnotationError, EngineError
from maskcast.project.annotations import Annotation, read_annotations
from maskcast.project.folder import ProjectFolder
from maskcast.project.store import AnnotationStore
from maskcast.types import Mask, ObjectSpec, Prompts, RgbImage
from maskcast.ui.desktop.worker import Changed, Failed, Gallery, News, Saved, Worker, _Loop
from maskcast.ui.edits import AddPoint, SetBox
from maskcast.ui.naming import ObjectNames
from maskcast.ui.session import Segmenter, Session
from maskcast.ui.shown_references import ReferenceImages
from maskcast.ui.suggesting import Suggester
from maskcast.ui.thumbnails import ObjectGallery, ObjectSummary
from support import picture, write_png

PATIENCE = 30


class SlowEngine(FakeEngine):
    """Waits for ``go`` before each answer, and can be told to fail."""

    def __init__(self) -> None:
        super().__init__(EngineSettings())
        self.go = threading.Event()
        self.asked: list[int] = []
        self.failure: Exception | None = None

    def segment(self, image: RgbImage, prompts: Mapping[int, Prompts]) -> dict[int, Mask]:
        self.asked.append(sum(len(one.points) for one in prompts.values()))
        assert self.go.wait(PATIENCE)
        if self.failure is not None:
            raise self.failure
        return super().segment(image, prompts)


class Bench:
    """A worker on one reference."""

    def __init__(self, project: ProjectFolder) -> None:
        self.store = AnnotationStore(project.annotations_path)
        images = ReferenceImages(project)
        self.session = Session(self.store, images)
        self.session.open("a.png")
        self.engine = SlowEngine()
        self.gallery = ObjectGallery(project, self.store, images)
        suggester, names = Suggester(project, self.store), ObjectNames(project, self.store)
        segmenter = Segmenter(self.engine)
        self.worker = Worker(self.session, segmenter, self.gallery, suggester, names)
        self.path = project.annotations_path
        self.heard: list[News] = []
        self.worker.start()

    def draw(self, *edits: SetBox | AddPoint) -> None:
        for edit in edits:
            assert self.session.apply(edit)
            self.worker.wake([1])

    def saved(self) -> Annotation | None:
        return read_annotations(self.path).annotations.get("a.png")

    def hears(self, condition: Callable[[], object]) -> bool:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            self.heard += self.worker.news()
            if condition():
                return True
            time.sleep(0.01)
        return False

    def sentences(self) -> list[str]:
        return [news.sentence for news in self.heard if isinstance(news, Failed)]

    def changed(self) -> bool:
        return any(isinstance(news, Changed) for news in self.heard)

    def resolved(self) -> bool:
        saved = self.saved()
        return saved is not None and saved.objects[1].mask is not None


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    write_png(tmp_path / "references" / "a.png", picture(1)[0])
    bench = Bench(ProjectFolder.open(tmp_path))
    yield bench
    bench.engine.go.set()
    bench.worker.close()


BOX = SetBox(10, 10, 40, 40)


def test_a_prompt_is_saved_while_its_mask_is_computed(bench: Bench) -> None:
    bench.draw(BOX)
    assert bench.hears(lambda: bench.saved() is not None)
    saved = bench.saved()
    assert saved is not None
    assert saved.objects[1].mask is None
    assert bench.hears(lambda: bench.worker.busy)
    bench.engine.go.set()
    assert bench.hears(bench.resolved)
    assert bench.hears(bench.changed)


def test_only_the_latest_prompts_are_answered(bench: Bench) -> None:
    bench.draw(BOX)
    assert bench.hears(lambda: bench.engine.asked)
    bench.draw(*(AddPoint(15 + x, 20, positive=True) for x in range(6)))
    bench.engine.go.set()
    assert bench.hears(bench.resolved)
    assert bench.engine.asked == [0, 6]  # none of the five in between


def test_a_thumbnail_follows_the_mask(bench: Bench) -> None:
    bench.engine.go.set()
    bench.draw(BOX)

    def shown() -> bool:
        last = [news for news in bench.heard if isinstance(news, Gallery)][-1:]
        return bool(last) and last[0].summaries[1].thumbnail is not None

    assert bench.hears(shown)


def test_what_is_drawn_is_saved_while_thumbnails_are_made(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go = threading.Event(), {1: threading.Event(), 2: threading.Event()}

    def summaries(object_ids: Iterable[int]) -> dict[int, ObjectSummary]:
        for object_id in object_ids:
            begun.set()
            assert go[object_id].wait(PATIENCE)
        return {}

    monkeypatch.setattr(bench.gallery, "summaries", summaries)
    bench.worker.wake([1, 2])
    assert begun.wait(PATIENCE)
    assert bench.session.apply(BOX)
    go[1].set()
    try:
        assert bench.hears(lambda: bench.saved() is not None)
    finally:
        go[2].set()


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        (EngineError("no memory is left"), "no memory is left"),
        (RuntimeError("odd"), "RuntimeError: odd"),
    ],
)
def test_an_engine_that_fails_is_told_once_and_the_next_prompt_is_tried(
    bench: Bench, failure: Exception, sentence: str
) -> None:
    bench.engine.failure = failure
    bench.engine.go.set()
    bench.draw(BOX)
    assert bench.hears(lambda: sentence in bench.sentences())
    assert bench.hears(lambda: bench.saved() is not None)
    bench.engine.failure = None
    bench.draw(AddPoint(20, 20, positive=True))
    assert bench.hears(bench.resolved)
    assert bench.sentences() == [sentence]


def test_a_conflict_is_told_and_the_others_work_is_shown(bench: Bench) -> None:
    theirs = Annotation("a.png", 64, 80, clean=True)
    AnnotationStore(bench.path).save(theirs, base=0)
    bench.draw(BOX)
    assert bench.hears(bench.sentences)
    assert "somebody else" in bench.sentences()[0]
    assert bench.session.annotation.clean
    saved = bench.saved()
    assert saved is not None
    assert saved.clean


def test_a_save_with_a_name_that_is_refused_tells_once(bench: Bench) -> None:
    bench.worker.close()  # so that both are there when it saves
    bench.store.save_spec(ObjectSpec(2, "void", (1, 2, 3)))
    bench.worker.name(ObjectSpec(1, "void", (4, 5, 6)))
    bench.worker.save()
    with pytest.raises(AnnotationError, match="called void already"):
        bench.worker._save()
    saved = [news.problem for news in bench.worker.news() if isinstance(news, Saved)]
    assert [type(problem) for problem in saved] == [AnnotationError]


def test_what_somebody_else_saved_is_taken_in(bench: Bench) -> None:
    theirs = Annotation("a.png", 64, 80, clean=True)
    AnnotationStore(bench.path).save(theirs, base=0)
    assert bench.hears(bench.changed)
    assert bench.session.annotation.clean


def test_closing_waits_for_the_mask_in_hand_and_saves_it(bench: Bench) -> None:
    bench.draw(BOX)
    assert bench.hears(lambda: bench.engine.asked)
    bench.engine.go.set()
    bench.worker.close()
    assert bench.resolved()


def test_a_close_that_meets_a_wake_is_not_lost() -> None:
    loop = _Loop("meeting", lambda: None, lambda _: None, None)

    class Meeting(threading.Event):
        def clear(self) -> None:
            loop._closing = True  # what close() does, at the worst moment
            self.set()
            super().clear()

    loop._wanted = Meeting()
    loop.start()
    loop.wake()
    loop._thread.join(PATIENCE)
    assert not loop._thread.is_alive()


def test_masks_are_of_the_engine(bench: Bench) -> None:
    bench.engine.go.set()
    bench.draw(BOX)
    assert bench.hears(bench.resolved)
    saved = bench.saved()
    assert saved is not None
    mask = saved.objects[1].mask
    assert mask is not None
    y, x = np.nonzero(mask)
    assert (x.min(), x.max() + 1, y.min(), y.max() + 1) == (10, 40, 10, 40)
