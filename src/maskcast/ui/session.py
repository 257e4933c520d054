"""One person annotating the references of a project: the image in hand, edits, undo, saving.

Toolkit-free: the desktop window and the browser turn gestures into edits and calls here, show what
``annotation`` holds, and have masks computed off their event thread::

    session.open("a.png")
    session.apply(AddPoint(120.5, 64.0, positive=True))
    session.save()                                  # the prompt is safe
    request = session.request()                     # None if no mask is missing
    if session.accept(request, segmenter.segment(request)):
        session.save()                              # and so is its mask

An answer for prompts that have changed since is stale and is not accepted. Only ``save`` waits for
the annotation file, and nothing else waits for ``save``: an event thread may call everything else.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from maskcast.engines.base import Engine, segment_things
from maskcast.errors import AnnotationError, ConflictError
from maskcast.masks import apply_brush
from maskcast.project.annotations import Annotation, ObjectAnnotation, StoredMask
from maskcast.project.store import AnnotationStore
from maskcast.types import Mask, Prompts, RgbImage, check_object_id
from maskcast.ui.edits import UNKNOWN, Edit, apply_edit, apply_to_unknown
from maskcast.ui.history import History
from maskcast.ui.shown_references import ReferenceImages


@dataclass(frozen=True)
class SegmentRequest:
    """Box and points of one object whose mask is asked for, and the mask that it began from.

    Attributes:
        image_id: of the reference.
        image: uint8 (H, W, 3) RGB.
        object_id: of the object.
        entry: the object as it was when the mask was asked for.
    """

    image_id: str
    image: RgbImage
    object_id: int
    entry: ObjectAnnotation

    @property
    def prompts(self) -> Prompts:
        """What the engine is to be given: strokes are laid on top afterwards."""
        return self.entry.asked


class Segmenter:
    """An engine that several sessions share; engines are not thread-safe, so one asks at a time."""

    def __init__(self, engine: Engine) -> None:
        """Share ``engine``; ``close`` closes it."""
        self._engine = engine
        self._lock = threading.Lock()

    def segment(self, request: SegmentRequest) -> Mask:
        """The mask of a request without its brush strokes, bool (H, W).

        Raises:
            PromptKindError, EngineError: if the engine cannot do it.
        """
        with self._lock:
            return segment_things(self._engine, request.image, request.prompts)

    def close(self) -> None:
        """Close the engine."""
        with self._lock:
            self._engine.close()


@dataclass(frozen=True)
class _Work:
    """A reference with changes that are not saved.

    Attributes:
        annotation: what it is now.
        base: version of the file that the work goes on from.
    """

    annotation: Annotation
    base: int


class Session:
    """The state of one labeler; safe to use from an event thread and a worker at once."""

    def __init__(self, store: AnnotationStore, images: ReferenceImages) -> None:
        """Begin without an image; call ``open`` first."""
        self._store = store
        self._images = images
        self._lock = threading.RLock()
        self._saving = threading.Lock()
        self._histories: dict[str, History] = {}
        self._bases: dict[tuple[str, int], tuple[ObjectAnnotation, StoredMask]] = {}
        self._annotation: Annotation | None = None
        self._image: RgbImage | None = None
        self._versions: dict[str, int] = {}  # that the work on each reference goes on from
        self._unsaved: dict[str, Annotation] = {}  # in hand or not
        self.object_id = 1

    @property
    def annotation(self) -> Annotation:
        """The reference in hand, saved or not; what it shows never changes in place.

        Raises:
            RuntimeError: if no image is open.
        """
        if self._annotation is None:
            raise RuntimeError("no reference is open; call open first")
        return self._annotation

    @property
    def image(self) -> RgbImage:
        """uint8 (H, W, 3) RGB of the reference in hand.

        Raises:
            RuntimeError: if no image is open.
        """
        if self._image is None:
            raise RuntimeError("no reference is open; call open first")
        return self._image

    @property
    def can_undo(self) -> bool:
        """Whether the reference in hand has a change to take back."""
        return self._history.can_undo

    @property
    def can_redo(self) -> bool:
        """Whether a change was taken back."""
        return self._history.can_redo

    def open(self, image_id: str) -> None:
        """Take a reference in hand; changes to the one before stay to be saved.

        Its history is kept, unless somebody else changed it since it was in hand.

        Raises:
            ImageError: if it cannot be read; the one before stays in hand.
            AnnotationError: if the annotation file cannot be read, or was made on an image of
                another size.
        """
        image = self._images.load(image_id)
        with self._lock:
            self._take(image_id, image)

    def select(self, object_id: int) -> None:
        """Choose the object that edits go to, or ``UNKNOWN`` for the unknown pixels.

        Raises:
            ValueError: if the id is not in 0..255.
        """
        if object_id != UNKNOWN:
            check_object_id(object_id)
        self.object_id = object_id

    def apply(self, edit: Edit) -> bool:
        """Do something to the chosen object, which takes a clean mark away, or to what is unknown.

        Returns:
            Whether anything changed.
        """
        with self._lock:
            if self.object_id == UNKNOWN:
                return self._apply_to_unknown(edit)
            before = self.annotation.objects.get(self.object_id)
            after = apply_edit(before, edit, self._shape)
            if after is before:
                return False
            objects = dict(self.annotation.objects)
            if after is None:
                del objects[self.object_id]
            else:
                objects[self.object_id] = self._brushed(self.object_id, after)
            self._change(replace(self.annotation, clean=False, objects=objects))
            return True

    def mark_clean(self, clean: bool) -> bool:
        """Say that nothing is on the image, which takes all its objects away, or take that back.

        Returns:
            Whether anything changed.
        """
        with self._lock:
            if self.annotation.clean == clean:
                return False
            objects = {} if clean else self.annotation.objects
            self._change(replace(self.annotation, clean=clean, objects=objects))
            return True

    def blank(self) -> RgbImage | None:
        """The picture in hand, uint8 (H, W, 3), if nothing is on it yet; else None."""
        with self._lock:
            is_blank = not self.annotation.objects and not self.annotation.clean
            return self.image if is_blank else None

    def fill_in(self, image_id: str, masks: Mapping[int, Mask]) -> bool:
        """Put masks on a reference that has nothing on it, as what its objects start from.

        Args:
            image_id: of the reference they are for.
            masks: object id -> bool (H, W).

        Returns:
            False if there are none, another image is in hand, or something is on it meanwhile.
        """
        objects = {key: ObjectAnnotation(Prompts(), mask) for key, mask in masks.items()}
        with self._lock:
            now = self.annotation
            if not objects or now.image_id != image_id or now.objects or now.clean:
                return False
            self._change(replace(now, objects=objects))
            return True

    def undo(self) -> bool:
        """Take the last change back; whether there was one."""
        with self._lock:
            if not self._history.can_undo:
                return False
            self._put(self._history.undo(self.annotation))
            return True

    def redo(self) -> bool:
        """Do again what undo took back; whether there was anything."""
        with self._lock:
            if not self._history.can_redo:
                return False
            self._put(self._history.redo(self.annotation))
            return True

    def request(self) -> SegmentRequest | None:
        """The next mask to be computed: the chosen object's first, then others; None if none is."""
        with self._lock:
            objects = self.annotation.objects
            missing = [key for key, entry in objects.items() if not entry.is_resolved]
            if not missing:
                return None
            wanted = self.object_id if self.object_id in missing else min(missing)
            return SegmentRequest(self.annotation.image_id, self.image, wanted, objects[wanted])

    def accept(self, request: SegmentRequest, mask: Mask) -> bool:
        """Take an answer to a request.

        Args:
            request: what was asked.
            mask: bool (H, W), of box and points only.

        Returns:
            False if it is stale: another image is in hand, or box and points changed meanwhile.
            Strokes may have been added.
        """
        answer = StoredMask(mask)
        _ = answer.code  # as pixels, sixteen objects of many tabs would fill the memory
        with self._lock:
            if request.image_id != self.annotation.image_id:
                return False
            current = self.annotation.objects.get(request.object_id)
            if current is None or not current.asks_same(request.entry):
                return False
            self._bases[request.image_id, request.object_id] = request.entry, answer
            objects = dict(self.annotation.objects)
            objects[request.object_id] = self._brushed(request.object_id, current)
            self._put(replace(self.annotation, objects=objects))
            return True

    def save(self) -> None:
        """Save what is not saved yet; this alone waits for others who use the annotation file.

        Raises:
            ConflictError: if somebody else saved the same reference meanwhile; theirs is in hand
                then, and undo brings one's own back.
            AnnotationError, StorageError: if the file cannot be read or written; nothing is lost.
        """
        conflict: ConflictError | None = None
        with self._saving:
            while (work := self._next_work()) is not None:
                try:
                    saved = self._store.save(work.annotation, work.base)
                except ConflictError as error:
                    self._yield_to_another(work.annotation.image_id)
                    conflict = conflict or error
                else:
                    self._note_saved(work, saved)
        if conflict is not None:  # which keeps no other reference from being saved
            raise conflict

    def refresh(self) -> bool:
        """Take in hand what somebody else saved, if nothing of one's own is unsaved.

        Undo brings back what was in hand.

        Returns:
            Whether the reference in hand changed.
        """
        self._store.read()  # what another wrote is decoded before anybody has to wait
        with self._lock:
            image_id = self.annotation.image_id
            current = self._store.read().annotations.get(image_id)
            version = 0 if current is None else current.version
            if image_id in self._unsaved or version == self._versions[image_id]:
                return False
            self._take_saved(image_id, self.image)
            return True

    @property
    def _history(self) -> History:
        return self._histories.setdefault(self.annotation.image_id, History())

    @property
    def _shape(self) -> tuple[int, int]:
        return self.annotation.height, self.annotation.width

    def _apply_to_unknown(self, edit: Edit) -> bool:
        known = self.annotation.unknown
        before = None if known is None else known.pixels
        after = apply_to_unknown(before, edit, self._shape)
        if after is before:
            return False
        stored = None if after is None else StoredMask(after)
        self._change(replace(self.annotation, unknown=stored))
        return True

    def _take(self, image_id: str, image: RgbImage) -> None:
        """Take an image in hand: one's own unsaved work on it, else what the file holds."""
        unsaved = self._unsaved.get(image_id)
        if unsaved is None:
            self._take_saved(image_id, image)
            return
        _check_size(unsaved, image, self._store)
        if not self._is_in_hand(image_id):
            self._bases.clear()
        self._annotation, self._image = unsaved, image

    def _take_saved(self, image_id: str, image: RgbImage) -> None:
        """Take what the file holds of an image in hand.

        What somebody else made of an image that was in hand is one step that undo takes back.
        """
        known = self._store.read().annotations.get(image_id)
        version = 0 if known is None else known.version
        if known is not None:
            _check_size(known, image, self._store)
        before = self._annotation if self._is_in_hand(image_id) else None
        overtaken = self._versions.get(image_id, version) != version
        if before is None or overtaken:
            self._bases.clear()
        self._annotation = known or Annotation(image_id, image.shape[0], image.shape[1])
        self._image, self._versions[image_id] = image, version
        if overtaken:
            self._histories.pop(image_id, None)
            if before is not None:
                self._history.push(before)

    def _is_in_hand(self, image_id: str) -> bool:
        return self._annotation is not None and self._annotation.image_id == image_id

    def _change(self, annotation: Annotation) -> None:
        self._history.push(self.annotation)
        self._put(annotation)

    def _put(self, annotation: Annotation) -> None:
        """Take a changed annotation of the reference in hand, to be saved."""
        self._annotation = self._unsaved[annotation.image_id] = annotation

    def _next_work(self) -> _Work | None:
        with self._lock:
            for image_id, annotation in self._unsaved.items():
                return _Work(annotation, self._versions[image_id])
            return None

    def _note_saved(self, work: _Work, saved: Annotation) -> None:
        """Take the new version; what was changed while it was being saved stays to be saved."""
        image_id = saved.image_id
        with self._lock:
            self._versions[image_id] = saved.version
            if self._unsaved.get(image_id) is work.annotation:
                del self._unsaved[image_id]
                if self._is_in_hand(image_id):
                    self._annotation = saved

    def _yield_to_another(self, image_id: str) -> None:
        """Take what somebody else saved; one's own work is what undo brings back."""
        with self._lock:
            if self._is_in_hand(image_id):
                self._take_saved(image_id, self.image)
            else:
                theirs = self._store.read().annotations.get(image_id)
                self._versions[image_id] = 0 if theirs is None else theirs.version
                self._histories[image_id] = History()
                self._histories[image_id].push(self._unsaved[image_id])
            del self._unsaved[image_id]

    def _brushed(self, object_id: int, entry: ObjectAnnotation) -> ObjectAnnotation:
        """The entry with its mask, if box and points need no engine or were answered before."""
        prompts = entry.prompts
        base = self._bases.get((self.annotation.image_id, object_id))
        if prompts.kinds <= {"brush"}:
            mask = np.zeros(self._shape, np.bool_) if prompts.start is None else prompts.start
        elif base is not None and base[0].asks_same(entry):
            if entry.paint is None and entry.erase is None:
                return entry.with_mask(base[1])
            mask = base[1].pixels
        else:
            return entry
        return entry.with_mask(apply_brush(mask, prompts.paint, prompts.erase))


def _check_size(annotation: Annotation, image: RgbImage, store: AnnotationStore) -> None:
    if image.shape[:2] != (annotation.height, annotation.width):
        raise AnnotationError(
            f"{annotation.image_id} is {image.shape[1]} x {image.shape[0]} pixels but was "
            f"annotated as {annotation.width} x {annotation.height} in {store.path}; restore the "
            "image or give the new one another name"
        )
