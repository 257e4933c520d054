"""Pixels as the official processors make them, bit for bit, without torchvision.

Hugging Face's ``Sam2ImageProcessor`` and ``Sam3ImageProcessor`` (fast, torch) squash the picture to
a square **as 8-bit integers** and then normalise with mean and deviation scaled to 0..255. Resizing
in floating point instead differs by up to half a gray level everywhere.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812  the name everybody uses

from maskcast.engines.base import MOST_POINTS
from maskcast.types import Mask, Prompts, RgbImage

_BOX_CORNER_LABELS = (2, 3)


def squash(image: RgbImage, size: int) -> torch.Tensor:
    """Resize uint8 (H, W, 3) to uint8 (3, size, size), bilinear with antialiasing."""
    channels_first = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
    if channels_first.shape[1:] == (size, size):
        return channels_first
    return F.interpolate(
        channels_first[None], (size, size), mode="bilinear", align_corners=False, antialias=True
    )[0]


def squash_alone(image: RgbImage, size: int) -> torch.Tensor:
    """``squash`` by the calling thread alone, which stays single: others squash beside it."""
    torch.set_num_threads(1)
    return squash(image, size)


def normalise(
    squashed: torch.Tensor,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    dtype: torch.dtype,
) -> torch.Tensor:
    """Turn uint8 (N, 3, S, S), 0..255, into the model's pixel values on the same device."""
    center, spread = _per_channel(mean, squashed.device), _per_channel(std, squashed.device)
    return ((squashed.float() - center) / spread).to(dtype)


@cache
def _per_channel(values: tuple[float, ...], device: torch.device) -> torch.Tensor:
    """(3, 1, 1) of 0..255; kept, because sending it waits for all that a GPU has still to do."""
    return (torch.tensor(values) * 255).to(device)[:, None, None]


def squash_mask(mask: Mask, size: int) -> torch.Tensor:
    """Resize bool (H, W) to bool (size, size) as the official ``add_new_mask`` does.

    An object thinner than a model pixel would vanish, and a vanished object would be remembered as
    absent; then the pixels that it covers most are taken.
    """
    floats = torch.from_numpy(np.ascontiguousarray(mask))[None, None].float()
    if mask.shape != (size, size):
        floats = F.interpolate(
            floats, (size, size), mode="bilinear", align_corners=False, antialias=True
        )
    level = min(0.5, float(floats.max()))
    return floats[0, 0] >= level if level > 0 else torch.zeros(size, size, dtype=torch.bool)


def encode_prompts(
    prompts: Prompts,
    shape: tuple[int, ...],
    size: int,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
    """Box and points as the prompt encoder takes them: the box's corners first, then the points.

    Args:
        prompts: in pixels of an image of ``shape``; points beyond the first ``MOST_POINTS`` are
            left out.
        shape: (height, width) of the image.
        size: side of the model's square.

    Returns:
        float32 (P, 2) x, y in pixels of the square, and int32 (P,) labels: 1 on the object, 0 not
        on it, 2 and 3 top left and bottom right of the box.
    """
    scale = np.array([size / shape[1], size / shape[0]], np.float32)
    corners = np.zeros((0, 2)) if prompts.box is None else prompts.box.reshape(2, 2)
    labels = _BOX_CORNER_LABELS if prompts.box is not None else ()
    clicks, signs = prompts.points[:MOST_POINTS], prompts.point_labels[:MOST_POINTS]
    points = np.concatenate([corners, clicks]).astype(np.float32) * scale
    return points, np.concatenate([labels, signs]).astype(np.int32)
