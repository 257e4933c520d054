"""What only a GPU can show; skipped where there is none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from maskcast.engines.base import Engine, create_engine
from maskcast.engines.sam.devices import Uploader
from maskcast.engines.sam.preprocess import squash
from maskcast.types import Reference, RgbImage, Segmentation
from sam_support import FAMILY_NAMES, tiny_settings

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA here")
DEVICE = torch.device("cuda:0")
IDS = (1, 2, 3, 4, 5)


@pytest.fixture(autouse=True)
def exact_convolutions() -> Iterator[None]:
    """Compare with a CPU, not with TF32."""
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("weights")


def picture(seed: int) -> RgbImage:
    size = (40 + 7 * seed, 90 - 3 * seed)
    image: RgbImage = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    return image


def references() -> list[Reference]:
    """Object 5 has one reference, the others two; one more is clean."""
    made = []
    for seed, ids in ((1, IDS), (2, IDS[:-1]), (3, ())):
        image = picture(seed)
        rng = np.random.default_rng(seed)
        masks = {object_id: rng.random(image.shape[:2]) > 0.6 for object_id in ids}
        made.append(Reference(f"{seed}.png", image, masks))
    return made


def cast(name: str, folder: Path, device: str, **options: object) -> list[Segmentation]:
    engine = engine_on(name, folder, device, **options)
    bank = engine.memorize(references())
    found = [
        *engine.propagate(bank, [picture(seed) for seed in range(7)]),
        *engine.propagate(bank, [picture(7)]),
    ]
    engine.close()
    return found


def engine_on(name: str, folder: Path, device: str, **options: object) -> Engine:
    settings = tiny_settings(name, folder, dtype="fp32", **options)
    return create_engine(name, replace(settings, device=device))


def assert_alike(found: Sequence[Segmentation], expected: Sequence[Segmentation]) -> None:
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.object_ids, other.object_ids)
        np.testing.assert_allclose(one.scores, other.scores, atol=1e-3)
        assert (one.masks != other.masks).mean() < 5e-3


@pytest.mark.parametrize("name", FAMILY_NAMES)
@pytest.mark.parametrize("options", [{}, {"max_references": 1}], ids=str)
def test_a_gpu_finds_what_a_cpu_finds(name: str, options: dict[str, Any], folder: Path) -> None:
    assert_alike(cast(name, folder, "cuda", **options), cast(name, folder, "cpu", **options))


@pytest.mark.filterwarnings("ignore")  # those of the compiler are its own
@pytest.mark.parametrize("how", [True, "graphs"])
@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_compiled_code_and_graphs_find_the_same(name: str, how: object, folder: Path) -> None:
    found = cast(name, folder, "cuda", compile=how)
    torch.compiler.reset()
    assert_alike(found, cast(name, folder, "cpu"))


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_launching_a_batch_waits_for_nothing(name: str, folder: Path) -> None:
    engine: Any = engine_on(name, folder, "cuda")
    caster = engine._caster_of(engine.memorize(references()))
    images = [picture(seed) for seed in range(4)]
    squashed = [squash(image, engine._models.fast.size) for image in images]
    shapes = [image.shape[:2] for image in images]
    caster.launch(squashed, shapes)
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        launched = caster.launch(squashed, shapes)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert len([caster.collect(launched, index) for index in range(4)]) == 4
    engine.close()


def test_pictures_arrive_before_they_are_computed_with() -> None:
    upload = Uploader(DEVICE)
    busy = torch.ones(4096, 4096, device=DEVICE)
    sums = []
    for number in range(20):
        busy = busy @ busy / 4096  # the computing stream lags behind
        sums.append(upload([torch.full((3, 1024, 1024), number, dtype=torch.uint8)] * 4).amax())
    assert [int(one) for one in sums] == list(range(20))
