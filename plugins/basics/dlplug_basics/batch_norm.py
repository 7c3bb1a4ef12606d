"""Batch normalisation, written out from the four formulas of its paper (Ioffe & Szegedy 2015, algorithm 1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def batch_norm(x: Tensor, mean: Tensor, variance: Tensor, gamma: Tensor, beta: Tensor, epsilon: float) -> Tensor:
    """Formulas 3 and 4 for x (B, D) and mean, variance, gamma, beta (D,)."""
    # x̂ᵢ = (xᵢ - μ) / √(σ² + ε)
    normalised = (x - mean) / torch.sqrt(variance + epsilon)
    # yᵢ = γ x̂ᵢ + β
    return gamma * normalised + beta


class BatchNorm(nn.Module):
    """Normalises each of D features by its batch statistics; in eval mode by running averages. The defaults are
    torch's.

    width: D. momentum: weight of the newest batch in the running averages. epsilon: added to the variance.
    """

    running_mean: Tensor
    running_variance: Tensor

    def __init__(self, width: int, momentum: float = 0.1, epsilon: float = 1e-5) -> None:
        super().__init__()
        self.momentum, self.epsilon = momentum, epsilon
        self.gamma, self.beta = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))
        self.register_buffer("running_mean", torch.zeros(width))
        self.register_buffer("running_variance", torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """(B, D) to (B, D). Raises ValueError for a single example in training, which has no variance."""
        if not self.training:
            return batch_norm(x, self.running_mean, self.running_variance, self.gamma, self.beta, self.epsilon)
        if len(x) < 2:
            raise ValueError("batch normalisation needs at least two examples in a batch to train on")
        # μ = 1/B Σ xᵢ
        mean = x.sum(0) / len(x)
        # σ² = 1/B Σ (xᵢ - μ)²
        variance = ((x - mean) ** 2).sum(0) / len(x)
        self.follow(mean.detach(), variance.detach() * len(x) / (len(x) - 1))
        return batch_norm(x, mean, variance, self.gamma, self.beta, self.epsilon)

    def follow(self, mean: Tensor, unbiased_variance: Tensor) -> None:
        self.running_mean.lerp_(mean, self.momentum)
        self.running_variance.lerp_(unbiased_variance, self.momentum)
