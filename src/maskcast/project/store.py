"""The annotation file as several labelers share it: saved at once, no work of another lost.

Every reference carries a version. Who saves a reference says which version the work began from; if
the file holds another one by then, somebody else saved first, and saving is refused rather than
undoing that. Different references never conflict.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import FileLock, Timeout

from maskcast.errors import AnnotationError, ConflictError, MaskcastError, StorageError
from maskcast.io.atomic import raise_if_storage
from maskcast.project.annotations import (
    Annotation,
    AnnotationFile,
    backup_path,
    encode_annotations,
    read_annotations,
    replace_annotations,
)
from maskcast.types import ObjectSpec

_LOCK_NAME = ".annotations.lock"
_LOCK_SECONDS = 10

_Stamp = tuple[int, int, int]


@dataclass(frozen=True)
class Update:
    """What came of a change to the annotation file.

    Attributes:
        before: what it held.
        after: what it holds now.
        backup: where what it held is kept; None if nothing was there, or nothing changed.
    """

    before: AnnotationFile
    after: AnnotationFile
    backup: Path | None


class AnnotationStore:
    """Reads and saves ``annotations.json``; safe to share between threads and processes.

    Reading never waits for somebody who writes.
    """

    def __init__(self, path: Path) -> None:
        """Share the annotation file in ``path``, which need not exist yet."""
        self.path = path
        self._writing = threading.Lock()
        self._reading = threading.Lock()
        self._file = AnnotationFile()
        self._stamp: _Stamp | None = None
        self._backed_up = False

    def read(self) -> AnnotationFile:
        """What the file holds now; parsed again only if it changed on disk.

        Raises:
            AnnotationError: if it cannot be read.
        """
        with self._reading:
            stamp = _stamp(self.path)
            if stamp != self._stamp:
                self._file, self._stamp = read_annotations(self.path), stamp
            return self._file

    def save(self, annotation: Annotation, base: int) -> Annotation:
        """Save one reference.

        Args:
            annotation: what it is now; its version is ignored.
            base: version the work began from; 0 if the file did not have the reference.

        Returns:
            The annotation with its new version.

        Raises:
            ConflictError: if the file holds another version by now; nothing is written.
            AnnotationError, StorageError: if the file cannot be read or written.
        """
        annotation.encode()  # which takes long for large masks, and nobody has to wait for it
        with self._locked() as file:
            current = file.annotations.get(annotation.image_id)
            if (0 if current is None else current.version) != base:
                raise ConflictError(
                    f"{annotation.image_id} was changed in {self.path} by somebody else meanwhile; "
                    "theirs is shown now, undo brings yours back"
                )
            saved = replace(annotation, version=base + 1)
            annotations = {**file.annotations, saved.image_id: saved}
            self._write(AnnotationFile(file.objects, annotations))
            return saved

    def save_spec(self, spec: ObjectSpec) -> None:
        """Name and colour an object id; the last one to do so wins.

        Raises:
            AnnotationError, StorageError: if the file cannot be read or written.
        """
        with self._locked() as file:
            specs = {known.object_id: known for known in file.objects} | {spec.object_id: spec}
            self._write(AnnotationFile(tuple(specs.values()), file.annotations))

    def update(
        self, change: Callable[[AnnotationFile], AnnotationFile], *, keep: bool = False
    ) -> Update:
        """Change the file while nobody else can; if nothing changes, nothing is written.

        Args:
            change: makes what the file shall hold from what it holds, and may be asked twice; it
                raises to leave the file as it is.
            keep: whether the change takes something away, so that what was there is kept where
                nothing overwrites it: a backup from before gets a name of its own.

        Raises:
            AnnotationError, StorageError: if the file cannot be read or written.
        """
        before = self.read()
        if change(before) == before:  # a folder that cannot be written is then good enough
            return Update(before, before, None)
        with self._locked() as before:
            existed = self.path.exists()
            after = change(before)
            if after == before:
                return Update(before, before, None)
            if keep and existed:
                _keep_backup(self.path)
                self._backed_up = False
            self._write(after)
            return Update(before, after, backup_path(self.path) if existed else None)

    @contextmanager
    def _locked(self) -> Iterator[AnnotationFile]:
        folder = self.path.parent
        lock = FileLock(folder / _LOCK_NAME, timeout=_LOCK_SECONDS)
        with self._writing:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                lock.acquire()
            except Timeout as error:
                raise StorageError(
                    f"{self.path} is being written by another program for {_LOCK_SECONDS} seconds "
                    "already; close that program or try again"
                ) from error
            except OSError as error:
                raise self._unwritable(error) from error
            try:
                yield self.read()
            except OSError as error:
                raise self._unwritable(error) from error
            finally:
                lock.release()

    def _unwritable(self, error: OSError) -> MaskcastError:
        try:
            raise_if_storage(error, self.path.parent)
        except StorageError as storage:
            return storage
        return AnnotationError(f"{self.path} cannot be written ({error}); correct that")

    def _write(self, file: AnnotationFile) -> None:
        data = encode_annotations(file)
        with self._reading:
            # One backup of what was there before this program began, not of the click before.
            replace_annotations(self.path, data, backup=not self._backed_up)
            self._backed_up = True
            self._file, self._stamp = file, _stamp(self.path)


def _keep_backup(path: Path) -> None:
    """Move a backup that is there to a name of its own, since it will be written anew."""
    backup = backup_path(path)
    if backup.exists():
        numbers = itertools.count(1)
        backup.rename(next(other for n in numbers if not (other := Path(f"{backup}.{n}")).exists()))


def _stamp(path: Path) -> _Stamp | None:
    """Tells whether a file is still the same one; None if there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
