"""Gymnasium's environments."""

from __future__ import annotations

from typing import Any

import gymnasium
from dlplug_play.episodes import EPISODE_LIMIT
from dlplug_play.gymnasium_ids import building, find
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import VecEnv

from dlplug import PositiveInt
from dlplug_sb3.environments.base import Sb3Data
from dlplug_sb3.environments.wrappers import prepared


class Gym(Sb3Data):
    """Any Gymnasium environment, with its registered time limit.

    id: Gymnasium's id; `module:id` first imports a module, from the current folder or installed
    environments: number of parallel environments
    """

    episode_limit = EPISODE_LIMIT

    def __init__(self, *, id: str = "CartPole-v1", environments: PositiveInt = 1, seed: int = 0) -> None:
        self.name = self.protocol = id
        self.registration = find(id)
        super().__init__(environments, seed)

    def make(self, count: int, seed: int, pictures: bool = False, limit: int | None = None) -> VecEnv:
        def start() -> gymnasium.Env:
            environment = gymnasium.make(self.registration, render_mode="rgb_array" if pictures else None)
            return prepared(environment, self.name, limit)

        with building(self.name):
            environments = make_vec_env(start, count, seed)
        metadata: dict[str, Any] = environments.metadata
        self.pictures_per_second = max(1, round(metadata.get("render_fps") or 30))
        return environments
