"""Bricks: a paddle plays a ball against a wall of bricks."""

from __future__ import annotations

import numpy as np

from dlplug_envs.boards import LAST, SIZE, BoardGame, BoardVector
from dlplug_envs.picture import BRIGHT, GOOD, PLAYER

LEFT, STAY, RIGHT = range(3)
COLUMN, DRIFT, GAP = range(3)  # purposes of random draws; the wall's three rows take GAP, GAP + 1 and GAP + 2
WALL_ROWS = (1, 2, 3)
SERVE_ROW = 4


class Bricks(BoardGame):
    """A ball flies diagonally, one row and one column a step; a paddle two cells wide keeps it off the bottom row.

    The wall is three rows of bricks, rows 1 to 3, each with a gap in a random column. A serve begins on row 4 in
    a random column and falls to a random side (all uniform); the paddle begins in the middle.

    In a step the paddle goes left, stays or goes right, and then the ball moves:
    - Side walls and the ceiling reflect it.
    - A brick in its path breaks: reward 1. The ball reverses vertically and does not move in this step.
    - The paddle in its path sends it up again from row 8, to the left off its left cell and to the right off its right
      cell. If the wall is gone, a new one appears.
    - If the paddle is not in its path, it falls to the bottom row: the episode ends.

    Observation: (4, 10, 10) uint8: the paddle, the bricks, where the ball is heading (the cell it will be in after the
    next step unless it meets something), the ball.
    Actions: 0 left, 1 stay, 2 right.

    render_mode: "rgb_array" or None.

    The idea is Atari's Breakout (and MinAtar's, Young and Tian 2019, arXiv:1903.03176); the rules are this project's
    own, and so are the scores.
    """

    channels = {"paddle": PLAYER, "bricks": GOOD, "heading": None, "ball": BRIGHT}
    actions = ("left", "stay", "right")

    def _begin(self) -> None:
        self.paddle = LAST // 2
        self.ball_row, self.ball_column = SERVE_ROW, self._draw(SIZE, COLUMN)
        self.fall, self.drift = 1, 2 * self._draw(2, DRIFT) - 1
        self._build()
        self._aim()

    def _advance(self, action: int) -> tuple[int, bool]:
        self.paddle = min(max(self.paddle + action - STAY, 0), SIZE - 2)
        row, column = self.ball_row + self.fall, self.ball_column + self.drift
        brick = (row, column) in self.bricks
        caught = row == LAST and column in (self.paddle, self.paddle + 1)
        missed = row == LAST and not caught
        if brick:
            self.bricks.remove((row, column))
            self.fall = -self.fall
        elif caught:
            self.ball_column = column
            self.fall, self.drift = -1, -1 if column == self.paddle else 1
            if not self.bricks:
                self._build()
        else:
            self.ball_row, self.ball_column = row, column
        self._aim()
        return int(brick), missed

    def _build(self) -> None:
        gaps = {(row, self._draw(SIZE, GAP + number)) for number, row in enumerate(WALL_ROWS)}
        self.bricks = {(row, column) for row in WALL_ROWS for column in range(SIZE)} - gaps

    def _aim(self) -> None:
        """Reverses the ball where its next cell would be outside."""
        if not 0 <= self.ball_row + self.fall <= LAST:
            self.fall = -self.fall
        if not 0 <= self.ball_column + self.drift <= LAST:
            self.drift = -self.drift

    def _observe(self) -> np.ndarray:
        paddle, bricks, heading, ball = board = self._empty()
        paddle[LAST, self.paddle : self.paddle + 2] = 1
        for cell in self.bricks:
            bricks[cell] = 1
        heading[self.ball_row + self.fall, self.ball_column + self.drift] = 1
        ball[self.ball_row, self.ball_column] = 1
        return board


class BricksVector(BoardVector):
    """Many games of Bricks at once."""

    game = Bricks
    remembers = ("key", "paddle", "ball_row", "ball_column", "fall", "drift", "bricks")

    def __init__(
        self, num_envs: int = 1, *, max_episode_steps: int | None = None, render_mode: str | None = None
    ) -> None:
        super().__init__(num_envs, max_episode_steps=max_episode_steps, render_mode=render_mode)
        self.paddle, self.ball_row, self.ball_column = np.zeros((3, num_envs), dtype=np.int64)
        self.fall, self.drift = np.ones((2, num_envs), dtype=np.int64)
        self.bricks = np.zeros((num_envs, SIZE, SIZE), dtype=bool)

    def _set_up(self, rows: np.ndarray) -> None:
        self.paddle[rows] = LAST // 2
        self.ball_row[rows], self.ball_column[rows] = SERVE_ROW, self._draw(SIZE, COLUMN)[rows]
        self.fall[rows], self.drift[rows] = 1, 2 * self._draw(2, DRIFT)[rows] - 1
        self._build(rows)
        self._aim()

    def _advance(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.paddle = np.clip(self.paddle + actions - STAY, 0, SIZE - 2)
        row, column = self.ball_row + self.fall, self.ball_column + self.drift
        brick = self.bricks[self._every, row, column]
        left = column == self.paddle
        caught = (row == LAST) & (left | (column == self.paddle + 1))
        self.bricks[self._every, row, column] = False
        self.ball_row = np.where(brick | caught, self.ball_row, row)
        self.ball_column = np.where(brick, self.ball_column, column)
        self.fall = np.where(brick, -self.fall, np.where(caught, -1, self.fall))
        self.drift = np.where(caught, np.where(left, -1, 1), self.drift)
        if (cleared := caught & ~self.bricks.any(axis=(1, 2))).any():
            self._build(cleared)
        self._aim()
        return brick.astype(np.float64), (row == LAST) & ~caught

    def _build(self, rows: np.ndarray) -> None:
        for number, row in enumerate(WALL_ROWS):
            self.bricks[rows, row] = self._draw(SIZE, GAP + number)[rows, None] != np.arange(SIZE)

    def _aim(self) -> None:
        row, column = self.ball_row + self.fall, self.ball_column + self.drift
        self.fall = np.where((row < 0) | (row > LAST), -self.fall, self.fall)
        self.drift = np.where((column < 0) | (column > LAST), -self.drift, self.drift)

    def _observe(self) -> np.ndarray:
        board = self._empty()
        paddle, bricks, heading, ball = board.swapaxes(0, 1)
        paddle[self._every, LAST, self.paddle] = 1
        paddle[self._every, LAST, self.paddle + 1] = 1
        bricks[:] = self.bricks
        heading[self._every, self.ball_row + self.fall, self.ball_column + self.drift] = 1
        ball[self._every, self.ball_row, self.ball_column] = 1
        return board
