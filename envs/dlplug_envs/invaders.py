"""Invaders: a ship shoots at a descending block of aliens; rewards are delayed."""

from __future__ import annotations

import numpy as np

from dlplug_envs.boards import LAST, SIZE, BoardGame, BoardVector
from dlplug_envs.picture import BAD, BRIGHT, GOOD, PLAYER

LEFT, STAY, RIGHT, FIRE = range(4)
PLACE, SIDE, MARCH, SHOOTS, SHOOTER = range(5)  # purposes of random draws
WAVE_ROWS, WAVE_COLUMNS = 4, 6
MARCHES_ONCE_IN, SHOOTS_ONCE_IN = 4, 3  # steps, on average


class Invaders(BoardGame):
    """A ship on the bottom row shoots at 24 aliens, which march from side to side, descend, and shoot back.

    A wave of aliens is 4 rows of 6 at the top; its first column and the side it marches to are uniformly random.
    In a step
    1. the ship's shot climbs one row. The ship goes left, stays, goes right, or fires a shot, which begins in the cell
       above it; only one is in the air at a time, and firing another has no effect.
    2. With probability 1/4 the aliens march one column, or, if one of them has reached the side, descend a row and
       reverse.
    3. Their shots fall one row. Then, with probability 1/3, a column is drawn uniformly, and the lowest alien in it, if
       there is one, fires a shot into the cell below it.

    An alien in the cell of the ship's shot, after 1 or after 2, is destroyed with the shot: reward 1. After the last
    one, the next wave appears at the end of the step. The episode ends when a shot that has fallen (3) is in the ship's
    cell, or an alien on the bottom row.

    A shot hits the lowest aliens of a new wave five steps after it was fired: rewards are delayed.

    Observation: (5, 10, 10) uint8: the ship, aliens that march right, aliens that march left, their shots, the ship's
    shot.
    Actions: 0 left, 1 stay, 2 right, 3 fire.

    render_mode: "rgb_array" or None.

    The idea is Atari's Space Invaders (and MinAtar's, Young and Tian 2019, arXiv:1903.03176); the rules are this
    project's own, and so are the scores.
    """

    channels = {"ship": PLAYER, "aliens right": GOOD, "aliens left": GOOD, "their shots": BAD, "ship's shot": BRIGHT}
    actions = ("left", "stay", "right", "fire")

    def _begin(self) -> None:
        self.ship = SIZE // 2
        self.shot: tuple[int, int] | None = None
        self.falling: set[tuple[int, int]] = set()
        self._land()

    def _advance(self, action: int) -> tuple[int, bool]:
        self._act(action)
        reward = self._hit()
        if self._draw(MARCHES_ONCE_IN, MARCH) == 0:
            self._march()
        reward += self._hit()
        self.falling = {(row + 1, column) for row, column in self.falling if row < LAST}
        over = (LAST, self.ship) in self.falling or any(row == LAST for row, _ in self.aliens)
        if self._draw(SHOOTS_ONCE_IN, SHOOTS) == 0:
            self._shoot()
        if not self.aliens:
            self._land()
        return reward, over

    def _land(self) -> None:
        first, self.heading = self._draw(SIZE - WAVE_COLUMNS + 1, PLACE), 2 * self._draw(2, SIDE) - 1
        self.aliens = {(row, first + column) for row in range(WAVE_ROWS) for column in range(WAVE_COLUMNS)}

    def _act(self, action: int) -> None:
        if self.shot is not None:
            row, column = self.shot
            self.shot = (row - 1, column) if row > 0 else None
        if action == FIRE:
            self.shot = self.shot or (LAST - 1, self.ship)
        else:
            self.ship = min(max(self.ship + action - STAY, 0), LAST)

    def _hit(self) -> int:
        if self.shot not in self.aliens:
            return 0
        self.aliens.remove(self.shot)
        self.shot = None
        return 1

    def _march(self) -> None:
        edge = LAST if self.heading == 1 else 0
        if any(column == edge for _, column in self.aliens):
            self.aliens = {(row + 1, column) for row, column in self.aliens}
            self.heading = -self.heading
        else:
            self.aliens = {(row, column + self.heading) for row, column in self.aliens}

    def _shoot(self) -> None:
        shooter = self._draw(SIZE, SHOOTER)
        rows = [row for row, column in self.aliens if column == shooter]
        if rows and max(rows) < LAST:
            self.falling.add((max(rows) + 1, shooter))

    def _observe(self) -> np.ndarray:
        ship, right, left, falling, shot = board = self._empty()
        ship[LAST, self.ship] = 1
        for cell in self.aliens:
            (right if self.heading == 1 else left)[cell] = 1
        for cell in self.falling:
            falling[cell] = 1
        if self.shot is not None:
            shot[self.shot] = 1
        return board


class InvadersVector(BoardVector):
    """Many games of Invaders at once."""

    game = Invaders
    remembers = ("key", "ship", "shot_row", "shot_column", "heading", "aliens", "falling")

    def __init__(
        self, num_envs: int = 1, *, max_episode_steps: int | None = None, render_mode: str | None = None
    ) -> None:
        super().__init__(num_envs, max_episode_steps=max_episode_steps, render_mode=render_mode)
        self.ship, self.shot_row, self.shot_column = np.zeros((3, num_envs), dtype=np.int64)  # row -1: no shot
        self.heading = np.ones(num_envs, dtype=np.int64)
        self.aliens, self.falling = np.zeros((2, num_envs, SIZE, SIZE), dtype=bool)

    def _set_up(self, rows: np.ndarray) -> None:
        self.ship[rows], self.shot_row[rows] = SIZE // 2, -1
        self.falling[rows] = False
        self._land(rows)

    def _advance(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self._act(actions)
        reward = self._hit()
        self._march(self._draw(MARCHES_ONCE_IN, MARCH) == 0)
        reward += self._hit()
        self.falling = np.roll(self.falling, 1, axis=1)
        self.falling[:, 0] = False
        over = self.falling[self._every, LAST, self.ship] | self.aliens[:, LAST].any(axis=1)
        self._shoot(self._draw(SHOOTS_ONCE_IN, SHOOTS) == 0)
        if (cleared := self.aliens.sum(axis=(1, 2)) == 0).any():
            self._land(cleared)
        return reward, over

    def _land(self, rows: np.ndarray) -> None:
        column = np.arange(SIZE) - self._draw(SIZE - WAVE_COLUMNS + 1, PLACE)[rows, None]
        self.aliens[rows] = False
        self.aliens[rows, :WAVE_ROWS] = ((column >= 0) & (column < WAVE_COLUMNS))[:, None]
        self.heading[rows] = 2 * self._draw(2, SIDE)[rows] - 1

    def _act(self, actions: np.ndarray) -> None:
        self.shot_row = np.maximum(self.shot_row - 1, -1)
        fires = (actions == FIRE) & (self.shot_row < 0)
        self.shot_row[fires], self.shot_column[fires] = LAST - 1, self.ship[fires]
        self.ship = np.clip(self.ship + np.where(actions == FIRE, 0, actions - STAY), 0, LAST)

    def _hit(self) -> np.ndarray:
        """Reward (N,)."""
        hit = (self.shot_row >= 0) & self.aliens[self._every, self.shot_row, self.shot_column]
        self.aliens[self._every[hit], self.shot_row[hit], self.shot_column[hit]] = False
        self.shot_row[hit] = -1
        return hit.astype(np.float64)

    def _march(self, rows: np.ndarray) -> None:
        edge = np.where(self.heading == 1, LAST, 0)
        turns = rows & self.aliens[self._every, :, edge].any(axis=1)
        # What leaves one end of the board comes back at the other, but nothing does: turning keeps the sides clear, and
        # the episode is over before the bottom is left.
        for going, axis, way in (
            (turns, 1, 1),
            (rows & ~turns & (self.heading == 1), 2, 1),
            (rows & ~turns & (self.heading == -1), 2, -1),
        ):
            self.aliens[going] = np.roll(self.aliens[going], way, axis=axis)
        self.heading[turns] *= -1

    def _shoot(self, rows: np.ndarray) -> None:
        column = self._draw(SIZE, SHOOTER)
        below = SIZE - self.aliens[self._every, ::-1, column].argmax(axis=1)  # the row under the lowest alien
        shoots = rows & self.aliens[self._every, :, column].any(axis=1) & (below < SIZE)
        self.falling[self._every[shoots], below[shoots], column[shoots]] = True

    def _observe(self) -> np.ndarray:
        board = self._empty()
        ship, right, left, falling, shot = board.swapaxes(0, 1)
        ship[self._every, LAST, self.ship] = 1
        right[:] = self.aliens & (self.heading == 1)[:, None, None]
        left[:] = self.aliens & (self.heading == -1)[:, None, None]
        falling[:] = self.falling
        flies = self.shot_row >= 0
        shot[self._every[flies], self.shot_row[flies], self.shot_column[flies]] = 1
        return board
