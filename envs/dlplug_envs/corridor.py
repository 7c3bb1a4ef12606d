"""Corridor: a T-maze that cannot be solved without memory."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from dlplug_envs.picture import BAD, FLOOR, GOOD, PLAYER, WALL, paint
from dlplug_envs.vector import NextStepVectorEnv, require_at_least

LEFT, FORWARD, RIGHT = range(3)
CUE_LEFT, CUE_RIGHT, IN_CORRIDOR, AT_JUNCTION = range(4)
_SEEN = np.eye(4, dtype=np.float32)


class Corridor(gymnasium.Env[np.ndarray, np.int64]):
    """The first observation is a cue, left or right; `length` cells later, at the junction, the agent must turn that
    way.

    The cue is uniformly random and never shown again. Forward moves one cell through the corridor, and does nothing at
    the junction; left and right do nothing in the corridor and end the episode at the junction: reward 1 for the cued
    side, else -1. An episode that is not over after 4 * (length + 1) steps is lost: it terminates with -1.

    Observation: (4,) float32, one-hot: the cue left, the cue right, the corridor, the junction.
    Actions: 0 left, 1 forward, 2 right.

    The best return is 1 - step_penalty * (length + 1): forward `length` times, then the cued turn.

    Without memory nothing is better than chance. A memoryless policy turns left with the same probability p whenever
    it sees the junction (given that it turns), since that observation is the same after either cue. Let r_left and
    r_right be the probabilities of ever turning after each cue, which may differ. It wins with probability

        (r_left * p + r_right * (1 - p)) / 2 <= (p + 1 - p) / 2 = 1/2,

    and loses otherwise, so its expected return without a penalty is at most 2 * 1/2 - 1 = 0, reached by walking
    straight on and turning to any side. Every episode lasts at least length + 1 steps, so with a penalty the bound is
    -step_penalty * (length + 1). This is why running out of time is a loss and not a truncation: if it were worth 0,
    a policy that waits after one cue and turns after the other would win up to half of its games and lose none. (A
    shorter `max_episode_steps` would allow that again.)

    length: cells from the start to the junction: the number of steps that the cue must be remembered.
    step_penalty: subtracted from every step's reward.
    render_mode: "rgb_array" or None.

    Raises ValueError for a length below 1 or a negative penalty.
    Source: the T-maze of Bakker, Reinforcement Learning with Long Short-Term Memory, NeurIPS 2001, which rewards 4 and
    -0.1 instead and punishes bumping into walls.
    """

    metadata: dict[str, Any] = {
        "render_modes": ["rgb_array"],
        "render_fps": 5,
        "actions": ("left", "forward", "right"),
    }

    def __init__(self, *, length: int = 10, step_penalty: float = 0.0, render_mode: str | None = None) -> None:
        require_at_least(1, length=length)
        if not step_penalty >= 0:
            raise ValueError(f"step_penalty must not be negative, got {step_penalty}")
        self.length, self.step_penalty, self.render_mode = length, step_penalty, render_mode
        self.observation_space = spaces.Box(0.0, 1.0, (4,), np.float32)
        self.action_space = spaces.Discrete(3)
        self.cue, self.position, self.elapsed, self._over = LEFT, 0, 0, True

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begins an episode; there are no options."""
        super().reset(seed=seed)
        self.cue = LEFT if self.np_random.random() < 0.5 else RIGHT
        self.position, self.elapsed, self._over = 0, 0, False
        return self._observe(), {}

    def step(self, action: int | np.int64) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Raises ResetNeeded if no episode is running, ValueError for an action that does not exist."""
        if self._over:
            raise gymnasium.error.ResetNeeded("no episode is running: call reset")
        if not LEFT <= action <= RIGHT:
            raise ValueError(f"actions are 0 (left), 1 (forward) and 2 (right), got {action}")
        self.elapsed += 1
        turned = self.position == self.length and action != FORWARD
        if action == FORWARD and self.position < self.length:
            self.position += 1
        self._over = turned or self.elapsed == time_limit(self.length)
        reward = 0.0 if not self._over else 1.0 if turned and action == self.cue else -1.0
        return self._observe(), reward - self.step_penalty, self._over, False, {}

    def render(self) -> np.ndarray | None:
        """(48, 16 * (length + 1), 3) uint8; None without a render mode. Left is up; the cued arm is yellow."""
        return None if self.render_mode is None else _picture(self.length, self.cue, self.position)

    def _observe(self) -> np.ndarray:
        if self.elapsed == 0:
            return _SEEN[CUE_LEFT if self.cue == LEFT else CUE_RIGHT].copy()
        return _SEEN[AT_JUNCTION if self.position == self.length else IN_CORRIDOR].copy()


class CorridorVector(NextStepVectorEnv):
    """Many corridors at once. Randomness and new episodes: see `NextStepVectorEnv`; the rest: see `Corridor`."""

    remembers = ("cue", "position")

    def __init__(
        self,
        num_envs: int = 1,
        *,
        length: int = 10,
        step_penalty: float = 0.0,
        max_episode_steps: int | None = None,
        render_mode: str | None = None,
    ) -> None:
        single = Corridor(length=length, step_penalty=step_penalty, render_mode=render_mode)
        super().__init__(single, num_envs, max_episode_steps)
        self.length, self.step_penalty = length, step_penalty
        self.cue, self.position = np.zeros((2, num_envs), dtype=np.int64)

    def _begin(self, rows: np.ndarray, uniform: np.ndarray) -> None:
        self.cue[rows] = np.where(uniform < 0.5, LEFT, RIGHT)
        self.position[rows] = 0

    def _advance(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        at_junction = self.position == self.length
        turned = at_junction & (actions != FORWARD)
        self.position += ~at_junction & (actions == FORWARD)
        over = turned | (self.elapsed == time_limit(self.length))
        reward = np.where(over, np.where(turned & (actions == self.cue), 1.0, -1.0), 0.0)
        return reward - self.step_penalty, over

    def _observe(self) -> np.ndarray:
        cue = np.where(self.cue == LEFT, CUE_LEFT, CUE_RIGHT)
        place = np.where(self.position == self.length, AT_JUNCTION, IN_CORRIDOR)
        return _SEEN[np.where(self.elapsed == 0, cue, place)]

    def _picture(self, row: int) -> np.ndarray:
        return _picture(self.length, int(self.cue[row]), int(self.position[row]))


def time_limit(length: int) -> int:
    """Steps after which an episode is lost: four times as many as are needed."""
    return 4 * (length + 1)


def _picture(length: int, cue: int, position: int) -> np.ndarray:
    cells = np.full((3, length + 1), WALL)
    cells[1] = FLOOR
    cells[0, -1], cells[2, -1] = (GOOD, BAD) if cue == LEFT else (BAD, GOOD)
    cells[1, position] = PLAYER
    return paint(cells)
