"""Deep Q-learning: Mnih et al. 2015 (doi:10.1038/nature14236), with the double estimate of van Hasselt et al. 2016
(arXiv:1509.06461) and n-step returns (Sutton 1988; Rainbow, arXiv:1710.02298).

B: transitions, A: actions, m: the steps in a transition's window.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlplug import Lagged, Loss, Update
from dlplug_rl.policy import EpsilonGreedy
from dlplug_rl.replay import Transition


def chosen(q: Tensor, action: Tensor) -> Tensor:
    """Q(s, a) of the actions taken: q (B, A), action (B,) int64 -> (B,)."""
    return q.gather(1, action[:, None]).squeeze(1)


def td_target(reward: Tensor, terminated: Tensor, discount: Tensor, next_value: Tensor) -> Tensor:
    """Σ γ^i r_i + γ^m (1 - terminated) V(s'), all (B,); reward is the window's sum and discount γ^m."""
    return reward + discount * (1 - terminated) * next_value


def greedy_value(q: Tensor) -> Tensor:
    """max_a Q'(s', a): q (B, A) -> (B,)."""
    return q.amax(1)


def double_value(q: Tensor, q_online: Tensor) -> Tensor:
    """Q'(s', argmax_a Q(s', a)): the learner chooses, the target network judges; both (B, A) -> (B,)."""
    return chosen(q, q_online.argmax(1))


class DQN(Loss):
    """Minimises the squared or Huber error of Q(s, a) against a target network's n-step estimate.

    γ is the data's: the replay sums the rewards of a window with it and hands on γ^m as the batch's `discount`.

    double: let the learner choose the next action and the target network judge it
    error: "huber" (quadratic below 1, linear above: Mnih et al. clip the error so) or "squared"
    target_every: updates between copies into the target network
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        double: bool = True,
        error: Literal["huber", "squared"] = "huber",
        target_every: int = 500,
    ) -> None:
        super().__init__(model)
        self.target = Lagged(model, every=target_every)
        self.double = double
        self.error = F.smooth_l1_loss if error == "huber" else F.mse_loss

    def updates(self, batch: Transition) -> Iterator[Update]:
        with torch.no_grad():
            q_target = self.target(batch.next_obs)
            if self.double:
                next_value = double_value(q_target, self.model(batch.next_obs))
            else:
                next_value = greedy_value(q_target)
            goal = td_target(batch.reward, batch.terminated, batch.discount, next_value)
        q = chosen(self.model(batch.obs), batch.action)
        yield Update(self.error(q, goal), q=q.detach().mean(), td_error=(q.detach() - goal).abs().mean())
        self.target.follow(self.model)

    def product(self) -> EpsilonGreedy:
        """The greedy policy of the learner."""
        return EpsilonGreedy(self.model)
