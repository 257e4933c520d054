"""One thing per particle: the instances of an object, told apart in its mask.

A run knows an object as one mask, whatever it is in: five particles are one mask with five parts.
The instances of a mask never overlap and together are the mask, bit for bit.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Literal

import cv2
import numpy as np

from maskcast.errors import ExportError
from maskcast.masks import Cutout, cut_labels, cut_out, split_components
from maskcast.types import Mask

Instances = Literal["components", "touching", "one"]
"""What an instance is: a connected region (as in ``bboxes``), the same with regions that touch
split where they narrow, or all of an object in an image."""

# Pixels by which a region must narrow between two middles to be two things. Of 0.5, 0.75, 1 and
# 1.5 the least that leaves drawn ellipses with rough borders whole, and still splits discs from a
# radius of 4 on (tests/unit/results/test_instances.py).
_NARROWING = 1.0


def check_instances(how: Instances) -> None:
    """Find out before any work whether instances can be told apart.

    Raises:
        ExportError: if that needs scikit-image and it is not installed.
    """
    if how == "touching" and find_spec("skimage") is None:
        raise ExportError(
            "splitting instances that touch needs scikit-image, which is not installed; "
            "pip install 'maskcast[instances]'"
        )


def split_instances(mask: Mask, how: Instances) -> list[Cutout]:
    """The instances of a bool (H, W) mask.

    Returns:
        Top to bottom, then left to right, as the rows of ``bboxes``; empty if the mask is.

    Raises:
        ExportError: see ``check_instances``.
    """
    whole = cut_out(mask)
    if whole is None:
        return []
    if how == "one":
        return [whole]
    parts = split_components(whole)
    if how == "components":
        return parts
    check_instances(how)
    split = [piece for part in parts for piece in _split_touching(part)]
    return sorted(split, key=lambda piece: (piece.box[1], piece.box[0]))


def _split_touching(part: Cutout) -> list[Cutout]:
    """Cut a region at its necks: the watershed of the distance to its border.

    Basins are the peaks of the distance that rise by ``_NARROWING`` above where they meet a higher
    one (its h-maxima), so that a rough border makes no more of them. Soille, Morphological Image
    Analysis, 2nd edition, 2003, chapters 6 and 9.
    """
    from scipy.ndimage import find_objects
    from skimage.measure import label
    from skimage.morphology import local_maxima, reconstruction
    from skimage.segmentation import watershed

    pixels = np.pad(part.pixels, 1)
    distance = cv2.distanceTransform(pixels.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    if distance.max() <= 1 + _NARROWING:  # nothing can rise so far above a neck
        return [part]
    lowered = reconstruction(distance - _NARROWING, distance, footprint=np.ones((3, 3)))
    peaks = label(local_maxima(lowered, connectivity=2) & pixels, connectivity=2)
    if peaks.max() == 1:
        return [part]
    basins = watershed(-distance, peaks, mask=pixels, connectivity=2)[1:-1, 1:-1]
    boxes = [
        (across.start, down.start, across.stop - across.start, down.stop - down.start)
        for down, across in find_objects(basins)
    ]
    return cut_labels(basins, np.array(boxes, np.int32), part.box[:2])
