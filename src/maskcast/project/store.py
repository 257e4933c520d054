"""The annotation file as several labelers share it: saved at once, no work of another lost.

Every reference carries a version. Who saves a reference says which version the work began from; if
the file holds another one by then, somebody else saved first, and saving is refused rather than
undoing that. Different references never conflict.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from filelock import FileLock, Timeout

from maskcast.errors import ConflictError, StorageError
from maskcast.io.atomic import raise_if_storage
from maskcast.project.annotations import (
    Annotation,
    AnnotationFile,
    read_annotations,
    write_annotations,
)
from maskcast.types import ObjectSpec

_LOCK_NAME = ".annotations.lock"
_LOCK_SECONDS = 10

_Stamp = tuple[int, int, int]


class AnnotationStore:
    """Reads and saves ``annotations.json``; safe to share between threads and processes."""

    def __init__(self, path: Path) -> None:
        """Share the annotation file in ``path``, which need not exist yet."""
        self.path = path
        self._threads = threading.RLock()
        self._file = AnnotationFile()
        self._stamp: _Stamp | None = None
        self._backed_up = False

    def read(self) -> AnnotationFile:
        """What the file holds now; decoded again only if it changed on disk.

        Raises:
            AnnotationError: if it cannot be read.
        """
        with self._threads:
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

    @contextmanager
    def _locked(self) -> Iterator[AnnotationFile]:
        folder = self.path.parent
        lock = FileLock(folder / _LOCK_NAME, timeout=_LOCK_SECONDS)
        with self._threads:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                lock.acquire()
            except Timeout as error:
                raise StorageError(
                    f"{self.path} is being written by another program for {_LOCK_SECONDS} seconds "
                    "already; close that program or try again"
                ) from error
            except OSError as error:
                raise_if_storage(error, folder)
                raise
            try:
                yield self.read()
            finally:
                lock.release()

    def _write(self, file: AnnotationFile) -> None:
        # One backup of what was there before this program began, not of the click before.
        write_annotations(self.path, file, backup=not self._backed_up)
        self._backed_up = True
        self._file, self._stamp = file, _stamp(self.path)


def _stamp(path: Path) -> _Stamp | None:
    """Tells whether a file is still the same one; None if there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
