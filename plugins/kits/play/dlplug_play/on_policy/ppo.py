"""Proximal policy optimization (Schulman et al. 2017, arXiv:1707.06347)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor, nn

from dlplug import Fraction, Loss, NonNegativeFloat, PositiveFloat, PositiveInt, Progress, Update
from dlplug_play.on_policy.actor_critic import ActorCritic, acting_with_a_critic
from dlplug_play.on_policy.advantages import explained_variance, gae, standardised
from dlplug_play.on_policy.rollout import Minibatch, Rollout, columns, minibatches, weighted_mean

Course = Literal["constant", "linear"]


@dataclass(frozen=True)
class Returns:
    """Advantages by GAE (Schulman et al. 2016, arXiv:1506.02438).

    gamma: discount γ per step
    trace: λ of GAE: 0 is the TD error, 1 the return minus the value
    """

    gamma: Fraction = 0.99
    trace: Fraction = 0.95


@dataclass(frozen=True)
class Terms:
    """The weights of a loss's terms.

    value_weight: weight of the critic's mean squared error
    entropy: weight of the policy's entropy, which is maximised
    entropy_course: constant, or linear to 0 over the training
    """

    value_weight: NonNegativeFloat = 0.5
    entropy: NonNegativeFloat = 0.0
    entropy_course: Course = "constant"


class PPO(Loss):
    """Several epochs over a rollout, each update bounded by a clipped ratio of probabilities.

    The details on which OpenAI's baselines, Stable-Baselines3 and CleanRL agree, after Huang et al. 2022 (The 37
    Implementation Details of PPO, https://iclr-blog-track.github.io/2022/03/25/ppo-implementation-details/):

    - rollouts of a fixed length in parallel environments, which continue over the rollouts (detail 1)
    - orthogonal weights and zero biases; gain 0.01 for the policy's last layer, 1 for the value's (2; `ActorCritic`)
    - Adam with ε 1e-5, the learning rate falling linearly to 0 (3, 4; the recipes)
    - GAE, bootstrapped at the rollout's end; the critic's goal is advantage + value (5)
    - every epoch shuffles the steps and takes each once (6)
    - advantages standardised in each minibatch (7); the clipped ratio (8)
    - value clipping as an option: Andrychowicz et al. 2021 (arXiv:2006.05990) find that it does not help (9)
    - one loss of policy, value and entropy (10); gradients clipped to norm 0.5 (11; the recipes)
    - the approximate KL divergence and the fraction of clipped ratios are logged (12)
    - separate networks of actor and critic for vectors, a shared one for frames (13, 18; the recipes)
    - with an LSTM: zero state at the start and before the first step of each episode, states recomputed from the
      rollout's first in every epoch, whole environments in a minibatch (LSTM details 1 to 5)
    - Gaussian policies with deviations that do not depend on the state, independent dimensions, and actions that only
      the environment clips (continuous details 1 to 4)

    Here, beyond these: a truncated episode bootstraps from its final observation, and rows that reset an environment
    are no steps. The critic's error is the mean square, as in Stable-Baselines3; CleanRL has half of it.

    epochs: epochs of updates over each rollout
    minibatches: minibatches per epoch, one update each; of single steps, or of whole environments for a policy with
        memory
    clip: ε, largest change of the ratio of probabilities that is rewarded; 0.2 in Schulman et al., 0.1 on Atari
    clip_course: constant, or linear to 0 over the training
    value_clip: largest change of the value that is rewarded, as for the ratio; 0 does not clip it
    normalise: standardise the advantages in each minibatch
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        returns: Returns = Returns(),
        terms: Terms = Terms(),
        epochs: PositiveInt = 4,
        minibatches: PositiveInt = 4,
        clip: PositiveFloat = 0.2,
        clip_course: Course = "constant",
        value_clip: NonNegativeFloat = 0.0,
        normalise: bool = True,
    ) -> None:
        super().__init__(acting_with_a_critic(model))
        self.returns, self.terms, self.epochs, self.minibatches = returns, terms, epochs, minibatches
        self.clip, self.value_clip, self.normalise = clip, value_clip, normalise
        self.clip_course: Course = clip_course
        self.progress = Progress()

    @property
    def policy(self) -> ActorCritic:
        return cast(ActorCritic, self.model)

    def updates(self, batch: Rollout) -> Iterator[Update]:
        advantage = gae(
            batch.reward, batch.value, batch.terminated, batch.ended, self.returns.gamma, self.returns.trace
        )
        goal = advantage + batch.value[:-1]
        explained = explained_variance(goal, batch.value[:-1], batch.weight)
        whole = columns(batch, advantage, goal)
        for _ in range(self.epochs):
            for part in minibatches(whole, self.minibatches):
                yield self.update(part, explained)
        self.policy.observe(batch.obs[:-1], batch.weight)

    def update(self, part: Minibatch, explained: Tensor) -> Update:
        judged = self.policy(part.obs, part.first, part.state)
        actions = self.policy.actions(judged.policy)
        advantage = standardised(part.advantage, part.weight) if self.normalise else part.advantage
        log_ratio = actions.log_probability(part.action) - part.log_probability
        ratio, clip = log_ratio.exp(), self.clip * course(self.clip_course, self.progress)
        # L^CLIP = E[min(r A, clip(r, 1 - ε, 1 + ε) A)]
        gain = torch.min(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)
        error = squared_error(judged.value, part.value, part.goal, self.value_clip)
        policy_loss = -weighted_mean(gain, part.weight)
        value_loss, entropy = weighted_mean(error, part.weight), weighted_mean(actions.entropy(), part.weight)
        bonus = self.terms.entropy * course(self.terms.entropy_course, self.progress)
        with torch.no_grad():
            # Schulman 2020 (http://joschu.net/blog/kl-approx.html): E[(r - 1) - log r]
            kl = weighted_mean(ratio - 1 - log_ratio, part.weight)
            clipped = weighted_mean(((ratio - 1).abs() > clip).float(), part.weight)
        return Update(
            policy_loss + self.terms.value_weight * value_loss - bonus * entropy,
            policy_loss=policy_loss.detach(),
            value_loss=value_loss.detach(),
            entropy=entropy.detach(),
            kl=kl,
            clipped=clipped,
            explained_variance=explained,
        )

    def product(self) -> ActorCritic:
        return self.policy


def course(kind: Course, progress: Progress) -> Tensor:
    """The factor of a weight: 1, or linear from 1 to 0 over the training."""
    fraction = progress.tensor()
    return 1 - fraction if kind == "linear" else torch.ones_like(fraction)


def squared_error(value: Tensor, before: Tensor, goal: Tensor, clip: float) -> Tensor:
    """The critic's squared error; with a clip, the larger of it and the error of the value clipped to within `clip` of
    what it was before. value, before, goal: of one shape."""
    error = (value - goal).square()
    if not clip:
        return error
    clipped = before + (value - before).clamp(-clip, clip)
    return torch.max(error, (clipped - goal).square())
