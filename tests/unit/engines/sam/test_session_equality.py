"""The batched path equals the video session of transformers, run target by target.

In float64, with mixed prompts, unequal numbers of references and several targets. The session is
used one object and one target at a time: with more it mixes them up (see docs/engines.md).
"""

from __future__ import annotations

import importlib
from typing import Any

import pytest
import torch

from maskcast.engines.sam.families import Model
from maskcast.engines.sam.fields import Entries
from maskcast.engines.sam.tracker import Tracker
from sam_support import FAMILY_NAMES, tiny_model

REFERENCES, TARGETS = 3, 2
# object -> reference -> prompt in pixels of a 112 x 112 image; a mask is top, bottom, left, right
PROMPTS: dict[int, dict[int, dict[str, Any]]] = {
    1: {
        0: {"points": [[30.0, 40.0]]},
        1: {"box": [10.0, 20.0, 70.0, 60.0]},
        2: {"mask": [20, 60, 30, 90]},
    },
    2: {0: {"mask": [50, 100, 10, 50]}, 2: {"mask": [5, 25, 60, 95]}},
    3: {1: {"points": [[70.0, 30.0], [50.0, 52.0]]}},
    4: {2: {"points": [[11.0, 13.0]], "box": [8.0, 8.0, 40.0, 44.0]}},
}


def pixels(count: int, size: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, 3, size, size, generator=generator, dtype=torch.float64)


def points_of(prompt: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    corners = torch.tensor(prompt.get("box", []), dtype=torch.float64).reshape(-1, 2)
    points = torch.tensor(prompt.get("points", []), dtype=torch.float64).reshape(-1, 2)
    labels = [2, 3][: len(corners)] + [1] * len(points)
    return torch.cat([corners, points]), torch.tensor(labels, dtype=torch.int32)


def mask_of(prompt: dict[str, Any], size: int) -> torch.Tensor:
    top, bottom, left, right = prompt["mask"]
    mask = torch.zeros(size, size, dtype=torch.bool)
    mask[top:bottom, left:right] = True
    return mask


def run_session(model: Model, frames: torch.Tensor, prompts: dict[int, dict[str, Any]]) -> Model:
    """Low-resolution logits and presence of one object in the last frame."""
    module = importlib.import_module(type(model).__module__)
    prefix = type(model).__name__.removesuffix("Model")
    session = getattr(module, f"{prefix}InferenceSession")(
        video=frames, video_height=frames.shape[2], video_width=frames.shape[3], dtype=frames.dtype
    )
    index = session.obj_id_to_idx(1)
    for frame, prompt in prompts.items():
        if "mask" in prompt:
            mask = mask_of(prompt, frames.shape[2])[None, None]
            session.add_mask_inputs(index, frame, mask.to(frames.dtype))
        else:
            points, labels = points_of(prompt)
            inputs = {"point_coords": points[None, None], "point_labels": labels[None, None]}
            session.add_point_inputs(index, frame, inputs)
        session.obj_with_new_inputs = [1]
        model(session, frame_idx=frame)
    return model(session, frame_idx=len(frames) - 1)


def remember(tracker: Tracker, frames: torch.Tensor) -> dict[int, dict[int, Entries]]:
    remembered: dict[int, dict[int, Entries]] = {number: {} for number in PROMPTS}
    for frame in range(REFERENCES):
        features = tracker.look(frames[frame : frame + 1])
        for number, prompts in PROMPTS.items():
            if frame not in prompts:
                continue
            if "mask" in prompts[frame]:
                mask = mask_of(prompts[frame], tracker.size)
                remembered[number][frame] = tracker.remember_masks(features, mask[None])
            else:
                points, labels = points_of(prompts[frame])
                decoded = tracker.decode_prompts(features, points[None], labels[None])
                remembered[number][frame] = tracker.remember_prompts(features, decoded)
    return remembered


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_the_same_logits_as_the_session(name: str) -> None:
    model = tiny_model(name, torch.float64)
    tracker = Tracker(model, official=False)
    references = pixels(REFERENCES, tracker.size, 1)
    targets = pixels(TARGETS, tracker.size, 2)
    remembered = remember(tracker, references)
    features = tracker.look(targets)
    started = tracker.start(features)
    shown = []
    for number, entries in remembered.items():
        tokens = tracker.tokens(
            torch.stack([one.spatial[0] for one in entries.values()])[None],
            torch.stack([one.pointers[0] for one in entries.values()])[None],
            [REFERENCES - frame for frame in entries],
            REFERENCES,
        )
        found = tracker.track(features, started, tracker.project(tokens))
        for target in range(TARGETS):
            frames = torch.cat([references, targets[target : target + 1]])
            expected = run_session(model, frames, PROMPTS[number])
            presence = expected.object_score_logits.flatten()[0]
            torch.testing.assert_close(found.presence[target], presence, rtol=0, atol=1e-9)
            logits = expected.pred_masks.squeeze()
            torch.testing.assert_close(found.gated_logits[target], logits, rtol=0, atol=1e-9)
            shown.append(found.logits[target])
    different = [float((a - b).abs().max()) for a, b in zip(shown, shown[2:], strict=False)]
    assert min(different) > 1e-3, "the memory must matter, or equality proves nothing"
