from __future__ import annotations

import errno
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

import maskcast.project.store as store_module
from maskcast.errors import AnnotationError, ConflictError, StorageError
from maskcast.project.annotations import Annotation, AnnotationFile, read_annotations
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


def test_reading_does_not_wait_for_who_writes(tmp_path: Path) -> None:
    path = tmp_path / "annotations.json"
    store = AnnotationStore(path)
    store.save(_clean("a.png"), 0)
    with ThreadPoolExecutor(2) as pool:
        with FileLock(tmp_path / ".annotations.lock"):
            waiting = pool.submit(store.save, _clean("b.png"), 0)
            assert pool.submit(store.read).result(timeout=5).annotations.keys() == {"a.png"}
            assert not waiting.done()
        waiting.result(timeout=10)
    assert store.read().annotations.keys() == {"a.png", "b.png"}


def test_a_change_of_the_whole_file_tells_what_was_and_what_is(tmp_path: Path) -> None:
    store = AnnotationStore(tmp_path / "annotations.json")

    def add(name: str) -> Callable[[AnnotationFile], AnnotationFile]:
        return lambda file: replace(file, annotations={**file.annotations, name: _clean(name)})

    first, second = store.update(add("a.png")), store.update(add("b.png"))

    assert (first.before, first.backup) == (AnnotationFile(), None)
    assert second.before == first.after
    assert second.after == read_annotations(store.path) == store.read()
    assert second.backup == store.path.with_name("annotations.json.bak")


def test_a_change_that_takes_something_away_never_overwrites_a_backup(tmp_path: Path) -> None:
    store = AnnotationStore(tmp_path / "annotations.json")
    states = []

    def only(name: str) -> Callable[[AnnotationFile], AnnotationFile]:
        return lambda _: AnnotationFile((), {name: _clean(name)})

    for name in ("a.png", "b.png", "c.png"):
        update = store.update(only(name), keep=True)
        states.append(store.path.read_bytes())
    assert update.backup is not None
    assert update.backup.read_bytes() == states[1]
    backups = [path.read_bytes() for path in tmp_path.glob("annotations.json.bak*")]
    assert sorted(backups) == sorted(states[:2])


def test_a_change_that_is_refused_leaves_the_file(tmp_path: Path) -> None:
    store = AnnotationStore(tmp_path / "annotations.json")
    store.save(_clean("a.png"), 0)
    before = store.path.read_bytes()

    def refuse(_: AnnotationFile) -> AnnotationFile:
        raise AnnotationError("not like this")

    with pytest.raises(AnnotationError, match="not like this"):
        store.update(refuse)
    assert store.update(lambda file: file).backup is None
    assert store.path.read_bytes() == before
    store.save(_clean("b.png"), 0)  # the lock was given back


def test_a_file_in_place_of_the_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "references").write_text("not a folder")
    with pytest.raises(AnnotationError, match=r"annotations\.json cannot be written"):
        AnnotationStore(tmp_path / "references" / "annotations.json").save(_clean("a.png"), 0)


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
