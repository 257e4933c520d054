"""The engine ``auto``: of all that are ready here, the one that does best on references left out.

One engine makes all objects of a run. Each object by the engine that is best for it would take a
memory bank, a calibration and a judge per engine and object, and what overlaps would have no order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from maskcast.engines.base import installed_engines
from maskcast.engines.catalog import FIRST
from maskcast.errors import EngineError, SettingsError
from maskcast.project.folder import AUTO_ENGINE, ProjectFolder
from maskcast.quality.advice import told
from maskcast.quality.trials import Trial
from maskcast.results.selftesting import tested_alone
from maskcast.runs.copies import opened_ledger

AnyProject = TypeVar("AnyProject", bound=ProjectFolder)


@dataclass(frozen=True)
class Choice:
    """What ``auto`` came to.

    Attributes:
        engine: its name.
        why: sentences for a person.
    """

    engine: str
    why: tuple[str, ...]


def settled(project: AnyProject, tell: Callable[[str], None], *, fresh: bool = False) -> AnyProject:
    """The same project with an engine instead of ``auto``; any other is left as it is.

    Results that are there are gone on with by the engine that made them.

    Args:
        project: whose references are tested.
        tell: is told what was chosen, and why.
        fresh: results that are there do not count.

    Raises:
        SettingsError: if ``weights`` are given, which are of one engine.
        EngineError: if no engine is ready.
        AnnotationError, ImageError: if references cannot be read.
    """
    if project.settings.engine != AUTO_ENGINE:
        return project
    if project.settings.weights is not None:
        raise SettingsError("weights are of one engine; name it instead of auto")
    engine = None if fresh else _engine_of_results(project)
    if engine is None:
        choice = choose_engine(project)
        engine = choice.engine
        for sentence in choice.why:
            tell(sentence)
    return _with_engine(project, engine)


def choose_engine(project: ProjectFolder) -> Choice:
    """Leave each reference out with every engine that is ready; the quicker of two equals wins.

    Raises:
        EngineError: if no engine is ready.
        AnnotationError, ImageError: if references cannot be read.
    """
    ready = [name for name in sorted(installed_engines(), key=_place) if _is_ready(project, name)]
    if len(ready) == 1:
        return Choice(ready[0], (f"auto: {ready[0]} is the only engine that is ready here",))
    shares: dict[str, Mapping[int, float]] = {}
    failures: list[str] = []
    for name in ready:
        try:
            shares[name] = reached(tested_alone(_with_engine(project, name)).trials)
        except EngineError as error:
            failures.append(f"auto: {name} could not be tested: {error}")
    if not shares:
        raise EngineError("; ".join(failures) or "no engine is ready; see maskcast engines")
    means = {name: float(np.mean(list(by_object.values()))) for name, by_object in shares.items()}
    best = max(means, key=lambda name: means[name])
    others = ", ".join(f"{name} {mean:.2f}" for name, mean in means.items() if name != best)
    sentence = f"auto: {best} does best on references left out: {means[best]:.2f}"
    names = {key: spec.name for key, spec in project.object_specs(shares[best]).items()}
    beside = f" ({others})" if others else ""
    return Choice(best, (sentence + beside, *_better_alone(best, shares, names), *failures))


def reached(trials: Sequence[Trial]) -> dict[int, float]:
    """Object id -> mean over references: the IoU, or without the object 1 if it was not seen."""
    values: dict[int, list[float]] = defaultdict(list)
    for trial in trials:
        seen_right = trial.iou if trial.is_shown else float(trial.outcome == "silent")
        values[trial.object_id].append(seen_right)
    return {key: float(np.mean(known)) for key, known in values.items()}


def _better_alone(
    best: str, shares: Mapping[str, Mapping[int, float]], names: Mapping[int, str]
) -> list[str]:
    """Objects that another engine does better than the one that does best on all."""
    sentences = []
    for key, own in shares[best].items():
        other = max(shares, key=lambda name: shares[name][key])
        if shares[other][key] > own:
            name = names.get(key) or told("object", number=key)
            figures = f"{shares[other][key]:.2f} against {own:.2f}"
            sentences.append(f"auto: {name} alone would be better with {other} ({figures})")
    return sentences


def _engine_of_results(project: ProjectFolder) -> str | None:
    with opened_ledger(project) as ledger:
        known = None if ledger is None else ledger.fingerprint.get("engine")
    return known if known in installed_engines() else None


def _is_ready(project: ProjectFolder, name: str) -> bool:
    try:
        _with_engine(project, name).create_engine().close()
    except EngineError:
        return False
    return True


def _with_engine(project: AnyProject, name: str) -> AnyProject:
    return replace(project, settings=project.settings.model_copy(update={"engine": name}))


def _place(name: str) -> tuple[int, str]:
    return FIRST.index(name) if name in FIRST else len(FIRST), name
