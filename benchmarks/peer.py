"""The peer we measure against: scikit-image's trainable segmenter with its published settings."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from skimage.feature import multiscale_basic_features
from sklearn.ensemble import RandomForestClassifier

from maskcast.types import Reference

# scikit-learn warns once per tree and call when its threads are not started by itself.
warnings.filterwarnings("ignore", module="sklearn")


class PeerSegmenter:
    """Multi-scale intensity, edge and texture features, and a random forest.

    The features and the forest are those of scikit-image's gallery example on trainable
    segmentation: 100 trees of depth 10, each grown on 5 % of the pixels.
    """

    def __init__(self, seed: int = 0) -> None:
        self._forest = RandomForestClassifier(
            n_estimators=100,
            max_depth=10,
            max_samples=0.05,
            n_jobs=os.cpu_count(),
            random_state=seed,
        )
        self._gray = True

    def fit(self, references: Sequence[Reference]) -> None:
        """Learn the object ids of ``references``; where masks overlap the highest id counts."""
        self._gray = all(_is_gray(reference.image) for reference in references)
        features = [self._features(reference.image) for reference in references]
        labels = [_labels(reference) for reference in references]
        self._forest.fit(np.concatenate(features), np.concatenate(labels))

    def predict(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Label map, uint8 (H, W), of an image uint8 (H, W, 3)."""
        labels = self._forest.predict(self._features(image))
        return np.asarray(labels, np.uint8).reshape(image.shape[:2])

    def probability(self, image: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Float64 (H, W), that a pixel is of any object, of an image uint8 (H, W, 3)."""
        shares = self._forest.predict_proba(self._features(image))
        return np.asarray(1 - shares[:, 0], np.float64).reshape(image.shape[:2])

    def _features(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Float32 (H * W, F)."""
        pixels = image[..., 0] if self._gray else image
        bank = multiscale_basic_features(
            pixels, channel_axis=None if self._gray else -1, workers=os.cpu_count()
        )
        return np.asarray(bank, np.float32).reshape(-1, bank.shape[-1])


def _labels(reference: Reference) -> NDArray[np.uint8]:
    labels = np.zeros(reference.image.shape[:2], np.uint8)
    for object_id, mask in sorted(reference.masks.items()):
        labels[mask] = object_id
    return labels.ravel()


def _is_gray(image: NDArray[np.uint8]) -> bool:
    return bool((image == image[..., :1]).all())
