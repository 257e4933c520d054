"""Filters that the learner and live segmentation share, each from planes to planes.

Every filter is a pure function in one thread. A plane is float32 (H, W); where it says so, channels
may follow, (H, W, C), and are filtered one by one. Results are bit-identical wherever the arrays
lie in memory and, but for `wide_blur`, depend on a bounded neighbourhood only: that is what lets
the learner work in strips.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.float32]
"""float32 (H, W), or (H, W, C) where that is said."""

Stack = npt.NDArray[np.float32]
"""float32 (F, H, W): F planes."""

SQUARE_3 = np.ones((3, 3), np.uint8)
SQUARE_5 = np.ones((5, 5), np.uint8)
SQUARE_7 = np.ones((7, 7), np.uint8)
"""What `cv2.dilate` grows and `cv2.erode` shrinks by, 1, 2 or 3 pixels to each side."""


def blur(plane: Plane, sigma: float, *, edge: int = cv2.BORDER_REFLECT_101) -> Plane:
    """Gaussian smoothing with a kernel that reaches 2.5 sigma; channels may follow.

    Args:
        plane: float32 (H, W) or (H, W, C).
        sigma: in pixels.
        edge: how the plane goes on outside, one of OpenCV's border types; mirrored by default.
    """
    size = 2 * int(np.ceil(2.5 * sigma)) + 1
    return as_plane(cv2.GaussianBlur(plane, (size, size), sigma, borderType=edge))


def wide_blur(plane: Plane, sigma: float) -> Plane:
    """Gaussian smoothing of any width, the edge pixels repeated outside; channels may follow.

    The kernel reaches 4 sigma. From 4 pixels on it is computed on a smaller picture, where it costs
    nothing; the difference is invisible.
    """
    height, width = plane.shape[:2]
    step = int(sigma / 2) if sigma >= 4 else 1
    if step == 1:
        return as_plane(cv2.GaussianBlur(plane, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE))
    small = shrink(plane, (max(1, height // step), max(1, width // step)))
    return enlarge(wide_blur(small, sigma / step), (height, width))


def half(plane: Plane) -> Plane:
    """The next pyramid level (Burt & Adelson 1983), float32 (ceil(H / 2), ceil(W / 2))."""
    return as_plane(cv2.pyrDown(plane))


def shrink(plane: Plane, shape: tuple[int, ...]) -> Plane:
    """The plane with fewer pixels, each the mean of those it covers; channels may follow.

    Args:
        plane: float32 (H, W) or (H, W, C).
        shape: rows and columns of the result; what follows is not looked at.
    """
    return as_plane(cv2.resize(plane, (shape[1], shape[0]), interpolation=cv2.INTER_AREA))


def enlarge(plane: Plane, shape: tuple[int, ...]) -> Plane:
    """The plane with more pixels, bilinear between the old ones; channels may follow.

    Args:
        plane: float32 (H, W) or (H, W, C).
        shape: rows and columns of the result; what follows is not looked at.
    """
    return as_plane(cv2.resize(plane, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR))


def gradient(plane: Plane) -> tuple[Plane, Plane]:
    """Derivatives along x and y per pixel (Sobel); channels may follow."""
    across = cv2.Sobel(plane, cv2.CV_32F, 1, 0, ksize=3, scale=0.125)
    down = cv2.Sobel(plane, cv2.CV_32F, 0, 1, ksize=3, scale=0.125)
    return as_plane(across), as_plane(down)


def hessian(plane: Plane) -> tuple[Plane, Plane, Plane]:
    """Second derivatives xx, xy and yy per squared pixel (Sobel)."""
    xx, xy, yy = (
        as_plane(cv2.Sobel(plane, cv2.CV_32F, *orders, ksize=3, scale=0.25))
        for orders in ((2, 0), (1, 1), (0, 2))
    )
    return xx, xy, yy


def eigenvalues(xx: Plane, xy: Plane, yy: Plane) -> tuple[Plane, Plane]:
    """Larger and smaller eigenvalue of the symmetric matrices [[xx, xy], [xy, yy]]."""
    half_trace = xx + yy
    half_trace *= np.float32(0.5)
    # Not cv2.magnitude: its last bit depends on where the arrays lie in memory.
    radius = xx - yy
    radius *= np.float32(0.5)
    radius *= radius
    radius += xy * xy
    np.sqrt(radius, out=radius)
    return half_trace + radius, half_trace - radius


def best_line(plane: Plane, length: int, *, edge: int = cv2.BORDER_REFLECT_101) -> Plane:
    """Highest mean over line segments through each pixel, in 8 directions: specks fade.

    Args:
        plane: float32 (H, W).
        length: of the segments in pixels, odd.
        edge: how the plane goes on outside, one of OpenCV's border types; mirrored by default.
    """
    best = np.full(plane.shape, -np.inf, np.float32)
    for kernel in _line_kernels(length):
        np.maximum(best, cv2.filter2D(plane, cv2.CV_32F, kernel, borderType=edge), out=best)
    return best


@cache
def _line_kernels(length: int) -> tuple[Plane, ...]:
    middle = length // 2
    kernels = []
    for angle in np.arange(8) * np.pi / 8:
        kernel = np.zeros((length, length), np.float32)
        dx, dy = round(middle * np.cos(angle)), round(middle * np.sin(angle))
        cv2.line(kernel, (middle - dx, middle - dy), (middle + dx, middle + dy), 1.0)
        kernels.append(kernel / kernel.sum())
    return tuple(kernels)


def as_plane(array: npt.ArrayLike) -> Plane:
    """Values as float32, not copied if they are."""
    return np.asarray(array, np.float32)
