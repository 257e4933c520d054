"""Measures of one instance, by the names and definitions of scikit-image's ``regionprops_table``.

OpenCV counts the moments, so nothing else is needed; tests hold the numbers to scikit-image's.
"""

from __future__ import annotations

from math import atan2, hypot, pi, sqrt

import cv2
import numpy as np
import numpy.typing as npt

from maskcast.masks import Cutout

SHAPE_COLUMNS = (
    "area",
    "bbox-0",
    "bbox-1",
    "bbox-2",
    "bbox-3",
    "centroid-0",
    "centroid-1",
    "orientation",
    "axis_major_length",
    "axis_minor_length",
    "eccentricity",
    "equivalent_diameter_area",
    "extent",
)
"""Names of what ``measure_shape`` gives, in its order."""


def measure_shape(cutout: Cutout) -> tuple[float, ...]:
    """Area, box, middle, direction and extents, in pixels; rows come before columns.

    The box is ``top, left, bottom, right`` in pixel edges, the middle is in pixel indices (the
    first pixel's own is 0, 0), and the orientation is the angle from the downward axis to the long
    one, -pi/2 to pi/2 radians. Axes are those of the ellipse with the same second moments.
    """
    xmin, ymin, xmax, ymax = cutout.box
    moments = cv2.moments(cutout.pixels.view(np.uint8), binaryImage=True)
    area = moments["m00"]
    down, across = moments["mu02"] / area, moments["mu20"] / area
    joint = moments["mu11"] / area
    half, spread = (down + across) / 2, hypot(2 * joint, down - across) / 2
    longer, shorter = half + spread, max(0.0, half - spread)
    if down == across:
        orientation = -pi / 4 if joint <= 0 else pi / 4
    else:
        orientation = atan2(2 * joint, down - across) / 2
    return (
        int(area),
        ymin,
        xmin,
        ymax,
        xmax,
        ymin + moments["m01"] / area,
        xmin + moments["m10"] / area,
        orientation,
        4 * sqrt(longer),
        4 * sqrt(shorter),
        sqrt(1 - shorter / longer) if longer else 0.0,
        sqrt(4 * area / pi),
        area / ((xmax - xmin) * (ymax - ymin)),
    )


def mean_intensity(cutout: Cutout, gray: npt.NDArray[np.uint8]) -> float:
    """Mean of an instance's pixels in the uint8 (H, W) picture it lies on."""
    return float(gray[cutout.place][cutout.pixels].mean())
