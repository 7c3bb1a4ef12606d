"""Wrappers for Stable-Baselines3, which needs actions and classes from 0 and does not check for NaN."""

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
    """Wraps an environment for Stable-Baselines3.

    limit: actions after which an episode is truncated at the latest; None leaves it to the registration.
    Raises UserError for spaces that no algorithm supports.
    """
    own = environment.spec.max_episode_steps if environment.spec is not None else None
    if limit is not None and (own is None or own > limit):
        environment = TimeLimit(environment, limit)
    observation = environment.observation_space
    parts = observation.spaces.values() if isinstance(observation, spaces.Dict) else [observation]
    if not parts or not all(isinstance(part, PLAIN) and 0 not in (part.shape or ()) for part in parts):
        raise UserError(
            f"{id} has the observation space {observation}; Box, Discrete, MultiDiscrete, MultiBinary or a"
            " Dict of them is needed"
        )
    action = environment.action_space
    if not isinstance(action, PLAIN) or (isinstance(action, spaces.Box) and action.dtype.kind != "f"):
        raise UserError(
            f"{id} has the action space {action}; Discrete, MultiDiscrete, MultiBinary or a Box of floats is needed"
        )
    return from_zero(Finite(environment, id))


def from_zero(environment: gymnasium.Env) -> gymnasium.Env:
    """Shifts classes that do not begin at 0, such as Discrete(3, start=1), to begin at 0."""
    if isinstance(environment.observation_space, spaces.Dict):
        for name, part in environment.observation_space.items():
            if lowest(part).any():
                raise UserError(f"the observation's part {name!r} is {part}: Stable-Baselines3 counts classes from 0")
    observation, actions = environment.observation_space, environment.action_space
    if lowest(observation).any():
        environment = TransformObservation(environment, lambda obs: obs - lowest(observation), counted(observation))
    elif isinstance(observation, spaces.Box) and observation.shape == ():
        line = spaces.Box(observation.low[None], observation.high[None], (1,), observation.dtype)
        environment = TransformObservation(environment, lambda obs: np.asarray(obs)[None], line)
    if lowest(actions).any():
        environment = TransformAction(environment, lambda action: action + lowest(actions), counted(actions))
    return environment


def lowest(space: spaces.Space) -> np.ndarray:
    return np.asarray(getattr(space, "start", 0))


def counted(space: Any) -> spaces.Space:
    return spaces.Discrete(space.n) if isinstance(space, spaces.Discrete) else spaces.MultiDiscrete(space.nvec)


class Finite(gymnasium.Wrapper):
    """Raises UserError for a reward or an observation that is not finite: otherwise the algorithm's losses would become
    NaN and hide the cause."""

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

    def check(self, kind: str, values: Any) -> None:
        for part in values.values() if isinstance(values, dict) else (values,):
            numbers = np.asarray(part)
            if numbers.dtype.kind == "f" and not np.isfinite(numbers).all():
                invalid = numbers[~np.isfinite(numbers)].flat[0]
                raise UserError(
                    f"the environment {self.id} returned {kind} of {invalid}; rewards and observations must be finite"
                )


class NoOps(gymnasium.Wrapper):
    """Begins an episode with 1 to 30 no-op frames in a game whose action set has no NOOP, which Stable-Baselines3's
    NoopResetEnv needs; the emulator accepts it in every game."""

    def reset(self, **options: Any) -> tuple[np.ndarray, dict[str, Any]]:
        _, info = self.env.reset(**options)
        game: Any = self.unwrapped
        for _ in range(game.np_random.integers(1, NO_OPS + 1)):
            game.ale.act(0)
            if game.ale.game_over():
                self.env.reset(**options)
        return game.ale.getScreenRGB(), info
