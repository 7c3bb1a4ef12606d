"""The base classes of games on a board of 10 x 10 cells, and their random numbers."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

import gymnasium
import numpy as np
from gymnasium import spaces

from dlplug_envs.picture import FLOOR, paint
from dlplug_envs.vector import NextStepVectorEnv

SIZE = 10  # rows and columns
LAST = SIZE - 1

_KEYS = 2**53  # as many as a float in [0, 1) distinguishes
_PURPOSES = 8  # most draws in one step
_WORD = 2**64 - 1
_GOLDEN = 0x9E3779B97F4A7C15

Integers = TypeVar("Integers", int, np.ndarray)


class BoardGame(gymnasium.Env[np.ndarray, np.int64]):
    """A game on a board of 10 x 10 cells. A subclass implements the rules in plain Python; `BoardVector` is fast.

    Observation: (channels, 10, 10) uint8, 1 where the channel's object is, else 0. It is Markov: no frame
    stacking is needed.

    Stable-Baselines3 treats it as an image and warns about the values (not up to 255) and the size (below 36 x 36).
    Neither is an error: it leaves such observations unscaled, its `MlpPolicy` flattens them, and a convolutional policy
    needs a features extractor for boards of this size.

    An episode draws one number from the environment's generator, its key. All other random numbers are `draw`n from the
    key, the step and a purpose, so that many copies can draw in one array operation and play the same as a single
    environment.

    channels: the observation's channels by name, with their palette colours; None is not drawn. Later ones cover
        earlier ones.
    actions: the actions' names, also in `metadata["actions"]`.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 10}
    channels: ClassVar[dict[str, int | None]]
    actions: ClassVar[tuple[str, ...]]

    def __init__(self, *, render_mode: str | None = None) -> None:
        self.render_mode = render_mode
        self.metadata = self.metadata | {"actions": self.actions}
        self.observation_space = spaces.Box(0, 1, (len(self.channels), SIZE, SIZE), np.uint8)
        self.action_space = spaces.Discrete(len(self.actions))
        self.key, self.elapsed, self.over = 0, 0, True

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begins an episode; there are no options."""
        super().reset(seed=seed)
        self.key, self.elapsed, self.over = int(self.np_random.random() * _KEYS), 0, False
        self._begin()
        return self._observe(), {}

    def step(self, action: int | np.int64) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Raises ResetNeeded if no episode is running, ValueError for an action that does not exist."""
        if self.over:
            raise gymnasium.error.ResetNeeded("no episode is running: call reset")
        if not 0 <= action < len(self.actions):
            names = ", ".join(f"{number} ({name})" for number, name in enumerate(self.actions))
            raise ValueError(f"actions are {names}, got {action}")
        self.elapsed += 1
        reward, self.over = self._advance(int(action))
        return self._observe(), float(reward), self.over, False, {}

    def render(self) -> np.ndarray | None:
        """(160, 160, 3) uint8; None without a render mode."""
        return None if self.render_mode is None else picture(self._observe(), self.channels)

    def _draw(self, below: int, purpose: int) -> int:
        return draw(below, self.key, self.elapsed, purpose)

    def _empty(self) -> np.ndarray:
        return np.zeros((len(self.channels), SIZE, SIZE), dtype=np.uint8)

    def _begin(self) -> None:
        """Sets the board up."""
        raise NotImplementedError

    def _advance(self, action: int) -> tuple[int, bool]:
        """Reward and whether the game is over. `elapsed` counts this step already."""
        raise NotImplementedError

    def _observe(self) -> np.ndarray:
        """A new array (channels, 10, 10) uint8."""
        raise NotImplementedError


class BoardVector(NextStepVectorEnv):
    """Many copies of a `BoardGame`. Randomness and new episodes: see `NextStepVectorEnv`; the rest: see the game."""

    game: ClassVar[type[BoardGame]]
    remembers = ("key",)

    def __init__(
        self, num_envs: int = 1, *, max_episode_steps: int | None = None, render_mode: str | None = None
    ) -> None:
        super().__init__(self.game(render_mode=render_mode), num_envs, max_episode_steps)
        self.key = np.zeros(num_envs, dtype=np.uint64)
        self._every = np.arange(num_envs)  # for indexing one cell of each copy

    def _begin(self, rows: np.ndarray, uniform: np.ndarray) -> None:
        self.key[rows] = (uniform * _KEYS).astype(np.uint64)
        self._set_up(rows)

    def _set_up(self, rows: np.ndarray) -> None:
        """Sets the boards up where `rows` (N,) bool is set."""
        raise NotImplementedError

    def _draw(self, below: int, purpose: int) -> np.ndarray:
        """(N,) int64, a draw for each copy."""
        return draw(below, self.key, self.elapsed.astype(np.uint64), purpose).astype(np.int64)

    def _empty(self) -> np.ndarray:
        return np.zeros((self.num_envs, len(self.game.channels), SIZE, SIZE), dtype=np.uint8)

    def _picture(self, row: int) -> np.ndarray:
        return picture(self._observe()[row], self.game.channels)


def draw(below: int, key: Integers, elapsed: Integers, purpose: int) -> Integers:
    """A random integer from 0 to below - 1, a function of key, elapsed and purpose.

    key, elapsed: Python's integers, or arrays of uint64.
    purpose: 0 to 7, a different one for each random decision in a step.
    """
    count = elapsed * _PURPOSES + (purpose + 1)
    return (splitmix64((key + count * _GOLDEN) & _WORD) >> 32) * below >> 32


def splitmix64(state: Integers) -> Integers:
    """64 pseudorandom bits from a state that grows by the golden ratio's 64 bits at each draw.

    The masks limit Python's integers to 64 bits; arrays of uint64 wrap by themselves.
    Source: Steele, Lea and Flood, Fast Splittable Pseudorandom Number Generators, 2014, with Vigna's constants.
    """
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _WORD
    return state ^ (state >> 31)


def picture(observation: np.ndarray, channels: dict[str, int | None]) -> np.ndarray:
    """(160, 160, 3) uint8 of an observation (channels, 10, 10)."""
    cells = np.full((SIZE, SIZE), FLOOR)
    for channel, colour in zip(observation, channels.values(), strict=True):
        if colour is not None:
            cells[channel == 1] = colour
    return paint(cells)
