"""REINFORCE (Williams 1992, doi:10.1007/BF00992696): the policy gradient of whole episodes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, cast

from dlplug_play.on_policy.actor_critic import ActorCritic, acting_with_a_critic
from dlplug_play.on_policy.advantages import gae, leave_one_out, returns_to_go, standardised
from dlplug_play.on_policy.ppo import Terms, course
from dlplug_play.on_policy.rollout import Rollout, columns, weighted_mean
from torch import Tensor, nn

from dlplug import Fraction, Loss, Progress, Update, UserError

Baseline = Literal["none", "batch", "leave-one-out", "value"]


class Reinforce(Loss):
    """∇ log π(a|s) (G - b): the return to go of each step of whole episodes, minus a baseline that does not depend on
    the action.

    gamma: discount γ per step
    baseline: none; batch: returns are standardised over all steps of the batch; leave-one-out: the mean return to go of
        the batch's other episodes at the same time, which adds no bias (Kool et al. 2019); value: a critic, which
        learns the returns and bootstraps where a time limit ended an episode
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        gamma: Fraction = 0.99,
        baseline: Baseline = "leave-one-out",
        terms: Terms = Terms(),
    ) -> None:
        super().__init__(acting_with_a_critic(model))
        self.gamma, self.terms = gamma, terms
        self.baseline: Baseline = baseline
        self.progress = Progress()
        if baseline != "value":
            self.freeze_critic()

    @property
    def policy(self) -> ActorCritic:
        return cast(ActorCritic, self.model)

    def freeze_critic(self) -> None:
        self.policy.critic.requires_grad_(False)
        for branch in list(self.policy.branches)[1:]:
            branch.requires_grad_(False)

    def updates(self, batch: Rollout) -> Iterator[Update]:
        advantage = self.advantage(batch)
        whole = columns(batch, advantage, advantage + batch.value[:-1])
        judged = self.policy(whole.obs, whole.first, whole.state)
        actions = self.policy.actions(judged.policy)
        policy_loss = -weighted_mean(actions.log_probability(whole.action) * whole.advantage, whole.weight)
        entropy = weighted_mean(actions.entropy(), whole.weight)
        bonus = self.terms.entropy * course(self.terms.entropy_course, self.progress)
        loss = policy_loss - bonus * entropy
        values: dict[str, Any] = {"entropy": entropy.detach(), "policy_loss": policy_loss.detach()}
        if self.baseline == "value":
            value_loss = weighted_mean((judged.value - whole.goal).square(), whole.weight)
            loss = loss + self.terms.value_weight * value_loss
            values["value_loss"] = value_loss.detach()
        yield Update(loss, **values)
        self.policy.observe(batch.obs[:-1], batch.weight)

    def advantage(self, batch: Rollout) -> Tensor:
        """G - b, (T, N)."""
        if self.baseline == "value":
            return gae(batch.reward, batch.value, batch.terminated, batch.ended, self.gamma, 1.0)
        returns = returns_to_go(batch.reward, batch.ended, self.gamma) * batch.weight
        if self.baseline == "batch":
            return standardised(returns, batch.weight)
        if self.baseline == "leave-one-out":
            if returns.shape[1] < 2:
                raise UserError("the leave-one-out baseline needs two episodes or more in a batch")
            return returns - leave_one_out(returns)
        return returns

    def product(self) -> ActorCritic:
        return self.policy
