"""The greedy policy of a Q-network."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


class Greedy:
    """Takes the action of the highest value, without memory.

    model: maps (N, ...) observations to (N, actions) values. The policy does not change its mode (train or eval).
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model

    @torch.no_grad()
    def values(self, obs: np.ndarray) -> Tensor:
        """Q(s, ·): (N, actions) on the model's device, for observations (N, ...) of the environments."""
        device = next(self.model.parameters()).device
        return self.model(torch.as_tensor(obs).to(device))

    def start(self, count: int) -> None: ...

    def act(
        self, obs: np.ndarray, state: Any, first: np.ndarray, *, greedy: bool
    ) -> tuple[np.ndarray, Any, dict[str, Any]]:
        """(N,) int64 actions for (N, ...) observations, and the values (N, actions)."""
        values = self.values(obs)
        return values.argmax(dim=1).cpu().numpy(), state, {"values": values}
