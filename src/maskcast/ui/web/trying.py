"""Trying the references on a few targets before the whole run, again after every change.

One thread learns and masks; what is asked for meanwhile makes it leave off at the next step and
begin anew. Nothing is written: the pictures are in memory until the next trial.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal

import cv2
import numpy as np

from maskcast.drawing.overlay import draw_overlay
from maskcast.engines.base import Engine, QuickLearner
from maskcast.errors import MaskcastError, SettingsError
from maskcast.io.images import IntensityWindow, encode_jpeg, read_image
from maskcast.io.sizes import pixels_in
from maskcast.project.folder import ProjectFolder
from maskcast.project.references import load_references
from maskcast.types import RgbImage, Segmentation
from maskcast.ui.quick_learning import QuicklyLearned, learn_quickly
from maskcast.ui.turns import Turns
from maskcast.ui.web.fence import Fence, without_places
from maskcast.ui.web.likeness import Look, look_of_picture, most_unlike
from maskcast.ui.web.priority import give_way

logger = logging.getLogger(__name__)

TRIED: Final = 6
"""Targets that are tried."""

_COMPARED: Final = 24
"""Targets, evenly spread over the folder, that the unlike ones are chosen from..."""

_COMPARED_PIXELS: Final = 24_000_000
"""...as long as they have no more pixels together, so that the first answer comes soon."""

_LISTED: Final = 100_000
_SIDE: Final = 1600
_QUALITY: Final = 85

State = Literal["idle", "choosing", "no targets", "learning", "masking", "done", "failed"]


@dataclass(frozen=True)
class Tried:
    """A target that was tried.

    Attributes:
        image_id: of the target.
        picture: a JPEG with what was found drawn on it; empty if it could not be read.
        objects: JSON-able, of each object that was found: ``id``, ``score``, ``area`` in pixels.
        problem: why there is no picture, a sentence.
    """

    image_id: str
    picture: bytes = b""
    objects: tuple[dict[str, Any], ...] = ()
    problem: str | None = None


@dataclass(frozen=True)
class TrialState:
    """How a trial stands.

    Attributes:
        number: of the trial, from 1; 0 = there was none.
        state: what is being done.
        tried: the targets that are done.
        quick: whether the engine learned in a rougher way than a run does.
        error: why nothing can be tried, a sentence.
    """

    number: int = 0
    state: State = "idle"
    tried: tuple[Tried, ...] = ()
    quick: bool = False
    error: str | None = None


class _SupersededError(Exception):
    """Something else was asked for meanwhile."""


class Trial:
    """Tries the references of one served project; safe to use from any thread."""

    def __init__(self, project: ProjectFolder, turns: Turns) -> None:
        """Nothing is learned yet; decoding waits for its turn."""
        self._project = project
        self._turns = turns
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._asked: tuple[int, tuple[str, ...]] = (0, ())
        self._state = TrialState()
        self._engine: Engine | None = None
        self._looks: dict[tuple[str, int, int], Look] = {}
        self._is_closed = False

    def state(self) -> TrialState:
        """How the latest trial stands."""
        with self._changed:
            return self._state

    def start(self, image_ids: Sequence[str] = ()) -> int:
        """Try the references as they are saved now; a trial in progress is left off.

        Args:
            image_ids: targets to try; what is missing to six is chosen.

        Returns:
            The number of the trial.

        Raises:
            SettingsError: if a target is not there.
        """
        fence = Fence(self._project.targets_folder)
        for image_id in image_ids:
            if not fence.admits(self._project.targets_folder / image_id):
                raise SettingsError(f"there is no {image_id} in the targets")
        with self._changed:
            number = self._asked[0] + 1
            self._asked = number, tuple(image_ids[:TRIED])
            self._state = TrialState(number, "choosing")
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="maskcast-try")
                self._thread.start()
            self._changed.notify_all()
            return number

    def close(self) -> None:
        """Leave off, and wait for the step in progress."""
        with self._changed:
            self._is_closed = True
            self._asked = self._asked[0] + 1, ()
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        give_way()
        done = 0
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._asked[0] > done)  # noqa: B023
                if self._is_closed:
                    break
                done, image_ids = self._asked
            with suppress(_SupersededError):
                self._finish(done, image_ids)
        if self._engine is not None:
            self._engine.close()

    def _finish(self, number: int, image_ids: tuple[str, ...]) -> None:
        """Try, and tell what went wrong."""
        try:
            self._try(number, image_ids)
        except MaskcastError as error:
            self._tell(number, state="failed", error=str(error))
        except _SupersededError:
            raise
        except Exception as error:
            logger.exception("trying broke")
            self._tell(number, state="failed", error=f"{type(error).__name__}: {error}")

    def _tell(self, number: int, **changes: Any) -> None:  # noqa: ANN401 - as ``replace`` takes them
        """Note how a trial stands, or leave it if something else is asked for."""
        with self._changed:
            if self._asked[0] != number:
                raise _SupersededError
            self._state = replace(self._state, **changes)

    def _try(self, number: int, image_ids: tuple[str, ...]) -> None:
        if self._engine is None:
            self._engine = self._project.create_engine()
        engine = self._engine
        loaded = load_references(self._project, engine)
        chosen = self._chosen(number, image_ids, loaded.window)
        if not chosen:
            self._tell(number, state="no targets")
            return
        self._tell(number, state="learning", quick=isinstance(engine, QuickLearner))
        learned = learn_quickly(self._project, engine, loaded)
        self._tell(number, state="masking")
        tried: tuple[Tried, ...] = ()
        for image_id in chosen:
            tried += (self._tried(image_id, learned),)
            self._tell(number, tried=tried)
        self._tell(number, state="done")

    def _tried(self, image_id: str, learned: QuicklyLearned) -> Tried:
        try:
            with self._turns.take(self._pixels(image_id)):
                image = self._read(image_id, learned.window)
                found = learned.find(image)
                specs = self._project.object_specs(learned.bank.object_ids)
                drawn = _fitted(draw_overlay(image, found, specs))
                return Tried(image_id, encode_jpeg(drawn, _QUALITY), _objects(found))
        except MaskcastError as error:
            return Tried(image_id, problem=without_places(str(error), self._project))

    def _chosen(
        self, number: int, image_ids: tuple[str, ...], window: IntensityWindow | None
    ) -> list[str]:
        """The targets asked for, and unlike ones up to six."""
        wanted = TRIED - len(image_ids)
        known = [image_id for image_id in self._spread() if image_id not in image_ids]
        looks: dict[str, Look] = {}
        pixels = 0
        for image_id in known:
            if wanted == 0 or (len(looks) >= wanted and pixels > _COMPARED_PIXELS):
                break
            self._tell(number)
            pixels += self._pixels(image_id)
            if (look := self._look(image_id, window)) is not None:
                looks[image_id] = look
        names = list(looks)
        return [*image_ids, *(names[at] for at in most_unlike(list(looks.values()), wanted))]

    def _spread(self) -> list[str]:
        """Some targets, evenly spread over the folder, that lie in it."""
        folder = self._project.targets_folder
        if not folder.is_dir():
            return []
        groups = self._project.stream_targets().groups()
        names = (key for group in groups for images in group for key in images.image_ids())
        listed = list(islice(names, _LISTED))
        step = max(1.0, len(listed) / _COMPARED)
        spread = [listed[int(at * step)] for at in range(min(_COMPARED, len(listed)))]
        fence = Fence(folder)
        return [image_id for image_id in spread if fence.admits(folder / image_id)]

    def _look(self, image_id: str, window: IntensityWindow | None) -> Look | None:
        """How a target looks; None if it cannot be read, which a run will tell."""
        status = (self._project.targets_folder / image_id).stat()
        key = image_id, status.st_mtime_ns, status.st_size
        if key not in self._looks:
            try:
                with self._turns.take(self._pixels(image_id)):
                    self._looks[key] = look_of_picture(self._read(image_id, window))
            except MaskcastError:
                return None
        return self._looks[key]

    def _pixels(self, image_id: str) -> int:
        options = self._project.settings.images.read_options
        return pixels_in(self._project.targets_folder / image_id, options)

    def _read(self, image_id: str, window: IntensityWindow | None) -> RgbImage:
        path: Path = self._project.targets_folder / image_id
        options = self._project.settings.images.read_options
        return read_image(path, window=window, options=options).rgb


def _objects(found: Segmentation) -> tuple[dict[str, Any], ...]:
    return tuple(
        {"id": int(key), "score": round(float(score), 4), "area": int(np.count_nonzero(mask))}
        for key, score, mask in zip(found.object_ids, found.scores, found.masks, strict=True)
    )


def _fitted(image: RgbImage) -> RgbImage:
    scale = min(1.0, _SIDE / max(image.shape[:2]))
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
