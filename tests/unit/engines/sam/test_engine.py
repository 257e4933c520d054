"""The engine as a run sees it: sizes, memory, kept banks and features, options."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from maskcast.engines.base import create_engine
from maskcast.engines.hub import WeightFiles
from maskcast.engines.sam import annotated, devices, targets
from maskcast.engines.sam.devices import BatchSizer, Limits
from maskcast.engines.sam.preprocess import squash
from maskcast.engines.sam.tracker import Tracker
from maskcast.errors import ForeignBankError
from maskcast.types import Prompts, Reference, RgbImage, Segmentation
from sam_support import FAMILY_NAMES, tiny_settings

NAME = "edgetam"
BOX = Prompts(box=np.array([10, 10, 50, 40], np.float32))

POINT = Prompts(points=np.ones((1, 2), np.float32), point_labels=np.array([True]))
Build = Any


def picture(seed: int, size: tuple[int, int] = (60, 80)) -> RgbImage:
    image: RgbImage = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    return image


def reference(seed: int, object_ids: Sequence[int] = (1,)) -> Reference:
    image = picture(seed)
    masks = {}
    for object_id in object_ids:
        masks[object_id] = np.zeros(image.shape[:2], np.bool_)
        masks[object_id][10 + object_id : 30, 20 : 40 + object_id] = True
    return Reference(f"{seed}", image, masks)


@pytest.fixture
def build(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Build]:
    built = []

    def make(name: str = NAME, **options: object) -> Any:  # noqa: ANN401
        built.append(
            create_engine(name, tiny_settings(name, tmp_path_factory.getbasetemp(), **options))
        )
        return built[-1]

    yield make
    for one in built:
        one.close()


def same(first: Sequence[Segmentation], second: Sequence[Segmentation]) -> bool:
    return all(
        np.array_equal(a.masks, b.masks) and np.allclose(a.scores, b.scores, atol=1e-5)
        for a, b in zip(first, second, strict=True)
    )


@pytest.mark.parametrize("size", [(32, 32), (8000, 500), (500, 8000), (1, 900)], ids=str)
def test_targets_of_any_size(build: Build, size: tuple[int, int]) -> None:
    engine = build()
    bank = engine.memorize([reference(1, (1, 2))])
    (found,) = engine.propagate(bank, [picture(3, size)])
    assert found.masks.shape[1:] == size
    masks = engine.segment(picture(3, size), {4: BOX})
    assert masks[4].shape == size


def test_references_of_any_size(build: Build) -> None:
    engine = build()
    thin = np.zeros((3000, 40), np.bool_)
    thin[1500, 5] = True
    bank = engine.memorize([Reference("r", picture(1, (3000, 40)), {1: thin})])
    assert bank.state.objects.tolist() == [1]
    there = engine.memorize([Reference("r", picture(1, (3000, 40)), {1: ~thin})])
    absent = engine._models.exact.remember_masks(
        engine._models.look(picture(1, (3000, 40))),
        torch.zeros(1, engine._models.exact.size, engine._models.exact.size, dtype=torch.bool),
    )
    assert not torch.allclose(bank.state.pointers[0], absent.pointers[0])
    assert not torch.allclose(bank.state.pointers, there.state.pointers)


def test_the_next_click_costs_no_encoding(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = build()
    looked = _count_looks(monkeypatch)
    engine.segment(picture(1), {1: BOX})
    engine.segment(picture(1), {1: BOX, 2: POINT})
    assert looked == [1]
    engine.memorize([Reference("r", picture(1), reference(2).masks)])
    assert looked == [1]
    for seed in range(2, 12):
        engine.segment(picture(seed), {1: BOX})
    engine.segment(picture(1), {1: BOX})
    assert len(looked) == 12, "the cache is bounded"


def _count_looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    looked: list[int] = []
    look = Tracker.look

    def counted(self: Tracker, pixels: torch.Tensor) -> Any:  # noqa: ANN401
        looked.append(len(pixels))
        return look(self, pixels)

    monkeypatch.setattr(Tracker, "look", counted)
    return looked


def test_a_kept_bank_spares_the_encoding(
    build: Build,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = build(bank_cache=str(tmp_path))
    bank = first.memorize([reference(1), reference(2)])
    looked = _count_looks(monkeypatch)
    again = build(bank_cache=str(tmp_path)).memorize([reference(2), reference(1)])
    assert looked == []
    assert again.fingerprint == bank.fingerprint
    assert torch.equal(again.state.spatial, bank.state.spatial)
    build(bank_cache=str(tmp_path)).memorize([reference(1), reference(3)])
    build(bank_cache=str(tmp_path), clean_references=False).memorize([reference(1), reference(2)])
    assert looked == [1, 1, 1, 1]


def test_banks_are_kept_in_the_user_s_cache_unless_told_otherwise(
    build: Build,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    bank = build(bank_cache="auto").memorize([reference(1)])
    assert (tmp_path / "maskcast" / "banks" / f"{bank.fingerprint}.safetensors").is_file()


def test_a_bank_of_other_weights_is_refused(build: Build) -> None:
    engine = build()
    bank = engine.memorize([reference(1)])
    foreign = replace(bank, state=replace(bank.state, family="other weights"))
    with pytest.raises(ForeignBankError, match="made with other weights"):
        engine.propagate(foreign, [picture(1)])
    with pytest.raises(ForeignBankError, match="made by the engine 'edgetam'"):
        build("sam2").propagate(bank, [picture(1)])


class Crowded:
    """Stands for a device that takes so many targets at once and no more."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
        self.batches: list[int] = []
        launch = targets.Caster.launch

        def crowded(caster: targets.Caster, squashed: Any, shapes: Any) -> Any:  # noqa: ANN401
            self.batches.append(len(squashed))
            if len(squashed) > room:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
            return launch(caster, squashed, shapes)

        monkeypatch.setattr(targets.Caster, "launch", crowded)


def in_batches(engine: Any, bank: Any, images: Sequence[RgbImage]) -> Any:  # noqa: ANN401
    """Propagate as on a GPU, on the CPU."""
    return engine._feeder._cast_in_batches(engine._caster_of(bank), images)


def test_a_batch_for_compiled_code_is_filled_up(
    build: Build,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = build()
    bank = engine.memorize([reference(1)])
    images = [picture(seed) for seed in range(6)]
    expected = engine.propagate(bank, images)
    engine._models.compiled = True
    engine._feeder._sizer = BatchSizer(4, lambda: 0.0, start=4)
    looked = _count_looks(monkeypatch)
    assert same(in_batches(engine, bank, images), expected)
    assert looked == [4, 4]
    assert same(in_batches(engine, bank, images[:1]), expected[:1])
    assert looked == [4, 4, 4]


def test_a_batch_is_filled_up_no_further_than_calls_are_large(
    build: Build,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With --batch-size 3, code for 3 targets is compiled, not for 16."""
    engine = build()
    bank = engine.memorize([reference(1)])
    images = [picture(seed) for seed in range(3)]
    expected = engine.propagate(bank, images)
    engine._models.compiled = True
    engine._feeder._sizer = BatchSizer(16, lambda: 0.0, start=16)
    engine._feeder._largest_call = 1
    looked = _count_looks(monkeypatch)
    assert same(in_batches(engine, bank, images), expected)
    assert same(in_batches(engine, bank, images[:2]), expected[:2])
    assert looked == [3, 3]


def test_a_batch_that_was_filled_up_can_be_halved(
    build: Build,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = build()
    bank = engine.memorize([reference(1)])
    images = [picture(seed) for seed in range(5)]
    expected = engine.propagate(bank, images)
    engine._models.compiled = True
    engine._feeder._sizer = BatchSizer(4, iter([0.9] * 9).__next__, start=4)
    in_batches(engine, bank, images[:4])
    crowded = Crowded(monkeypatch, room=2)
    assert same(in_batches(engine, bank, images[:1]), expected[:1])
    assert crowded.batches == [4, 2]


def test_the_batch_grows_until_memory_is_short_and_remembers(
    build: Build,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = build()
    engine._feeder._sizer = BatchSizer(16, lambda: 0.1)
    bank = engine.memorize([reference(1)])
    images = [picture(seed) for seed in range(14)]
    expected = engine.propagate(bank, images)
    crowded = Crowded(monkeypatch, room=3)
    assert same(in_batches(engine, bank, images), expected)
    assert crowded.batches == [1, 2, 4, 2, 2, 2, 2, 2, 1]


def test_a_target_that_never_fits_is_told_as_out_of_memory(
    build: Build,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = build()
    bank = engine.memorize([reference(1)])
    Crowded(monkeypatch, room=0)
    with pytest.raises(torch.OutOfMemoryError):
        in_batches(engine, bank, [picture(1)])
    with pytest.raises(MemoryError):
        engine.propagate(bank, [picture(1)])


def test_another_error_is_not_mistaken_for_lack_of_memory(
    build: Build,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = build()
    bank = engine.memorize([reference(1)])
    monkeypatch.setattr(targets.Caster, "launch", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        in_batches(engine, bank, [picture(1)])


def test_the_batch_stops_growing_when_memory_is_well_used() -> None:
    sizer = BatchSizer(64, iter([0.1, 0.3, 0.6]).__next__)
    for expected in (2, 4, 4):
        sizer.worked(sizer.size)
        assert sizer.size == expected
    sizer.worked(3)
    assert sizer.size == 4, "a batch that was not full tells nothing"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 5 GB)"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_lack_of_memory_is_recognised(error: Exception, *, expected: bool) -> None:
    assert devices.is_out_of_memory(error) is expected


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_objects_below_the_presence_threshold_are_not_reported(build: Build, name: str) -> None:
    bank_maker = build(name)
    bank = bank_maker.memorize([reference(1, (1, 2, 3))])
    (everything,) = bank_maker.propagate(bank, [picture(5)])
    caster = bank_maker._caster_of(bank)
    decoded = caster.find(
        bank_maker._models.look_at_targets([squash(picture(5), caster._tracker.size)])
    )
    presence = decoded.presence[0].sigmoid()
    scores = presence * decoded.quality[0]
    kept = [bank.object_ids.index(one) for one in everything.object_ids.tolist()]
    np.testing.assert_allclose(everything.scores, scores[kept], rtol=1e-4)
    cut = float(presence.median()) + 1e-6
    strict = build(name, presence=cut)
    (some,) = strict.propagate(strict.memorize([reference(1, (1, 2, 3))]), [picture(5)])
    assert set(some.object_ids.tolist()) <= {
        bank.object_ids[index] for index in range(3) if presence[index] > cut
    }


def test_absent_objects_and_packed_bits_come_back_alike_from_a_gpu(
    build: Build,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There all objects are cut, packed on the device, and sorted out on the host."""
    engine = build(presence=0.5)
    bank = engine.memorize([reference(1, (1, 2, 3))])
    presence = torch.tensor([[2.0, -2.0, 0.1]])
    find = targets.Caster.find

    def found(caster: targets.Caster, features: Any) -> Any:  # noqa: ANN401
        return replace(find(caster, features), presence=presence)

    monkeypatch.setattr(targets.Caster, "find", found)
    (expected,) = engine.propagate(bank, [picture(5)])
    assert expected.object_ids.tolist() == [1, 3]
    cut = targets.cut_masks
    monkeypatch.setattr(
        targets, "cut_masks", lambda *given: targets.pack_bits(cut(*given).flatten(1))
    )
    monkeypatch.setattr(targets.Caster, "_to_cut", lambda _, given: torch.arange(len(given)))
    (packed,) = in_batches(engine, bank, [picture(5)])
    assert packed.object_ids.tolist() == [1, 3]
    assert same([packed], [expected])


def test_augmented_references_are_remembered_too(build: Build) -> None:
    plain = build().memorize([reference(1, (1, 2)), reference(2, ())])
    flipped = build(augment_references=["flip"]).memorize([reference(1, (1, 2)), reference(2, ())])
    both = build(augment_references=["flip", "shift"]).memorize([reference(1, (1, 2))])
    assert [len(bank.state.objects) for bank in (plain, flipped, both)] == [3, 7, 14]
    assert len({bank.fingerprint for bank in (plain, flipped, both)}) == 3


def test_flipping_and_shifting_move_image_and_mask_alike() -> None:
    original = reference(1)
    flipped = annotated._mapped(original, 1, None)
    np.testing.assert_array_equal(flipped.image, original.image[:, ::-1])
    np.testing.assert_array_equal(flipped.masks[1], original.masks[1][:, ::-1])
    shifted = annotated._mapped(original, 0, 1)
    np.testing.assert_array_equal(shifted.image[15:], original.image[:-15])
    np.testing.assert_array_equal(shifted.image[:15], original.image[:15][::-1])
    np.testing.assert_array_equal(shifted.masks[1][15:], original.masks[1][:-15])


def test_the_empty_mask_of_a_clean_reference_is_remembered_as_absent(build: Build) -> None:
    engine = build("sam3")
    bank = engine.memorize([reference(1), reference(2, ())])
    absent = bank.state.pointers[bank.state.objects == 0]
    assert torch.equal(absent[0], engine._models.exact.model.no_object_pointer[0])
    assert len(absent) == 1


def test_a_slow_run_is_foretold(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    assert build("sam3").info.seconds_per_target is None
    monkeypatch.setattr(devices, "seconds_on_cpu", lambda gflop: gflop / 100)
    monkeypatch.setattr(WeightFiles, "bytes", 3_450_000_000)
    info = build("sam3").info
    assert info.seconds_per_target == pytest.approx(59)
    assert info.faster == ("sam2", "edgetam", "pixel")


def test_limits_are_known_for_every_device() -> None:
    for kind in ("cpu", "cuda", "mps"):
        assert isinstance(devices.limits_of(torch.device(kind)), Limits)
    assert devices.pick_device("cpu") == torch.device("cpu")
    assert devices.pick_dtype("auto", torch.device("cpu")) == torch.float32
    assert devices.pick_dtype("bf16", torch.device("cpu")) == torch.bfloat16
    assert devices.seconds_on_cpu(1.0) > 0


def test_unknown_pixels_are_halfway_between_object_and_background(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = build(bank_cache=False)
    encoded: list[tuple[torch.Tensor, torch.Tensor]] = []
    encode = Tracker._encode_memory

    def noted(self: Tracker, embedded: torch.Tensor, logits: torch.Tensor, there: Any) -> Any:  # noqa: ANN401
        encoded.append((logits, there))
        return encode(self, embedded, logits, there)

    monkeypatch.setattr(Tracker, "_encode_memory", noted)
    whole = reference(1)
    unknown = np.zeros(whole.image.shape[:2], np.bool_)
    unknown[:, 30:] = True  # the right half of the object too

    for changed in (replace(whole, unknown=unknown), replace(whole, masks={}, unknown=unknown)):
        engine.memorize([reference(2), changed])

    size = engine._models.exact.size
    halfway = [logits.numpy() for logits, _ in encoded if (logits == 0).any()]
    shares = [
        {value: float(np.mean(logits == value)) for value in (-10, 0, 10)} for logits in halfway
    ]
    object_share = 19 * 10 / (60 * 80)  # rows 11 to 29, columns 20 to 29
    expected = [
        {-10: 30 / 80 - object_share, 0: 50 / 80, 10: object_share},
        {-10: 30 / 80, 0: 50 / 80, 10: 0},
    ]
    assert shares == [pytest.approx(share, abs=2 / size) for share in expected]
    assert [bool(there) for logits, there in encoded if (logits == 0).any()] == [True, False]
