"""What ``maskcast engines`` lists: every engine, whether it can run here, what is missing."""

from __future__ import annotations

import inspect
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from maskcast.engines.base import (
    EngineSettings,
    WeightsOffer,
    create_engine,
    installed_engines,
)
from maskcast.engines.hub import REPOSITORY, download
from maskcast.errors import EngineError, SettingsError

FIRST = ("pixel", "deep")
"""What works at once, then the next step after it."""


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
        weights: what it can be used with, and what of that is on this machine.
        is_next: whether it is what to try after the engine that works at once.
    """

    name: str
    ready: bool
    device: str | None
    needs_weights: bool | None
    description: str
    next_step: str
    weights: tuple[WeightsOffer, ...] = ()
    is_next: bool = False

    @property
    def promise(self) -> str:
        """What getting it ready is worth and takes; empty of an engine that is ready."""
        if self.ready or not (self.is_next and self.weights):
            return ""
        return f"better masks: one download of {self.weights[0].megabytes} MB"

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return {**asdict(self), "promise": self.promise}


def list_engines() -> list[EngineEntry]:
    """Try to build every engine with default settings; first those to try first, then by name."""
    return [_entry(name) for name in sorted(installed_engines(), key=_place)]


def pull(name: str) -> Path:
    """Download weights from the Hub, with a progress bar; returns their folder.

    Args:
        name: weights or an engine as ``list_engines`` has them (of an engine its first weights), or
            ``owner/name``.

    Raises:
        SettingsError: if nothing is called so.
        EngineError: if the Hub cannot be reached or refuses; says what to do.
    """
    offers = {engine: _introduce(engine)[1] for engine in sorted(installed_engines())}
    repositories = {offer.name: offer.repository for known in offers.values() for offer in known}
    defaults = {engine: known[0].repository for engine, known in offers.items() if known}
    repository = {**repositories, **defaults}.get(name, name)
    if not REPOSITORY.fullmatch(repository):
        raise SettingsError(
            f"there are no weights {name!r} to pull; there are: {', '.join(repositories)}"
        )
    return download(repository, name)


def _place(name: str) -> tuple[int, str]:
    return FIRST.index(name) if name in FIRST else len(FIRST), name


def _entry(name: str) -> EngineEntry:
    description, weights = _introduce(name)
    is_next = name == FIRST[1]
    try:
        engine = create_engine(name, EngineSettings())
    except EngineError as error:
        return EngineEntry(name, False, None, None, description, str(error), weights, is_next)
    try:
        info = engine.info
        needs = info.needs_weights
        return EngineEntry(name, True, info.device, needs, description, "", weights, is_next)
    finally:
        engine.close()


def _introduce(name: str) -> tuple[str, tuple[WeightsOffer, ...]]:
    """One sentence, and the weights on offer; nothing of an engine that cannot be imported."""
    try:
        factory = installed_engines()[name].load()
        list_weights = getattr(factory, "list_weights", tuple)
        return (inspect.getdoc(factory) or "").partition("\n")[0], tuple(list_weights())
    except ImportError:
        return "", ()
