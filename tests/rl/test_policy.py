"""The greedy policy of a Q-network, and ε-greedy play by it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
import torch
from dlplug_rl.evaluation.episodes import EpsilonGreedy
from dlplug_rl.policy import Greedy
from torch import nn


class Values(NamedTuple):
    model: nn.Module
    obs: np.ndarray


@pytest.fixture
def network() -> Values:
    torch.manual_seed(0)

    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.dense = nn.Linear(6, 4)

        def forward(self, obs: torch.Tensor) -> torch.Tensor:
            return self.dense(obs.float().flatten(1) / 255)

    return Values(Scaled(), np.random.default_rng(0).integers(256, size=(500, 2, 3), dtype=np.uint8))


def test_greedy_takes_the_highest_value(network):
    policy = Greedy(network.model)
    weight, bias = (p.detach().numpy() for p in network.model.parameters())
    by_hand = (network.obs.reshape(500, 6) / 255) @ weight.T + bias
    assert policy.values(network.obs).numpy() == pytest.approx(by_hand, abs=1e-5)
    first = np.ones(500, dtype=bool)
    actions, state, extras = policy.act(network.obs, policy.start(500), first, greedy=True)
    assert actions.dtype == np.int64
    assert (actions == by_hand.argmax(1)).all()
    assert state is None
    assert not extras["values"].requires_grad
    assert network.model.training, "the mode is the caller's"


def test_epsilon_is_the_share_of_actions_left_to_chance(network):
    def actions(epsilon: float) -> np.ndarray:
        policy = EpsilonGreedy(Greedy(network.model), epsilon, 4, seed=1)
        return policy.act(network.obs, None, np.ones(500, dtype=bool), greedy=True)[0]

    assert np.bincount(actions(1.0), minlength=4) == pytest.approx([125] * 4, abs=40)
    assert (actions(0.2) != actions(0.0)).mean() == pytest.approx(0.2 * 3 / 4, abs=0.05)
    assert (actions(0.2) == actions(0.2)).all()
