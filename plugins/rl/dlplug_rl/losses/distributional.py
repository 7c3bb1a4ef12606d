"""Losses that learn an action's whole distribution of returns: categorical, quantile, and implicit quantile."""

from __future__ import annotations

from typing import Literal, cast

import torch
from torch import Tensor, nn

from dlplug import PositiveFloat, PositiveInt, UserError
from dlplug_rl.losses.q_learning import Bootstrap, Compared, Munchausen, QLearning
from dlplug_rl.losses.targets import chosen, projection, quantile_huber, td_target
from dlplug_rl.networks.q_network import QNetwork
from dlplug_rl.networks.returns import Categorical, Implicit, Quantile
from dlplug_rl.replay.buffer import Transition


class Distributional(QLearning):
    """A loss for one kind of return distribution. Raises UserError for a network of another kind."""

    represents: type[nn.Module]

    def __init__(
        self, model: nn.Module, bootstrap: Bootstrap, target_every: int, munchausen: Munchausen = Munchausen()
    ) -> None:
        if not (isinstance(model, QNetwork) and isinstance(model.returns, self.represents)):
            kind = self.represents.__name__.lower()
            raise UserError(f"this loss needs a network of return distributions: --model.returns {kind}")
        super().__init__(model, bootstrap, target_every, munchausen)

    @property
    def learner(self) -> QNetwork:
        return cast(QNetwork, self.model)

    @property
    def lagging(self) -> QNetwork:
        return cast(QNetwork, self.target.module)


class C51(Distributional):
    """Categorical Q-learning (Bellemare et al. 2017, arXiv:1707.06887): the cross entropy between the online network's
    distribution over the atoms and the target network's, shifted by the reward and projected back onto the atoms.

    bootstrap: next action in the target: the target network's argmax (greedy) or the online network's (double DQN)
    target_every: updates between copies to the target network
    """

    represents = Categorical

    def __init__(
        self, model: nn.Module, *, bootstrap: Literal["greedy", "double"] = "double", target_every: PositiveInt = 500
    ) -> None:
        super().__init__(model, bootstrap, target_every)

    def goal(self, batch: Transition) -> Tensor:
        """(B, K) probabilities of the atoms."""
        logits = self.lagging.outputs(batch.next_obs)
        policy = self.next_policy(batch, self.lagging.returns.mean(logits))
        probability = (policy[..., None] * logits.softmax(-1)).sum(1)
        support = cast(Categorical, self.learner.returns).support
        # T z_j = r + γ z_j
        atoms = support.expand(len(batch.action), -1)
        return projection(td_target(batch.reward, batch.terminated, batch.discount, atoms), probability, support)

    def compare(self, batch: Transition, goal: Tensor) -> Compared:
        logits = chosen(self.learner.outputs(batch.obs), batch.action)
        # D_KL(Φ T Z || Z) up to the entropy of the target, which does not depend on the weights
        error = -(goal * logits.log_softmax(-1)).sum(-1)
        return Compared(error, error, self.learner.returns.mean(logits))


class QuantileRegression(Distributional):
    """Quantile regression (QR-DQN: Dabney et al. 2018a, arXiv:1710.10044): every quantile of the online network is
    regressed to all of the target network's by the asymmetric loss whose minimum is that quantile.

    bootstrap: next action in the target: the target network's argmax (greedy), the online network's (double DQN), or a
        softmax policy with its log-policy added to the reward (munchausen)
    target_every: updates between copies to the target network
    kappa: κ, threshold of the Huber loss between quadratic and linear
    """

    represents = Quantile

    def __init__(
        self,
        model: nn.Module,
        *,
        bootstrap: Bootstrap = "double",
        target_every: PositiveInt = 500,
        kappa: PositiveFloat = 1.0,
        munchausen: Munchausen = Munchausen(),
    ) -> None:
        super().__init__(model, bootstrap, target_every, munchausen)
        self.kappa = kappa

    def goal(self, batch: Transition) -> Tensor:
        """(B, M) samples of the return."""
        outputs = self.lagging.outputs(batch.next_obs)
        return self.bootstrapped(batch, outputs, self.lagging.returns.mean(outputs))

    def compare(self, batch: Transition, goal: Tensor) -> Compared:
        quantiles = chosen(self.learner.outputs(batch.obs), batch.action)
        return _compared(quantiles, cast(Quantile, self.learner.returns).tau, goal, self.kappa)


class IQN(Distributional):
    """Implicit quantile networks (Dabney et al. 2018b, arXiv:1806.06923): quantile regression at fractions sampled for
    every transition.

    bootstrap: next action in the target: the target network's argmax (greedy), the online network's (double DQN), or a
        softmax policy with its log-policy added to the reward (munchausen: M-IQN)
    target_every: updates between copies to the target network
    fractions: N, quantile fractions sampled for the online network
    goal_fractions: N', quantile fractions sampled for the target network
    kappa: κ, threshold of the Huber loss between quadratic and linear
    """

    represents = Implicit

    def __init__(
        self,
        model: nn.Module,
        *,
        bootstrap: Bootstrap = "double",
        target_every: PositiveInt = 500,
        fractions: PositiveInt = 64,
        goal_fractions: PositiveInt = 64,
        kappa: PositiveFloat = 1.0,
        munchausen: Munchausen = Munchausen(),
    ) -> None:
        super().__init__(model, bootstrap, target_every, munchausen)
        self.fractions, self.goal_fractions, self.kappa = fractions, goal_fractions, kappa

    def goal(self, batch: Transition) -> Tensor:
        """(B, N') samples of the return."""
        network = self.lagging
        features = network.features(batch.next_obs)
        outputs = network.returns(network.head, features, _fractions(batch, self.goal_fractions))
        return self.bootstrapped(batch, outputs, network.values(features))

    def compare(self, batch: Transition, goal: Tensor) -> Compared:
        tau = _fractions(batch, self.fractions)
        quantiles = chosen(self.learner.outputs(batch.obs, tau), batch.action)
        return _compared(quantiles, tau, goal, self.kappa)


def _compared(quantiles: Tensor, tau: Tensor, goal: Tensor, kappa: float) -> Compared:
    error = quantile_huber(quantiles, tau, goal, kappa)
    return Compared(error, error, quantiles.mean(1))


def _fractions(batch: Transition, count: int) -> Tensor:
    """τ ~ U(0, 1), (B, count)."""
    return torch.rand(len(batch.action), count, device=batch.reward.device)
