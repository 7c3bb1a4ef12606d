"""The protocol of what acts in N environments at once, with or without memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np


class Policy(Protocol):
    """What a model that plays has, or what its loss makes of it. It is called under `dlplug.acting(model)`: in eval
    mode, without gradients and in the run's precision, so that the log-probabilities of a rollout are those that the
    loss computes from it.

    In training only a policy that is the same in both modes can be asked in this way. NoisyNets explore by noise in
    their weights, which eval mode silences; so the Q-learning players of dlplug-rl, which run them all, call the
    network itself in train mode under `torch.no_grad()`, and only its evaluation goes through this protocol.
    """

    def start(self, count: int) -> Any:
        """The state of that many environments before their first step; None for a policy without memory."""
        ...

    def act(
        self, obs: Any, state: Any, first: np.ndarray, *, greedy: bool
    ) -> tuple[np.ndarray, Any, Mapping[str, Any]]:
        """The actions (N, ...), the state after them, and extras: what else was computed of these observations, such
        as {"values": (N, actions)} or {"log_probability": (N,)}.

        obs: (N, ...) as the environments give it. first: (N,) bool, where an episode begins: the policy forgets the
        state of those rows. greedy: the best or most probable action; else it is sampled, as in training.
        """
        ...
