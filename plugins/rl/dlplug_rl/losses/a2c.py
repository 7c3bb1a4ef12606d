"""Advantage actor-critic: one update of a whole rollout."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from dlplug_play.on_policy.actor_critic import ActorCritic, acting_with_a_critic
from dlplug_play.on_policy.advantages import explained_variance, gae, standardised
from dlplug_play.on_policy.ppo import Returns, Terms, course
from dlplug_play.on_policy.rollout import Rollout, columns, weighted_mean
from torch import nn

from dlplug import Loss, Progress, Update


class A2C(Loss):
    """The policy gradient with the advantage of short rollouts (Mnih et al. 2016, arXiv:1602.01783, without its
    asynchrony).

    normalise: standardise the advantages over the rollout
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        returns: Returns = Returns(trace=1.0),
        terms: Terms = Terms(),
        normalise: bool = False,
    ) -> None:
        super().__init__(acting_with_a_critic(model))
        self.returns, self.terms, self.normalise = returns, terms, normalise
        self.progress = Progress()

    @property
    def policy(self) -> ActorCritic:
        return cast(ActorCritic, self.model)

    def updates(self, batch: Rollout) -> Iterator[Update]:
        gamma, trace = self.returns.gamma, self.returns.trace
        advantage = gae(batch.reward, batch.value, batch.terminated, batch.ended, gamma, trace)
        goal = advantage + batch.value[:-1]
        whole = columns(batch, standardised(advantage, batch.weight) if self.normalise else advantage, goal)
        judged = self.policy(whole.obs, whole.first, whole.state)
        actions = self.policy.actions(judged.policy)
        # ∇ log π(a|s) A
        policy_loss = -weighted_mean(actions.log_probability(whole.action) * whole.advantage, whole.weight)
        value_loss = weighted_mean((judged.value - whole.goal).square(), whole.weight)
        entropy = weighted_mean(actions.entropy(), whole.weight)
        bonus = self.terms.entropy * course(self.terms.entropy_course, self.progress)
        yield Update(
            policy_loss + self.terms.value_weight * value_loss - bonus * entropy,
            policy_loss=policy_loss.detach(),
            value_loss=value_loss.detach(),
            entropy=entropy.detach(),
            explained_variance=explained_variance(goal, batch.value[:-1], batch.weight),
        )
        self.policy.observe(batch.obs[:-1], batch.weight)

    def product(self) -> ActorCritic:
        return self.policy
