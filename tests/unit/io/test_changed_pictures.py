"""A share of ``benchmarks/changed_pictures.py``: damaged pictures give pixels or a sentence."""

from __future__ import annotations

from changed_pictures import GROWTH, pictures, read_in_processes
from maskcast.io.images import IMAGE_SUFFIXES

_CHANGES = 2000


def test_changed_pictures_of_every_kind_are_read_or_refused() -> None:
    outcome = read_in_processes(_CHANGES, seed=3)
    assert not outcome.failures
    assert outcome.growth < GROWTH
    assert sum(counts.total() for counts in outcome.kinds.values()) == _CHANGES
    # Where nothing is refused nothing was changed, and where nothing is read too much was.
    for kind, counts in outcome.kinds.items():
        assert counts["refused"] > 0, kind
        assert counts["read"] > 0, kind


def test_every_kind_that_is_read_is_changed() -> None:
    same = {".jfif": ".jpg", ".jpe": ".jpg", ".jpeg": ".jpg", ".pnm": ".pgm", ".tiff": ".tif"}
    same |= {".j2c": ".j2k", ".jpc": ".j2k", ".jpf": ".jp2", ".jpx": ".jp2"}
    changed = {f".{name.rpartition('.')[2]}" for name in pictures()}
    assert changed == {same.get(suffix, suffix) for suffix in IMAGE_SUFFIXES}
