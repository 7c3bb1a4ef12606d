"""Lanes: gold and foes run through ten lanes. What it asks for is to collect the one and to avoid the other."""

from __future__ import annotations

import numpy as np

from dlplug_envs.boards import LAST, SIZE, BoardGame, BoardVector
from dlplug_envs.picture import BAD, GOOD, PLAYER

LEFT, STAY, RIGHT, UP, DOWN = range(5)
ENTERS, LANE, SIDE, KIND = range(4)  # purposes of chance
START = SIZE // 2
MOVES = ((0, -1), (0, 0), (0, 1), (-1, 0), (1, 0))  # rows and columns of each action
_ROW_MOVES, _COLUMN_MOVES = np.array(MOVES).T


class Lanes(BoardGame):
    """Every row is a lane. Things run through it, one cell a step, gold or foe, from either side to the other.

    In a step
    1. the player goes one cell left, right, up or down, or stays. The outermost columns are gates it cannot enter.
    2. Every thing runs one cell on, and off the board from the last.
    3. With probability 1/2 a thing wants to enter, in a lane, from a side and of a kind that are drawn evenly; one in
       three is gold. It enters if the lane is empty.

    A thing is touched where the player steps onto it (1) or it runs into the player (2). Gold gives reward 1 and is
    gone. A foe ends the episode.

    Observation: (5, 10, 10) uint8: the player, gold that runs right, gold that runs left, foes that run right, foes
    that run left.
    Actions: 0 left, 1 stay, 2 right, 3 up, 4 down.

    render_mode: "rgb_array" or None.

    The idea is Atari's Asterix (and MinAtar's, Young and Tian 2019, arXiv:1903.03176); the rules are this project's
    own, and so are the scores.
    """

    channels = {"player": PLAYER, "gold right": GOOD, "gold left": GOOD, "foes right": BAD, "foes left": BAD}
    actions = ("left", "stay", "right", "up", "down")

    def _begin(self) -> None:
        self.row, self.column = START, START
        self.things: dict[int, tuple[int, int, bool]] = {}  # lane -> column, heading (1 right, -1 left), whether gold

    def _advance(self, action: int) -> tuple[int, bool]:
        row, column = MOVES[action]
        self.row = min(max(self.row + row, 0), LAST)
        self.column = min(max(self.column + column, 1), LAST - 1)
        touched = self._touched()
        things = {lane: (column + heading, heading, gold) for lane, (column, heading, gold) in self.things.items()}
        self.things = {lane: thing for lane, thing in things.items() if 0 <= thing[0] <= LAST}
        touched += self._touched()
        self._enter()
        return touched.count(True), False in touched

    def _touched(self) -> list[bool]:
        """Takes away what the player touches and says whether it was gold; nothing where there is nothing."""
        column, _, gold = self.things.get(self.row, (None, 0, False))
        if column != self.column:
            return []
        del self.things[self.row]
        return [gold]

    def _enter(self) -> None:
        lane = self._draw(SIZE, LANE)
        if self._draw(2, ENTERS) == 1 and lane not in self.things:
            column, heading = (0, 1) if self._draw(2, SIDE) == 0 else (LAST, -1)
            self.things[lane] = (column, heading, self._draw(3, KIND) == 0)

    def _observe(self) -> np.ndarray:
        player, gold_right, gold_left, foes_right, foes_left = board = np.zeros(
            self.observation_space.shape, dtype=np.uint8
        )
        player[self.row, self.column] = 1
        for lane, (column, heading, gold) in self.things.items():
            right, left = (gold_right, gold_left) if gold else (foes_right, foes_left)
            (right if heading == 1 else left)[lane, column] = 1
        return board


class LanesVector(BoardVector):
    """Many games of Lanes at once."""

    game = Lanes
    remembers = ("key", "row", "column", "thing_column", "heading", "gold")

    def __init__(
        self, num_envs: int = 1, *, max_episode_steps: int | None = None, render_mode: str | None = None
    ) -> None:
        super().__init__(num_envs, max_episode_steps=max_episode_steps, render_mode=render_mode)
        self.row, self.column = np.full((2, num_envs), START, dtype=np.int64)
        self.thing_column, self.heading = np.zeros((2, num_envs, SIZE), dtype=np.int64)  # of each lane
        self.gold = np.zeros((num_envs, SIZE), dtype=bool)  # means nothing in an empty lane, whose heading is 0

    def _set_up(self, rows: np.ndarray) -> None:
        self.row[rows], self.column[rows] = START, START
        self.heading[rows] = 0

    def _advance(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.row = np.clip(self.row + _ROW_MOVES[actions], 0, LAST)
        self.column = np.clip(self.column + _COLUMN_MOVES[actions], 1, LAST - 1)
        gold, foe = self._touched()
        self.thing_column += self.heading
        self.heading[(self.thing_column < 0) | (self.thing_column > LAST)] = 0
        more_gold, another_foe = self._touched()
        self._enter()
        return (gold | more_gold).astype(np.float64), foe | another_foe

    def _touched(self) -> tuple[np.ndarray, np.ndarray]:
        lane = self._every, self.row
        touched = (self.heading[lane] != 0) & (self.thing_column[lane] == self.column)
        gold = self.gold[lane]
        self.heading[self._every[touched], self.row[touched]] = 0
        return touched & gold, touched & ~gold

    def _enter(self) -> None:
        lane = self._draw(SIZE, LANE)
        enters = (self._draw(2, ENTERS) == 1) & (self.heading[self._every, lane] == 0)
        at = self._every[enters], lane[enters]
        from_left = self._draw(2, SIDE)[enters] == 0
        self.thing_column[at] = np.where(from_left, 0, LAST)
        self.heading[at] = np.where(from_left, 1, -1)
        self.gold[at] = self._draw(3, KIND)[enters] == 0

    def _observe(self) -> np.ndarray:
        board = self._empty()
        board[self._every, 0, self.row, self.column] = 1
        copy, lane = np.nonzero(self.heading)
        at = copy, lane
        channel = np.where(self.gold[at], 1, 3) + (self.heading[at] == -1)
        board[copy, channel, lane, self.thing_column[at]] = 1
        return board
