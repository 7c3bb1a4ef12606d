"""Many copies of one environment in NumPy arrays, which reset automatically."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

_FOREVER = np.iinfo(np.int64).max


class NextStepVectorEnv(VectorEnv[np.ndarray, np.ndarray, np.ndarray]):
    """N copies, stepped together, with Gymnasium's NEXT_STEP autoreset.

    The step after a copy's end ignores that copy's action and returns the first observation of its next episode, with
    reward 0, neither terminated nor truncated.

    Every copy has its own random generator and draws one number in [0, 1) from it for each episode. Copy i after
    `reset(seed=s)` therefore plays exactly as a single environment after `reset(seed=s + i)`, for any number of copies;
    `reset(seed=[...])` seeds each copy. `reset(options={"reset_mask": mask})` with a bool array (N,) resets only the
    copies where it is set.

    A subclass keeps the state of all copies in arrays of N, names them in `remembers`, and writes the four methods
    that raise NotImplementedError here.
    """

    remembers: tuple[str, ...] = ()

    def __init__(self, single: gymnasium.Env[np.ndarray, Any], num_envs: int, max_episode_steps: int | None) -> None:
        """Raises ValueError for fewer than one copy or one step.

        single: one copy, for its spaces, metadata and render mode.
        num_envs: N.
        max_episode_steps: steps after which an episode is truncated, like Gymnasium's TimeLimit; None for never.
        """
        require_at_least(1, num_envs=num_envs)
        if max_episode_steps is not None:
            require_at_least(1, max_episode_steps=max_episode_steps)
        assert isinstance(single.action_space, gymnasium.spaces.Discrete)
        self.num_envs = num_envs
        self.metadata = single.metadata | {"autoreset_mode": AutoresetMode.NEXT_STEP}
        self.render_mode = single.render_mode
        self.single_observation_space, self.single_action_space = single.observation_space, single.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._action_count = int(single.action_space.n)
        self._limit = _FOREVER if max_episode_steps is None else max_episode_steps
        self._generators = [seeding.np_random()[0] for _ in range(num_envs)]
        self._started = False
        self.elapsed = np.zeros(num_envs, dtype=np.int64)  # steps since each copy's episode began
        self.ended = np.zeros(num_envs, dtype=bool)  # whether each copy resets at the next step

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begins new episodes, everywhere or by `options["reset_mask"]`; observations (N, ...) of all copies.

        Without a seed the generators continue. Raises TypeError or ValueError for seeds or a mask
        of the wrong kind or length, and ResetNeeded where the first reset of all leaves a copy out.
        """
        mask = self._reset_mask(options or {})
        for row, one in enumerate(self._seeds(seed)):
            if one is not None and mask[row]:
                self._generators[row] = seeding.np_random(one)[0]
        self._restart(mask)
        self.ended[mask] = False
        self._started = True
        return self._observe(), {}

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Actions (N,) integers to observations (N, ...), rewards (N,) float64, terminated (N,), truncated (N,), {}.

        Raises ResetNeeded before the first reset, and ValueError for actions of another shape or that do not exist.
        """
        if not self._started:
            raise gymnasium.error.ResetNeeded("step was called before reset")
        begins = self.ended
        actions = self._checked(actions, begins)
        self.elapsed += 1
        reward, terminated = self._advance(actions)
        truncated = self.elapsed >= self._limit
        if begins.any():
            self._restart(begins)
            reward[begins], terminated[begins], truncated[begins] = 0.0, False, False
        self.ended = terminated | truncated
        return self._observe(), reward, terminated, truncated, {}

    def render(self) -> tuple[np.ndarray, ...] | None:
        """An image (height, width, 3) uint8 of each copy; None without a render mode."""
        return None if self.render_mode is None else tuple(self._picture(row) for row in range(self.num_envs))

    def state_dict(self) -> dict[str, Any]:
        """The complete state as dictionaries and lists of plain numbers, which JSON can hold."""
        return {
            "started": self._started,
            "generators": [generator.bit_generator.state for generator in self._generators],
            **{name: getattr(self, name).tolist() for name in ("elapsed", "ended", *self.remembers)},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restores the state of an environment with the same options.

        Raises KeyError where something is missing, ValueError for the state of another number of copies.
        """
        if len(state["generators"]) != self.num_envs:
            raise ValueError(f"the state is of {len(state['generators'])} copies, this environment has {self.num_envs}")
        for generator, saved in zip(self._generators, state["generators"], strict=True):
            generator.bit_generator.state = saved
        for name in ("elapsed", "ended", *self.remembers):
            setattr(self, name, np.array(state[name], dtype=getattr(self, name).dtype))
        self._started = state["started"]

    def _begin(self, rows: np.ndarray, uniform: np.ndarray) -> None:
        """Begins new episodes in the K copies where `rows` (N,) bool is set, from random numbers (K,) in [0, 1).

        `elapsed` is 0 there already.
        """
        raise NotImplementedError

    def _advance(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Plays actions (N,) everywhere; new arrays reward (N,) float64 and terminated (N,) bool.

        `elapsed` counts this step already. The result is ignored where a copy had ended.
        """
        raise NotImplementedError

    def _observe(self) -> np.ndarray:
        """The observations of all copies, a new array (N, ...)."""
        raise NotImplementedError

    def _picture(self, row: int) -> np.ndarray:
        """(height, width, 3) uint8."""
        raise NotImplementedError

    def _restart(self, rows: np.ndarray) -> None:
        uniform = [self._generators[row].random() for row in np.flatnonzero(rows).tolist()]
        self.elapsed[rows] = 0
        self._begin(rows, np.array(uniform))

    def _checked(self, actions: np.ndarray, ignored: np.ndarray) -> np.ndarray:
        actions = np.asarray(actions)
        if actions.shape != (self.num_envs,):
            raise ValueError(f"actions must have the shape ({self.num_envs},), got {actions.shape}")
        actions = np.where(ignored, 0, actions)
        if not ((actions >= 0) & (actions < self._action_count)).all():
            raise ValueError(f"actions must be from 0 to {self._action_count - 1}, got {actions.tolist()}")
        return actions

    def _seeds(self, seed: int | Sequence[int | None] | None) -> Sequence[int | None]:
        if seed is None:
            return [None] * self.num_envs
        if isinstance(seed, int):
            return [seed + row for row in range(self.num_envs)]
        if len(seed) != self.num_envs:
            raise ValueError(f"{self.num_envs} seeds are needed, one for each copy, got {len(seed)}")
        return seed

    def _reset_mask(self, options: Mapping[str, Any]) -> np.ndarray:
        if "reset_mask" not in options:
            return np.ones(self.num_envs, dtype=bool)
        mask = options["reset_mask"]
        if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_:
            raise TypeError(f"reset_mask must be a NumPy array of bool, got {mask!r}")
        if mask.shape != (self.num_envs,) or not mask.any():
            raise ValueError(f"reset_mask must have the shape ({self.num_envs},) and be set somewhere, got {mask!r}")
        if not self._started and not mask.all():
            raise gymnasium.error.ResetNeeded("the first reset must be of all copies")
        return mask


def require_at_least(least: int, **values: int) -> None:
    """Raises ValueError naming the first value that is below `least`."""
    for name, value in values.items():
        if value < least:
            raise ValueError(f"{name} must be at least {least}, got {value}")
