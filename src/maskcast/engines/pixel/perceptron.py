"""A small multilayer perceptron with sigmoid outputs, trained with Adam, in numpy alone.

One output per object, because masks may overlap. Inputs are clipped to the range seen in training
and standardised; standardisation and clipping belong to the network, so callers pass raw features.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

_CLIP = 5.0
_WARM_UP = 0.05
_FINAL_RATE = 0.02


@dataclass(frozen=True)
class Training:
    """How a network is trained.

    Attributes:
        hidden: sizes of the hidden layers.
        steps: minibatches.
        batch: samples per minibatch.
        rate: peak learning rate; it warms up linearly and then falls along half a cosine.
        decay: decoupled weight decay (Loshchilov & Hutter 2019), relative to the rate.
        dropout: share of inputs set to their mean in each minibatch: keeps the network from
            resting on a few features that happen to separate the references.
    """

    hidden: tuple[int, ...] = (48, 24)
    steps: int = 700
    batch: int = 1024
    rate: float = 4e-3
    decay: float = 1e-4
    dropout: float = 0.15


@dataclass(frozen=True)
class Perceptron:
    """A trained network.

    Attributes:
        low: float32 (F, 1), inputs are clipped to at least this.
        high: float32 (F, 1), and at most this.
        weights: float32 (outputs, inputs) per layer.
        biases: float32 (outputs, 1) per layer.
    """

    low: Array
    high: Array
    weights: tuple[Array, ...]
    biases: tuple[Array, ...]

    def logits(self, features: Array) -> Array:
        """Logits float32 (K, N) of N samples given as float32 (F, N)."""
        hidden = np.clip(features, self.low, self.high)
        last = len(self.weights) - 1
        for index, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            hidden = weight @ hidden
            hidden += bias
            if index < last:
                np.maximum(hidden, 0, out=hidden)
        return hidden


def train(
    features: Array, truth: Array, weight: Array, settings: Training, seed: int
) -> Perceptron:
    """Train a network by minimising the weighted cross entropy.

    Args:
        features: float32 (N, F).
        truth: float32 (N, K) in [0, 1].
        weight: float32 (N, K), at least 0; its mean sets the strength of the gradient.
        settings: sizes and schedule.
        seed: the result depends on nothing else.
    """
    rng = np.random.default_rng(seed)
    mean = features.mean(axis=0, dtype=np.float64).astype(np.float32)
    spread = features.std(axis=0, dtype=np.float64).astype(np.float32) + np.float32(1e-3)
    sizes = (features.shape[1], *settings.hidden, truth.shape[1])
    layers = _initial_layers(sizes, rng)
    optimiser = _Adam(layers, settings)
    order = rng.permutation(len(features))
    batch = min(settings.batch, len(features))
    at = 0
    for _ in range(settings.steps):
        if at + batch > len(order):
            order = rng.permutation(len(features))
            at = 0
        rows = order[at : at + batch]
        at += batch
        inputs = np.clip((features[rows] - mean) / spread, -_CLIP, _CLIP)
        if settings.dropout:
            inputs *= rng.random(inputs.shape[1], dtype=np.float32) >= settings.dropout
        optimiser.step(_gradients(layers, inputs, truth[rows], weight[rows]))
    return _fold_standardisation(layers, mean, spread)


def sigmoid(logits: npt.ArrayLike) -> Array:
    """Probabilities of logits, without overflow."""
    return np.asarray(0.5 * np.tanh(0.5 * np.asarray(logits, np.float32)) + 0.5, np.float32)


def _initial_layers(sizes: tuple[int, ...], rng: np.random.Generator) -> list[Array]:
    """Weights (He et al. 2015) and biases, alternating: [W1, b1, W2, b2, ...]."""
    layers: list[Array] = []
    for inputs, outputs in itertools.pairwise(sizes):
        scale = np.float32(np.sqrt(2 / inputs))
        layers.append(rng.standard_normal((inputs, outputs), dtype=np.float32) * scale)
        layers.append(np.zeros(outputs, np.float32))
    return layers


def _gradients(layers: list[Array], inputs: Array, truth: Array, weight: Array) -> list[Array]:
    """Gradients of the mean weighted cross entropy, in the order of ``layers``."""
    activations = [inputs]
    for index in range(0, len(layers), 2):
        hidden = activations[-1] @ layers[index] + layers[index + 1]
        if index + 2 < len(layers):
            np.maximum(hidden, 0, out=hidden)
        activations.append(hidden)
    delta = (sigmoid(activations[-1]) - truth) * weight
    delta /= np.float32(len(inputs))
    gradients: list[Array] = []
    for index in range(len(layers) - 2, -1, -2):
        below = activations[index // 2]
        gradients += [delta.sum(axis=0), below.T @ delta]
        if index:
            delta = (delta @ layers[index].T) * (below > 0)
    return gradients[::-1]


class _Adam:
    """Adam (Kingma & Ba 2015) with decoupled weight decay, changing the layers in place."""

    def __init__(self, layers: list[Array], settings: Training) -> None:
        self._layers = layers
        self._settings = settings
        self._first = [np.zeros_like(layer) for layer in layers]
        self._second = [np.zeros_like(layer) for layer in layers]
        self._count = 0

    def step(self, gradients: list[Array]) -> None:
        """Move the layers by one step."""
        rate = np.float32(self._rate(self._count / self._settings.steps))
        self._count += 1
        first_scale = np.float32(1 / (1 - 0.9**self._count))
        second_scale = np.float32(1 / (1 - 0.999**self._count))
        decay = np.float32(self._settings.decay)
        for layer, gradient, first, second in zip(
            self._layers, gradients, self._first, self._second, strict=True
        ):
            first += np.float32(0.1) * (gradient - first)
            second += np.float32(0.001) * (gradient * gradient - second)
            move = first * first_scale / (np.sqrt(second * second_scale) + np.float32(1e-8))
            if layer.ndim == 2:
                move += decay * layer
            layer -= rate * move

    def _rate(self, progress: float) -> float:
        fall = 0.5 * (1 + np.cos(np.pi * progress))
        return float(
            self._settings.rate
            * min(1.0, (progress + 1e-3) / _WARM_UP)
            * (_FINAL_RATE + (1 - _FINAL_RATE) * fall)
        )


def _fold_standardisation(layers: list[Array], mean: Array, spread: Array) -> Perceptron:
    """The network on raw features: standardisation goes into the first layer."""
    weights = [np.ascontiguousarray(layer.T) for layer in layers[::2]]
    biases = [layer[:, None].copy() for layer in layers[1::2]]
    weights[0] = weights[0] / spread
    biases[0] = biases[0] - weights[0] @ mean[:, None]
    return Perceptron(
        low=(mean - _CLIP * spread)[:, None].astype(np.float32),
        high=(mean + _CLIP * spread)[:, None].astype(np.float32),
        weights=tuple(weights),
        biases=tuple(biases),
    )
