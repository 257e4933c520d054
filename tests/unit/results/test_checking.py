"""What a run said, beside the truth."""

from __future__ import annotations

import pytest

from maskcast.results.checking import Checked
from maskcast.results.metrics import Agreement
from maskcast.runs.ledger_rows import FoundObject, TargetRow


def row(image_id: str, score: float, right: float | None) -> TargetRow:
    found = FoundObject(1, score, 10, 1, (0, 0, 5, 5), right)
    return TargetRow(image_id, image_id, "done", (10, 10), objects=(found,))


def agreement(percent: int) -> Agreement:
    """With an IoU of so many percent."""
    return Agreement(percent, 100, percent, None)


COMPARED = {
    "a": {1: agreement(90)},
    "b": {1: agreement(70)},
    "c": {1: agreement(20)},
    "clean": {},
    "alarm": {1: Agreement(0, 10, 0, None)},
}


def test_bins_tell_frequencies_beside_probabilities() -> None:
    """0.82 and 0.88 in a bin, both right; 0.41 and 0.45, none: (2 * 0.15 + 2 * 0.43) / 4."""
    checked = Checked(COMPARED)
    for image_id, right in (("a", 0.82), ("b", 0.88), ("c", 0.41), ("alarm", 0.45)):
        checked.add(row(image_id, 0.6, right))
    known = checked.reliability()
    assert known is not None
    assert known.told == pytest.approx([0.43, 0.85])
    assert known.happened.tolist() == [0, 1]
    assert known.counts.tolist() == [2, 2]
    assert known.calibration_error == pytest.approx((2 * 0.43 + 2 * 0.15) / 4)
    assert known.score_error == pytest.approx((0.3 + 0.1 + 0.4 + 0.6) / 4)


def test_defective_is_what_truly_shows_something() -> None:
    checked = Checked(COMPARED)
    known = {key: checked.is_defective(row(key, 0.5, None)) for key in (*COMPARED, "untold")}
    assert known == {
        "a": True,
        "b": True,
        "c": True,
        "clean": False,
        "alarm": False,
        "untold": None,
    }


def test_the_true_mean_leaves_false_alarms_out() -> None:
    assert Checked(COMPARED).mean_iou(1) == pytest.approx((0.9 + 0.7 + 0.2) / 3)
    assert Checked(COMPARED).mean_iou(2) is None


def test_without_probabilities_nothing_is_told() -> None:
    checked = Checked(COMPARED)
    checked.add(row("a", 0.6, None))
    assert checked.reliability() is None
