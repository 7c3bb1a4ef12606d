"""Parallelised Q-network (Gallici et al. 2025, arXiv:2407.04811): no replay buffer and no target network.
Layer norm stabilises training, and λ-returns are computed from many environments."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from dlplug import Loss, Update
from dlplug_rl.losses.targets import chosen
from dlplug_rl.players.rollout import Steps
from dlplug_rl.policy import Greedy


class PQN(Loss):
    """Half the squared error of Q(s, a) against the λ-return, which is computed with the rollout."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model)

    def updates(self, batch: Steps) -> Iterator[Update]:
        q = chosen(self.model(batch.obs), batch.action)
        error = 0.5 * (q - batch.goal).square() * batch.weight
        yield Update(error.sum() / batch.weight.sum(), q=q.detach().mean())

    def product(self) -> Greedy:
        """The greedy policy of the learner."""
        return Greedy(self.model)
