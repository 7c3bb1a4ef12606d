"""Hex: Black connects top and bottom, White left and right; there are no draws and no swap."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dlplug_selfplay.games.groups import merged, neighbours_on
from dlplug_selfplay.games.interface import BLACK, WHITE, Game, mover, own_and_other

STEPS = ((-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0))


class HexPosition(NamedTuple):
    """Positions (see `Position`). group: (n, points + 4) int16, the connected group of each stone, -1 where there is
    none; the last four are the edges: top, bottom, left, right."""

    board: np.ndarray
    ply: np.ndarray
    legal: np.ndarray
    over: np.ndarray
    result: np.ndarray
    group: np.ndarray


class Hex(Game):
    name, title, planes = "hex", "Hex", 3

    def __init__(self, size: int = 5) -> None:
        self.height = self.width = size
        self.actions = self.longest = points = size * size
        self.top, self.bottom, self.left, self.right = range(points, points + 4)
        y, x = np.divmod(np.arange(points), size)
        # a point's six neighbours, then the edges that it touches; itself stands for "none"
        inner = neighbours_on(size, size, STEPS, outside=-1)
        none = np.arange(points)
        inner = np.where(inner < 0, none[:, None], inner)
        upper = np.where(y == 0, self.top, np.where(y == size - 1, self.bottom, none))
        side = np.where(x == 0, self.left, np.where(x == size - 1, self.right, none))
        second = np.where((y == 0) & (size == 1), self.bottom, none)
        self.neighbours = np.concatenate([inner, upper[:, None], side[:, None], second[:, None]], 1)
        self.edges = np.array([BLACK, BLACK, WHITE, WHITE], np.int8)
        self.point_symmetries = self.action_symmetries = np.stack([none, none[::-1]])

    def start(self, count: int) -> HexPosition:
        group = np.full((count, self.points + 4), -1, np.int16)
        group[:, self.points :] = np.arange(self.points, self.points + 4)
        return HexPosition(
            np.zeros((count, self.points), np.int8),
            np.zeros(count, np.int16),
            np.ones((count, self.actions), bool),
            np.zeros(count, bool),
            np.zeros(count, np.float32),
            group,
        )

    def step(self, positions: HexPosition, actions: np.ndarray) -> HexPosition:
        board, colour, index = positions.board.copy(), mover(positions), np.arange(len(actions))
        neighbours = self.neighbours[actions]
        colours = np.concatenate([board, np.broadcast_to(self.edges, (len(board), 4))], 1)
        same = np.take_along_axis(colours, neighbours, 1) == colour[:, None]
        group = merged(positions.group, actions, neighbours, same)
        board[index, actions] = colour
        begin = np.where(colour == BLACK, self.top, self.left)
        end = np.where(colour == BLACK, self.bottom, self.right)
        over = group[index, begin] == group[index, end]
        return HexPosition(
            board,
            positions.ply + np.int16(1),
            (board == 0) & ~over[:, None],
            over,
            np.where(over, colour, 0).astype(np.float32),
            group,
        )

    def observe(self, positions: HexPosition) -> np.ndarray:
        """The third plane says whether Black, who connects top and bottom, is to move."""
        planes = own_and_other(positions, self.height, self.width)
        black = np.broadcast_to((mover(positions) == BLACK)[:, None, None, None], (len(planes), 1, *planes.shape[2:]))
        return np.concatenate([planes, black], 1)

    def slant(self, row: int) -> int:
        return row
