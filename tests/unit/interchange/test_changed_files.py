"""A share of ``benchmarks/mutations.py``: damaged files end in a summary or in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from maskcast.interchange.reading.readers import READ_FORMATS
from mutations import import_mutations

_CHANGES = 40


@pytest.mark.parametrize("name", READ_FORMATS)
def test_changed_files_end_in_a_summary_or_a_sentence(tmp_path: Path, name: str) -> None:
    outcome = import_mutations(name, _CHANGES, tmp_path / "changed", seed=1)

    assert [failure.reason for failure in outcome.failures] == []
    # Some are hurt too badly and some are not, or the files are not changed as they should be.
    assert outcome.imported >= _CHANGES // 10
    assert outcome.refused >= _CHANGES // 20
