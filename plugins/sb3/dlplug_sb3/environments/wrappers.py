"""Wrappers for Stable-Baselines3, which counts actions and classes from 0 and does not check for NaN."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.wrappers import TimeLimit, TransformAction, TransformObservation

from dlplug import UserError

NO_OPS = 30  # at most, as in Mnih et al. 2015
PLAIN = (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)


def prepared(environment: gymnasium.Env, id: str, limit: int | None = None) -> gymnasium.Env:
    """The environment as Stable-Baselines3 can play it.

    limit: actions after which an episode is truncated at the latest; None leaves it to the registration.
    Raises UserError for spaces that no algorithm there can serve.
    """
    own = environment.spec.max_episode_steps if environment.spec is not None else None
    if limit is not None and (own is None or own > limit):
        environment = TimeLimit(environment, limit)
    seen = environment.observation_space
    parts = seen.spaces.values() if isinstance(seen, spaces.Dict) else [seen]
    if not parts or not all(isinstance(part, PLAIN) and 0 not in (part.shape or ()) for part in parts):
        raise UserError(f"{id} shows {seen}; Box, Discrete, MultiDiscrete, MultiBinary or a Dict of them is needed")
    taken = environment.action_space
    if not isinstance(taken, PLAIN) or (isinstance(taken, spaces.Box) and taken.dtype.kind != "f"):
        raise UserError(f"{id} takes {taken}; Discrete, MultiDiscrete, MultiBinary or a Box of floats is needed")
    return from_zero(Finite(environment, id))


def from_zero(environment: gymnasium.Env) -> gymnasium.Env:
    """Classes that begin elsewhere, Discrete(3, start=1), are counted from 0."""
    if isinstance(environment.observation_space, spaces.Dict):
        for name, part in environment.observation_space.items():
            if lowest(part).any():
                raise UserError(f"the observation's part {name!r} is {part}: Stable-Baselines3 counts classes from 0")
    seen, taken = environment.observation_space, environment.action_space
    if lowest(seen).any():
        environment = TransformObservation(environment, lambda obs: obs - lowest(seen), counted(seen))
    elif isinstance(seen, spaces.Box) and seen.shape == ():
        line = spaces.Box(seen.low[None], seen.high[None], (1,), seen.dtype)
        environment = TransformObservation(environment, lambda obs: np.asarray(obs)[None], line)
    if lowest(taken).any():
        environment = TransformAction(environment, lambda action: action + lowest(taken), counted(taken))
    return environment


def lowest(space: spaces.Space) -> np.ndarray:
    return np.asarray(getattr(space, "start", 0))


def counted(space: Any) -> spaces.Space:
    return spaces.Discrete(space.n) if isinstance(space, spaces.Discrete) else spaces.MultiDiscrete(space.nvec)


class Finite(gymnasium.Wrapper):
    """Raises UserError for a reward or an observation that is not a finite number: the environment is at fault, not
    the algorithm, whose losses would be the first to show it."""

    def __init__(self, environment: gymnasium.Env, id: str) -> None:
        super().__init__(environment)
        self.id = id

    def reset(self, **options: Any) -> tuple[Any, dict[str, Any]]:
        obs, info = self.env.reset(**options)
        self.check("an observation", obs)
        return obs, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        obs, reward, terminated, truncated, info = self.env.step(action)
        self.check("a reward", reward)
        self.check("an observation", obs)
        return obs, reward, terminated, truncated, info

    def check(self, what: str, values: Any) -> None:
        for part in values.values() if isinstance(values, dict) else (values,):
            numbers = np.asarray(part)
            if numbers.dtype.kind == "f" and not np.isfinite(numbers).all():
                wrong = numbers[~np.isfinite(numbers)].flat[0]
                raise UserError(
                    f"the environment {self.id} gave {what} of {wrong}: only finite numbers can be learnt from"
                )


class NoOps(gymnasium.Wrapper):
    """Begins a game with 1 to 30 frames of doing nothing, where the game's own actions have no NOOP and so
    Stable-Baselines3's NoopResetEnv has nothing to press: the emulator takes it in every game."""

    def reset(self, **options: Any) -> tuple[np.ndarray, dict[str, Any]]:
        _, info = self.env.reset(**options)
        game: Any = self.unwrapped
        for _ in range(game.np_random.integers(1, NO_OPS + 1)):
            game.ale.act(0)
            if game.ale.game_over():
                self.env.reset(**options)
        return game.ale.getScreenRGB(), info
