"""A small multilayer perceptron with sigmoid outputs, trained with Adam, in numpy alone.

One output per object, because masks may overlap. Inputs are clipped to the range seen in training
and standardised; the finished networks hold both, so they are given raw features.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

Layers = list[Array]
"""Weights (inputs, outputs) and biases (outputs,) of one network, alternating."""


@dataclass(frozen=True)
class PerceptronConstants:
    """Fixed by hand, with ``benchmarks/accuracy.py`` on the measuring packs (docs/adr/0002).

    Attributes:
        clip: inputs are clipped to this many standard deviations from the mean.
        warm_up: share of the steps in which the rate rises.
        final_rate: what is left of the rate at the end, as a share.
        chunk: samples per product of matrices, so that what lies between layers stays in the cache.
            Every product has as many, because the last columns of another number of them may
            round otherwise; so few, because the last product is seldom full.
    """

    clip: float = 5.0
    warm_up: float = 0.05
    final_rate: float = 0.02
    chunk: int = 512


_FIXED = PerceptronConstants()


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
    batch: int = 512
    rate: float = 4e-3
    decay: float = 1e-4
    dropout: float = 0.15


@dataclass(frozen=True)
class Scaler:
    """Standardisation of features, learned once for all networks of a stage.

    Attributes:
        mean: float32 (F,).
        spread: float32 (F,), standard deviations, above 0.
    """

    mean: Array
    spread: Array

    @classmethod
    def of(cls, features: Array) -> Scaler:
        """The scaler of samples, float32 (N, F)."""
        spread = features.std(axis=0, dtype=np.float64)
        mean = features.mean(axis=0, dtype=np.float64)
        return cls(mean.astype(np.float32), spread.astype(np.float32) + np.float32(1e-3))

    def apply(self, features: Array) -> Array:
        """Standardised and clipped samples, float32 (N, F)."""
        scaled = features - self.mean
        scaled /= self.spread
        return np.clip(scaled, -_FIXED.clip, _FIXED.clip, out=scaled)


@dataclass(frozen=True)
class Perceptrons:
    """Networks of one shape that share a scaler; their logits are averaged.

    Attributes:
        low: float32 (F, 1), inputs are clipped to at least this.
        high: float32 (F, 1), and at most this.
        weights: float32 (members, outputs, inputs) per layer.
        biases: float32 (members, outputs, 1) per layer.
    """

    low: Array
    high: Array
    weights: tuple[Array, ...]
    biases: tuple[Array, ...]

    @property
    def outputs(self) -> int:
        """Number of logits per sample."""
        return int(self.biases[-1].shape[1])

    def pick(self, member: int) -> Perceptrons:
        """One member alone."""
        alone = slice(member, member + 1)
        return Perceptrons(
            self.low,
            self.high,
            tuple(weight[alone] for weight in self.weights),
            tuple(bias[alone] for bias in self.biases),
        )

    def logits(self, features: Array) -> Array:
        """Mean logits float32 (K, N) of N samples given as float32 (F, N).

        Those of a sample do not depend on the others, to the last bit.
        """
        inputs, count = features.shape
        out = np.empty((len(self.weights[0]), self.outputs, count), np.float32)
        clipped = np.zeros((inputs, _FIXED.chunk), np.float32)
        for at in range(0, count, _FIXED.chunk):
            part = features[:, at : at + _FIXED.chunk]
            taken = part.shape[1]
            # Half of the time that np.clip takes.
            np.maximum(part, self.low, out=clipped[:, :taken])
            np.minimum(clipped, self.high, out=clipped)
            out[..., at : at + taken] = self._chunk(clipped)[..., :taken]
        return np.asarray(out.mean(axis=0), np.float32)

    def _chunk(self, clipped: Array) -> Array:
        """Logits of each member, (members, K, chunk)."""
        members, width, inputs = self.weights[0].shape
        # One product for the first layer of all members.
        hidden = self.weights[0].reshape(members * width, inputs) @ clipped
        hidden = hidden.reshape(members, width, -1)
        hidden += self.biases[0]
        for weight, bias in zip(self.weights[1:], self.biases[1:], strict=True):
            np.maximum(hidden, 0, out=hidden)
            hidden = weight @ hidden
            hidden += bias
        return hidden


def train(inputs: Array, truth: Array, weight: Array, settings: Training, seed: int) -> Layers:
    """Train one network by minimising the weighted cross entropy.

    Args:
        inputs: float32 (N, F), from `Scaler.apply`.
        truth: float32 (N, K) in [0, 1].
        weight: float32 (N, K), at least 0; its mean sets the strength of the gradient.
        settings: sizes and schedule.
        seed: the result depends on nothing else.

    Returns:
        Weights (inputs, outputs) and biases (outputs,), alternating.
    """
    rng = np.random.default_rng(seed)
    layers = _initial_layers((inputs.shape[1], *settings.hidden, truth.shape[1]), rng)
    optimiser = _Adam(layers, settings)
    order = rng.permutation(len(inputs))
    batch = min(settings.batch, len(inputs))
    at = 0
    for _ in range(settings.steps):
        if at + batch > len(order):
            order = rng.permutation(len(inputs))
            at = 0
        rows = order[at : at + batch]
        at += batch
        shown = inputs[rows]
        if settings.dropout:
            shown *= rng.random(shown.shape[1], dtype=np.float32) >= settings.dropout
        optimiser.step(_gradients(layers, shown, truth[rows], weight[rows]))
    return layers


def combine(scaler: Scaler, members: Sequence[Layers]) -> Perceptrons:
    """The networks on raw features: the scaler goes into their first layers."""
    weights = [np.stack([layers[i].T for layers in members]) for i in range(0, len(members[0]), 2)]
    biases = [
        np.stack([layers[i][:, None] for layers in members]) for i in range(1, len(members[0]), 2)
    ]
    weights[0] = weights[0] / scaler.spread
    biases[0] = biases[0] - weights[0] @ scaler.mean[:, None]
    return Perceptrons(
        low=(scaler.mean - _FIXED.clip * scaler.spread)[:, None],
        high=(scaler.mean + _FIXED.clip * scaler.spread)[:, None],
        weights=tuple(weights),
        biases=tuple(biases),
    )


def sigmoid(logits: npt.ArrayLike) -> Array:
    """Probabilities of logits, without overflow."""
    return np.asarray(0.5 * np.tanh(0.5 * np.asarray(logits, np.float32)) + 0.5, np.float32)


def _initial_layers(sizes: tuple[int, ...], rng: np.random.Generator) -> Layers:
    """Weights (He et al. 2015) and biases, alternating: [W1, b1, W2, b2, ...]."""
    layers: Layers = []
    for inputs, outputs in itertools.pairwise(sizes):
        scale = np.float32(np.sqrt(2 / inputs))
        layers.append(rng.standard_normal((inputs, outputs), dtype=np.float32) * scale)
        layers.append(np.zeros(outputs, np.float32))
    return layers


def _gradients(layers: Layers, inputs: Array, truth: Array, weight: Array) -> Layers:
    """Gradients of the mean weighted cross entropy, in the order of ``layers``."""
    activations = [inputs]
    for index in range(0, len(layers), 2):
        hidden = activations[-1] @ layers[index] + layers[index + 1]
        if index + 2 < len(layers):
            np.maximum(hidden, 0, out=hidden)
        activations.append(hidden)
    delta = (sigmoid(activations[-1]) - truth) * weight
    delta /= np.float32(len(inputs))
    gradients: Layers = []
    for index in range(len(layers) - 2, -1, -2):
        below = activations[index // 2]
        gradients += [delta.sum(axis=0), below.T @ delta]
        if index:
            delta = (delta @ layers[index].T) * (below > 0)
    return gradients[::-1]


class _Adam:
    """Adam (Kingma & Ba 2015) with decoupled weight decay, changing the layers in place."""

    def __init__(self, layers: Layers, settings: Training) -> None:
        self._layers = layers
        self._settings = settings
        self._first = [np.zeros_like(layer) for layer in layers]
        self._second = [np.zeros_like(layer) for layer in layers]
        self._count = 0

    def step(self, gradients: Layers) -> None:
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
            * min(1.0, (progress + 1e-3) / _FIXED.warm_up)
            * (_FIXED.final_rate + (1 - _FIXED.final_rate) * fall)
        )
