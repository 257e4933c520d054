"""What ``maskcast engines`` lists: every engine, whether it can run here, what is missing."""

from __future__ import annotations

import inspect
from dataclasses import asdict, dataclass
from typing import Any

from maskcast.engines.base import Engine, EngineSettings, create_engine, installed_engines
from maskcast.errors import EngineMissingError


@dataclass(frozen=True)
class EngineEntry:
    """One line of the list.

    Attributes:
        name: as given to ``--engine``.
        ready: whether it can run here and now.
        device: where it would compute; None if it is not ready.
        needs_weights: whether trained weights must be downloaded; None if unknown.
        description: one sentence.
        next_step: what to do to make it ready; empty if it is.
    """

    name: str
    ready: bool
    device: str | None
    needs_weights: bool | None
    description: str
    next_step: str

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)


def list_engines() -> list[EngineEntry]:
    """Try to build every engine with default settings, ascending by name."""
    return [_entry(name) for name in sorted(installed_engines())]


def _entry(name: str) -> EngineEntry:
    try:
        engine = create_engine(name, EngineSettings())
    except EngineMissingError as error:
        return EngineEntry(name, False, None, None, "", str(error))
    try:
        info = engine.info
        return EngineEntry(name, True, info.device, info.needs_weights, _first_sentence(engine), "")
    finally:
        engine.close()


def _first_sentence(engine: Engine) -> str:
    return (inspect.getdoc(type(engine)) or "").partition("\n")[0]
