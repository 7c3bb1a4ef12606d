"""A neural network in plain NumPy: every layer has `forward`, `backward` and `update`.

    for _ in range(steps):
        loss, gradient = cross_entropy(network.forward(x), y)
        network.backward(gradient)
        network.update(learning_rate)

Shapes: B examples per batch, I inputs and O outputs of a layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


class Layer:
    """Has weights, and between `forward` and `update` the values that the chain rule needs."""

    weights: dict[str, Array] = {}
    gradients: dict[str, Array] = {}

    def forward(self, x: Array) -> Array:
        """The layer's output for x (B, I)."""
        raise NotImplementedError

    def backward(self, gradient: Array) -> Array:
        """From ∂L/∂output (B, O) to ∂L/∂x (B, I); leaves ∂L/∂weights in `gradients`."""
        raise NotImplementedError

    def update(self, learning_rate: float) -> None:
        """θ ← θ - η ∂L/∂θ, in place."""
        for name, weight in self.weights.items():
            weight -= learning_rate * self.gradients[name]


class Affine(Layer):
    """x W + b, with the initialisation of Glorot & Bengio (2010)."""

    def __init__(self, inputs: int, outputs: int, random: np.random.Generator) -> None:
        bound = np.sqrt(6 / (inputs + outputs))
        w = random.uniform(-bound, bound, (inputs, outputs)).astype(np.float32)
        self.weights = {"w": w, "b": np.zeros(outputs, np.float32)}
        self.gradients = {name: np.zeros_like(weight) for name, weight in self.weights.items()}

    def forward(self, x: Array) -> Array:
        self.x = x
        return x @ self.weights["w"] + self.weights["b"]

    def backward(self, gradient: Array) -> Array:
        """From ∂L/∂y (B, O) to ∂L/∂x (B, I); leaves ∂L/∂W (I, O) and ∂L/∂b (O,) in `gradients`, as "w" and "b"."""
        # ∂L/∂W = xᵀ ∂L/∂y, ∂L/∂b = Σ ∂L/∂y
        self.gradients = {"w": self.x.T @ gradient, "b": gradient.sum(0)}
        # ∂L/∂x = ∂L/∂y Wᵀ
        return gradient @ self.weights["w"].T


class Sigmoid(Layer):
    def forward(self, x: Array) -> Array:
        # 1 / (1 + e⁻ˣ), without an overflow for large -x
        self.y = np.exp(-np.logaddexp(0, -x))
        return self.y

    def backward(self, gradient: Array) -> Array:
        return gradient * self.y * (1 - self.y)


class Tanh(Layer):
    def forward(self, x: Array) -> Array:
        self.y = np.tanh(x)
        return self.y

    def backward(self, gradient: Array) -> Array:
        return gradient * (1 - self.y**2)


class LeakyRelu(Layer):
    """max(slope x, x)."""

    def __init__(self, slope: float = 0.1) -> None:
        self.slope = slope

    def forward(self, x: Array) -> Array:
        self.slopes = np.where(x > 0, 1, self.slope).astype(x.dtype)
        return x * self.slopes

    def backward(self, gradient: Array) -> Array:
        return gradient * self.slopes


class Relu(LeakyRelu):
    """max(0, x)."""

    def __init__(self) -> None:
        super().__init__(0.0)


class Elu(Layer):
    """x where x > 0, else eˣ - 1."""

    def forward(self, x: Array) -> Array:
        self.y = np.where(x > 0, x, np.expm1(np.minimum(x, 0)))
        return self.y

    def backward(self, gradient: Array) -> Array:
        # d(eˣ - 1)/dx = eˣ = y + 1
        return gradient * np.where(self.y > 0, 1, self.y + 1)


class Maxout(Layer):
    """The maximum of each two neighbours: (B, 2 O) to (B, O)."""

    def forward(self, x: Array) -> Array:
        pairs = x.reshape(len(x), -1, 2)
        self.winner = pairs.argmax(2)[..., None]
        return np.take_along_axis(pairs, self.winner, 2)[..., 0]

    def backward(self, gradient: Array) -> Array:
        pairs = np.zeros((*gradient.shape, 2), gradient.dtype)
        np.put_along_axis(pairs, self.winner, gradient[..., None], 2)
        return pairs.reshape(len(gradient), -1)


class Identity(Layer):
    def forward(self, x: Array) -> Array:
        return x

    def backward(self, gradient: Array) -> Array:
        return gradient


class Network(Layer):
    """A sequence of layers."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = list(layers)

    def forward(self, x: Array) -> Array:
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, gradient: Array) -> Array:
        for layer in reversed(self.layers):
            gradient = layer.backward(gradient)
        return gradient

    def update(self, learning_rate: float) -> None:
        for layer in self.layers:
            layer.update(learning_rate)


ACTIVATIONS: dict[str, type[Layer]] = {
    "sigmoid": Sigmoid,
    "tanh": Tanh,
    "relu": Relu,
    "leaky-relu": LeakyRelu,
    "elu": Elu,
    "maxout": Maxout,
    "identity": Identity,
}


def perceptron(sizes: Sequence[int], activation: str, random: np.random.Generator) -> Network:
    """A multilayer perceptron from sizes[0] inputs over hidden layers to sizes[-1] outputs."""
    layers: list[Layer] = []
    for inputs, outputs in pairwise(sizes[:-1]):
        layers += [Affine(inputs, outputs * (2 if activation == "maxout" else 1), random), ACTIVATIONS[activation]()]
    return Network([*layers, Affine(sizes[-2], sizes[-1], random)])


def cross_entropy(logits: Array, y: Array) -> tuple[Array, Array]:
    """The mean cross entropy () of logits (B, C) and classes y (B,), and its gradient (B, C)."""
    shifted = logits - logits.max(1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    correct = (np.arange(len(y)), y)
    # ∂L/∂logits = (softmax(logits) - onehot(y)) / B
    gradient = np.exp(log_p)
    gradient[correct] -= 1
    return -log_p[correct].mean(), gradient / len(y)
