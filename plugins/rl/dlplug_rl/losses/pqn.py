"""PQN: Q-learning without a target network or a replay buffer (Gallici et al. 2025, arXiv:2407.04811)."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn

from dlplug import Loss, PositiveFloat, Update, UserError
from dlplug_rl.losses.targets import chosen, smoothed
from dlplug_rl.networks.q_network import QNetwork
from dlplug_rl.networks.returns import Categorical, Mean
from dlplug_rl.players.rollout import Steps
from dlplug_rl.policy import Greedy


class PQN(Loss):
    """The error of Q(s, a) against the λ-return, which is computed with the rollout: half its square, or, for a network
    with categorical returns, the cross entropy against the λ-return smoothed over the neighbouring atoms (Farebrother
    et al. 2024, arXiv:2403.03950).

    smoothing: standard deviation of a smoothed λ-return, in atoms; 0.75 in Farebrother et al.
    """

    def __init__(self, model: nn.Module, *, smoothing: PositiveFloat = 0.75) -> None:
        super().__init__(model)
        returns = model.returns if isinstance(model, QNetwork) else Mean()
        if not isinstance(returns, (Mean, Categorical)):
            raise UserError("pqn learns a mean or a distribution over atoms: --model.returns mean or categorical")
        self.smoothing = smoothing

    def updates(self, batch: Steps) -> Iterator[Update]:
        error, q = self.error(batch)
        yield Update((error * batch.weight).sum() / batch.weight.sum(), q=q.detach().mean())

    def error(self, batch: Steps) -> tuple[Tensor, Tensor]:
        """(B,) errors, and Q(s, a)."""
        model = self.model
        if not (isinstance(model, QNetwork) and isinstance(model.returns, Categorical)):
            q = chosen(model(batch.obs), batch.action)
            return 0.5 * (q - batch.goal).square(), q
        logits = chosen(model.outputs(batch.obs), batch.action)
        goal = smoothed(batch.goal, model.returns.support, self.smoothing)
        return -(goal * logits.log_softmax(-1)).sum(-1), model.returns.mean(logits)

    def product(self) -> Greedy:
        """The greedy policy of the learner."""
        return Greedy(self.model)
