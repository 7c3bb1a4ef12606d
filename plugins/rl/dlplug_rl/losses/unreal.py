"""The auxiliary tasks of UNREAL (Jaderberg et al. 2017, arXiv:1611.05397) with Q-learning: pixel control and reward
prediction. They train the torso on the same batches, and are not used to act.

B: transitions, A: actions, G: cells along a side of the grid.
"""

from __future__ import annotations

from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlplug import NonNegativeFloat, PositiveInt, UserError
from dlplug_rl.losses.dqn import DQN
from dlplug_rl.losses.q_learning import Bootstrap, Compared
from dlplug_rl.losses.targets import chosen
from dlplug_rl.networks.q_network import QNetwork
from dlplug_rl.replay.buffer import Transition

GAMMA = 0.9  # of pixel control (section B of the paper's appendix)
MINUS, NONE, PLUS = range(3)


def pixel_change(obs: Tensor, next_obs: Tensor, cells: int, deviation: Tensor) -> Tensor:
    """(B, G, G): the mean absolute change of the newest frames' pixels in each cell, in deviations of the frames."""
    change = (next_obs[:, -1:].float() - obs[:, -1:].float()).abs() / deviation
    return F.adaptive_avg_pool2d(change, cells).squeeze(1)


def reward_classes(reward: Tensor) -> Tensor:
    """(B,) int64: whether a window's reward is negative, none, or positive."""
    return torch.sign(reward).long() + NONE


def balanced(classes: Tensor) -> Tensor:
    """(B,) weights of mean 1 by which transitions with and without a reward have equal total weight, like the paper's
    skewed sampling; all 1 where a batch has only one of the two kinds."""
    without = (classes == NONE).float()
    share = without.mean()
    weight = torch.where(without.bool(), 0.5 / share.clamp_min(1e-6), 0.5 / (1 - share).clamp_min(1e-6))
    return torch.where((share == 0) | (share == 1), torch.ones_like(weight), weight)


class Unreal(DQN):
    """Deep Q-learning with both auxiliary tasks; needs a network with their heads (`--model.auxiliary`).

    bootstrap: next action in the target: the target network's argmax (greedy), the online network's (double DQN), or a
        softmax policy with its log-policy added to the reward (munchausen)
    error: "huber" (quadratic below 1, linear above) or "squared"
    target_every: updates between copies to the target network
    pixel_control: weight of the pixel control loss
    reward_prediction: weight of the reward prediction loss

    The paper's weights, 0.01 to 0.1 and 1, are relative to an actor-critic loss. TD errors are a few hundredths, and
    would be negligible beside losses with those weights.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        bootstrap: Bootstrap = "double",
        error: Literal["huber", "squared"] = "huber",
        target_every: PositiveInt = 500,
        pixel_control: NonNegativeFloat = 0.001,
        reward_prediction: NonNegativeFloat = 0.03,
    ) -> None:
        if not (isinstance(model, QNetwork) and model.auxiliary is not None):
            raise UserError("the loss unreal needs a network with heads for its tasks: --model.auxiliary")
        super().__init__(model, bootstrap=bootstrap, error=error, target_every=target_every)
        self.pixel_control, self.reward_prediction = pixel_control, reward_prediction

    def compare(self, batch: Transition, goal: Tensor) -> Compared:
        network = cast(QNetwork, self.model)
        features = network.features(batch.obs)
        q = chosen(network.values(features), batch.action)
        pixels, reward = self.tasks(batch, features)
        error = self.error(q, goal, reduction="none")
        error = error + self.pixel_control * pixels + self.reward_prediction * reward
        return Compared(error, (q - goal).abs(), q, {"pixel_control": pixels, "reward_prediction": reward})

    def tasks(self, batch: Transition, features: Tensor) -> tuple[Tensor, Tensor]:
        """The errors (B,) of pixel control and of reward prediction."""
        heads, lagging = cast(QNetwork, self.model).auxiliary, cast(QNetwork, self.target.module)
        assert heads is not None
        assert lagging.auxiliary is not None
        with torch.no_grad():
            later = lagging.auxiliary.control(lagging.features(batch.next_obs)).amax(1)
            change = pixel_change(batch.obs, batch.next_obs, later.shape[-1], lagging.deviation.mean())
            goal = change + GAMMA * (1 - batch.terminated)[:, None, None] * later
            classes = reward_classes(batch.reward)
        control = chosen(heads.control(features), batch.action)
        foreseen = F.cross_entropy(heads.foresee(features), classes, reduction="none")
        return (control - goal).square().mean((1, 2)), balanced(classes) * foreseen
