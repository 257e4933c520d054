"""The bin of a project: references and targets that somebody removed, to be put back at any time.

::

    myproject/.bin/
    └── 20261126-071500-1/
        ├── about.json      what it was, and its annotation
        └── picture.png     the file itself

Nothing lists what is in there, and nothing empties it but a person.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any, Final, Literal, get_args

from maskcast.errors import AnnotationError, MaskcastError, SettingsError, StorageError
from maskcast.io.atomic import raise_if_storage, write_atomically
from maskcast.project.annotations import (
    Annotation,
    AnnotationFile,
    annotation_text,
    is_image_id,
    parse_annotation,
)
from maskcast.project.folder import BIN_NAME, ProjectFolder
from maskcast.project.references import ReferencePictures
from maskcast.project.store import AnnotationStore

Kind = Literal["references", "targets"]
_ABOUT: Final = "about.json"
_PICTURE: Final = "picture"
_FORMAT: Final = "maskcast-bin-1"


@dataclass(frozen=True)
class Binned:
    """Something in the bin.

    Attributes:
        name: of its folder, by which it is put back.
        kind: ``references`` or ``targets``.
        image_id: that it had, and has again when it is put back.
        annotation: of a reference that had one.
        is_replaced: whether another picture took its place when it was removed.
    """

    name: str
    kind: Kind
    image_id: str
    annotation: Annotation | None = None
    is_replaced: bool = False


class Bin:
    """Removes references and targets of a project, and puts them back."""

    def __init__(self, project: ProjectFolder, store: AnnotationStore | None = None) -> None:
        """The bin of ``project``; nothing is made yet.

        Args:
            project: whose references and targets they are.
            store: of its annotations, if somebody has them open already.
        """
        self._project = project
        self._folder = project.root / BIN_NAME
        self._store = store

    def stamp(self) -> int | None:
        """Another one once something was removed or put back; None if nothing ever was."""
        try:
            return self._folder.stat().st_mtime_ns
        except OSError:
            return None

    def entries(self) -> list[Binned]:
        """What is in it, the latest first; what cannot be read is left out."""
        return list(self._entries())

    def remove(self, kind: Kind, image_id: str) -> Binned:
        """Put a picture into the bin, a reference with its annotation.

        Raises:
            SettingsError: if there is no such picture, or it lies elsewhere behind a link.
            AnnotationError, StorageError: if files cannot be read or written; nothing is lost.
        """
        return self._remove(kind, image_id, is_replaced=False)

    def replace(self, kind: Kind, image_id: str, by: str) -> Binned:
        """Let another picture of the same folder take the name of one, which goes into the bin.

        A reference keeps its annotation if the two are of one size; it is a person who then looks
        whether it still fits.

        Args:
            kind: of both.
            image_id: whose name is taken over.
            by: image id of the picture that takes it; without an annotation of its own.

        Raises:
            ImageError: if the other one cannot be read.
            SettingsError, AnnotationError, StorageError: see ``remove``.
        """
        incoming = self._picture(kind, by)
        if kind == "references" and self._annotation(by) is not None:
            raise AnnotationError(f"{by} is annotated itself; remove {image_id} instead")
        removed = self._remove(kind, image_id, is_replaced=True)
        _move(incoming, self._place(kind, image_id))
        annotation = removed.annotation
        if annotation is not None:
            shape = ReferencePictures(self._project).read(image_id).rgb.shape
            if shape[:2] == (annotation.height, annotation.width):
                self._annotate(annotation)
        return removed

    def put_back(self, name: str) -> Binned:
        """Put a picture where it was; one that took its place goes into the bin.

        Args:
            name: of ``Binned``.

        Returns:
            What is there again.

        Raises:
            SettingsError: if there is no such thing, or another picture has its name by now.
            AnnotationError, StorageError: if files cannot be read or written; nothing is lost.
        """
        found = next((entry for entry in self._entries() if entry.name == name), None)
        if found is None:
            raise SettingsError("that is not in the bin (any more)")
        place = self._place(found.kind, found.image_id)
        if os.path.lexists(place):
            if not found.is_replaced:
                raise SettingsError(
                    f"another picture is called {found.image_id} by now; remove that first"
                )
            self._remove(found.kind, found.image_id, is_replaced=False)
        folder = self._folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        _move(next(folder.glob(f"{_PICTURE}*")), place)
        if found.annotation is not None:
            self._annotate(found.annotation)
        (folder / _ABOUT).unlink()
        folder.rmdir()
        return found

    def _remove(self, kind: Kind, image_id: str, *, is_replaced: bool) -> Binned:
        picture = self._picture(kind, image_id)
        annotation = self._annotation(image_id) if kind == "references" else None
        entry = Binned(self._claim_name(), kind, image_id, annotation, is_replaced)
        folder = self._folder / entry.name
        try:
            write_atomically(folder / _ABOUT, json.dumps(_to_json(entry)).encode())
            _move(picture, folder / f"{_PICTURE}{picture.suffix}")
        except (OSError, MaskcastError):
            shutil.rmtree(folder, ignore_errors=True)
            raise
        if annotation is not None:
            self._open_store().update(lambda file: _without(file, image_id), keep=True)
        return entry

    def _picture(self, kind: Kind, image_id: str) -> Path:
        place = self._place(kind, image_id)
        folder = self._base(kind).resolve()
        if not is_image_id(image_id) or not os.path.lexists(place) or place.is_dir():
            raise SettingsError(f"there is no {image_id} in the {kind} (any more)")
        if not place.parent.resolve().is_relative_to(folder):
            raise SettingsError(f"{image_id} lies outside of the {kind}, behind a link")
        return place

    def _base(self, kind: Kind) -> Path:
        of_references = kind == "references"
        return self._project.references_folder if of_references else self._project.targets_folder

    def _place(self, kind: Kind, image_id: str) -> Path:
        return self._base(kind) / image_id

    def _open_store(self) -> AnnotationStore:
        self._store = self._store or AnnotationStore(self._project.annotations_path)
        return self._store

    def _annotation(self, image_id: str) -> Annotation | None:
        return self._open_store().read().annotations.get(image_id)

    def _annotate(self, annotation: Annotation) -> None:
        """Give a reference its annotation again, in the place of an empty one at most."""

        def with_it(file: AnnotationFile) -> AnnotationFile:
            known = file.annotations.get(annotation.image_id)
            if known is not None and known.teaches:
                return file
            version = max(annotation.version, 0 if known is None else known.version) + 1
            again = replace(annotation, version=version)
            return replace(file, annotations={**file.annotations, again.image_id: again})

        self._open_store().update(with_it)

    def _claim_name(self) -> str:
        """The name of a new folder, which is made: nobody else gets it at the same time."""
        moment = f"{datetime.now():%Y%m%d-%H%M%S}"
        for number in count(1):
            name = f"{moment}-{number:03}"
            try:
                (self._folder / name).mkdir(parents=True)
            except FileExistsError:
                continue
            except OSError as error:
                raise_if_storage(error, self._folder)
                raise StorageError(f"the bin {self._folder} cannot be written ({error})") from error
            return name
        raise AssertionError("numbers do not end")

    def _entries(self) -> Iterator[Binned]:
        try:
            names = sorted((path.name for path in self._folder.iterdir()), reverse=True)
        except FileNotFoundError:
            return
        except OSError as error:
            raise StorageError(f"the bin {self._folder} cannot be listed ({error})") from error
        for name in names:
            path = self._folder / name / _ABOUT
            try:
                yield _from_json(name, path)
            except (OSError, ValueError, KeyError, TypeError, MaskcastError):
                continue


def _without(file: AnnotationFile, image_id: str) -> AnnotationFile:
    left = {key: known for key, known in file.annotations.items() if key != image_id}
    return replace(file, annotations=left)


def _to_json(entry: Binned) -> dict[str, Any]:
    annotation = None if entry.annotation is None else annotation_text(entry.annotation)
    return {
        "format": _FORMAT,
        "kind": entry.kind,
        "image_id": entry.image_id,
        "annotation": annotation,
        "replaced": entry.is_replaced,
    }


def _from_json(name: str, path: Path) -> Binned:
    content = json.loads(path.read_bytes())
    kind, image_id, text = content["kind"], content["image_id"], content["annotation"]
    if content["format"] != _FORMAT or kind not in get_args(Kind) or not is_image_id(image_id):
        raise ValueError(path)
    annotation = None if text is None else parse_annotation(image_id, text, path)
    return Binned(name, kind, image_id, annotation, content["replaced"] is True)


def _move(old: Path, new: Path) -> None:
    """To a name that nothing has.

    Raises:
        StorageError: if it cannot be moved.
    """
    try:
        shutil.move(old, new)
    except OSError as error:
        raise_if_storage(error, new.parent)
        raise StorageError(f"{old} cannot be moved ({error.strerror or error})") from error
