from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from maskcast.project.annotations import Annotation, ObjectAnnotation
from maskcast.types import Mask, Prompts
from maskcast.ui.history import History

masks = st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(
    lambda shape: st.tuples(arrays(np.bool_, shape), arrays(np.bool_, shape))
)


def _annotation(paint: Mask, mask: Mask | None = None) -> Annotation:
    height, width = paint.shape
    return Annotation(
        "a.png", height, width, objects={3: ObjectAnnotation(Prompts(paint=paint), mask)}
    )


@given(masks)
def test_undo_brings_every_pixel_back(pair: tuple[Mask, Mask]) -> None:
    first, second = _annotation(pair[0], pair[1]), _annotation(pair[1])
    history = History()
    history.push(first)

    undone = history.undo(second)
    redone = history.redo(undone)

    assert undone == first
    assert redone == second


def test_undo_keeps_what_is_not_part_of_a_state() -> None:
    history = History()
    history.push(Annotation("a.png", 4, 4, version=1))

    undone = history.undo(Annotation("a.png", 4, 4, clean=True, version=7))

    assert undone.version == 7
    assert not undone.clean


def test_a_new_change_forgets_what_was_undone() -> None:
    blank = Annotation("a.png", 4, 4)
    history = History()
    history.push(blank)
    history.undo(replace(blank, clean=True))
    assert history.can_redo

    history.push(blank)

    assert not history.can_redo


def test_without_a_past_there_is_nothing_to_undo() -> None:
    history = History()
    assert not history.can_undo

    with pytest.raises(IndexError):
        history.undo(Annotation("a.png", 4, 4))
