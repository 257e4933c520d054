"""On a GPU the host runs ahead: uploads go beside the computing, and launching never waits.

No GPU is needed: streams are played by a stand-in, and the GPU by the device ``meta``.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from maskcast.engines.sam import targets
from maskcast.engines.sam.annotated import memorize
from maskcast.engines.sam.devices import Limits, Uploader
from maskcast.engines.sam.families import FAMILIES
from maskcast.engines.sam.models import Models
from maskcast.engines.sam.options import SamOptions
from maskcast.engines.sam.targets import Caster, Rules
from maskcast.types import Reference
from sam_support import FAMILY_NAMES, tiny_model

UNWRITTEN = 99


class Streams:
    """CUDA's streams on the CPU: a copy arrives when another stream waits for the copying one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.used_in: list[tuple[torch.Tensor, object]] = []
        self.computing = Stream()
        self.current = self.computing
        self._to, self._empty = torch.Tensor.to, torch.empty
        monkeypatch.setattr(torch.cuda, "Stream", lambda _: Stream())
        monkeypatch.setattr(torch.cuda, "current_stream", lambda _: self.current)
        monkeypatch.setattr(torch.cuda, "stream", self._entered)
        monkeypatch.setattr(torch, "empty", self._pinned)
        monkeypatch.setattr(torch.Tensor, "to", lambda tensor, _, **__: self._send(tensor))
        monkeypatch.setattr(
            torch.Tensor, "record_stream", lambda tensor, one: self.used_in.append((tensor, one))
        )

    @contextmanager
    def _entered(self, stream: Stream) -> Iterator[None]:
        before, self.current = self.current, stream
        yield
        self.current = before

    def _pinned(self, *shape: int, dtype: torch.dtype, pin_memory: bool) -> torch.Tensor:
        assert pin_memory
        return self._empty(*shape, dtype=dtype)

    def _send(self, pinned: torch.Tensor) -> torch.Tensor:
        sent = torch.full_like(pinned, UNWRITTEN)
        self.current.copies.append(lambda: sent.copy_(pinned))
        return sent


class Stream:
    """Copies that have been asked for."""

    def __init__(self) -> None:
        self.copies: list[Callable[[], object]] = []

    def wait_stream(self, other: Stream) -> None:
        for copy_now in other.copies:
            copy_now()
        other.copies.clear()


def test_pictures_arrive_before_they_are_computed_with(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = [torch.full((3, 4, 4), number, dtype=torch.uint8) for number in (1, 2)]
    streams = Streams(monkeypatch)
    upload = Uploader(torch.device("cuda:0"))
    for _ in range(2):
        sent = upload(pictures)
        assert torch.equal(sent, torch.stack(pictures))
        assert streams.computing.copies == [], "they are sent beside what is computed"
        tensor, stream = streams.used_in.pop()
        assert tensor is sent
        assert stream is streams.computing


def test_elsewhere_pictures_are_just_stacked() -> None:
    pictures = [torch.zeros(3, 4, 4, dtype=torch.uint8)] * 2
    assert Uploader(torch.device("cpu"))(pictures).shape == (2, 3, 4, 4)
    assert Uploader(torch.device("meta"))(pictures).device.type == "meta"


class Crossings(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes operations that mix the host's numbers with the device's: each waits for the device."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.noted: list[str] = []

    def __torch_dispatch__(
        self,
        function: Any,  # noqa: ANN401
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        result = function(*args, **(kwargs or {}))
        involved = [*torch.utils._pytree.tree_leaves((args, kwargs)), result]
        devices = {
            one.device.type for one in involved if isinstance(one, torch.Tensor) and one.dim() > 0
        }
        if len(devices) > 1:
            self.noted.append(str(function))
        return result


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_launching_a_batch_waits_for_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    masks = {object_id: rng.random((50, 70)) > 0.6 for object_id in (1, 2)}
    reference = Reference("r", rng.integers(0, 256, (50, 70, 3), dtype=np.uint8), masks)
    cpu, device = torch.device("cpu"), torch.device("meta")
    on_cpu = Models(lambda: tiny_model(name), FAMILIES[name], cpu, torch.float32)
    memory = memorize(on_cpu, [reference], SamOptions(), "tiny")
    models = Models(lambda: copy.deepcopy(tiny_model(name)), FAMILIES[name], device, torch.bfloat16)
    rules = Rules(threshold=0.5, presence=0.5, max_references=None)
    caster = Caster(models, memory, (1, 2), rules, Limits(16, 64, 2**30))
    fetched: list[torch.Tensor] = []
    monkeypatch.setattr(targets, "_to_host", fetched.append)
    size = models.fast.size
    pictures = torch.zeros(2, 3, size, size, dtype=torch.uint8, device=device)
    monkeypatch.setattr(models, "_upload", lambda _: pictures)
    caster.launch([pictures[0]], [(20, 30)])  # what is sent once and kept
    with Crossings() as crossings:
        caster.launch([pictures[0], pictures[1]], [(20, 30), (33, 21)])
    assert crossings.noted == []
    bits = [tuple(one.shape) for one in fetched[-4:-2]]
    assert bits == [(2, 20 * 30 // 8), (2, -(-33 * 21 // 8))]


def test_crossings_are_noticed() -> None:
    there = torch.zeros(4, device="meta")
    with Crossings() as crossings:
        there + torch.zeros(4, device="meta")
        there[torch.arange(2)]
        torch.arange(3).to("meta")
    assert len(crossings.noted) >= 2
