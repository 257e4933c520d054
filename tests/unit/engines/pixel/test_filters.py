import cv2
import numpy as np
import pytest
from scipy import ndimage
from skimage.feature import hessian_matrix_eigvals

from maskcast.engines.pixel import filters


def noise(*shape: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


@pytest.mark.parametrize(
    ("edge", "mode"), [(cv2.BORDER_REFLECT_101, "mirror"), (cv2.BORDER_REPLICATE, "nearest")]
)
def test_blur_equals_scipy(edge: int, mode: str) -> None:
    plane = noise(40, 50)
    expected = ndimage.gaussian_filter(plane, 1.4, mode=mode, radius=4)
    np.testing.assert_allclose(filters.blur(plane, 1.4, edge=edge), expected, atol=1e-5)


@pytest.mark.parametrize("sigma", [0.7, 2.0])
def test_a_blur_of_any_width_equals_scipy(sigma: float) -> None:
    plane = noise(40, 50)
    expected = ndimage.gaussian_filter(plane, sigma, mode="nearest", truncate=5)
    np.testing.assert_allclose(filters.wide_blur(plane, sigma), expected, atol=2e-4)


def test_a_wide_blur_is_near_the_exact_one() -> None:
    plane = ndimage.gaussian_filter(noise(120, 90), 3)
    expected = ndimage.gaussian_filter(plane, 9.0, mode="nearest", truncate=5)
    wide = filters.wide_blur(plane, 9.0)
    assert np.abs(wide - expected).max() < 0.15 * np.ptp(expected)
    assert np.corrcoef(wide.ravel(), expected.ravel())[0, 1] > 0.99


def test_channels_are_blurred_separately() -> None:
    stack = noise(60, 70, 3)
    for sigma in (1.0, 6.0):
        blurred = filters.wide_blur(stack, sigma)
        for channel in range(3):
            alone = filters.wide_blur(np.ascontiguousarray(stack[..., channel]), sigma)
            np.testing.assert_allclose(blurred[..., channel], alone, atol=1e-6)


def test_shrinking_takes_means() -> None:
    plane = noise(40, 60)
    expected = plane.reshape(10, 4, 20, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(filters.shrink(plane, (10, 20)), expected, atol=1e-6)


def test_enlarging_goes_straight_from_pixel_to_pixel() -> None:
    enlarged = filters.enlarge(np.array([[0, 4]], np.float32), (1, 4))
    np.testing.assert_allclose(enlarged, [[0, 1, 3, 4]])


def test_the_gradient_of_a_slope_is_per_pixel() -> None:
    y, x = np.mgrid[:20, :20].astype(np.float32)
    across, down = filters.gradient(3 * x - 2 * y)
    np.testing.assert_allclose(across[1:-1, 1:-1], 3, atol=1e-5)
    np.testing.assert_allclose(down[1:-1, 1:-1], -2, atol=1e-5)


def test_second_derivatives_of_a_parabola() -> None:
    y, x = np.mgrid[:20, :20].astype(np.float32)
    inner = (slice(3, -3), slice(3, -3))
    xx, xy, yy = filters.hessian(3 * x * x + 2 * x * y + y * y)
    np.testing.assert_allclose(xx[inner], 6, atol=1e-3)
    np.testing.assert_allclose(xy[inner], 2, atol=1e-3)
    np.testing.assert_allclose(yy[inner], 2, atol=1e-3)


def test_eigenvalues_equal_scikit_image() -> None:
    xx, xy, yy = np.random.default_rng(2).standard_normal((3, 9, 11)).astype(np.float32)
    expected = hessian_matrix_eigvals([yy, xy, xx])
    np.testing.assert_allclose(np.stack(filters.eigenvalues(xx, xy, yy)), expected, atol=1e-5)


def test_a_line_of_any_direction_keeps_its_value_and_a_speck_fades() -> None:
    for angle in range(0, 180, 45):
        plane = np.zeros((41, 41), np.float32)
        dx, dy = np.round(15 * np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))]))
        cv2.line(plane, (int(20 - dx), int(20 - dy)), (int(20 + dx), int(20 + dy)), 1.0)
        assert filters.best_line(plane, 11)[20, 20] == pytest.approx(1)
    speck = np.zeros((41, 41), np.float32)
    speck[20, 20] = 1
    assert filters.best_line(speck, 11).max() < 0.15
    assert filters.best_line(-1 - speck, 11).max() == pytest.approx(-1)
