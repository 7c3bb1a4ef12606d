"""Catch: a ball falls, a paddle moves under it. The smallest game played from pixels."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from dlplug_envs.picture import FLOOR, GOOD, PLAYER, paint
from dlplug_envs.vector import NextStepVectorEnv, require_at_least

LEFT, STAY, RIGHT = range(3)


class Catch(gymnasium.Env[np.ndarray, np.int64]):
    """A ball falls from the top row, one row a step; the paddle on the bottom row goes left, stays or goes right.

    The ball starts in a uniformly random column, the paddle in the middle one, `columns // 2`; the walls hold the
    paddle. The episode ends after rows - 1 steps, when the ball is on the bottom row: reward 1 where the paddle is
    under it, else -1; every other reward is 0.

    Observation: (rows * columns,) float32, the board row by row, 1 at the ball and at the paddle, else 0.
    `observation.reshape(rows, columns)` is the image. It is flat because Stable-Baselines3 warns about images
    below 36 x 36 and about other observations with two axes.
    Actions: 0 left, 1 stay, 2 right.

    The best return is 1 where rows - 1 >= columns // 2, so that the paddle can reach every column in time. A policy
    that ignores the ball is right once in `columns` episodes: 2 / columns - 1 (-0.6 by default), which is also the
    return of random actions.

    rows, columns: size of the board; the defaults are bsuite's.
    render_mode: "rgb_array" or None.

    Raises ValueError for less than 2 rows or 1 column.
    Source: Osband et al., Behaviour Suite for Reinforcement Learning, 2020 (the environment `catch`).
    """

    metadata: dict[str, Any] = {
        "render_modes": ["rgb_array"],
        "render_fps": 5,
        "actions": ("left", "stay", "right"),
    }

    def __init__(self, *, rows: int = 10, columns: int = 5, render_mode: str | None = None) -> None:
        require_at_least(2, rows=rows)
        require_at_least(1, columns=columns)
        self.rows, self.columns, self.render_mode = rows, columns, render_mode
        self.observation_space = spaces.Box(0.0, 1.0, (rows * columns,), np.float32)
        self.action_space = spaces.Discrete(3)
        self.ball_row, self.ball_column, self.paddle = rows - 1, 0, 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begins an episode; there are no options."""
        super().reset(seed=seed)
        self.ball_row, self.ball_column = 0, int(self.np_random.random() * self.columns)
        self.paddle = self.columns // 2
        return self._observe(), {}

    def step(self, action: int | np.int64) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Raises ResetNeeded if no episode is running, ValueError for an action that does not exist."""
        if self.ball_row == self.rows - 1:
            raise gymnasium.error.ResetNeeded("the ball has landed: call reset")
        if not LEFT <= action <= RIGHT:
            raise ValueError(f"actions are 0 (left), 1 (stay) and 2 (right), got {action}")
        self.paddle = min(max(self.paddle + int(action) - STAY, 0), self.columns - 1)
        self.ball_row += 1
        landed = self.ball_row == self.rows - 1
        reward = 0.0 if not landed else 1.0 if self.paddle == self.ball_column else -1.0
        return self._observe(), reward, landed, False, {}

    def render(self) -> np.ndarray | None:
        """(16 * rows, 16 * columns, 3) uint8; None without a render mode."""
        if self.render_mode is None:
            return None
        return _picture(self.rows, self.columns, self.ball_row, self.ball_column, self.paddle)

    def _observe(self) -> np.ndarray:
        board = np.zeros((self.rows, self.columns), dtype=np.float32)
        board[self.ball_row, self.ball_column] = 1.0
        board[-1, self.paddle] = 1.0
        return board.reshape(-1)


class CatchVector(NextStepVectorEnv):
    """Many games of Catch at once. Randomness and new episodes: see `NextStepVectorEnv`; the rest: see `Catch`."""

    remembers = ("ball_row", "ball_column", "paddle")

    def __init__(
        self,
        num_envs: int = 1,
        *,
        rows: int = 10,
        columns: int = 5,
        max_episode_steps: int | None = None,
        render_mode: str | None = None,
    ) -> None:
        super().__init__(Catch(rows=rows, columns=columns, render_mode=render_mode), num_envs, max_episode_steps)
        self.rows, self.columns = rows, columns
        self.ball_row, self.ball_column, self.paddle = np.zeros((3, num_envs), dtype=np.int64)
        self._first_cell = np.arange(num_envs) * (rows * columns)

    def _begin(self, rows: np.ndarray, uniform: np.ndarray) -> None:
        self.ball_row[rows] = 0
        self.ball_column[rows] = (uniform * self.columns).astype(np.int64)
        self.paddle[rows] = self.columns // 2

    def _advance(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.paddle = np.clip(self.paddle + actions - STAY, 0, self.columns - 1)
        self.ball_row += 1
        landed = self.ball_row == self.rows - 1
        return np.where(landed, np.where(self.paddle == self.ball_column, 1.0, -1.0), 0.0), landed

    def _observe(self) -> np.ndarray:
        cells = np.zeros(self.num_envs * self.rows * self.columns, dtype=np.float32)
        cells[self._first_cell + self.ball_row * self.columns + self.ball_column] = 1.0
        cells[self._first_cell + (self.rows - 1) * self.columns + self.paddle] = 1.0
        return cells.reshape(self.num_envs, -1)

    def _picture(self, row: int) -> np.ndarray:
        ball = int(self.ball_row[row]), int(self.ball_column[row])
        return _picture(self.rows, self.columns, *ball, int(self.paddle[row]))


def _picture(rows: int, columns: int, ball_row: int, ball_column: int, paddle: int) -> np.ndarray:
    cells = np.full((rows, columns), FLOOR)
    cells[-1, paddle] = PLAYER
    cells[ball_row, ball_column] = GOOD
    return paint(cells)
