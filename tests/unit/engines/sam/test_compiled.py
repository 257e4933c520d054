"""Compiled code finds the same, and is compiled once for each shape.

Tests run the compiler without its last stage, which would turn graphs into machine code for
minutes; with MASKCAST_TEST_INDUCTOR set they run that too.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from maskcast.engines.sam.annotated import memorize
from maskcast.engines.sam.compiled import CompiledTracker
from maskcast.engines.sam.devices import Limits
from maskcast.engines.sam.families import FAMILIES
from maskcast.engines.sam.memory import SamMemory
from maskcast.engines.sam.models import Models
from maskcast.engines.sam.options import SamOptions
from maskcast.engines.sam.targets import Caster, Rules, _parts
from maskcast.engines.sam.tracker import Tracker
from maskcast.types import Reference
from sam_support import FAMILY_NAMES, tiny_model

CPU = torch.device("cpu")
RULES = Rules(threshold=0.5, presence=0.0, max_references=None)


def models_of(name: str, *, compiled: bool, dtype: torch.dtype = torch.float64) -> Models:
    return Models(lambda: tiny_model(name, dtype), FAMILIES[name], CPU, dtype, compiled=compiled)


def remembered(models: Models, object_ids: Sequence[int]) -> SamMemory:
    """Every object in the first reference, all but the last object in the second."""
    rng = np.random.default_rng(1)
    shown = [object_ids, object_ids[:-1]]
    references = [
        Reference(
            f"{number}.png",
            rng.integers(0, 256, (50, 70, 3), dtype=np.uint8),
            {object_id: rng.random((50, 70)) > 0.6 for object_id in ids},
        )
        for number, ids in enumerate(shown)
    ]
    return memorize(models, references, SamOptions(), "tiny")


def pictures(models: Models, count: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    shape = (3, models.fast.size, models.fast.size)
    return list(torch.randint(0, 256, (count, *shape), generator=generator, dtype=torch.uint8))


def caster(models: Models, memory: SamMemory, ids: Sequence[int], pairs: int = 100) -> Caster:
    return Caster(models, memory, tuple(ids), RULES, Limits(16, pairs, 2**30))


def assert_same_targets(compiled: Models, plain: Models, tolerance: float) -> None:
    """In full batches, and in one of which but one picture is a target."""
    ids = (1, 2)
    memory = remembered(plain, ids)
    fast, exact = caster(compiled, memory, ids), caster(plain, memory, ids)
    shown = pictures(plain, 4)
    expected = exact.find(plain.look_at_targets(shown))
    for start in (0, 2):
        found = fast.find(compiled.look_at_targets(shown[start : start + 2]))
        for name in ("logits", "quality", "presence"):
            torch.testing.assert_close(
                getattr(found, name),
                getattr(expected, name)[start : start + 2],
                rtol=0,
                atol=tolerance,
            )
    with torch.compiler.set_stance("fail_on_recompile"):
        filled = fast.collect(fast.launch(shown[3:] * 2, [(40, 30)]), 0)
    alone = exact.collect(exact.launch(shown[3:], [(40, 30)]), 0)
    np.testing.assert_array_equal(filled.object_ids, alone.object_ids)
    np.testing.assert_allclose(filled.scores, alone.scores, atol=max(tolerance, 1e-6))
    assert (filled.masks != alone.masks).mean() < 1e-3


@pytest.fixture
def without_machine_code(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The compiler must take each step as one graph."""
    compile_fully: Callable[..., Any] = torch.compile

    def compiled(function: object, *, dynamic: bool, mode: str | None) -> Any:  # noqa: ANN401
        assert mode is None
        return compile_fully(function, backend="aot_eager", fullgraph=True, dynamic=dynamic)

    monkeypatch.setattr(torch, "compile", compiled)
    yield
    torch.compiler.reset()


@pytest.mark.usefixtures("without_machine_code")
@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_compiling_changes_nothing(name: str) -> None:
    assert_same_targets(models_of(name, compiled=True), models_of(name, compiled=False), 1e-9)


@pytest.mark.skipif("MASKCAST_TEST_INDUCTOR" not in os.environ, reason="compiling takes minutes")
@pytest.mark.filterwarnings("ignore:.*script_method:DeprecationWarning")
@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_machine_code_changes_nothing(name: str) -> None:
    compiled = models_of(name, compiled=True, dtype=torch.float32)
    assert_same_targets(compiled, models_of(name, compiled=False, dtype=torch.float32), 1e-3)
    torch.compiler.reset()


@pytest.mark.parametrize(
    ("count", "at_once", "expected"),
    [
        (1, 4, [(0, 1)]),
        (4, 4, [(0, 4)]),
        (5, 4, [(0, 3), (2, 5)]),
        (6, 4, [(0, 3), (3, 6)]),
        (7, 3, [(0, 3), (3, 6), (4, 7)]),
        (3, 1, [(0, 1), (1, 2), (2, 3)]),
    ],
)
def test_parts_for_compiled_code_are_all_of_one_length(
    count: int,
    at_once: int,
    expected: list[tuple[int, int]],
) -> None:
    assert [(part.start, part.stop) for part in _parts(count, at_once, alike=True)] == expected


def test_seven_objects_in_parts_of_three_need_one_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last part begins in the one before; what it computes again is the same."""
    monkeypatch.setattr(torch, "compile", lambda function, **_: function)
    ids = range(1, 9)
    plain, compiled = (models_of("edgetam", compiled=one) for one in (False, True))
    memory = remembered(plain, ids)
    shapes = []
    track = Tracker.track

    def noted(tracker: Tracker, features: Any, started: Any, projected: Any) -> Any:  # noqa: ANN401
        shapes.append((len(projected[0].keys), len(features)))
        return track(tracker, features, started, projected)

    monkeypatch.setattr(Tracker, "track", noted)
    shown = pictures(plain, 2)
    found = caster(compiled, memory, ids, pairs=6).find(compiled.look_at_targets(shown))
    assert shapes == [(1, 2), (3, 2), (3, 2), (3, 2)]
    expected = caster(plain, memory, ids).find(plain.look_at_targets(shown))
    torch.testing.assert_close(found.logits, expected.logits, rtol=0, atol=1e-9)
    torch.testing.assert_close(found.presence, expected.presence, rtol=0, atol=1e-9)


class Replayed:
    """Stands for CUDA graphs: results lie where the next replay for their shape puts its own."""

    def __init__(self, function: Callable[..., Any], **_: object) -> None:
        self._function = function
        self._kept: dict[tuple[int, ...], list[torch.Tensor]] = {}

    def __call__(self, *arguments: object) -> Any:  # noqa: ANN401
        result = self._function(*arguments)
        single = isinstance(result, torch.Tensor)
        fields = [result] if single else list(vars(result).values())
        kept = self._kept.setdefault(fields[0].shape, [field.clone() for field in fields])
        for old, new in zip(kept, fields, strict=True):
            old.copy_(new)
        return kept[0] if single else type(result)(*kept)


def test_what_a_graph_returns_is_copied_before_its_next_replay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps: list[bool] = []
    monkeypatch.setattr(torch, "compile", Replayed)
    monkeypatch.setattr(torch.compiler, "cudagraph_mark_step_begin", lambda: steps.append(True))
    ids = (1, 2, 3, 4, 5)
    plain, compiled = (models_of("edgetam", compiled=one) for one in (False, True))
    memory = remembered(plain, ids)
    monkeypatch.setattr(compiled.fast, "_graphs", True)
    first, second = pictures(plain, 4)[:2], pictures(plain, 4)[2:]
    looked = [compiled.look_at_targets(batch) for batch in (first, second)]
    assert len(steps) == 2
    cast = caster(compiled, memory, ids, pairs=4)
    found = [cast.find(features) for features in looked]
    for batch, decoded in zip((first, second), found, strict=True):
        expected = caster(plain, memory, ids).find(plain.look_at_targets(batch))
        torch.testing.assert_close(decoded.logits, expected.logits, rtol=0, atol=1e-9)


def test_graphs_are_for_cuda_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    modes: list[object] = []
    codes = set()

    def compiled(function: Any, mode: str | None, **_: object) -> object:  # noqa: ANN401
        modes.append(mode)
        codes.add(function.__code__)
        return function

    monkeypatch.setattr(torch, "compile", compiled)
    tracker = CompiledTracker(tiny_model("edgetam"), graphs=True)
    assert modes == [None] * 3
    assert len(codes) == 3, "steps of the same code share PyTorch's limit of shapes"
    tensor = torch.ones(1)
    assert tracker._own(tensor) is tensor
