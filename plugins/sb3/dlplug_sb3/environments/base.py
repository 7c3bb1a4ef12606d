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
    """A spec with the environments themselves: an algorithm of Stable-Baselines3 collects its own data.

    environments: N, vectorised. device: the algorithm's device.
    """

    environments: VecEnv
    device: str = "auto"


class Sb3Data(Data):
    """Environments that an algorithm steps by itself, and the returns of their episodes.

    name: the game or environment id.
    frames_per_step: frames of the game per action.
    pictures_per_second: images per second of a film with one image per action.
    starts: the offset that the split adds to the run's seed, for environments and random actions.
    episode_limit: actions after which an evaluation episode is truncated; None leaves it to the environment.
    memory: the algorithm's replay buffer, saved with the data; set by the trainer.
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
        observation, action = self.environments.observation_space, self.environments.action_space
        actions = action.n if isinstance(action, spaces.Discrete) else np.prod(action.shape or (1,))
        self.spec = Stage(input=tuple(observation.shape or ()), output=int(actions), environments=self.environments)
        self.memory: Memory | None = None
        self.lengths = np.zeros(count, dtype=np.int64)
        self.finished: list[tuple[float, int]] = []  # return and length of the episodes not yet reported

    def make(self, count: int, seed: int, pictures: bool = False, limit: int | None = None) -> VecEnv:
        """New environments, environment i seeded with seed + i; `pictures` enables `get_images`.

        limit: actions after which an episode is truncated at the latest, where the environment sets no shorter one."""
        raise NotImplementedError

    def split(self, name: str) -> Sb3Data:
        held_out = copy.copy(self)
        held_out.starts = STARTS[name]
        return held_out

    def under(self, protocol: ProtocolName) -> Sb3Data:
        """The same under another protocol, for evaluation. Raises UserError where there is only one."""
        raise UserError(f"{self.name} has one protocol only: leave --metrics.sb3-episodes.protocol {protocol} out")

    def as_displayed(self, picture: np.ndarray) -> np.ndarray:
        """An image (height, width, 3) with the aspect ratio of the screen."""
        return picture

    def remember(self, infos: list[dict[str, Any]]) -> None:
        """Records the episodes that ended in a step. A lost life ends no episode, and rewards are raw, because the
        monitor is the innermost wrapper."""
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
