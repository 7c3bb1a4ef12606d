"""The base classes of players: counts of steps, frames and episodes in N environments; ε-greedy actions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from dlplug_play.episodes import STARTS, training_means
from torch import Tensor, nn

from dlplug import Data, Fraction, NonNegativeInt, to_device
from dlplug_rl.environments.interface import Environments, Tally, TimeStep
from dlplug_rl.players.stages import Stage


@dataclass(frozen=True)
class Exploration:
    """ε-greedy exploration.

    epsilon_start: initial ε, the probability of a random action
    epsilon_end: final ε
    epsilon_steps: steps over which ε falls linearly
    """

    epsilon_start: Fraction = 1.0
    epsilon_end: Fraction = 0.01
    epsilon_steps: NonNegativeInt = 250_000

    def epsilon(self, steps: int) -> float:
        return linear(self.epsilon_start, self.epsilon_end, self.epsilon_steps, steps)


def linear(start: float, end: float, steps: int, now: int) -> float:
    """Linear from `start` to `end` over the first `steps` steps, then constant."""
    progress = min(1.0, now / steps) if steps else 1.0
    return start + progress * (end - start)


class Playing(Data):
    """Plays N environments at once. Steps (actions) are counted over all environments."""

    unit = "frames"
    splits = ("eval", "test")
    exact = distributed = False
    remembers = ("count", "steps")
    forgets = ("tally", "finished", "timestep")  # of episodes in progress, which a resumed run does not continue

    def __init__(self, environments: Environments, stage: Stage) -> None:
        self.environments, self.stage, self.spec = environments, stage, environments.spec
        self.protocol = f"{stage.game} {stage.protocol}".lstrip()
        self.steps = 0  # actions taken since the start of training
        self.tally = Tally(environments.count)
        self.finished: list[tuple[float, int]] = []  # return and length of the episodes not yet reported

    def note(self, timestep: TimeStep) -> None:
        """Counts steps, frames and episodes."""
        self.finished += [(score, length) for _, score, length in self.tally.add(timestep)]
        self.count_steps(int(np.count_nonzero(~timestep.first)))

    def count_steps(self, played: int) -> None:
        self.steps += played
        self.count += played * self.environments.frames_per_step

    def values(self) -> Mapping[str, float]:
        """Mean return and length of the episodes that ended since the last call, where any did."""
        finished, self.finished = self.finished, []
        return training_means(finished)

    def split(self, name: str) -> Stage:
        return self.stage._replace(starts=STARTS[name])

    def close(self) -> None:
        self.environments.close()


class Actor(Playing):
    """Acts ε-greedily by the model's Q-values."""

    def __init__(self, environments: Environments, stage: Stage, exploration: Exploration, seed: int) -> None:
        super().__init__(environments, stage)
        self.exploration = exploration
        self.random = np.random.default_rng(seed)

    def act(self, model: nn.Module, obs: np.ndarray, device: torch.device) -> np.ndarray:
        """(N,) int64 actions: random with probability ε, else argmax_a Q(s, a), in one forward pass."""
        explores, random_actions = self.explore(len(obs))
        if explores.all():
            return random_actions
        return np.where(explores, random_actions, q_values(model, obs, device).argmax(1).cpu().numpy())

    def explore(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Whether each environment explores, and a random action for each; both (N,)."""
        return self.random.random(count) < self.epsilon, self.random.integers(self.spec.output, size=count)

    @property
    def epsilon(self) -> float:
        return self.exploration.epsilon(self.steps)

    def values(self) -> Mapping[str, float]:
        """Of the episodes that ended since the last call; and ε."""
        return {"epsilon": self.epsilon, **super().values()}


@torch.no_grad()
def q_values(model: nn.Module, obs: np.ndarray, device: torch.device) -> Tensor:
    """Q(s, ·) (N, actions) of observations (N, ...) as the environments show them."""
    return model(to_device(torch.from_numpy(obs), device))
