"""Actors with a critic: a distribution of actions and a value for each observation, with or without memory.

T: steps, N: environments, F: features, S: size of the state.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from dlplug import UserError, to_device
from dlplug_play.on_policy.actions import Actions, Categorical, Gaussian
from dlplug_play.on_policy.standardise import Standardise
from dlplug_play.specs import PlaySpec


class Judged(NamedTuple):
    """policy: (T, N, A) logits, or (T, N, D) means. value: (T, N). state: (N, S) after the last observation."""

    policy: Tensor
    value: Tensor
    state: Tensor


class Branch(nn.Module):
    """A torso and, where `memory` is the hidden size of one, an LSTM on its features.

    torso: (B, *input) -> (B, features). state: an environment's hidden and cell state, (N, 2 memory).
    """

    def __init__(self, torso: nn.Module, features: int, memory: int = 0) -> None:
        super().__init__()
        self.torso, self.lstm = torso, nn.LSTM(features, memory) if memory else None
        self.features, self.state_size = memory or features, 2 * memory

    def forward(self, obs: Tensor, first: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """obs (T, N, *input), first (T, N) bool, state (N, 2 memory) -> features (T, N, F), and the state after."""
        features = self.torso(obs.flatten(0, 1)).unflatten(0, obs.shape[:2])
        if self.lstm is None:
            return features, state
        outputs = []
        for begin, end in spans(first):
            state = state * ~first[begin, :, None]  # before the step, not after it
            h, c = state.chunk(2, 1)
            output, (h, c) = self.lstm(features[begin:end], (h[None].contiguous(), c[None].contiguous()))
            state = torch.cat([h[0], c[0]], 1)
            outputs.append(output)
        return torch.cat(outputs), state


def spans(first: Tensor) -> list[tuple[int, int]]:
    """Spans of steps, [begin, end), inside which no environment begins an episode: the LSTM reads each in one call.
    first: (T, N). On a CPU they are the longest; on a GPU single steps, so that the host need not wait for `first`, and
    a graph can hold them."""
    if first.is_cuda or len(first) == 1:
        return [(t, t + 1) for t in range(len(first))]
    begins = [t for t, begin in enumerate(first.any(1).tolist()) if begin or t == 0]
    return list(zip(begins, [*begins[1:], len(first)], strict=True))


class ActorCritic(nn.Module):
    """A policy, as `dlplug_play.policy.Policy`, with a critic.

    branches: one that actor and critic share, or one for each. standardise: of observations.
    """

    def __init__(self, spec: PlaySpec, branches: Iterable[Branch], standardise: Standardise) -> None:
        super().__init__()
        branches = list(branches)
        self.standardise, self.branches = standardise, nn.ModuleList(branches)
        self.continuous = spec.continuous
        self.sizes = [branch.state_size for branch in branches]
        self.actor = nn.Linear(branches[0].features, spec.output)
        self.critic = nn.Linear(branches[-1].features, 1)
        self.log_deviation = nn.Parameter(torch.zeros(spec.output)) if spec.continuous else None
        for module in self.modules():
            initialise(module, math.sqrt(2))
        initialise(self.actor, 0.01)
        initialise(self.critic, 1.0)

    def forward(self, obs: Tensor, first: Tensor, state: Tensor) -> Judged:
        """obs (T, N, *input) any dtype, first (T, N) bool, state (N, S) before the first observation."""
        x = self.standardise(obs)
        judged = [b(x, first, s) for b, s in zip(self.branches, state.split(self.sizes, 1), strict=True)]
        value = self.critic(judged[-1][0]).squeeze(-1)
        return Judged(self.actor(judged[0][0]), value.float(), torch.cat([after for _, after in judged], 1))

    def actions(self, policy: Tensor) -> Actions:
        """The distribution by its parameters, (..., A) or (..., D)."""
        if self.log_deviation is None:
            return Categorical.of(policy)
        return Gaussian(policy.float(), self.log_deviation)

    def start(self, count: int) -> Tensor:
        """(N, S) zeros."""
        return self.critic.weight.new_zeros(count, sum(self.sizes))

    def act(
        self, obs: np.ndarray, state: Tensor, first: np.ndarray, *, greedy: bool
    ) -> tuple[np.ndarray, Tensor, dict[str, Any]]:
        """Actions (N,) int64 or (N, D) float32, the state after them, and `log_probability` and `value` (N,), and
        `values`: the probability of each action (N, A), or the means (N, D)."""
        device = self.critic.weight.device
        seen, begins = (to_device(torch.from_numpy(array), device)[None] for array in (obs, first))
        policy, value, state = self(seen, begins, state)
        actions = self.actions(policy[0])
        action = actions.mode() if greedy else actions.sample()
        values = actions.logp.exp() if isinstance(actions, Categorical) else actions.mode()
        extras = {"log_probability": actions.log_probability(action), "value": value[0], "values": values}
        return action.cpu().numpy(), state, extras

    def observe(self, obs: Tensor, weight: Tensor) -> None:
        """Updates the running statistics of observations, where the network has them. To be called after learning from
        a rollout, so that its actions are judged by the statistics under which they were taken."""
        self.standardise.observe(obs, weight)


def initialise(module: nn.Module, gain: float) -> None:
    """Orthogonal weights and zero biases; the weights of an LSTM have gain 1."""
    if isinstance(module, (nn.Linear, nn.Conv2d)):
        nn.init.orthogonal_(module.weight, gain)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.LSTM):
        for name, parameter in module.named_parameters():
            if "weight" in name:
                nn.init.orthogonal_(parameter)
            else:
                nn.init.zeros_(parameter)


def acting_with_a_critic(model: nn.Module) -> ActorCritic:
    """The model itself. Raises UserError for one that is no actor with a critic."""
    if not isinstance(model, ActorCritic):
        raise UserError(f"this loss needs an actor with a critic, got a {type(model).__name__}: --model actor-critic")
    return model
