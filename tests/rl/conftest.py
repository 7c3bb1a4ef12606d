"""Environments that several files learn in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces


@pytest.fixture
def small_catch() -> Iterator[str]:
    name, catch = "SmallCatch-v0", "dlplug_envs.catch:Catch"
    gymnasium.register(name, catch, vector_entry_point=f"{catch}Vector", kwargs={"rows": 4, "columns": 5})
    yield name
    del gymnasium.registry[name]


class Recall(gymnasium.Env[np.ndarray, np.ndarray]):
    """A sign is shown at the start alone; four steps later the action is right if it names it: ±1."""

    observation_space = spaces.Box(-1, 1, (2,), np.float32)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.sign, self.clock = int(self.np_random.integers(2)), 0
        return self.seen(2 * self.sign - 1), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.clock += 1
        last = self.clock == 4
        reward = (1.0 if action == self.sign else -1.0) if last else 0.0
        return self.seen(0), reward, last, False, {}

    def seen(self, sign: int) -> np.ndarray:
        return np.array([sign, self.clock / 4], np.float32)


@pytest.fixture
def recall() -> Iterator[str]:
    gymnasium.register("Recall-v0", cast(Any, Recall))
    yield "Recall-v0"
    del gymnasium.registry["Recall-v0"]
