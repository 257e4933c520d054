from __future__ import annotations

import pytest

from maskcast.runs.stages import RunStage


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        (RunStage("reading"), "reading the references"),
        (RunStage("learning", 3, "pixel"), "learning from 3 references with pixel"),
        (RunStage("masking", 3, "pixel"), "masking the targets"),
    ],
)
def test_a_person_is_told_in_words(stage: RunStage, words: str) -> None:
    assert str(stage) == words
