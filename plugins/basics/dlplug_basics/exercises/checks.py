"""The checks of the exercises: numerical derivatives, and statistics feature by feature."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlplug.testing import assert_close, called
from dlplug_basics.batch_norm import BatchNorm
from dlplug_basics.in_numpy.network import Affine, Array

STEP = 1e-3


def affine_backward(written: Callable[[Affine, Array], Array]) -> None:
    """Against the numerical derivative of L = Σ s ∘ (x W + b), whose ∂L/∂y is s."""
    random = np.random.default_rng(0)
    layer = Affine(3, 2, random)
    layer.weights = {name: weight.astype(np.float64) for name, weight in layer.weights.items()}
    x, slope = random.normal(size=(4, 3)), random.normal(size=(4, 2))

    def derivative(of: Array) -> Array:
        result = np.zeros_like(of)
        for place in np.ndindex(of.shape):
            losses = []
            for step in (STEP, -STEP):
                of[place] += step
                losses.append((slope * (x @ layer.weights["w"] + layer.weights["b"])).sum())
                of[place] -= step
            result[place] = (losses[0] - losses[1]) / (2 * STEP)
        return result

    layer.gradients = {}
    layer.forward(x)
    got = called(written, layer, slope)
    assert layer.gradients.keys() == {"w", "b"}, f"self.gradients needs w and b, and has {sorted(layer.gradients)}"
    assert_close(layer.gradients["w"], derivative(layer.weights["w"]), "∂L/∂W (I, O), in self.gradients['w']")
    assert_close(layer.gradients["b"], derivative(layer.weights["b"]), "∂L/∂b (O,), in self.gradients['b']")
    assert_close(got, derivative(x), "∂L/∂x (B, I), which backward returns")


def batch_norm(written: Callable[[BatchNorm, Tensor], Tensor]) -> None:
    x = torch.tensor([[1.0, -2.0], [3.0, 0.0], [5.0, 8.0]])
    layer = BatchNorm(2)
    with torch.no_grad():
        layer.gamma.copy_(torch.tensor([2.0, 0.5]))
        layer.beta.copy_(torch.tensor([1.0, -1.0]))
    expected, means, variances = torch.empty(3, 2), [], []
    for d in range(2):
        column = x[:, d].tolist()
        mean = sum(column) / 3
        squares = sum((value - mean) ** 2 for value in column)
        expected[:, d] = _normalised(layer, d, x[:, d], mean, squares / 3)
        means.append(0.9 * 0.0 + 0.1 * mean)
        variances.append(0.9 * 1.0 + 0.1 * squares / 2)
    got = called(written, layer, x)
    assert_close(got, expected, "the output in training, by the batch's mean and its variance Σ (x - μ)² / B")
    assert_close(layer.running_mean, torch.tensor(means), "running_mean after a batch, 0.9 · 0 + 0.1 · the mean")
    assert_close(layer.running_variance, torch.tensor(variances), "running_variance after a batch, 0.9 · 1 + 0.1 ·"
                 " Σ (x - μ)² / (B - 1)")  # fmt: skip
    assert not layer.running_mean.requires_grad, "running_mean has a gradient: detach what follow is passed"
    gradient = torch.autograd.grad(got[0].sum(), layer.gamma)[0]
    assert_close(gradient, (expected[0] - layer.beta.detach()) / layer.gamma.detach(), "∂y₀/∂γ, the normalised x₀")
    _in_eval_mode(written, layer, x)


def _in_eval_mode(written: Callable[[BatchNorm, Tensor], Tensor], layer: BatchNorm, x: Tensor) -> None:
    layer.eval()
    mean, variance = layer.running_mean.clone(), layer.running_variance.clone()
    expected = torch.empty(3, 2)
    for d in range(2):
        expected[:, d] = _normalised(layer, d, x[:, d], float(mean[d]), float(variance[d]))
    assert_close(called(written, layer, x), expected, "the output in eval mode, by running_mean and running_variance")
    assert_close(called(written, layer, x[:1]), expected[:1], "the output in eval mode for one example")
    assert_close(layer.running_mean, mean, "running_mean after eval mode, which must not change it")


def _normalised(layer: BatchNorm, d: int, column: Tensor, mean: float, variance: float) -> Any:
    gamma, beta = layer.gamma.tolist()[d], layer.beta.tolist()[d]
    return torch.tensor([gamma * (value - mean) / math.sqrt(variance + 1e-5) + beta for value in column.tolist()])
