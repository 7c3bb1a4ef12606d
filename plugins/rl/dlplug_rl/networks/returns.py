"""Representations of an action's return: its mean, or one of three kinds of distribution.

Each has `outputs`, the number of a head's outputs per action, and computes Q-values (B, actions) from them.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

COSINES = 64  # Dabney et al. 2018b, section 3.1


class Returns(nn.Module):
    """outputs: number of a head's outputs per action."""

    outputs: int

    def forward(self, head: nn.Module, features: Tensor, tau: Tensor | None = None) -> Tensor:
        """features (B, F) -> (B, actions, outputs)."""
        return head(features)

    def mean(self, outputs: Tensor) -> Tensor:
        """Q(s, ·) (B, actions) from the outputs of `forward`."""
        raise NotImplementedError


class Mean(Returns):
    """The expected return."""

    outputs = 1

    def mean(self, outputs: Tensor) -> Tensor:
        return outputs.squeeze(-1)


class Categorical(Returns):
    """Logits of a distribution over fixed atoms z_i, evenly from `low` to `high` (C51: Bellemare et al. 2017,
    arXiv:1707.06887)."""

    support: Tensor

    def __init__(self, atoms: int, low: float, high: float) -> None:
        super().__init__()
        self.outputs = atoms
        self.register_buffer("support", torch.linspace(low, high, atoms))

    def mean(self, outputs: Tensor) -> Tensor:
        # Q(s, a) = Σ_i z_i p_i(s, a)
        return outputs.softmax(-1) @ self.support


class Quantile(Returns):
    """Quantiles at the fixed fractions τ̂_i = (2i - 1) / 2N (QR-DQN: Dabney et al. 2018a, arXiv:1710.10044)."""

    tau: Tensor

    def __init__(self, quantiles: int) -> None:
        super().__init__()
        self.outputs = quantiles
        self.register_buffer("tau", midpoints(quantiles))

    def mean(self, outputs: Tensor) -> Tensor:
        return outputs.mean(-1)


class Implicit(Returns):
    """The quantile at any fraction τ (IQN: Dabney et al. 2018b, arXiv:1806.06923): the features
    are multiplied by an embedding of τ, φ_j(τ) = relu(Σ_i cos(π i τ) w_ij + b_j) (equation 4).

    Actions are chosen by the mean over `fractions` fractions: evenly spaced ones rather than random, so that the same
    observation gives the same values.
    """

    outputs = 1
    tau: Tensor
    frequencies: Tensor

    def __init__(self, features: int, fractions: int) -> None:
        super().__init__()
        self.register_buffer("tau", midpoints(fractions))
        self.register_buffer("frequencies", torch.pi * torch.arange(COSINES), persistent=False)
        self.embedding = nn.Linear(COSINES, features)

    def forward(self, head: nn.Module, features: Tensor, tau: Tensor | None = None) -> Tensor:
        """features (B, F), tau (B, N) -> (B, actions, N)."""
        tau = self.tau.expand(len(features), -1) if tau is None else tau
        embedded = F.relu(self.embedding(torch.cos(tau[..., None] * self.frequencies)))  # (B, N, F)
        return head(features[:, None] * embedded).squeeze(-1).transpose(1, 2)

    def mean(self, outputs: Tensor) -> Tensor:
        return outputs.mean(-1)


def midpoints(count: int) -> Tensor:
    """(count,) the midpoints of as many equal intervals of [0, 1]."""
    return (torch.arange(count) + 0.5) / count
