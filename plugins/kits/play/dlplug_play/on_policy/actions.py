"""Distributions of actions, by their parameters. `...` are any batch axes, A: actions, D: dimensions of an action."""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

import torch
from torch import Tensor


class Actions(Protocol):
    """A distribution of actions for each row of a batch."""

    def sample(self) -> Tensor: ...

    def mode(self) -> Tensor: ...

    def log_probability(self, action: Tensor) -> Tensor: ...

    def entropy(self) -> Tensor: ...


class Categorical(NamedTuple):
    """One of A choices. logp: (..., A) log-probabilities."""

    logp: Tensor

    @classmethod
    def of(cls, logits: Tensor) -> Categorical:
        return cls(logits.float().log_softmax(-1))

    def sample(self) -> Tensor:
        """(...) int64, by the race of exponential clocks: argmin_a E_a / p_a with E_a ~ Exp(1)."""
        return (self.logp - torch.empty_like(self.logp).exponential_().log_()).argmax(-1)

    def mode(self) -> Tensor:
        return self.logp.argmax(-1)

    def log_probability(self, action: Tensor) -> Tensor:
        return self.logp.gather(-1, action[..., None]).squeeze(-1)

    def entropy(self) -> Tensor:
        return -(self.logp.exp() * self.logp).sum(-1)


class Gaussian(NamedTuple):
    """D independent normal variables. mean: (..., D). log_deviation: broadcasts with it."""

    mean: Tensor
    log_deviation: Tensor

    def sample(self) -> Tensor:
        return self.mean + self.log_deviation.exp() * torch.randn_like(self.mean)

    def mode(self) -> Tensor:
        return self.mean

    def log_probability(self, action: Tensor) -> Tensor:
        # log N(a; μ, σ) = -(a - μ)² / 2σ² - log σ - log √2π, summed over the dimensions
        scaled = (action - self.mean) * (-self.log_deviation).exp()
        return (-0.5 * scaled.square() - self.log_deviation - 0.5 * math.log(2 * math.pi)).sum(-1)

    def entropy(self) -> Tensor:
        each = self.log_deviation + 0.5 * (1 + math.log(2 * math.pi))
        return each.expand_as(self.mean).sum(-1)
