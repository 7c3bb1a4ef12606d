"""A policy with a control variate of the relaxed action, for RELAX."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import torch
from dlplug_play.on_policy.actions import Categorical
from dlplug_play.on_policy.actor_critic import initialise
from dlplug_play.specs import PlaySpec
from torch import Tensor, nn

from dlplug import NonNegativeInt, PositiveInt, UserError, to_device


def network(inputs: int, hidden: int, depth: int, outputs: int, gain: float) -> nn.Sequential:
    """ReLU layers and a linear one, for the last axis."""
    sizes = [inputs, *[hidden] * depth]
    layers: list[nn.Module] = []
    for n, m in itertools.pairwise(sizes):
        layers += [nn.Linear(n, m), nn.ReLU()]
        initialise(layers[-2], math.sqrt(2))
    last = nn.Linear(sizes[-1], outputs)
    initialise(last, gain)
    return nn.Sequential(*layers, last)


class Control(nn.Module):
    """c(z, s) = V(s) + r(s, softmax z)."""

    def __init__(self, inputs: int, actions: int, hidden: int, depth: int) -> None:
        super().__init__()
        self.value = network(inputs, hidden, depth, 1, 1.0)
        self.relaxed = network(inputs + actions, hidden, depth, 1, 1.0)

    def value_of(self, obs: Tensor) -> Tensor:
        """V(s), (T, N), of observations (T, N, F)."""
        return self.value(obs).squeeze(-1)

    def forward(self, obs: Tensor, z: Tensor, value: Tensor) -> Tensor:
        """(T, N), of observations (T, N, F), relaxed actions (T, N, A) and V(s) (T, N)."""
        return value + self.relaxed(torch.cat([obs, z.softmax(-1)], -1)).squeeze(-1)


class RelaxedPolicy(nn.Module):
    """A policy (`dlplug_play.policy.Policy`) for vectors and discrete actions.

    hidden: hidden size of each layer; 10 in Grathwohl et al. 2018
    depth: hidden layers of each network; 2 in Grathwohl et al. 2018
    """

    def __init__(self, spec: PlaySpec, *, hidden: PositiveInt = 10, depth: NonNegativeInt = 2) -> None:
        if spec.continuous or len(spec.input) != 1:
            raise UserError("relaxed-policy acts by discrete actions on vectors: choose another --data.id")
        super().__init__()
        self.actor = network(spec.input[0], hidden, depth, spec.output, 0.01)
        self.control = Control(spec.input[0], spec.output, hidden, depth)

    def forward(self, obs: Tensor) -> Tensor:
        """Logits (..., A) of observations (..., F)."""
        return self.actor(obs.float())

    def actions(self, obs: Tensor) -> Categorical:
        return Categorical.of(self(obs))

    def start(self, count: int) -> Tensor:
        """(N, 0): no memory."""
        return torch.zeros(count, 0, device=next(self.parameters()).device)

    def act(
        self, obs: np.ndarray, state: Tensor, first: np.ndarray, *, greedy: bool
    ) -> tuple[np.ndarray, Tensor, dict[str, Any]]:
        seen = to_device(torch.from_numpy(obs), state.device)
        actions = self.actions(seen)
        action = actions.mode() if greedy else actions.sample()
        extras = {
            "log_probability": actions.log_probability(action),
            "value": self.control.value_of(seen),
            "values": actions.logp.exp(),
        }
        return action.cpu().numpy(), state, extras
