"""What a Q-network is good for: choosing actions."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn


class EpsilonGreedy:
    """Takes the action of the highest value, or with probability epsilon any action at all.

    model: gives (N, actions) values for (N, ...) observations. The policy leaves its mode (train or eval) alone.
    epsilon: may be set at any time.
    seed: of the random actions.
    """

    def __init__(self, model: nn.Module, epsilon: float = 0.0, seed: int = 0) -> None:
        self.model, self.epsilon = model, epsilon
        self.generator = np.random.default_rng(seed)

    @torch.no_grad()
    def values(self, obs: np.ndarray) -> Tensor:
        """Q(s, ·): (N, actions) on the model's device, for observations (N, ...) as the environments show them."""
        device = next(self.model.parameters()).device
        return self.model(torch.as_tensor(obs).to(device))

    def __call__(self, obs: np.ndarray) -> np.ndarray:
        """(N,) int64 actions for (N, ...) observations."""
        values = self.values(obs)
        best = values.argmax(dim=1).cpu().numpy()
        if self.epsilon == 0.0:
            return best
        anything = self.generator.integers(values.shape[1], size=len(best))
        return np.where(self.generator.random(len(best)) < self.epsilon, anything, best)
