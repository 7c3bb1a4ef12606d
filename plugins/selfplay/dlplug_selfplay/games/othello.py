"""Othello on a square board of even size: who cannot flip a stone passes, and the game ends where neither can."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dlplug_selfplay.games.interface import BLACK, WHITE, Game, mover, square_symmetries, with_pass


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
        self.point_symmetries = square_symmetries(size)
        self.action_symmetries = with_pass(self.point_symmetries)
        # The eight directions as shifts of a set of points in 64 bits, and the points that do not leave the board.
        columns = np.arange(size * size) % size
        everywhere, not_left, not_right = (
            as_bits(mask[None])[0] for mask in (columns >= 0, columns > 0, columns < size - 1)
        )
        below = {-1: not_left, 0: everywhere, 1: not_right}
        self.directions = [(dy * size + dx, below[dx]) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0)]
        self.everywhere = everywhere

    def shifted(self, points: np.ndarray, shift: int, stays: np.uint64) -> np.ndarray:
        """(n,) uint64: sets of points, each moved one step in a direction."""
        moved = points & stays
        return (moved << np.uint64(shift) if shift > 0 else moved >> np.uint64(-shift)) & self.everywhere

    def start(self, count: int) -> OthelloPosition:
        board, half = np.zeros((count, self.height, self.width), np.int8), self.height // 2
        board[:, half - 1, half] = board[:, half, half - 1] = BLACK
        board[:, half - 1, half - 1] = board[:, half, half] = WHITE
        board = board.reshape(count, -1)
        ply, over = np.zeros(count, np.int16), np.zeros(count, bool)
        places = as_points(self.places(as_bits(board == BLACK), as_bits(board == WHITE)), self.points)
        legal = np.concatenate([places, np.zeros((count, 1), bool)], 1)
        return OthelloPosition(board, ply, legal, over, np.zeros(count, np.float32))

    def places(self, own: np.ndarray, other: np.ndarray) -> np.ndarray:
        """(n,) uint64: where a stone flips some. own, other: (n,) uint64, the stones of who moves and of the other."""
        empty, places = self.everywhere & ~(own | other), np.zeros_like(own)
        for direction in self.directions:
            run = self.shifted(own, *direction) & other
            for _ in range(self.height - 3):
                run |= self.shifted(run, *direction) & other
            places |= self.shifted(run, *direction) & empty
        return places

    def flips(self, own: np.ndarray, other: np.ndarray, placed: np.ndarray) -> np.ndarray:
        """(n,) uint64: the stones that a placed one flips."""
        flips = np.zeros_like(own)
        for direction in self.directions:
            run = self.shifted(placed, *direction) & other
            for _ in range(self.height - 3):
                run |= self.shifted(run, *direction) & other
            flanked = self.shifted(run, *direction) & own
            flips |= np.where(flanked != 0, run, np.uint64(0))
        return flips

    def step(self, positions: OthelloPosition, actions: np.ndarray) -> OthelloPosition:
        colour = mover(positions)[:, None]
        own, other = as_bits(positions.board == colour), as_bits(positions.board == -colour)
        passes = actions == self.points
        placed = np.where(passes, np.uint64(0), np.uint64(1) << np.where(passes, 0, actions).astype(np.uint64))
        flips = self.flips(own, other, placed)
        own, other = own | placed | flips, other & ~flips
        places = self.places(other, own)  # of who moves next
        stuck = places == 0
        over = stuck & (self.places(own, other) == 0)
        legal = np.concatenate([as_points(places, self.points), (stuck & ~over)[:, None]], 1)
        board = (as_points(own, self.points) * colour - as_points(other, self.points) * colour).astype(np.int8)
        result = np.where(over, np.sign(board.sum(1, dtype=np.int32)), 0).astype(np.float32)
        return OthelloPosition(board, positions.ply + np.int16(1), legal, over, result)


def as_bits(points: np.ndarray) -> np.ndarray:
    """(n,) uint64 for (n, points) bool, at most 64 points: bit p for point p."""
    padded = np.zeros((len(points), 64), bool)
    padded[:, : points.shape[1]] = points
    return np.packbits(padded, axis=1, bitorder="little").view("<u8")[:, 0]


def as_points(bits: np.ndarray, count: int) -> np.ndarray:
    """(n, count) bool, the inverse."""
    octets = np.ascontiguousarray(bits, "<u8")[:, None].view(np.uint8)
    return np.unpackbits(octets, axis=1, count=count, bitorder="little").view(bool)
