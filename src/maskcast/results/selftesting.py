"""The self-test of a project: each reference is left out once and masked by what the others teach.

Slower and stricter than what a run has anyway (``engines.base.CrossFitted``): the engine really
memorizes the others. With few references, two are left out at a time as well, which tells what each
of them gains or harms. A single one has its halves left out where an engine can do that, and else
altered views of it are masked, which is the weakest test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

import numpy as np

from maskcast.drawing.overlay import draw_overlay
from maskcast.engines.base import CrossFitted, Engine
from maskcast.errors import EngineError
from maskcast.io.atomic import write_atomically
from maskcast.io.images import encode_jpeg
from maskcast.io.output_names import output_names
from maskcast.masks import components
from maskcast.project.folder import ProjectFolder
from maskcast.project.references import load_references
from maskcast.quality.altered import altered_views, of_all_views
from maskcast.quality.expectation import SelfTest
from maskcast.quality.trials import trials_of
from maskcast.types import ObjectSpec, Reference, Segmentation

PICTURES = "selftest"
"""Folder in the project for pictures of annotations beside predictions."""

_PAIRS_UP_TO = 5
"""References up to which pairs are left out."""

Told = Callable[[int, int], None]


@dataclass(frozen=True)
class Tested:
    """A self-test and where its pictures are.

    Attributes:
        selftest: the figures.
        names: object id -> name.
        pictures: the folder of pictures, annotation on the left and prediction on the right.
    """

    selftest: SelfTest
    names: Mapping[int, str]
    pictures: Path


def tested_alone(project: ProjectFolder) -> SelfTest:
    """Leave each reference out once, and no two together; nothing is drawn.

    With a single annotated reference, its altered views are masked, whatever the engine is.

    Raises:
        SettingsError, AnnotationError, ImageError, EngineError: if there is nothing to test.
    """
    engine = project.create_engine()
    try:
        references = load_references(project, engine).references
        return _Leaving(engine, references, lambda *_: None).alike().selftest(engine)
    finally:
        engine.close()


def run_selftest(project: ProjectFolder, told: Told | None = None) -> Tested:
    """Test the references of a project with its engine.

    Args:
        project: its ``selftest`` folder gets the pictures.
        told: is told how much is done, and of how much.

    Raises:
        SettingsError, AnnotationError, ImageError, EngineError: if there is nothing to test.
        StorageError: if pictures cannot be written.
    """
    engine = project.create_engine()
    try:
        references = load_references(project, engine).references
        shown = {key for reference in references for key, mask in reference.masks.items()}
        specs = project.object_specs(shown)
        left = _Leaving(engine, references, told or (lambda *_: None)).all()
    finally:
        engine.close()
    folder = project.root / PICTURES / engine.info.name
    _draw(folder, left.references, left.found, specs)
    names = {key: spec.name for key, spec in specs.items()}
    return Tested(left.selftest(engine), names, folder)


@dataclass(frozen=True)
class _Left:
    """What was found in references that were left out, or in altered views of the only one.

    Attributes:
        references: with what is annotated.
        found: per reference.
        gains: see ``SelfTest``.
        viewed: the reference whose views are the first of ``references``; None if none are.
    """

    references: Sequence[Reference]
    found: Sequence[Segmentation]
    gains: Mapping[str, float] = field(default_factory=dict)
    viewed: str | None = None

    def selftest(self, engine: Engine) -> SelfTest:
        """The figures of it."""
        name, trials = engine.info.name, trials_of(self.references, self.found)
        if self.viewed is None:
            return SelfTest(name, tuple(trials), self.gains)
        views = [trial for trial in trials if trial.image_id.startswith(f"{self.viewed}-")]
        others = [trial for trial in trials if trial not in views]
        return SelfTest(name, (*of_all_views(views, self.viewed), *others), has_views=True)


class _Leaving:
    """Leaves references out."""

    def __init__(self, engine: Engine, references: Sequence[Reference], told: Told) -> None:
        self._engine = engine
        self._references = references
        count = len(references)
        self._shown = [index for index in range(count) if not references[index].is_clean]
        self._has_pairs = 3 <= count <= _PAIRS_UP_TO
        self._steps = count + (count * (count - 1) // 2 if self._has_pairs else 0)
        self._done = 0
        self._told = told

    def all(self) -> _Left:
        """What is found in each reference, and what each gains or harms."""
        if len(self._shown) < 2 and isinstance(self._engine, CrossFitted):
            halves = self._engine.held_out(self._engine.memorize(self._references))
            return _Left(self._references, halves)
        if len(self._shown) < 2:
            return self._views()
        alone = self._each()
        gains = self._gains(alone) if self._has_pairs else {}
        return _Left(self._references, alone, gains)

    def alike(self) -> _Left:
        """What is found in each, in the same way by any engine, for comparing engines."""
        if len(self._shown) < 2:
            return self._views()
        return _Left(self._references, self._each())

    def _each(self) -> list[Segmentation]:
        return [self._found((index,))[0] for index in range(len(self._references))]

    def _views(self) -> _Left:
        if not self._shown:
            raise EngineError("no reference shows an object; annotate at least one")
        only = self._references[self._shown[0]]
        views = altered_views(only)
        bank = self._engine.memorize(self._references)
        found = [self._engine.propagate(bank, [view.image])[0] for view in views]
        clean = [index for index in range(len(self._references)) if index not in self._shown]
        found += [self._found((index,))[0] for index in clean]
        references = (*views, *(self._references[index] for index in clean))
        return _Left(references, found, viewed=only.image_id)

    def _gains(self, alone: Sequence[Segmentation]) -> dict[str, float]:
        sums = {reference.image_id: 0.0 for reference in self._references}
        for first, second in combinations(range(len(self._references)), 2):
            without = self._found((first, second))
            for index, other, found in zip((first, second), (second, first), without, strict=True):
                # The other one was there when this one alone was left out.
                gain = self._iou(index, alone[index]) - self._iou(index, found)
                sums[self._references[other].image_id] += gain / (len(self._references) - 1)
        return sums

    def _iou(self, index: int, found: Segmentation) -> float:
        trials = trials_of([self._references[index]], [found])
        return float(np.mean([trial.iou for trial in trials if trial.is_shown] or [1.0]))

    def _found(self, out: tuple[int, ...]) -> list[Segmentation]:
        """What is found in some references where they are left out."""
        kept = [known for index, known in enumerate(self._references) if index not in out]
        images = [self._references[index].image for index in out]
        self._done += 1
        self._told(self._done, self._steps)
        if all(reference.is_clean for reference in kept):
            return [Segmentation.empty(*image.shape[:2]) for image in images]
        bank = self._engine.memorize(kept)
        return [self._engine.propagate(bank, [image])[0] for image in images]


def _draw(
    folder: Path,
    references: Sequence[Reference],
    found: Sequence[Segmentation],
    specs: Mapping[int, ObjectSpec],
) -> None:
    """Write a picture for each reference: annotation on the left, prediction on the right."""
    names = output_names([reference.image_id for reference in references])
    for reference, result in zip(references, found, strict=True):
        ids = sorted(key for key, mask in reference.masks.items() if mask.any())
        shape = reference.image.shape[:2]
        masks = np.array([reference.masks[key] for key in ids], np.bool_).reshape(-1, *shape)
        annotated = Segmentation(np.array(ids, np.int32), masks, np.ones(len(ids), np.float32))
        sides = [_overlay(reference, shown, specs) for shown in (annotated, result)]
        path = folder / f"{names[reference.image_id]}.jpg"
        write_atomically(path, encode_jpeg(np.hstack(sides)))


def _overlay(
    reference: Reference, shown: Segmentation, specs: Mapping[int, ObjectSpec]
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    parts = {
        int(key): components(mask) for key, mask in zip(shown.object_ids, shown.masks, strict=True)
    }
    return draw_overlay(reference.image, shown, specs, parts)
