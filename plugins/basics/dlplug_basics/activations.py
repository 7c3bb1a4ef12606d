"""The activation functions of the course, each written out."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def sigmoid(x: Tensor) -> Tensor:
    """1 / (1 + e⁻ˣ)"""
    return torch.sigmoid(x)


def tanh(x: Tensor) -> Tensor:
    """(eˣ - e⁻ˣ) / (eˣ + e⁻ˣ)"""
    return torch.tanh(x)


def relu(x: Tensor) -> Tensor:
    """max(0, x)"""
    return x.clamp(min=0)


def leaky_relu(x: Tensor) -> Tensor:
    """max(0.1 x, x) (Maas et al. 2013, with the course's slope)"""
    return torch.where(x > 0, x, 0.1 * x)


def elu(x: Tensor) -> Tensor:
    """x where x > 0, else eˣ - 1 (Clevert et al. 2016, α = 1)"""
    return torch.where(x > 0, x, torch.expm1(x.clamp(max=0)))


def maxout(x: Tensor) -> Tensor:
    """max(x₁, x₂) of each two neighbours (Goodfellow et al. 2013): (B, 2 D) to (B, D)."""
    return x.unflatten(1, (-1, 2)).amax(2)


def identity(x: Tensor) -> Tensor:
    """x"""
    return x


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": sigmoid,
    "tanh": tanh,
    "relu": relu,
    "leaky-relu": leaky_relu,
    "elu": elu,
    "maxout": maxout,
    "identity": identity,
}


def pieces(name: str) -> int:
    """The number of inputs of an activation per output."""
    return 2 if name == "maxout" else 1
