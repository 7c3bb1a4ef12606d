"""Whole games of an algorithm, apart from training, to be counted or filmed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.utils import set_random_seed
from stable_baselines3.common.vec_env import VecEnv

from dlplug.stop import stop_if_asked


class Episode(NamedTuple):
    """A whole episode: who played it, its raw score, its length in actions, and how many had been sent at its end."""

    lane: int
    score: float
    length: int
    sent: int


def play(
    sb3: BaseAlgorithm, environments: VecEnv, wanted: np.ndarray, deterministic: bool, seed: int
) -> tuple[list[Episode], np.ndarray]:
    """Plays until every environment has ended as many episodes as wanted of it: fixed beforehand, because counting
    those that end first favours short ones.

    wanted: (N,). Returns the episodes in the order of their ends, and all actions sent: (steps, N, ...). Raises
    Stopped where a stop is asked for.
    """
    left, length = wanted.copy(), np.zeros(environments.num_envs, dtype=int)
    played: list[Episode] = []
    sent: list[np.ndarray] = []
    obs, state, begins = environments.reset(), None, np.ones(environments.num_envs, dtype=bool)
    with seeded(sb3, seed):
        while left.any():
            stop_if_asked()
            assert not isinstance(obs, tuple)
            actions, state = sb3.predict(obs, state, begins, deterministic)
            obs, _, begins, infos = environments.step(actions)
            sent.append(actions)
            length += 1
            for lane, info in enumerate(infos):
                if "episode" not in info:  # a lost life ends an episode for the learner, not the game
                    continue
                if left[lane] > 0:
                    played.append(Episode(lane, float(info["episode"]["r"]), int(length[lane]), len(sent)))
                    left[lane] -= 1
                length[lane] = 0
    return played, np.stack(sent)


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
