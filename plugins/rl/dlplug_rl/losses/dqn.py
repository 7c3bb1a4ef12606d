"""Deep Q-learning: Mnih et al. 2015 (doi:10.1038/nature14236), with the double estimate of van Hasselt et al. 2016
(arXiv:1509.06461), n-step returns (Sutton 1988; Rainbow, arXiv:1710.02298) or Munchausen's reward (Vieillard et al.
2020, arXiv:2007.14430)."""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from dlplug import PositiveInt
from dlplug_rl.losses.q_learning import Bootstrap, Compared, Munchausen, QLearning
from dlplug_rl.losses.targets import chosen
from dlplug_rl.replay.buffer import Transition


class DQN(QLearning):
    """Minimises the squared or Huber error of Q(s, a) against a target network's n-step estimate.

    bootstrap: next action in the target: the target network's argmax (greedy), the online network's (double DQN), or a
        softmax policy with its log-policy added to the reward (munchausen)
    error: "huber" (quadratic below 1, linear above, the clipped error of Mnih et al.) or "squared"
    target_every: updates between copies to the target network
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        bootstrap: Bootstrap = "double",
        error: Literal["huber", "squared"] = "huber",
        target_every: PositiveInt = 500,
        munchausen: Munchausen = Munchausen(),
    ) -> None:
        super().__init__(model, bootstrap, target_every, munchausen)
        self.error = F.smooth_l1_loss if error == "huber" else F.mse_loss

    def goal(self, batch: Transition) -> Tensor:
        q = self.target(batch.next_obs)
        return self.bootstrapped(batch, q[..., None], q).squeeze(-1)

    def compare(self, batch: Transition, goal: Tensor) -> Compared:
        q = chosen(self.model(batch.obs), batch.action)
        return Compared(self.error(q, goal, reduction="none"), (q - goal).abs(), q)
