"""Standardisation of observations: by fixed statistics, or by running ones."""

from __future__ import annotations

import torch
from torch import Tensor, nn

LIMIT = 10.0  # of a running standardised observation, as in OpenAI's baselines and Stable-Baselines3


class Standardise(nn.Module):
    """(x - mean) / deviation by fixed statistics, which broadcast with an observation."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, mean: object = 0.0, deviation: object = 1.0) -> None:
        super().__init__()
        self.register_buffer("mean", torch.as_tensor(mean, dtype=torch.float32).clone())
        self.register_buffer("deviation", torch.as_tensor(deviation, dtype=torch.float32).clone())
        self.changes = not all(isinstance(value, float) for value in (mean, deviation)) or (mean, deviation) != (0, 1)

    def forward(self, obs: Tensor) -> Tensor:
        if not self.changes:
            return obs.float()
        # (x - mean) / deviation in one pass over the observations
        return torch.addcmul(-self.mean / self.deviation, obs.float(), 1 / self.deviation)

    def observe(self, obs: Tensor, weight: Tensor) -> None: ...


class Running(Standardise):
    """By the mean and the standard deviation of each number of all observations so far."""

    count: Tensor

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__(torch.zeros(shape), torch.ones(shape))
        self.register_buffer("count", torch.zeros(()))

    def forward(self, obs: Tensor) -> Tensor:
        return super().forward(obs).clamp(-LIMIT, LIMIT)

    @torch.no_grad()
    def observe(self, obs: Tensor, weight: Tensor) -> None:
        """obs: (T, N, *shape). weight: (T, N), 1 for observations that count."""
        x, w = obs.float().flatten(0, 1), weight.flatten().view(-1, *[1] * (obs.ndim - 2))
        count = weight.sum()
        mean = (x * w).sum(0) / count
        square = ((x - mean).square() * w).sum(0)
        # Chan et al. 1979: of two sets, the sums of squares and their means' distance
        total, shift = self.count + count, mean - self.mean
        before = torch.where(self.count > 0, self.deviation.square() * self.count, 0.0)
        variance = (before + square + shift.square() * self.count * count / total) / total
        self.mean += shift * count / total
        self.deviation.copy_((variance + 1e-8).sqrt())
        self.count.copy_(total)
