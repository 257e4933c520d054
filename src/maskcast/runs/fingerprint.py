"""What the results of a run depend on, kept in its ledger and compared before it goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from maskcast.engines.base import EngineInfo, reference_digest
from maskcast.io.images import IntensityWindow
from maskcast.types import Reference

_NOT_ASKED = frozenset({"objects"})
"""Names and colours, which were in the fingerprints of 0.1."""

_SETTINGS = "engine settings"

SMALLEST = "smallest area"
"""The topic of what counts as found, which results of before it have nothing of; see
``crumbs.py``."""

CUTS = "thresholds"
"""The topic of what was chosen with the results in view; see ``cuts.py``."""

Fingerprint = Mapping[str, Any]
"""JSON-able: topic -> facts. Facts are a value, or a mapping of names to values."""


def run_fingerprint(
    info: EngineInfo,
    references: Sequence[Reference],
    window: IntensityWindow | None,
    least: Mapping[int, int],
) -> Fingerprint:
    """Collect everything that masks depend on, apart from the targets.

    Args:
        info: of the engine.
        references: that it learns from.
        window: that pictures of more than 8 bits are seen through.
        least: object id -> pixels of the smallest part that counts as found.

    Names and colours of objects do not count: see ``looks.py``.
    """
    return {
        "engine": info.name,
        _SETTINGS: dict(info.signature),
        "references": {reference.image_id: reference_digest(reference) for reference in references},
        "intensity window": None if window is None else [window.low, window.high],
        SMALLEST: {str(key): area for key, area in least.items()},
    }


def seen_window(fingerprint: Fingerprint) -> IntensityWindow | None:
    """The window that a run saw its pictures of more than 8 bits through; None if it had none."""
    bounds = fingerprint.get("intensity window")
    return None if bounds is None else IntensityWindow(*bounds)


def describe_changes(before: Fingerprint, now: Fingerprint) -> list[str]:
    """Say what differs, one phrase a topic; empty if nothing does."""
    is_other_engine = before.get("engine") != now.get("engine")
    left_out = _NOT_ASKED | ({_SETTINGS} if is_other_engine else set())  # each has its own
    if SMALLEST not in before or before.get("references") != now.get("references"):
        left_out |= {SMALLEST}  # an older run goes on as it is; other references are told already
    topics = sorted((before.keys() | now.keys()) - left_out)
    return [
        _describe(topic, before.get(topic), now.get(topic))
        for topic in topics
        if before.get(topic) != now.get(topic)
    ]


def _describe(topic: str, before: object, now: object) -> str:
    if not (isinstance(before, Mapping) and isinstance(now, Mapping)):
        return f"{topic}: {_both(before, now)}"
    names = sorted(before.keys() | now.keys())
    changes = [
        f"{name} {_change(before, now, name)}"
        for name in names
        if before.get(name) != now.get(name)
    ]
    shown = ", ".join(changes[:5]) + (", ..." if len(changes) > 5 else "")
    return f"{topic}: {shown}"


def _change(before: Mapping[str, Any], now: Mapping[str, Any], name: str) -> str:
    if name not in before:
        return "added"
    if name not in now:
        return "removed"
    is_digest = isinstance(now[name], str) and len(now[name]) == 64
    return "changed" if is_digest else _both(before[name], now[name])


def _both(before: object, now: object) -> str:
    """Two values, so that they are told apart."""
    alike = str(before) == str(now)
    return f"{before!r} -> {now!r}" if alike else f"{before} -> {now}"
