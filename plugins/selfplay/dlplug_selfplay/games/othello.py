"""Othello on a square board of even size: who cannot flip a stone passes, and the game ends where neither can."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dlplug_selfplay.games.interface import BLACK, WHITE, Game, mover, square_symmetries, with_pass

DIRECTIONS = tuple((dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0))


class OthelloPosition(NamedTuple):
    """Positions (see `Position`)."""

    board: np.ndarray
    ply: np.ndarray
    legal: np.ndarray
    over: np.ndarray
    result: np.ndarray


class Othello(Game):
    """The move `points` is the pass, legal only where no other move is.

    As is usual, Black begins, with its stones on the upper right and lower left of the four in the centre.
    """

    name, title, planes = "othello", "Othello", 2

    def __init__(self, size: int = 8) -> None:
        self.height = self.width = size
        self.actions = size * size + 1
        self.longest = 2 * size * size  # between two passes there is a move that fills a point
        self.rays = self._rays(size)
        self.point_symmetries = square_symmetries(size)
        self.action_symmetries = with_pass(self.point_symmetries)

    @staticmethod
    def _rays(size: int) -> np.ndarray:
        """(points, 8, size - 1): the points that one sees in each direction; size² stands for "off the board"."""
        rays = np.full((size * size, 8, size - 1), size * size)
        for point in range(size * size):
            for d, (dy, dx) in enumerate(DIRECTIONS):
                y, x = point // size + dy, point % size + dx
                for k in range(size - 1):
                    if 0 <= y < size and 0 <= x < size:
                        rays[point, d, k] = y * size + x
                        y, x = y + dy, x + dx
                    else:
                        break
        return rays

    def start(self, count: int) -> OthelloPosition:
        board, half = np.zeros((count, self.height, self.width), np.int8), self.height // 2
        board[:, half - 1, half] = board[:, half, half - 1] = BLACK
        board[:, half - 1, half - 1] = board[:, half, half] = WHITE
        board = board.reshape(count, -1)
        ply, over = np.zeros(count, np.int16), np.zeros(count, bool)
        places = self.places(board)
        legal = np.concatenate([places, ~places.any(1, keepdims=True)], 1)
        return OthelloPosition(board, ply, legal, over, np.zeros(count, np.float32))

    def places(self, own: np.ndarray) -> np.ndarray:
        """(n, points) bool: where a stone flips some. own: (n, points), 1 for the stones of who moves, -1 for the
        other's."""
        seen = np.pad(own, ((0, 0), (0, 1)))[:, self.rays]  # (n, points, 8, size - 1)
        between = np.logical_and.accumulate(seen == -1, 3)  # a run of the other's stones, from the first point on
        flanked = between[..., :-1] & (seen[..., 1:] == 1)
        return flanked.any((2, 3)) & (own == 0)

    def step(self, positions: OthelloPosition, actions: np.ndarray) -> OthelloPosition:
        colour, index = mover(positions)[:, None], np.arange(len(actions))
        passes = actions == self.points
        points = np.where(passes, 0, actions)
        padded = np.pad(positions.board * colour, ((0, 0), (0, 1)))
        rays = self.rays[points]  # (n, 8, size - 1)
        seen = padded[index[:, None, None], rays]
        between = np.logical_and.accumulate(seen == -1, 2)
        ends = (between[..., :-1] & (seen[..., 1:] == 1)).any(2, keepdims=True)
        flips = between & ends & ~passes[:, None, None]
        rows = np.broadcast_to(index[:, None, None], rays.shape)
        padded[rows[flips], rays[flips]] = 1
        padded[index[~passes], points[~passes]] = 1
        other = -padded[:, :-1]  # from the view of who moves next
        places, replies = self.places(other), np.zeros((len(actions), self.points), bool)
        stuck = ~places.any(1)
        replies[stuck] = self.places(-other[stuck])
        over = stuck & ~replies.any(1)
        legal = np.concatenate([places, (stuck & ~over)[:, None]], 1)
        board = (-other * colour).astype(np.int8)
        result = np.where(over, np.sign(board.sum(1, dtype=np.int32)), 0).astype(np.float32)
        return OthelloPosition(board, positions.ply + np.int16(1), legal, over, result)
