"""Suggesting: a reference without annotation is filled in from the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from maskcast.errors import AnnotationError
from maskcast.project.annotations import Annotation, ObjectAnnotation
from maskcast.project.folder import ProjectFolder
from maskcast.project.store import AnnotationStore
from maskcast.types import Mask, Prompts
from maskcast.ui.edits import AddPoint
from maskcast.ui.session import Session
from maskcast.ui.shown_references import ReferenceImages
from maskcast.ui.suggesting import Suggester, fill_in
from support import picture, write_png


class Bench:
    """References of which the first can be annotated by its truth; the second is in hand."""

    def __init__(self, root: Path) -> None:
        self.truths: list[Mask] = []
        for number, name in enumerate(("a.png", "b.png", "blank.png")):
            image, mask = picture(number, discs=0 if name == "blank.png" else 1)
            write_png(root / "references" / name, image)
            self.truths.append(mask > 0)
        (root / "maskcast.toml").write_text('engine = "fake"\n')
        self.project = ProjectFolder.open(root)
        self.store = AnnotationStore(self.project.annotations_path)
        self.session = Session(self.store, ReferenceImages(self.project))
        self.suggester = Suggester(self.project, self.store)
        self.session.open("b.png")

    def annotate(self, name: str, mask: Mask, object_id: int = 1) -> None:
        objects = {object_id: ObjectAnnotation(Prompts(), mask)}
        known = self.store.read().annotations.get(name)
        version = 0 if known is None else known.version
        self.store.save(Annotation(name, mask.shape[0], mask.shape[1], objects=objects), version)

    def suggest(self) -> None:
        fill_in(self.session, self.session.annotation.image_id, self.suggester)

    def shown(self, object_id: int = 1) -> Mask:
        mask = self.session.annotation.objects[object_id].mask
        assert mask is not None
        return mask


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "p")


def test_what_the_others_show_is_found_and_can_be_edited_and_taken_back(bench: Bench) -> None:
    bench.annotate("a.png", bench.truths[0])
    bench.suggest()
    found, truth = bench.shown(), bench.truths[1]
    assert (found & truth).sum() / (found | truth).sum() > 0.8
    y, x = np.argwhere(~found)[0]
    assert bench.session.apply(AddPoint(x + 0.5, y + 0.5, positive=True))
    start = bench.session.annotation.objects[1].prompts.start
    assert start is not None
    np.testing.assert_array_equal(start, found)
    assert bench.session.undo()
    assert bench.session.undo()
    assert not bench.session.annotation.objects
    assert bench.store.read().annotations.keys() == {"a.png"}, "nothing is saved unasked"


def test_it_is_learned_anew_once_another_annotation_is_saved(bench: Bench) -> None:
    bench.annotate("a.png", bench.truths[0])
    bench.suggest()
    bench.session.undo()
    bench.annotate("a.png", bench.truths[0], object_id=7)
    bench.suggest()
    assert bench.session.annotation.objects.keys() == {7}


def test_what_cannot_be_suggested_is_said(bench: Bench) -> None:
    with pytest.raises(AnnotationError, match="annotat"):
        bench.suggest()
    bench.annotate("a.png", bench.truths[0])
    bench.session.open("a.png")
    with pytest.raises(AnnotationError, match=r"a\.png is annotated already"):
        bench.suggest()
    bench.session.open("blank.png")
    with pytest.raises(AnnotationError, match=r"was found on blank\.png"):
        bench.suggest()
