"""Where an algorithm is measured: environments whose episodes are counted and can be filmed."""

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
from dlplug_sb3.environments.played import Played


class Arena:
    """Fresh environments of the data from a seed, as dlplug_play's `Arena`."""

    def __init__(self, data: Played, count: int, seed: int) -> None:
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
        """A picture before each action: after an episode's last the environment begins the next by itself."""
        try:
            camera = self.data.make(1, self.seed + lane, pictures=True, limit=self.data.episode_limit)
            camera.reset()
            return None if camera.get_images()[0] is None else self._filmed(camera, actions)
        except (gymnasium.error.DependencyNotInstalled, NotImplementedError) as error:
            raise UserError(f"{self.data.name} draws no pictures here: {error}") from error

    def _filmed(self, camera: VecEnv, actions: np.ndarray) -> Iterator[np.ndarray]:
        with contextlib.closing(camera):
            for action in actions:
                (picture,) = camera.get_images()
                assert picture is not None
                shown = self.data.as_shown(picture)
                yield shown[: shown.shape[0] // 2 * 2, : shown.shape[1] // 2 * 2]  # as H.264 wants it
                camera.step(action[None])

    def close(self) -> None:
        self.environments.close()


@contextlib.contextmanager
def seeded(sb3: BaseAlgorithm, seed: int) -> Iterator[None]:
    """Seeds all that an algorithm draws its actions from; its own generator is put back afterwards."""
    before = sb3.action_space.np_random.bit_generator.state
    set_random_seed(seed % 2**32)  # NumPy takes no larger one
    sb3.action_space.seed(seed)
    try:
        yield
    finally:
        sb3.action_space.np_random.bit_generator.state = before
