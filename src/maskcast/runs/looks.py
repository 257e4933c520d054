"""Names and colours as results show them: drawn into overlays and palettes, in no mask.

What a run depends on is in its fingerprint (``fingerprint.py``). Names and colours are not: where
they changed, the pictures that show them are drawn again, from the masks that are there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from maskcast.runs.fingerprint import Fingerprint
from maskcast.types import ObjectSpec

_OBJECTS_OF_0_1 = "objects"
"""The topic of fingerprints under which 0.1 kept names and colours."""


def look_of(specs: Mapping[int, ObjectSpec]) -> int:
    """A number that stays the same as long as names and colours do; see ``TargetRow``."""
    content = json.dumps(_words(specs), sort_keys=True, ensure_ascii=False)
    return int.from_bytes(hashlib.sha256(content.encode()).digest()[:6])


def looked_alike_in_0_1(fingerprint: Fingerprint, specs: Mapping[int, ObjectSpec]) -> bool:
    """Whether what a ledger of 0.1 records was drawn with these names and colours."""
    before: Mapping[str, Any] = fingerprint.get(_OBJECTS_OF_0_1) or {}
    now = _words(specs)
    return {key: before.get(key) for key in now} == now


def _words(specs: Mapping[int, ObjectSpec]) -> dict[str, Any]:
    return {str(key): [spec.name, list(spec.color)] for key, spec in specs.items()}
