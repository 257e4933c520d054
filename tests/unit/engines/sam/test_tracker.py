"""Where transformers and the official code differ, the tracker follows the official code.

The full proof are the recordings, see ``test_checkpoint.py``; this holds the differences by what
the parts of the model are given.
"""

from __future__ import annotations

import pytest
import torch

from maskcast.engines.sam.fields import NO_OBJECT_LOGIT, Decoded, Features
from maskcast.engines.sam.tracker import Tracker
from sam_support import FAMILY_NAMES, tiny_model


@pytest.fixture
def tracker() -> Tracker:
    """SAM 3: the only family whose memory encoder takes masks of another size."""
    return Tracker(tiny_model("sam3"))


def looked(tracker: Tracker) -> Features:
    generator = torch.Generator().manual_seed(3)
    return tracker.look(torch.randn(1, 3, tracker.size, tracker.size, generator=generator))


def a_mask(tracker: Tracker) -> torch.Tensor:
    mask = torch.zeros(1, tracker.size, tracker.size, dtype=torch.bool)
    mask[:, 13:57, 21:90] = True
    return mask


class Spy:
    """Keeps what a part of the model is given."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, part: torch.nn.Module) -> None:
        forward = part.forward

        def spying(*arguments: object, **named: object) -> object:
            self.arguments, self.named = arguments, named
            return forward(*arguments, **named)

        monkeypatch.setattr(part, "forward", spying)


@pytest.mark.parametrize("official", [True, False])
def test_masks_are_binary_before_they_are_resized(
    tracker: Tracker,
    monkeypatch: pytest.MonkeyPatch,
    *,
    official: bool,
) -> None:
    tracker.official = official
    spy = Spy(monkeypatch, tracker.model.memory_encoder)
    tracker.remember_masks(looked(tracker), a_mask(tracker))
    given = spy.arguments[1]
    assert isinstance(given, torch.Tensor)
    assert given.shape[-2:] == (128, 128)
    only_two_values = bool(((given == -10) | (given == 10)).all())
    assert only_two_values is not official


@pytest.mark.parametrize("official", [True, False])
def test_a_mask_s_pointer_comes_from_the_single_mask_output(
    tracker: Tracker,
    monkeypatch: pytest.MonkeyPatch,
    *,
    official: bool,
) -> None:
    tracker.official = official
    spy = Spy(monkeypatch, tracker.model.mask_decoder)
    tracker.remember_masks(looked(tracker), a_mask(tracker))
    assert spy.named["multimask_output"] is not official


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_several_masks_are_remembered_as_each_alone(name: str) -> None:
    tracker = Tracker(tiny_model(name))
    features = looked(tracker)
    masks = torch.cat([a_mask(tracker), ~a_mask(tracker), torch.zeros_like(a_mask(tracker))])
    together = tracker.remember_masks(features, masks)
    for number in range(3):
        alone = tracker.remember_masks(features, masks[number : number + 1])
        torch.testing.assert_close(together.spatial[number], alone.spatial[0], atol=1e-4, rtol=0)
        torch.testing.assert_close(together.pointers[number], alone.pointers[0], atol=1e-4, rtol=0)


def test_one_click_is_ambiguous_and_two_are_not(
    tracker: Tracker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spy = Spy(monkeypatch, tracker.model.mask_decoder)
    for count in (1, 2):
        tracker.decode_prompts(
            looked(tracker), torch.ones(1, count, 2), torch.ones(1, count, dtype=torch.int32)
        )
        assert spy.named["multimask_output"] is (count == 1)


def test_logits_are_kept_where_the_object_seems_absent() -> None:
    logits = torch.ones(2, 3, 3)
    decoded = Decoded(logits, torch.ones(2), torch.tensor([-0.5, 0.5]), torch.ones(2, 4))
    assert torch.equal(decoded.logits, logits)
    assert decoded.gated_logits[0].eq(NO_OBJECT_LOGIT).all()
    assert decoded.gated_logits[1].eq(1).all()


def test_memory_is_rounded_as_the_official_code_keeps_it(tracker: Tracker) -> None:
    spatial = torch.full((1, 1, 64, 64), 1.001)
    tokens = tracker.tokens(spatial, torch.zeros(1, 1, 128))
    assert tokens.content[0, 0, 0, 0] == 1.0
    assert tokens.content.shape == (1, 1, 66, 64)
    assert Tracker(tiny_model("edgetam")).memory_dtype == torch.float32
