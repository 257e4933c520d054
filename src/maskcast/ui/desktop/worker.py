"""Saving and masks off the event thread; what comes of it is polled by the event thread."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from maskcast.errors import MaskcastError
from maskcast.types import ObjectSpec
from maskcast.ui.naming import ObjectNames
from maskcast.ui.session import Segmenter, Session
from maskcast.ui.suggesting import Suggester, fill_in
from maskcast.ui.thumbnails import ObjectGallery, ObjectSummary

_LOOK_SECONDS = 2.0
"""How often a change by another labeler is looked for."""


@dataclass(frozen=True)
class Changed:
    """The reference in hand is not what it was: a mask came, or somebody else saved it."""


@dataclass(frozen=True)
class Failed:
    """Something did not work; ``sentence`` is for the person."""

    sentence: str


@dataclass(frozen=True)
class Saved:
    """What was there when ``Worker.save`` was called is saved, unless there was a ``problem``."""

    problem: MaskcastError | None


@dataclass(frozen=True)
class Gallery:
    """What is known of the object ids that were asked for."""

    summaries: Mapping[int, ObjectSummary]


News = Changed | Failed | Saved | Gallery


class Worker:
    """Two threads: one saves and looks after thumbnails, the other waits for the engine."""

    def __init__(
        self,
        session: Session,
        segmenter: Segmenter,
        gallery: ObjectGallery,
        suggester: Suggester,
        names: ObjectNames,
    ) -> None:
        """Nothing runs before ``start``."""
        self._names = names
        self._given: queue.SimpleQueue[ObjectSpec] = queue.SimpleQueue()
        self._session = session
        self._segmenter = segmenter
        self._gallery = gallery
        self._suggester = suggester
        self._to_fill: str | None = None  # image id of a reference
        self._shown: Sequence[int] = ()
        self._news: queue.SimpleQueue[News] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._asked = threading.Event()
        self._told: object = None
        self._saver = _Loop("maskcast-save", self._save, self._report, _LOOK_SECONDS)
        self._masker = _Loop("maskcast-mask", self._segment, self._report, None)

    @property
    def busy(self) -> bool:
        """Whether a mask is being computed, or a suggestion."""
        return self._masker.busy

    @property
    def suggests(self) -> bool:
        """Whether a suggestion is asked for and not there yet."""
        return self._to_fill is not None

    def start(self) -> None:
        """Begin to save and to compute."""
        self._saver.start()
        self._masker.start()

    def wake(self, shown_ids: Sequence[int]) -> None:
        """Something changed: save it, compute what is missing, look at ``shown_ids``."""
        self._shown = tuple(shown_ids)
        self._saver.wake()
        self._masker.wake()

    def suggest(self, image_id: str) -> None:
        """Have a reference filled in from those that are annotated; comes back at once."""
        self._to_fill = image_id
        self._masker.wake()

    def save(self) -> None:
        """Save, and tell when that is done; comes back at once."""
        self._asked.set()
        self._saver.wake()

    def name(self, spec: ObjectSpec) -> None:
        """Give an object a name and a colour; comes back at once."""
        self._given.put(spec)
        self._saver.wake()

    def news(self) -> list[News]:
        """What happened since the last call; never waits."""
        found = []
        while not self._news.empty():
            found.append(self._news.get_nowait())
        return found

    def close(self) -> None:
        """Wait for the mask that is being computed, and end; the rest is for the run."""
        self._closing.set()
        self._masker.close()
        self._saver.close()

    def _save(self) -> None:
        asked = self._asked.is_set()
        self._asked.clear()
        try:
            self._session.save()
            self._name()
            if asked:
                self._news.put(Saved(None))
            if self._session.refresh():
                self._news.put(Changed())
        except MaskcastError as error:
            if asked:
                self._news.put(Saved(error))
            raise
        finally:
            self._look()

    def _name(self) -> None:
        while not self._given.empty():
            self._told = None  # the gallery is told anew, whether a name is taken or refused
            self._names.give(self._given.get_nowait())

    def _segment(self) -> None:
        if self._to_fill is not None and not self._closing.is_set():
            self._fill_in(self._to_fill)
        while not self._closing.is_set() and (request := self._session.request()) is not None:
            mask = self._segmenter.segment(request)
            if self._session.accept(request, mask):
                self._news.put(Changed())
                self._saver.wake()

    def _fill_in(self, image_id: str) -> None:
        try:
            self._session.save()  # what is drawn teaches, too
            fill_in(self._session, image_id, self._suggester)
            self._saver.wake()
        finally:
            self._to_fill = None
            self._news.put(Changed())

    def _look(self) -> None:
        summaries: dict[int, ObjectSummary] = {}
        for object_id in self._shown:
            summaries |= self._gallery.summaries([object_id])
            self._session.save()  # a large picture takes long: what is drawn meanwhile is safe
        told = [
            (summary.spec, summary.references, id(summary.thumbnail))
            for summary in summaries.values()
        ]
        if told != self._told:
            self._told = told
            self._news.put(Gallery(summaries))

    def _report(self, sentence: str) -> None:
        self._news.put(Changed())
        self._news.put(Failed(sentence))


class _Loop:
    """A thread that works when woken, and unasked after so many seconds."""

    def __init__(
        self,
        name: str,
        work: Callable[[], None],
        report: Callable[[str], None],
        seconds: float | None,
    ) -> None:
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._work = work
        self._report = report
        self._seconds = seconds
        self._wanted = threading.Event()
        self._closing = False
        self.busy = False

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._wanted.set()

    def close(self) -> None:
        """Work a last time if woken, and end."""
        self._closing = True
        self._wanted.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        last_time = False
        while not last_time:
            self._wanted.wait(self._seconds)
            self._wanted.clear()  # before the look at closing, whose own wake must not be lost
            last_time = self._closing
            self.busy = True
            try:
                self._work()
            except MaskcastError as error:
                self._report(str(error))
            except Exception as error:  # noqa: BLE001 - engines may be of others; the window lives
                self._report(f"{type(error).__name__}: {error}")
            finally:
                self.busy = False
