"""The environments for training, and the stages for evaluation."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from dlplug_play.atari_names import ProtocolName
from dlplug_play.episodes import EPISODE_LIMIT, STARTS

from dlplug import NonNegativeInt, PositiveInt, UserError
from dlplug.distributed import rank
from dlplug_rl.environments.atari import (
    PROTOCOLS,
    AtariEnvironments,
    AtariProtocol,
    find_game,
    frame_statistics,
)
from dlplug_rl.environments.cpus import usable_cpus
from dlplug_rl.environments.gym import GymEnvironments
from dlplug_rl.environments.interface import Environments

STACK = 4  # frames in an observation, as in Mnih et al. 2015
OTHER_PROCESSES = 7_919  # difference between the seeds of a distributed run's processes


class Stage(NamedTuple):
    """The held-out data of a player: new environments with one split's random starts.

    make: (count, seed) -> environments. starts: the offset that the split adds to the run's seed, for environments and
    random actions. others: protocol -> the same game under that protocol; None where there is only one.
    """

    game: str
    protocol: str
    make: Callable[[int, int], Environments]
    starts: int = STARTS["eval"]
    others: Callable[[ProtocolName], Stage] | None = None

    def under(self, protocol: ProtocolName) -> Stage:
        """The same game under another protocol, with the same starts. Raises UserError where there is only one."""
        if self.others is None:
            raise UserError(
                f"{self.game or self.protocol} has one protocol only: leave --metrics.episodes.protocol {protocol} out"
            )
        return self.others(protocol)._replace(starts=self.starts)


@dataclass(frozen=True)
class AtariGame:
    """An Atari game, its protocol and its environments.

    game: a game of ale-py, by its plain name: pong, breakout, space-invaders, …
    protocol: classic (no sticky actions, a lost life ends the bootstrap) or machado (sticky actions, full episodes)
    size: height and width of the grey frames in pixels
    environments: number of parallel environments; 0 takes two per processor
    threads: threads of the emulator; 0 takes one per processor
    """

    game: str = "pong"
    protocol: ProtocolName = "classic"
    size: PositiveInt = 84
    environments: NonNegativeInt = 8
    threads: NonNegativeInt = 0

    def make(self, count: int, seed: int) -> AtariEnvironments:
        return AtariEnvironments(
            self.game,
            count=count,
            size=self.size,
            stack=STACK,
            protocol=self.protocol,
            threads=self.threads,
            seed=seed,
        )

    def stage(self) -> Stage:
        def under(protocol: ProtocolName) -> Stage:
            return dataclasses.replace(self, protocol=protocol).stage()

        return Stage(find_game(self.game), PROTOCOLS[self.protocol].text, self.make, others=under)


FRAMES: dict[tuple[AtariGame, int, int], tuple[np.ndarray, float]] = {}  # measured once per process


def atari_stage(game: AtariGame, seed: int) -> tuple[AtariEnvironments, Stage, AtariProtocol]:
    """The environments for training, with the statistics of their frames; the stage for evaluation; and the
    protocol."""
    stage, count = game.stage(), game.environments or 2 * usable_cpus()
    played = game.make(count, own_seed(seed))
    measured = (game, count, own_seed(seed))
    if measured not in FRAMES:
        FRAMES[measured] = frame_statistics(played, seed=seed)
    mean, deviation = FRAMES[measured]
    played.spec = dataclasses.replace(played.spec, mean=torch.from_numpy(mean.copy()), deviation=deviation)
    return played, stage, PROTOCOLS[game.protocol]


def gym_stage(id: str, count: int, seed: int, **options: Any) -> tuple[GymEnvironments, Stage]:
    """The environments for training, and the stage for evaluation, in which every episode is finite. options: of
    both."""

    def make(count: int, seed: int) -> GymEnvironments:
        return GymEnvironments(id, count=count, seed=seed, limit=EPISODE_LIMIT, **options)

    return GymEnvironments(id, count=count, seed=own_seed(seed), **options), Stage("", id, make)


def own_seed(seed: int) -> int:
    """This process's seed; each process of a distributed run plays different games."""
    return seed + OTHER_PROCESSES * rank()
