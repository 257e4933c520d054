from __future__ import annotations

import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from fake_engine import FakeEngine
from maskcast.engines.base import EngineSettings
from maskcast.errors import AnnotationError, ConflictError, ImageError
from maskcast.project.annotations import Annotation, ObjectAnnotation, read_annotations
from maskcast.project.folder import ProjectFolder
from maskcast.project.store import AnnotationStore
from maskcast.types import Mask, Prompts
from maskcast.ui.edits import UNKNOWN, AddPoint, Clear, DeleteNearest, SetBox, Stroke
from maskcast.ui.session import Segmenter, SegmentRequest, Session
from maskcast.ui.shown_references import ReferenceImages
from support import picture, write_png

SHAPE = (64, 80)


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    for name in ("a.png", "b.png"):
        write_png(tmp_path / "references" / name, picture(1, size=SHAPE)[0])
    return ProjectFolder.open(tmp_path)


def _session(project: ProjectFolder, image_id: str = "a.png") -> Session:
    session = Session(AnnotationStore(project.annotations_path), ReferenceImages(project))
    session.open(image_id)
    return session


def _requested(session: Session) -> SegmentRequest:
    request = session.request()
    assert request is not None
    return request


def _saved(project: ProjectFolder) -> Annotation:
    return read_annotations(project.annotations_path).annotations["a.png"]


def _filled(row: int = 0) -> Mask:
    mask = np.zeros(SHAPE, np.bool_)
    mask[row:, :40] = True
    return mask


def _mask(session: Session, object_id: int = 1) -> Mask:
    mask = session.annotation.objects[object_id].mask
    assert mask is not None
    return mask


def test_without_an_image_there_is_nothing_to_edit(project: ProjectFolder) -> None:
    session = Session(AnnotationStore(project.annotations_path), ReferenceImages(project))

    with pytest.raises(RuntimeError, match="call open first"):
        session.apply(AddPoint(3, 3, positive=True))


def test_a_prompt_is_saved_before_its_mask_and_the_mask_after(project: ProjectFolder) -> None:
    session = _session(project)
    session.select(5)
    assert session.apply(SetBox(3, 4, 20, 30))
    session.save()
    saved = read_annotations(project.annotations_path).annotations["a.png"]
    assert saved.objects[5].mask is None

    assert session.accept(_requested(session), _filled())
    session.save()

    saved = read_annotations(project.annotations_path).annotations["a.png"]
    assert saved == session.annotation
    assert np.array_equal(_mask(session, 5), _filled())
    assert session.request() is None


def test_a_stale_answer_is_not_taken(project: ProjectFolder) -> None:
    session = _session(project)
    session.apply(AddPoint(5, 5, positive=True))
    old = _requested(session)
    session.apply(AddPoint(9, 9, positive=False))

    assert not session.accept(old, _filled())
    assert session.annotation.objects[1].mask is None

    new = _requested(session)
    session.open("b.png")
    assert not session.accept(new, _filled())
    session.open("a.png")
    session.apply(Clear())
    assert not session.accept(new, _filled())


def test_an_answer_is_taken_when_only_strokes_came_between(project: ProjectFolder) -> None:
    session = _session(project)
    session.apply(AddPoint(5, 5, positive=True))
    request = _requested(session)
    session.apply(Stroke(((70.5, 20.5),), 3))

    assert request.prompts.paint is None
    assert session.accept(request, _filled())

    mask = _mask(session)
    assert mask[20, 70]
    assert mask[0, 0]
    assert not mask[0, 79]


def test_strokes_need_no_engine(project: ProjectFolder) -> None:
    session = _session(project)
    session.apply(Stroke(((20.5, 20.5),), 5))
    session.apply(Stroke(((20.5, 20.5),), 2, erase=True))
    assert session.request() is None
    assert _mask(session)[20, 24]
    assert not _mask(session)[20, 20]

    session.apply(AddPoint(5, 5, positive=True))
    session.accept(_requested(session), _filled())
    session.apply(Stroke(((1.5, 1.5),), 1, erase=True))

    assert session.request() is None
    assert not _mask(session)[1, 1]
    assert _mask(session)[30, 10]


def test_a_mask_without_its_strokes_is_what_the_engine_is_asked_for(project: ProjectFolder) -> None:
    """The engine is given box and points, and the run gets to the same mask from all prompts."""
    engine = FakeEngine(EngineSettings())
    segmenter = Segmenter(engine)
    session = _session(project)
    session.apply(SetBox(10, 10, 30, 30))
    session.apply(Stroke(((60.5, 50.5),), 4))
    session.apply(Stroke(((12.5, 12.5),), 4, erase=True))
    request = _requested(session)

    session.accept(request, segmenter.segment(request))

    prompts = session.annotation.objects[1].prompts
    expected = engine.segment(session.image, {1: prompts})[1]
    assert np.array_equal(_mask(session), expected)
    segmenter.close()


def test_what_began_from_a_mask_is_saved_as_one_and_edited_from_it_later(
    project: ProjectFolder,
) -> None:
    store = AnnotationStore(project.annotations_path)
    imported = ObjectAnnotation(Prompts(), _filled())
    store.save(Annotation("a.png", *SHAPE, objects={1: imported}), 0)
    session = _session(project)
    session.apply(AddPoint(60, 20, positive=True))
    session.save()
    assert _saved(project).objects[1] == imported  # the click is nothing yet

    request = _requested(session)
    assert request.prompts.start is not None
    assert np.array_equal(request.prompts.start, _filled())
    answer = _filled()
    answer[20, 60] = True
    assert session.accept(request, answer)
    session.apply(Stroke(((1.5, 1.5),), 0.4, erase=True))
    session.save()

    answer[1, 1] = False
    saved = _saved(project).objects[1]
    assert not saved.has_prompts
    assert np.array_equal(saved.mask, answer)  # type: ignore[arg-type]
    later = _session(project)
    later.apply(AddPoint(70, 40, positive=True))
    assert np.array_equal(_requested(later).prompts.start, answer)  # type: ignore[arg-type]


def test_an_answer_to_another_start_is_stale(project: ProjectFolder) -> None:
    store = AnnotationStore(project.annotations_path)
    objects = {1: ObjectAnnotation(Prompts(), _filled())}
    store.save(Annotation("a.png", *SHAPE, objects=objects), 0)
    session = _session(project)
    session.apply(AddPoint(60, 20, positive=True))
    request = _requested(session)

    assert session.apply(DeleteNearest(5, 5, 3))  # what was there from the start

    assert not session.accept(request, _filled())


def test_masks_in_hand_are_not_kept_as_pixels(project: ProjectFolder) -> None:
    """Else sixteen objects in each of many tabs would fill a server's memory."""
    write_png(project.references_folder / "a.png", np.zeros((1000, 1000, 3), np.uint8))
    session = _session(project)
    tracemalloc.start()
    for object_id in range(1, 11):
        session.select(object_id)
        session.apply(SetBox(100, 100, 300, 300))
        mask = np.zeros((1000, 1000), np.bool_)
        mask[100:300, 100:300] = True
        assert session.accept(_requested(session), mask)
        session.save()
        del mask
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 3_000_000  # as pixels ten million
    session.apply(Stroke(((500.5, 500.5),), 4))
    assert _mask(session, 10)[500, 500]
    assert _mask(session, 10)[200, 200]


def test_undo_and_redo_go_through_the_changes_of_each_image(project: ProjectFolder) -> None:
    session = _session(project)
    session.apply(Stroke(((20.5, 20.5),), 5))
    first = session.annotation
    session.select(2)
    session.apply(Stroke(((50.5, 20.5),), 5))
    second = session.annotation
    session.open("b.png")
    assert not session.can_undo
    session.open("a.png")

    assert session.undo()
    assert session.annotation.objects == first.objects
    assert session.undo()
    assert session.annotation.objects == {}
    assert not session.undo()
    assert session.redo()
    assert session.redo()
    assert not session.redo()
    assert session.annotation.objects == second.objects
    session.save()
    saved = read_annotations(project.annotations_path).annotations["a.png"]
    assert saved.objects == second.objects


def test_undoing_before_the_answer_came_asks_again(project: ProjectFolder) -> None:
    session = _session(project)
    session.apply(AddPoint(5, 5, positive=True))
    session.apply(AddPoint(9, 9, positive=True))
    session.undo()

    assert _requested(session).prompts.points.tolist() == [[5, 5]]


def test_clean_takes_the_objects_away_and_undo_brings_them_back(project: ProjectFolder) -> None:
    session = _session(project)
    session.apply(Stroke(((20.5, 20.5),), 5))

    assert session.mark_clean(clean=True)
    assert session.annotation.clean
    assert session.annotation.objects == {}
    assert not session.mark_clean(clean=True)
    session.undo()
    assert session.annotation.objects.keys() == {1}
    session.redo()
    session.apply(AddPoint(5, 5, positive=True))
    assert not session.annotation.clean


def test_of_two_labelers_the_later_sees_the_other_and_keeps_its_own(project: ProjectFolder) -> None:
    ours, theirs = _session(project), _session(project)
    theirs.select(7)
    theirs.apply(Stroke(((50.5, 20.5),), 5))
    theirs.save()
    ours.apply(Stroke(((20.5, 20.5),), 5))

    with pytest.raises(ConflictError, match="undo brings yours back"):
        ours.save()

    assert ours.annotation.objects.keys() == {7}
    assert ours.undo()
    assert ours.annotation.objects.keys() == {1}
    ours.save()
    assert read_annotations(project.annotations_path).annotations["a.png"].objects.keys() == {1}


def test_refresh_shows_what_another_saved_but_never_drops_unsaved_work(
    project: ProjectFolder,
) -> None:
    ours, theirs = _session(project), _session(project)
    assert not ours.refresh()
    theirs.apply(Stroke(((50.5, 20.5),), 5))
    theirs.save()

    assert ours.refresh()
    assert ours.annotation.objects.keys() == {1}

    theirs.mark_clean(clean=True)
    theirs.save()
    ours.apply(Stroke(((20.5, 20.5),), 5))
    assert not ours.refresh()
    assert ours.annotation.objects.keys() == {1}


def test_undo_takes_back_what_another_made_before_what_oneself_did(project: ProjectFolder) -> None:
    ours, theirs = _session(project), _session(project)
    ours.apply(Stroke(((20.5, 20.5),), 5))
    ours.apply(Stroke(((40.5, 20.5),), 5))
    ours.save()
    mine = ours.annotation.objects
    theirs.refresh()
    theirs.mark_clean(clean=True)
    theirs.save()

    assert ours.refresh()
    assert ours.annotation.clean
    ours.undo()

    assert not ours.annotation.clean
    assert ours.annotation.objects == mine
    ours.redo()
    assert ours.annotation.clean


def test_the_history_of_an_image_that_another_changed_meanwhile_is_forgotten(
    project: ProjectFolder,
) -> None:
    ours, theirs = _session(project), _session(project)
    ours.apply(Stroke(((20.5, 20.5),), 5))
    ours.open("b.png")
    ours.save()
    theirs.refresh()
    theirs.select(7)
    theirs.apply(Stroke(((50.5, 20.5),), 5))
    theirs.save()

    ours.open("a.png")

    assert ours.annotation.objects.keys() == {1, 7}
    assert not ours.can_undo


def test_a_bad_image_leaves_the_one_in_hand(project: ProjectFolder) -> None:
    (project.references_folder / "bad.png").write_bytes(b"no picture")
    session = _session(project)
    session.apply(Stroke(((20.5, 20.5),), 5))

    with pytest.raises(ImageError, match=r"bad\.png"):
        session.open("bad.png")

    assert session.annotation.image_id == "a.png"
    session.save()
    assert read_annotations(project.annotations_path).annotations.keys() == {"a.png"}


def test_an_image_of_another_size_than_its_annotation_is_refused(project: ProjectFolder) -> None:
    AnnotationStore(project.annotations_path).save(Annotation("b.png", 5, 5, clean=True), 0)
    session = _session(project)

    with pytest.raises(AnnotationError, match=r"b\.png is 80 x 64 pixels but was annotated as 5 x"):
        session.open("b.png")

    assert session.annotation.image_id == "a.png"


def test_only_saving_waits_for_somebody_who_writes_the_file(project: ProjectFolder) -> None:
    session = _session(project)
    session.apply(Stroke(((20.5, 20.5),), 5))
    writing = FileLock(project.references_folder / ".annotations.lock")
    saving = threading.Thread(target=session.save)

    def work() -> None:
        session.apply(AddPoint(5, 5, positive=True))
        session.accept(_requested(session), _filled())
        session.open("b.png")
        session.mark_clean(clean=True)
        session.undo()
        session.redo()
        session.open("a.png")
        assert not session.refresh()

    with writing:
        saving.start()
        working = threading.Thread(target=work)
        working.start()
        working.join(5)
        assert not working.is_alive()
        assert saving.is_alive()
        assert not project.annotations_path.exists()
    saving.join(30)

    assert not session.refresh()
    saved = read_annotations(project.annotations_path).annotations
    assert saved["b.png"].clean
    assert saved["a.png"] == session.annotation
    assert saved["a.png"].objects[1].mask is not None


def test_unsaved_work_on_another_reference_is_there_when_one_comes_back(
    project: ProjectFolder,
) -> None:
    session = _session(project)
    session.apply(Stroke(((20.5, 20.5),), 5))
    drawn = session.annotation
    session.open("b.png")
    session.open("a.png")

    assert session.annotation is drawn
    assert session.undo()
    session.save()
    assert read_annotations(project.annotations_path).annotations["a.png"].objects == {}


def test_a_conflict_on_one_reference_keeps_no_other_from_being_saved(
    project: ProjectFolder,
) -> None:
    ours, theirs = _session(project), _session(project)
    theirs.mark_clean(clean=True)
    theirs.save()
    ours.apply(Stroke(((20.5, 20.5),), 5))
    ours.open("b.png")
    ours.apply(Stroke(((20.5, 20.5),), 5))

    with pytest.raises(ConflictError, match=r"a\.png was changed"):
        ours.save()

    assert read_annotations(project.annotations_path).annotations["b.png"].objects.keys() == {1}
    ours.open("a.png")
    assert ours.annotation.clean
    assert ours.undo()
    assert ours.annotation.objects.keys() == {1}
    ours.save()
    assert read_annotations(project.annotations_path).annotations["a.png"].objects.keys() == {1}


def test_ids_are_checked(project: ProjectFolder) -> None:
    with pytest.raises(ValueError, match=r"1\.\.255"):
        _session(project).select(256)


def test_unknown_pixels_are_painted_erased_taken_back_and_saved(project: ProjectFolder) -> None:
    session = _session(project)
    session.apply(Stroke(((20.5, 20.5),), 3))
    session.select(UNKNOWN)

    assert session.apply(SetBox(30, 10, 50, 20))
    assert session.apply(Stroke(((40.5, 15.5),), 2, erase=True))
    session.save()

    saved = read_annotations(project.annotations_path).annotations["a.png"]
    assert saved.unknown is not None
    unknown = saved.unknown.pixels
    assert unknown[10:20, 30:50].sum() == unknown.sum() == 20 * 10 - 13  # 13: a disc of radius 2
    assert not unknown[15, 40]
    assert saved.objects.keys() == {1}
    assert session.undo()
    assert session.annotation.unknown is not None
    assert session.annotation.unknown.pixels.sum() == 200
    assert session.undo()
    assert session.annotation.unknown is None
    assert session.redo()
    session.save()
    saved = read_annotations(project.annotations_path).annotations["a.png"]
    assert saved.unknown is not None
    assert saved.unknown.pixels.sum() == 200


def test_unknown_pixels_go_with_what_deletes_and_stay_on_a_clean_image(
    project: ProjectFolder,
) -> None:
    session = _session(project)
    session.select(UNKNOWN)
    session.apply(SetBox(0, 0, 5, 5))
    session.apply(SetBox(30, 10, 50, 20))
    assert not session.apply(AddPoint(60, 60, positive=True))
    assert not session.apply(SetBox(1, 1, 4, 4))  # is unknown already

    assert session.mark_clean(clean=True)
    assert session.apply(DeleteNearest(2, 2, 1))
    assert session.annotation.clean
    assert session.annotation.unknown is not None
    assert session.annotation.unknown.pixels.sum() == 200
    assert session.apply(Clear())
    assert session.annotation.unknown is None
    assert session.annotation.clean


def test_a_second_box_adds_its_mask_to_that_of_the_first(project: ProjectFolder) -> None:
    session, segmenter = _session(project), Segmenter(FakeEngine(EngineSettings()))
    session.apply(SetBox(4, 4, 20, 20))
    request = _requested(session)
    session.accept(request, segmenter.segment(request))
    first = _mask(session)
    session.apply(SetBox(50, 40, 70, 60))
    request = _requested(session)
    session.accept(request, segmenter.segment(request))
    assert first.any()
    assert _mask(session)[first].all()
    assert _mask(session)[45:55, 55:65].any()
    session.save()
    reopened = _session(project)
    assert reopened.annotation.objects[1].marks.things[1].box is not None
