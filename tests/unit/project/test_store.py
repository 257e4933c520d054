from __future__ import annotations

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from filelock import FileLock

import maskcast.project.store as store_module
from maskcast.errors import ConflictError, StorageError
from maskcast.project.annotations import Annotation, read_annotations
from maskcast.project.store import AnnotationStore
from maskcast.types import ObjectSpec


def _clean(name: str) -> Annotation:
    return Annotation(name, 4, 6, clean=True)


def test_versions_count_the_saves(tmp_path: Path) -> None:
    store = AnnotationStore(tmp_path / "references" / "annotations.json")

    first = store.save(_clean("a.png"), 0)
    second = store.save(first, first.version)

    assert (first.version, second.version) == (1, 2)
    assert read_annotations(store.path).annotations["a.png"] == second


def test_who_saves_later_from_an_old_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "annotations.json"
    ours, theirs = AnnotationStore(path), AnnotationStore(path)
    ours.save(_clean("a.png"), 0)
    seen = theirs.read().annotations["a.png"].version
    ours.save(_clean("a.png"), 1)
    before = path.read_bytes()

    with pytest.raises(ConflictError, match=r"a\.png was changed .* by somebody else"):
        theirs.save(Annotation("a.png", 4, 6), seen)

    assert path.read_bytes() == before


def test_different_references_never_conflict(tmp_path: Path) -> None:
    path = tmp_path / "annotations.json"

    def save_all(letter: str) -> None:
        store = AnnotationStore(path)
        for number in range(10):
            store.save(_clean(f"{letter}{number}.png"), 0)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(save_all, "abc"))

    assert len(read_annotations(path).annotations) == 30


def test_what_another_program_writes_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "annotations.json"
    store = AnnotationStore(path)
    assert store.read().annotations == {}

    AnnotationStore(path).save(_clean("a.png"), 0)

    assert store.read().annotations.keys() == {"a.png"}


def test_the_backup_is_what_was_there_before_this_program(tmp_path: Path) -> None:
    path = tmp_path / "annotations.json"
    AnnotationStore(path).save(_clean("a.png"), 0)
    before = path.read_bytes()

    store = AnnotationStore(path)
    store.save(_clean("b.png"), 0)
    store.save(_clean("c.png"), 0)

    assert path.with_name("annotations.json.bak").read_bytes() == before


def test_a_lock_that_is_never_given_back_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "_LOCK_SECONDS", 0.01)
    with (
        FileLock(tmp_path / ".annotations.lock"),
        pytest.raises(StorageError, match=r"annotations\.json is being written by another program"),
    ):
        AnnotationStore(tmp_path / "annotations.json").save(_clean("a.png"), 0)


@pytest.mark.parametrize("what", ["mkdir", "open"])
def test_a_folder_that_cannot_be_written_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path if what == "mkdir" else os, what, refuse)
    with pytest.raises(StorageError, match=r"cannot be written \(read-only file system\)"):
        AnnotationStore(tmp_path / "annotations.json").save(_clean("a.png"), 0)


def test_names_and_colours_are_saved_beside_the_references(tmp_path: Path) -> None:
    store = AnnotationStore(tmp_path / "annotations.json")
    store.save(_clean("a.png"), 0)

    store.save_spec(ObjectSpec(2, "scratch", (1, 2, 3)))
    store.save_spec(ObjectSpec(2, "긁힘", (1, 2, 3)))

    file = read_annotations(store.path)
    assert file.objects == (ObjectSpec(2, "긁힘", (1, 2, 3)),)
    assert file.annotations.keys() == {"a.png"}
