"""RELAX for policies (Grathwohl et al. 2018, arXiv:1711.00123, section 3.4 and appendix B): the policy gradient with a
learnt control variate of the relaxed action.

T: steps, N: episodes, A: actions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import torch
from dlplug_play.on_policy.advantages import returns_to_go
from dlplug_play.on_policy.ppo import Terms, course
from dlplug_play.on_policy.rollout import Rollout, weighted_mean
from torch import Tensor, nn

from dlplug import Fraction, Loss, Progress, Update, UserError
from dlplug_rl.networks.relaxed_policy import RelaxedPolicy
from dlplug_rl.relax.race import linear

SMALLEST = 1e-7  # of uniform noise, against infinite logits


def conditional_gumbel(logp: Tensor, action: Tensor, v: Tensor) -> Tensor:
    """z̃ ~ p(z | argmax z = a), z = log p + Gumbel noise, as a differentiable function of log p (appendix B).

    logp, v: (..., A), v uniform. action: (...) int64.
    """
    w = -v.clamp(SMALLEST, 1 - SMALLEST).log()  # Exp(1)
    chosen = w.gather(-1, action[..., None])
    # z̃_a = -log(-log v_a); z̃_i = -log(-log v_i / p_i - log v_a)
    others = -(w * (-logp).exp() + chosen).log()
    return others.scatter(-1, action[..., None], -chosen.log())


class RelaxPolicy(Loss):
    """∇ log π(a|s) [G - c(z̃, s)] + ∇ c(z, s) - ∇ c(z̃, s) over whole episodes. It is unbiased for every
    c = V(s) + r(z, s): V learns the returns, and r minimises the variance of the gradient.

    gamma: discount γ per step
    """

    parts = ("actor", "control")

    def __init__(self, model: nn.Module, *, gamma: Fraction = 0.99, terms: Terms = Terms(entropy=0.01)) -> None:
        if not isinstance(model, RelaxedPolicy):
            raise UserError(f"this loss needs a control variate, got a {type(model).__name__}: --model relaxed-policy")
        super().__init__(model)
        self.gamma, self.terms, self.progress = gamma, terms, Progress()

    @property
    def policy(self) -> RelaxedPolicy:
        return cast(RelaxedPolicy, self.model)

    def updates(self, batch: Rollout) -> Iterator[Update]:
        obs, control = batch.obs[:-1], self.policy.control
        actions = self.policy.actions(obs)
        returns = returns_to_go(batch.reward, batch.ended, self.gamma)
        z, z_conditional = self.relaxed(actions.logp, batch.action)
        value = control.value_of(obs)
        c = control(obs, z, value.detach())
        c_conditional = control(obs, z_conditional, value.detach())
        baseline = control(obs, z_conditional.detach(), value.detach())  # as a factor it is no function of the policy
        score = actions.log_probability(batch.action)
        gain = weighted_mean(score * (returns - baseline) + c - c_conditional, batch.weight)
        slopes, variance = self.slopes(gain)
        value_loss = weighted_mean((value - returns).square(), batch.weight)
        entropy = weighted_mean(actions.entropy(), batch.weight)
        bonus = self.terms.entropy * course(self.terms.entropy_course, self.progress)
        yield Update(-gain - bonus * entropy, "actor", entropy=entropy.detach(), square=variance)
        loss = linear(control.relaxed.parameters(), slopes) + self.terms.value_weight * value_loss
        yield Update(loss, "control", value_loss=value_loss.detach())

    def relaxed(self, logp: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """z, of which the action is the argmax, and z̃, another one with the same argmax; (T, N, A)."""
        u, v = torch.rand(2, *logp.shape, device=logp.device)
        noise = (conditional_gumbel(logp, action, u) - logp).detach()  # the noise with which the action was drawn
        return logp + noise, conditional_gumbel(logp, action, v)

    def slopes(self, gain: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
        """∂ |g|² / ∂φ, and |g|²: as g is unbiased, it is the gradient of the sum of its variances."""
        weights = [*self.policy.actor.parameters()]
        gradient = torch.autograd.grad(gain, weights, create_graph=True)
        square = torch.stack([g.square().sum() for g in gradient]).sum()
        relaxed = [*self.policy.control.relaxed.parameters()]
        return torch.autograd.grad(square, relaxed, retain_graph=True), square.detach()

    def product(self) -> RelaxedPolicy:
        return self.policy
