"""The protocol of policies that act in N environments at once, with or without memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np


class Policy(Protocol):
    """Implemented by a model that acts, or by its loss's product. It is called under `dlplug.acting(model)`: in eval
    mode, without gradients and in the run's precision, so that the log-probabilities of a rollout equal those that the
    loss computes.

    During training this suits only policies that are the same in train and eval mode. NoisyNets explore by noise in
    their weights, which eval mode removes. The Q-learning players of dlplug-rl therefore call the network itself, in
    train mode under `torch.no_grad()`, and use this protocol for evaluation only.
    """

    def start(self, count: int) -> Any:
        """The initial state for that many environments; None for a policy without memory."""
        ...

    def act(
        self, obs: Any, state: Any, first: np.ndarray, *, greedy: bool
    ) -> tuple[np.ndarray, Any, Mapping[str, Any]]:
        """The actions (N, ...), the state after them, and extras computed for these observations, such as
        {"values": (N, actions)} or {"log_probability": (N,)}.

        obs: observations (N, ...). first: (N,) bool, true where an episode begins: the policy resets the state of those
        rows. greedy: take the best or most probable action; otherwise sample, as in training.
        """
        ...
