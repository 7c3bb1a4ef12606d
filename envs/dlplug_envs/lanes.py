"""Lanes: gold and enemies move along ten lanes; the player collects gold and avoids enemies."""

from __future__ import annotations

import numpy as np

from dlplug_envs.boards import LAST, SIZE, BoardGame, BoardVector
from dlplug_envs.picture import BAD, GOOD, PLAYER

UP, STAY, DOWN = range(3)
ENTERS, LANE, SIDE, KIND = range(4)  # purposes of random draws
COLUMN = START = SIZE // 2  # of the player, and the lane in which it begins


class Lanes(BoardGame):
    """Every row is a lane. Gold and enemies (entities) move along it, one cell per step, from one side to the other;
    the player crosses the lanes, up and down column 5.

    In a step
    1. the player goes one lane up, stays, or goes one lane down.
    2. Every entity moves one cell, and leaves the board after the last.
    3. With probability 1/2 an entity enters, if the lane is empty; lane, side and kind are drawn uniformly.

    An entity is touched where the player steps onto it (1) or it runs into the player (2). Gold gives reward 1 and
    disappears. An enemy ends the episode.

    Observation: (5, 10, 10) uint8: the player, gold moving right, gold moving left, enemies moving right,
    enemies moving left.
    Actions: 0 up, 1 stay, 2 down.

    render_mode: "rgb_array" or None.

    The ideas are Atari's Asterix and Freeway (and MinAtar's, Young and Tian 2019, arXiv:1903.03176); the rules are this
    project's own, and so are the scores.
    """

    channels = {"player": PLAYER, "gold right": GOOD, "gold left": GOOD, "foes right": BAD, "foes left": BAD}
    actions = ("up", "stay", "down")

    def _begin(self) -> None:
        self.row = START
        self.entities: dict[int, tuple[int, int, bool]] = {}  # lane -> column, heading (1 right, -1 left), whether gold

    def _advance(self, action: int) -> tuple[int, bool]:
        self.row = min(max(self.row + action - STAY, 0), LAST)
        touched = self._touched()
        entities = {lane: (column + heading, heading, gold) for lane, (column, heading, gold) in self.entities.items()}
        self.entities = {lane: entity for lane, entity in entities.items() if 0 <= entity[0] <= LAST}
        touched += self._touched()
        self._enter()
        return touched.count(True), False in touched

    def _touched(self) -> list[bool]:
        """Removes the entity that the player touches, if any, and returns whether it was gold."""
        column, _, gold = self.entities.get(self.row, (None, 0, False))
        if column != COLUMN:
            return []
        del self.entities[self.row]
        return [gold]

    def _enter(self) -> None:
        lane = self._draw(SIZE, LANE)
        if self._draw(2, ENTERS) == 1 and lane not in self.entities:
            column, heading = (0, 1) if self._draw(2, SIDE) == 0 else (LAST, -1)
            self.entities[lane] = (column, heading, self._draw(2, KIND) == 0)

    def _observe(self) -> np.ndarray:
        player, gold_right, gold_left, foes_right, foes_left = board = self._empty()
        player[self.row, COLUMN] = 1
        for lane, (column, heading, gold) in self.entities.items():
            right, left = (gold_right, gold_left) if gold else (foes_right, foes_left)
            (right if heading == 1 else left)[lane, column] = 1
        return board


class LanesVector(BoardVector):
    """Many games of Lanes at once."""

    game = Lanes
    remembers = ("key", "row", "place", "heading", "gold")

    def __init__(
        self, num_envs: int = 1, *, max_episode_steps: int | None = None, render_mode: str | None = None
    ) -> None:
        super().__init__(num_envs, max_episode_steps=max_episode_steps, render_mode=render_mode)
        self.row = np.full(num_envs, START, dtype=np.int64)
        self.place, self.heading = np.zeros((2, num_envs, SIZE), dtype=np.int64)  # of each lane's entity
        self.gold = np.zeros((num_envs, SIZE), dtype=bool)  # undefined in an empty lane, whose heading is 0

    def _set_up(self, rows: np.ndarray) -> None:
        self.row[rows] = START
        self.heading[rows] = 0

    def _advance(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.row = np.clip(self.row + actions - STAY, 0, LAST)
        gold, foe = self._touched()
        self.place += self.heading
        self.heading[(self.place < 0) | (self.place > LAST)] = 0
        more_gold, another_foe = self._touched()
        self._enter()
        return (gold | more_gold).astype(np.float64), foe | another_foe

    def _touched(self) -> tuple[np.ndarray, np.ndarray]:
        lane = self._every, self.row
        touched = (self.heading[lane] != 0) & (self.place[lane] == COLUMN)
        gold = self.gold[lane]
        self.heading[self._every[touched], self.row[touched]] = 0
        return touched & gold, touched & ~gold

    def _enter(self) -> None:
        lane = self._draw(SIZE, LANE)
        enters = (self._draw(2, ENTERS) == 1) & (self.heading[self._every, lane] == 0)
        at = self._every[enters], lane[enters]
        from_left = self._draw(2, SIDE)[enters] == 0
        self.place[at] = np.where(from_left, 0, LAST)
        self.heading[at] = np.where(from_left, 1, -1)
        self.gold[at] = self._draw(2, KIND)[enters] == 0

    def _observe(self) -> np.ndarray:
        board = self._empty()
        board[self._every, 0, self.row, COLUMN] = 1
        copy, lane = np.nonzero(self.heading)
        at = copy, lane
        channel = np.where(self.gold[at], 1, 3) + (self.heading[at] == -1)
        board[copy, channel, lane, self.place[at]] = 1
        return board
