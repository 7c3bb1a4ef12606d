"""The base class of Q-learning losses: the online network is fitted to targets that a target network computes.
Mnih et al. 2015 (doi:10.1038/nature14236).

B: transitions, A: actions, K: outputs for an action (1, or the quantiles of its return).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from dlplug import Fraction, Lagged, Loss, PositiveFloat, Range, Update
from dlplug_rl.losses.targets import greedy_policy, munchausen_reward, scaled_log_policy, soft_policy, td_target
from dlplug_rl.policy import Greedy
from dlplug_rl.replay.buffer import Transition

Bootstrap = Literal["greedy", "double", "munchausen"]


@dataclass(frozen=True)
class Munchausen:
    """The Munchausen reward (Vieillard et al. 2020, arXiv:2007.14430), with its authors' values.

    munchausen: α, weight of the scaled log-policy that is added to the reward
    temperature: softmax temperature τ
    lowest: l_0, lower bound of the scaled log-policy
    """

    munchausen: Fraction = 0.9
    temperature: PositiveFloat = 0.03
    lowest: Annotated[float, Range(le=0)] = -1.0


class Compared(NamedTuple):
    """The TD errors of a batch.

    error: (B,) the loss. td_error: (B,) |TD error| (C51: the loss), for prioritised replay. q: (B,) Q(s, a).
    parts: terms of the error by name, (B,) each, to be logged.
    """

    error: Tensor
    td_error: Tensor
    q: Tensor
    parts: Mapping[str, Tensor] = MappingProxyType({})


class QLearning(Loss):
    """A subclass computes the target, `goal`, without gradients, and the online network's error, `compare`.

    γ is an option of the data: the replay buffer discounts the rewards of a window, and the batch's `discount` is γ^m.
    """

    compiles = ("goal", "compare")

    def __init__(
        self,
        model: nn.Module,
        bootstrap: Bootstrap,
        target_every: int,
        munchausen: Munchausen = Munchausen(),
    ) -> None:
        super().__init__(model)
        self.target = Lagged(model, every=target_every)
        self.bootstrap: Bootstrap = bootstrap
        self.alpha, self.temperature, self.lowest = munchausen.munchausen, munchausen.temperature, munchausen.lowest

    def updates(self, batch: Transition) -> Iterator[Update]:
        with torch.no_grad():
            goal = self.goal(batch)
        error, td_error, q, parts = self.compare(batch, goal)
        batch.update_priorities(td_error.detach())
        values: dict[str, Any] = {
            name: value.detach().mean() for name, value in {"q": q, "surprise": td_error, **parts}.items()
        }
        yield Update((batch.weight * error).mean(), "", **values)
        self.target.follow(self.model)

    def goal(self, batch: Transition) -> Tensor:
        raise NotImplementedError

    def compare(self, batch: Transition, goal: Tensor) -> Compared:
        raise NotImplementedError

    def product(self) -> Greedy:
        """The greedy policy of the learner."""
        return Greedy(self.model)

    def next_policy(self, batch: Transition, q: Tensor) -> Tensor:
        """π(a|s') (B, A) of the bootstrap. q: (B, A), the target network's values of the next observation."""
        if self.bootstrap == "munchausen":
            return soft_policy(q, self.temperature)
        return greedy_policy(self.model(batch.next_obs) if self.bootstrap == "double" else q)

    def bootstrapped(self, batch: Transition, outputs: Tensor, q: Tensor) -> Tensor:
        """The target (B, K), from the target network's outputs (B, A, K) and values q (B, A) of the next observation.

        Munchausen: r + α [τ log π(a|s)] + γ Σ_a' π(a'|s') (Z(s', a') - τ log π(a'|s')), arXiv:2007.14430, equation 2.
        """
        policy, reward = self.next_policy(batch, q), batch.reward
        if self.bootstrap == "munchausen":
            q_now = self.target(batch.obs)
            reward = reward + munchausen_reward(q_now, batch.action, self.alpha, self.temperature, self.lowest)
            outputs = outputs - scaled_log_policy(q, self.temperature)[..., None]
        next_value = (policy[..., None] * outputs).sum(1)
        return td_target(reward, batch.terminated, batch.discount, next_value)
