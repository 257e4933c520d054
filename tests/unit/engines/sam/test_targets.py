"""Batches, buckets, order and precision do not change what is found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from maskcast.engines.sam.annotated import memorize
from maskcast.engines.sam.devices import Limits
from maskcast.engines.sam.families import FAMILIES
from maskcast.engines.sam.fields import Decoded, Features
from maskcast.engines.sam.memory import SamMemory
from maskcast.engines.sam.models import Models
from maskcast.engines.sam.options import SamOptions
from maskcast.engines.sam.targets import Caster, Rules, cut_masks, pack_bits, unpack_masks
from maskcast.types import Reference
from sam_support import FAMILY_NAMES, tiny_model

DOUBLE = torch.float64
RULES = Rules(threshold=0.5, presence=0.0, max_references=None)
ROOMY = Limits(images=16, pairs=1000, projected_bytes=2**30)


def models_of(name: str, dtype: torch.dtype = DOUBLE) -> Models:
    load = DOUBLE if dtype == DOUBLE else torch.float32
    return Models(lambda: tiny_model(name, load), FAMILIES[name], torch.device("cpu"), dtype)


def reference(seed: int, object_ids: list[int]) -> Reference:
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (60 + seed, 90, 3), dtype=np.uint8)
    masks = {}
    for object_id in object_ids:
        masks[object_id] = np.zeros(image.shape[:2], np.bool_)
        top, left = rng.integers(0, 40), rng.integers(0, 60)
        masks[object_id][top : top + 15, left : left + 20] = True
    return Reference(f"{seed}.png", image, masks)


# Object 1 has three references, 2 and 4 have two, 3 one; the last reference is clean.
REFERENCES = [
    reference(0, [1, 2]),
    reference(1, [1, 4]),
    reference(2, [1, 2, 3, 4]),
    reference(3, []),
]
IDS = (1, 2, 3, 4)


def features_of(models: Models, count: int) -> Features:
    generator = torch.Generator().manual_seed(5)
    size = models.fast.size
    pictures = torch.randint(0, 256, (count, 3, size, size), generator=generator, dtype=torch.uint8)
    return models.look_at_targets(list(pictures))


def find(
    models: Models,
    memory: SamMemory,
    features: Features,
    limits: Limits = ROOMY,
    rules: Rules = RULES,
    ids: tuple[int, ...] = IDS,
) -> Decoded:
    return Caster(models, memory, ids, rules, limits).find(features)


def assert_same(first: Decoded, second: Decoded, tolerance: float = 1e-9) -> None:
    for name in ("logits", "quality", "presence"):
        torch.testing.assert_close(
            getattr(first, name), getattr(second, name), rtol=0, atol=tolerance
        )


@pytest.fixture(params=FAMILY_NAMES)
def models(request: pytest.FixtureRequest) -> Models:
    return models_of(request.param)


@pytest.fixture
def memory(models: Models) -> SamMemory:
    return memorize(models, REFERENCES, SamOptions(), "tiny")


def test_batching_targets_changes_nothing(models: Models, memory: SamMemory) -> None:
    features = features_of(models, 3)
    together = find(models, memory, features)
    assert together.logits.shape[:2] == (3, 4)
    alone = [find(models, memory, features[i : i + 1]) for i in range(3)]
    assert_same(together, Decoded.joined(alone, torch.cat))


def test_small_parts_and_no_room_for_projections_change_nothing(
    models: Models,
    memory: SamMemory,
) -> None:
    features = features_of(models, 2)
    expected = find(models, memory, features)
    assert_same(expected, find(models, memory, features, replace(ROOMY, pairs=2)))
    assert_same(expected, find(models, memory, features, replace(ROOMY, projected_bytes=0)))


def test_each_object_is_found_as_if_it_were_alone(models: Models, memory: SamMemory) -> None:
    features = features_of(models, 2)
    together = find(models, memory, features)
    for position, object_id in enumerate(IDS):
        alone = find(models, memory, features, ids=(object_id,))
        assert_same(alone, together.each(lambda field, at=position: field[:, at : at + 1]))  # type: ignore[misc]


def test_the_order_of_references_changes_nothing(models: Models, memory: SamMemory) -> None:
    features = features_of(models, 2)
    backwards = memorize(models, REFERENCES[::-1], SamOptions(), "tiny")
    assert torch.equal(memory.spatial, backwards.spatial)
    rows = torch.randperm(len(memory.objects), generator=torch.Generator().manual_seed(3))
    shuffled = replace(
        memory,
        objects=memory.objects[rows],
        references=memory.references[rows],
        spatial=memory.spatial[rows],
        pointers=memory.pointers[rows],
    )
    assert_same(find(models, memory, features), find(models, shuffled, features))


def test_objects_get_entries_only_where_they_are_shown(memory: SamMemory) -> None:
    counts = {object_id: int((memory.objects == object_id).sum()) for object_id in (0, *IDS)}
    assert counts == {0: 1, 1: 3, 2: 2, 3: 1, 4: 2}
    assert len(memory.descriptors) == len(REFERENCES)


def test_a_clean_reference_counts_unless_told_otherwise(models: Models, memory: SamMemory) -> None:
    features = features_of(models, 1)
    ignored = memorize(models, REFERENCES, SamOptions(clean_references=False), "tiny")
    without = memorize(models, REFERENCES[:3], SamOptions(), "tiny")
    expected = find(models, without, features)
    assert_same(find(models, ignored, features), expected)
    difference = (find(models, memory, features).logits - expected.logits).abs().amax(dim=(2, 3))
    assert (difference > 1e-3).all()


def test_the_nearest_references_are_taken_for_each_target(
    models: Models,
    memory: SamMemory,
) -> None:
    """Found as if only the chosen references had been memorized."""
    features = features_of(models, 3)
    rules = replace(RULES, max_references=1)
    found = find(models, memory, features, rules=rules)
    for target, descriptor in enumerate(features.descriptors):
        likeness = memory.descriptors @ descriptor
        for position, object_id in enumerate(IDS):
            rows = (memory.objects == object_id).nonzero()[:, 0]
            best = rows[likeness[memory.references[rows]].argmax()]
            chosen = torch.cat([best[None], (memory.objects == 0).nonzero()[:, 0]])
            only = SamMemory(
                "tiny",
                memory.objects[chosen],
                memory.references[chosen],
                memory.spatial[chosen],
                memory.pointers[chosen],
                memory.descriptors,
            )
            alone = find(models, only, features[target : target + 1], ids=(object_id,))
            torch.testing.assert_close(
                found.logits[target, position], alone.logits[0, 0], rtol=0, atol=1e-9
            )


@pytest.mark.parametrize("count", [1, 7, 40])
def test_from_one_object_to_forty(count: int) -> None:
    models = models_of("sam2", torch.float32)
    ids = tuple(range(1, count + 1))
    memory = memorize(models, [reference(9, list(ids))], SamOptions(), "tiny")
    features = features_of(models, 2)
    found = find(models, memory, features, replace(ROOMY, pairs=6), ids=ids)
    assert found.presence.shape == (2, count)
    last = find(models, memory, features, ids=ids[-1:])
    torch.testing.assert_close(found.logits[:, -1:], last.logits, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_half_precision_stays_close(name: str) -> None:
    exact, half = models_of(name, torch.float32), models_of(name, torch.bfloat16)
    memory = memorize(exact, REFERENCES, SamOptions(), "tiny")
    assert torch.equal(memorize(half, REFERENCES, SamOptions(), "tiny").spatial, memory.spatial)
    expected = find(exact, memory, features_of(exact, 2))
    found = find(half, memory, features_of(half, 2))
    assert found.logits.dtype == torch.bfloat16
    spread = expected.logits.std()
    assert (found.logits.float() - expected.logits).abs().mean() < 0.1 * spread
    agreement = ((found.logits > 0) == (expected.logits > 0)).float().mean()
    assert agreement > 0.97
    assert (found.presence.float() - expected.presence).abs().max() < 0.15


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (17, 8), (64, 64)], ids=str)
def test_bits_are_packed_as_numpy_packs_them(size: tuple[int, int]) -> None:
    masks = np.random.default_rng(1).random((3, *size)) > 0.5
    packed = pack_bits(torch.from_numpy(masks).flatten(1)).numpy()
    np.testing.assert_array_equal(packed, np.packbits(masks.reshape(3, -1), axis=1))
    np.testing.assert_array_equal(unpack_masks(torch.from_numpy(packed), size), masks)


def test_masks_are_upsampled_before_they_are_cut() -> None:
    logits = torch.tensor([[[-1.0, 3.0], [-1.0, 3.0]]])
    # Bilinear between column centres 0.25 and 0.75: at 1/8, 3/8, 5/8, 7/8 it is -1, 0, 2, 3.
    expected = np.array([[False, False, True, True]])
    np.testing.assert_array_equal(cut_masks(logits, (1, 4), 0.0)[0], expected)
    np.testing.assert_array_equal(cut_masks(logits, (1, 4), -0.5)[0, 0], [False, True, True, True])
    assert cut_masks(logits[:0], (5, 7), 0.0).shape == (0, 5, 7)
