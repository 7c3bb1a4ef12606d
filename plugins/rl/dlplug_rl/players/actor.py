"""Data that acts: what every player does, whether it remembers in a replay or learns from what it has just seen."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from dlplug import Data, UserError, to_device
from dlplug.distributed import rank
from dlplug_rl.environments.atari import (
    PROTOCOLS,
    AtariEnvironments,
    AtariProtocol,
    ProtocolName,
    find_game,
    frame_statistics,
)
from dlplug_rl.environments.cpus import usable_cpus
from dlplug_rl.environments.gym import GymEnvironments
from dlplug_rl.environments.interface import Environments, Seen
from dlplug_rl.evaluation.episodes import EPISODE_LIMIT

STACK = 4  # frames in an observation, as in Mnih et al. 2015
OTHER_PROCESSES = 7_919  # between the seeds of a distributed run's processes
STARTS = {"eval": 1_000_003, "test": 2_000_003}  # added to the run's seed: no split starts as training or another does


class Stage(NamedTuple):
    """Where a product is measured: fresh environments, from one split's starts.

    make: (count, seed) -> environments. starts: what a split adds to the run's seed, for the environments and for the
    policy's random actions. others: the same game under a protocol that is named; None where there is but one.
    """

    game: str
    protocol: str
    make: Callable[[int, int], Environments]
    starts: int = STARTS["eval"]
    others: Callable[[ProtocolName], Stage] | None = None

    def under(self, protocol: ProtocolName) -> Stage:
        """The same game from the same starts. Raises UserError where there is one protocol only."""
        if self.others is None:
            raise UserError(
                f"{self.game or self.protocol} has one protocol only: leave --metrics.episodes.protocol {protocol} out"
            )
        return self.others(protocol)._replace(starts=self.starts)


class Linear(NamedTuple):
    """From `start` to `end` linearly over the first steps, then constant."""

    start: float
    end: float
    steps: int

    def at(self, steps: int) -> float:
        progress = min(1.0, steps / self.steps) if self.steps else 1.0
        return self.start + progress * (self.end - self.start)


class Actor(Data):
    """Plays N environments at once, ε-greedily by the model's values; all steps are counted over all of them
    together, and a step is one action."""

    unit = "frames"
    splits = ("eval", "test")
    exact = distributed = False
    remembers = ("count", "steps")
    forgets = ("returns", "lengths", "finished", "seen")  # of episodes that end with the emulator

    def __init__(self, environments: Environments, stage: Stage, exploration: Linear, seed: int) -> None:
        self.environments, self.stage, self.spec = environments, stage, environments.spec
        self.protocol = f"{stage.game} {stage.protocol}".lstrip()
        self.exploration = exploration
        self.steps = 0  # transitions seen, ever
        self.random = np.random.default_rng(seed)
        self.returns, self.lengths = np.zeros(environments.count), np.zeros(environments.count, np.int64)
        self.finished: list[tuple[float, int]] = []  # return and length of the episodes not yet reported

    def act(self, model: nn.Module, obs: np.ndarray, device: torch.device) -> np.ndarray:
        """(N,) int64 actions: with probability ε any, else argmax_a Q(s, a), in one forward pass for all."""
        explores, anything = self.explore(len(obs))
        if explores.all():
            return anything
        return np.where(explores, anything, q_values(model, obs, device).argmax(1).cpu().numpy())

    def explore(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Whether each environment should explore, and an action for it if so; (N,) both."""
        return self.random.random(count) < self.epsilon, self.random.integers(self.spec.output, size=count)

    def note(self, seen: Seen) -> None:
        """Counts what the environments showed."""
        self.returns = np.where(seen.first, 0, self.returns + seen.reward)
        self.lengths = np.where(seen.first, 0, self.lengths + 1)
        for row in np.flatnonzero(seen.terminated | seen.truncated):
            self.finished.append((float(self.returns[row]), int(self.lengths[row])))
        played = int(np.count_nonzero(~seen.first))
        self.steps += played
        self.count += played * self.environments.frames_per_step

    @property
    def epsilon(self) -> float:
        return self.exploration.at(self.steps)

    def values(self) -> Mapping[str, float]:
        """Mean return and length of the episodes that ended since the last call, where any did; and ε."""
        values = {"epsilon": self.epsilon}
        if self.finished:
            mean_return, mean_length = np.mean(self.finished, axis=0)
            values |= {"return": float(mean_return), "episode_length": float(mean_length)}
        self.finished = []
        return values

    def split(self, name: str) -> Stage:
        return self.stage._replace(starts=STARTS[name])

    def close(self) -> None:
        self.environments.close()


@torch.no_grad()
def q_values(model: nn.Module, obs: np.ndarray, device: torch.device) -> Tensor:
    """Q(s, ·) (N, actions) of observations (N, ...) as the environments show them."""
    return model(to_device(torch.from_numpy(obs), device))


def atari_stage(
    game: str, protocol: ProtocolName, size: int, count: int, threads: int, seed: int
) -> tuple[AtariEnvironments, Stage, AtariProtocol]:
    """Environments of a game with the statistics of its frames, a stage to measure on, and the protocol's rules."""

    def stage(protocol: ProtocolName) -> Stage:
        def make(count: int, seed: int) -> AtariEnvironments:
            return AtariEnvironments(
                game, count=count, size=size, stack=STACK, protocol=protocol, threads=threads, seed=seed
            )

        return Stage(find_game(game), PROTOCOLS[protocol].text, make, others=stage)

    rules, home, count = PROTOCOLS[protocol], stage(protocol), count or 2 * usable_cpus()
    played = AtariEnvironments(
        game, count=count, size=size, stack=STACK, protocol=protocol, threads=threads, seed=own_seed(seed)
    )
    mean, deviation = frame_statistics(played, seed=seed)
    played.spec = dataclasses.replace(played.spec, mean=torch.from_numpy(mean), deviation=deviation)
    return played, home, rules


def gym_stage(id: str, count: int, seed: int) -> tuple[GymEnvironments, Stage]:
    """Environments of a Gymnasium id, and a stage to measure on, where every episode ends."""

    def make(count: int, seed: int) -> GymEnvironments:
        return GymEnvironments(id, count=count, seed=seed, limit=EPISODE_LIMIT)

    return GymEnvironments(id, count=count, seed=own_seed(seed)), Stage("", id, make)


def own_seed(seed: int) -> int:
    """This process's: the processes of a distributed run play games of their own."""
    return seed + OTHER_PROCESSES * rank()
