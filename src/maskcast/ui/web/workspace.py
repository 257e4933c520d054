"""One served project: what all browser tabs share, and what each has of its own."""

from __future__ import annotations

import secrets
import threading
from hashlib import sha256

import anyio
from cachetools import LRUCache

from maskcast.project.bin import Bin
from maskcast.project.folder import ProjectFolder
from maskcast.project.store import AnnotationStore
from maskcast.review.correcting import drafts_of
from maskcast.ui.session import Segmenter, Session
from maskcast.ui.shown_references import ReferenceImages, TargetImages
from maskcast.ui.suggesting import Suggester
from maskcast.ui.thumbnails import ObjectGallery
from maskcast.ui.turns import Turns
from maskcast.ui.web.bounds import Bounds
from maskcast.ui.web.controller import RunController
from maskcast.ui.web.desk import Desk
from maskcast.ui.web.trying import Trial

_DECODING_THREADS = 4

MOST_DESKS = 64
"""Browser tabs that are kept in mind; the one unused longest is forgotten first."""


class Workspace:
    """A project with its annotation store, its images, one engine and the open browser tabs.

    Attributes:
        project: what is served.
        store: its annotation file, shared by all tabs.
        images: its references.
        drafts: what is being drawn on targets to correct them, shared by all tabs.
        target_images: its targets.
        gallery: its objects.
        bin: of references and targets that were removed.
        runs: its run, whichever tab started it.
        trial: of its references on a few targets, whichever tab asked for it.
        turns: of whatever decodes pictures or computes with them.
        decoding: of the threads that do.
    """

    def __init__(self, project: ProjectFolder, bounds: Bounds | None = None) -> None:
        """Serve ``project`` within ``bounds``; no engine is made yet."""
        self.project = project
        self.turns = Turns((bounds or Bounds()).pixels)
        self.decoding = anyio.CapacityLimiter(_DECODING_THREADS)
        self.store = AnnotationStore(project.annotations_path)
        self.images = ReferenceImages(project, self.turns)
        self.drafts = drafts_of(project)
        self.target_images = TargetImages(project, self.turns)
        self.gallery = ObjectGallery(project, self.store, self.images)
        self.bin = Bin(project, self.store)
        self.runs = RunController(project, self.store, self.bin, self.images.turn)
        self.trial = Trial(project, self.turns)
        self.suggester = Suggester(project, self.store)
        self._lock = threading.Lock()
        self._desks: LRUCache[str, Desk] = LRUCache(MOST_DESKS)
        self._making = threading.Lock()  # of the engine, which takes seconds
        self._segmenter: Segmenter | None = None

    @property
    def key(self) -> str:
        """Tells this project from others that a browser has seen at the same address."""
        return sha256(str(self.project.root.resolve()).encode("utf-8", "replace")).hexdigest()[:12]

    def new_desk(self, *, for_targets: bool = False) -> Desk:
        """A desk for a page that was just loaded, under a name nobody can guess.

        Args:
            for_targets: whether targets are corrected there, else references annotated.
        """
        session = (
            Session(self.drafts, self.target_images)
            if for_targets
            else Session(self.store, self.images)
        )
        desk = Desk(secrets.token_urlsafe(24), session)
        with self._lock:
            self._desks[desk.name] = desk
        return desk

    def desk(self, name: str) -> Desk | None:
        """The desk of a page; None if it is not known (any more): the page asks for a new one.

        What was annotated there is in the annotation file.
        """
        with self._lock:
            return self._desks.get(name)

    def segmenter(self) -> Segmenter:
        """The engine that turns prompts into masks, made when first asked for.

        Whoever asks meanwhile waits; nothing else does.

        Raises:
            SettingsError, EngineMissingError: if it cannot be made; the next call tries again.
        """
        with self._making:
            if self._segmenter is None:
                self._segmenter = Segmenter(self.project.create_engine())
            return self._segmenter

    def close(self) -> None:
        """Close the engines, if there are any."""
        self.trial.close()
        self.suggester.close()
        with self._making:
            if self._segmenter is not None:
                self._segmenter.close()
                self._segmenter = None
