"""The greedy policy of a Q-network."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


class Greedy:
    """The policy that takes the action of the highest value; it has no memory.

    model: gives (N, actions) values for (N, ...) observations. The policy leaves its mode (train or eval) alone.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model

    @torch.no_grad()
    def values(self, obs: np.ndarray) -> Tensor:
        """Q(s, ·): (N, actions) on the model's device, for observations (N, ...) as the environments show them."""
        device = next(self.model.parameters()).device
        return self.model(torch.as_tensor(obs).to(device))

    def start(self, count: int) -> None: ...

    def act(
        self, obs: np.ndarray, state: Any, first: np.ndarray, *, greedy: bool
    ) -> tuple[np.ndarray, Any, dict[str, Any]]:
        """(N,) int64 actions for (N, ...) observations, and the values (N, actions) that they were chosen by."""
        values = self.values(obs)
        return values.argmax(dim=1).cpu().numpy(), state, {"values": values}
