"""The environments for evaluation, whose episodes are counted and can be filmed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
from dlplug_play.episodes import Ended, Step
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.utils import set_random_seed
from stable_baselines3.common.vec_env import VecEnv

from dlplug import UserError
from dlplug_sb3.environments.base import Sb3Data


class Arena:
    """New environments of the data from a seed; implements dlplug_play's `Arena`."""

    def __init__(self, data: Sb3Data, count: int, seed: int) -> None:
        self.data, self.count, self.seed, self.fps = data, count, seed, data.pictures_per_second
        self.environments = data.make(count, seed, limit=data.episode_limit)

    def reset(self) -> Any:
        self.length = np.zeros(self.count, dtype=int)
        return self.environments.reset()

    def step(self, actions: np.ndarray) -> Step:
        obs, _, first, infos = self.environments.step(actions)
        self.length += 1
        ended = []
        for lane, info in enumerate(infos):
            if "episode" in info:  # a lost life ends an episode for the learner, not the game
                ended.append(Ended(lane, float(info["episode"]["r"]), int(self.length[lane])))
                self.length[lane] = 0
        return Step(obs, first, ended)

    def film(self, lane: int, actions: np.ndarray) -> Iterator[np.ndarray] | None:
        """Yields an image before each action: after the last one the environment resets automatically."""
        try:
            camera = self.data.make(1, self.seed + lane, pictures=True, limit=self.data.episode_limit)
            camera.reset()
            return None if camera.get_images()[0] is None else self._filmed(camera, actions)
        except (gymnasium.error.DependencyNotInstalled, NotImplementedError) as error:
            raise UserError(f"{self.data.name} cannot render images here: {error}") from error

    def _filmed(self, camera: VecEnv, actions: np.ndarray) -> Iterator[np.ndarray]:
        with contextlib.closing(camera):
            for action in actions:
                (picture,) = camera.get_images()
                assert picture is not None
                frame = self.data.as_displayed(picture)
                yield frame[: frame.shape[0] // 2 * 2, : frame.shape[1] // 2 * 2]  # H.264 needs even sizes
                camera.step(action[None])

    def close(self) -> None:
        self.environments.close()


@contextlib.contextmanager
def seeded(sb3: BaseAlgorithm, seed: int) -> Iterator[None]:
    """Seeds the random generators of an algorithm's actions; restores its own generator afterwards."""
    before = sb3.action_space.np_random.bit_generator.state
    set_random_seed(seed % 2**32)  # NumPy takes no larger one
    sb3.action_space.seed(seed)
    try:
        yield
    finally:
        sb3.action_space.np_random.bit_generator.state = before
