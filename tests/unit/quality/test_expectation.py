"""What references that were left out tell of the targets."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from maskcast.languages import LANGUAGES
from maskcast.quality.expectation import SelfTest
from maskcast.quality.trials import Trial


def trial(image_id: str, iou: float, *, is_shown: bool = True, area: int = 9) -> Trial:
    return Trial(image_id, 1, is_shown, iou, area, 0.5, 0.5)


FOUR_AND_A_STRANGER = SelfTest(
    "pixel",
    (
        *(trial(f"r{index}.png", iou) for index, iou in enumerate((0.7, 0.8, 0.72, 0.78))),
        trial("odd.png", 0.1),
        trial("clean.png", 0.0, is_shown=False, area=0),
    ),
)
NAMES = {1: "scratch"}


def test_it_speaks_both_languages_with_the_same_figures() -> None:
    english, korean = (FOUR_AND_A_STRANGER.describe(NAMES, lang) for lang in LANGUAGES)
    assert [re.findall(r"[-+]?\d\.\d\d", said) for said in korean] == [
        re.findall(r"[-+]?\d\.\d\d", said) for said in english
    ]
    assert korean[0].startswith("scratch: 예상 IoU ")


def test_the_interval_holds_what_is_expected_and_narrows_with_references() -> None:
    few, many = (
        SelfTest("pixel", tuple(trial(f"{i}", 0.6 + 0.1 * (i % 2)) for i in range(count)))
        for count in (2, 12)
    )
    (wide,), (narrow,) = few.expectations(), many.expectations()
    assert wide.low < wide.expected < wide.high
    assert narrow.high - narrow.low < wide.high - wide.low


def test_an_expectation_is_a_worked_case() -> None:
    """Mean 0.65 of 0.6 and 0.7; half-width 1.28 * sqrt(0.005 / 2 + 0.14 ** 2)."""
    (known,) = SelfTest("pixel", (trial("a", 0.6), trial("b", 0.7))).expectations()
    assert known.expected == pytest.approx(0.9 * 0.65 + 0.1 * 0.55)
    assert known.high - known.expected == pytest.approx(1.28 * np.sqrt(0.0025 + 0.0196))


def test_found_missed_and_false_alarms_are_counted() -> None:
    selftest = SelfTest(
        "pixel",
        (
            trial("a", 0.5),
            trial("b", 0.0, area=0),
            trial("c", 0.0, is_shown=False),
            trial("d", 0.0, is_shown=False, area=0),
        ),
    )
    (known,) = selftest.expectations()
    counts = (known.found, known.missed, known.false_alarms, known.silent)
    assert counts == (1, 1, 1, 1)


def test_a_reference_unlike_the_others_shows_itself() -> None:
    told = FOUR_AND_A_STRANGER.advice(NAMES)
    assert told[0].startswith("odd.png disagrees with the others (IoU 0.10, theirs 0.75)")
    assert not any(sentence.startswith("r") for sentence in told)


def test_references_that_agree_raise_no_alarm() -> None:
    agreeing = SelfTest("pixel", FOUR_AND_A_STRANGER.trials[:4])
    assert not any("disagrees" in sentence for sentence in agreeing.advice(NAMES))


def test_a_reference_that_harms_is_named() -> None:
    harmed = SelfTest("pixel", FOUR_AND_A_STRANGER.trials, {"r1.png": -0.2, "r2.png": 0.1})
    told = [sentence for sentence in harmed.advice(NAMES) if "harms" in sentence]
    assert len(told) == 1
    assert told[0].startswith("r1.png harms the others (IoU -0.20)")


def test_what_a_reference_gained_so_far_is_told_where_it_was_measured() -> None:
    few = FOUR_AND_A_STRANGER.trials[:3]
    measured = SelfTest("pixel", few, {"r0.png": 0.1, "r1.png": 0.0, "r2.png": 0.05})
    (told,) = [sentence for sentence in measured.advice(NAMES) if "largest gain" in sentence]
    assert told.endswith("like r0.png (so far each reference gained the others 0.05 IoU)")
    (untold,) = [s for s in SelfTest("pixel", few).advice(NAMES) if "largest gain" in s]
    assert untold.endswith("like r0.png")


def test_the_worst_object_is_helped_first() -> None:
    trials = (Trial("a", 1, True, 0.9, 9, 0.5), Trial("a", 2, True, 0.2, 9, 0.5))
    told = [s for s in SelfTest("pixel", trials).advice({}) if "mark one clean" in s]
    assert "object 2" in told[0]
    assert "object 1" in told[1]


def test_without_a_clean_reference_it_asks_for_one() -> None:
    without = SelfTest("pixel", FOUR_AND_A_STRANGER.trials[:5])
    assert any("mark one clean picture" in sentence for sentence in without.advice(NAMES))
    assert not any("clean" in sentence for sentence in FOUR_AND_A_STRANGER.advice(NAMES))


def test_one_reference_is_said_to_be_weak() -> None:
    alone = SelfTest("pixel", (trial("a", 0.5),))
    assert alone.is_weak
    assert "tells little" in alone.advice(NAMES)[0]
    assert not FOUR_AND_A_STRANGER.is_weak


def test_sentences_name_objects() -> None:
    assert FOUR_AND_A_STRANGER.describe(NAMES)[0].startswith("scratch: expect an IoU of ")
    assert FOUR_AND_A_STRANGER.describe({})[0].startswith("object 1: expect")


def test_it_comes_back_from_json() -> None:
    content = json.loads(json.dumps(FOUR_AND_A_STRANGER.to_json()))
    assert SelfTest.from_json(content) == FOUR_AND_A_STRANGER


def test_one_that_was_kept_before_there_was_evidence_comes_back_as_well() -> None:
    content = FOUR_AND_A_STRANGER.to_json()
    for entry in content["references"]:
        del entry["evidence"]
    assert SelfTest.from_json(content) == FOUR_AND_A_STRANGER
    del content["references"][0]["iou"]
    with pytest.raises((KeyError, TypeError)):
        SelfTest.from_json(content)
