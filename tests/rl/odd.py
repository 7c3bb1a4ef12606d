"""Environments that are not as usual, registered for a test."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np


class Odd(gymnasium.Env):
    """Shows samples of a space. rewards: of its steps in turn, each the action itself where there are none; the last
    terminates. spoilt: the step whose observation is not a number."""

    def __init__(
        self,
        space: gymnasium.Space,
        rewards: tuple[float, ...] = (),
        actions: gymnasium.Space | None = None,
        spoilt: int = -1,
        render_mode: str | None = None,
    ) -> None:
        self.observation_space, self.rewards, self.spoilt = space, rewards, spoilt
        self.action_space = actions or gymnasium.spaces.Discrete(2)
        self.taken: list[Any] = []

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.taken = []
        return self.observation_space.sample(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert self.action_space.contains(action), f"no action {action}"
        self.taken.append(action)
        seen = self.observation_space.sample()
        if len(self.taken) == self.spoilt:
            spoilt = seen["b"] if isinstance(seen, dict) else seen
            spoilt[...] = np.nan
        reward = self.rewards[len(self.taken) - 1] if self.rewards else float(np.sum(action))
        return seen, reward, len(self.taken) == len(self.rewards), False, {}


@contextlib.contextmanager
def registered(space: gymnasium.Space, *arguments: Any, id: str = "Odd-v0", **options: Any) -> Iterator[str]:
    gymnasium.register(id, entry_point=lambda **more: Odd(space, *arguments, **{**options, **more}))
    try:
        yield id
    finally:
        del gymnasium.registry[id]
