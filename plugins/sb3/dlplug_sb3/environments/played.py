"""The base class of data for Stable-Baselines3: environments that an algorithm steps by itself."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from dlplug_play.atari_names import ProtocolName
from dlplug_play.episodes import STARTS, training_means
from gymnasium import spaces
from stable_baselines3.common.vec_env import VecEnv
from torch import nn

from dlplug import Data, Spec, UserError
from dlplug_sb3.model import Memory


@dataclass(frozen=True, kw_only=True)
class Stage(Spec):
    """A spec with the environments themselves: an algorithm of Stable-Baselines3 plays while it learns.

    environments: N, stepping together. device: where the algorithm is to be.
    """

    environments: VecEnv
    device: str = "auto"


class Played(Data):
    """Environments that an algorithm steps by itself, and the returns of their episodes.

    name: what is played.
    frames_per_step: frames of the game that one action lasts.
    pictures_per_second: of its film, one picture for each action.
    starts: what the split that this is adds to the run's seed, for the environments and the algorithm's random actions.
    episode_limit: actions after which an episode that is measured is cut; None where the environment's own limit does.
    memory: the algorithm's replay buffer, to be saved with the data; set by the trainer.
    """

    name: str
    exact = False
    splits = ("eval", "test")
    starts = STARTS["eval"]
    training_options = ("environments",)
    frames_per_step = 1
    pictures_per_second = 30
    episode_limit: int | None = None

    def __init__(self, count: int, seed: int) -> None:
        if count < 1:
            raise UserError(f"environments must be at least 1, got {count}")
        self.environments = self.make(count, seed)
        seen, chosen = self.environments.observation_space, self.environments.action_space
        actions = chosen.n if isinstance(chosen, spaces.Discrete) else np.prod(chosen.shape or (1,))
        self.spec = Stage(input=tuple(seen.shape or ()), output=int(actions), environments=self.environments)
        self.memory: Memory | None = None
        self.lengths = np.zeros(count, dtype=np.int64)
        self.finished: list[tuple[float, int]] = []  # return and length of the episodes not yet reported

    def make(self, count: int, seed: int, pictures: bool = False, limit: int | None = None) -> VecEnv:
        """Fresh environments, environment i seeded with seed + i; with `pictures` they can be seen by
        `get_images`.

        limit: actions after which an episode is truncated at the latest, where the environment sets no shorter one."""
        raise NotImplementedError

    def split(self, name: str) -> Played:
        held_out = copy.copy(self)
        held_out.starts = STARTS[name]
        return held_out

    def under(self, protocol: ProtocolName) -> Played:
        """The same under another protocol, for a measurement. Raises UserError where there is but one."""
        raise UserError(f"{self.name} has one protocol only: leave --metrics.sb3-episodes.protocol {protocol} out")

    def as_shown(self, picture: np.ndarray) -> np.ndarray:
        """A picture (height, width, 3) in the shape of its screen."""
        return picture

    def remember(self, infos: list[dict[str, Any]]) -> None:
        """Records the episodes that ended in a step. A lost life ends none, and rewards are raw: the monitor is below
        every wrapper."""
        self.lengths += 1
        for lane, info in enumerate(infos):
            if "episode" in info:
                self.finished.append((float(info["episode"]["r"]), int(self.lengths[lane])))
                self.lengths[lane] = 0

    def values(self) -> Mapping[str, float]:
        """Mean return and length (in actions) of the episodes that ended since the last call, where any did."""
        finished, self.finished = self.finished, []
        return training_means(finished)

    def batches(self, model: nn.Module) -> Iterator[Any]:
        raise UserError("sb3-atari and sb3-gym are played by the trainer sb3: add --trainer sb3")

    def close(self) -> None:
        self.environments.close()
