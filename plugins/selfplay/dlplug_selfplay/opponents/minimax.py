"""Minimax to a depth, for all positions at once, level by level."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dlplug_selfplay.games.interface import Game, mover, outcome, take
from dlplug_selfplay.games.rows import RowGame

SURE = 1e6  # the value of a win, far above any estimate

Estimate = Callable[[Any], np.ndarray]  # positions -> (n,), their value for the player to move


class MinimaxPlayer:
    """Searches every line to a depth, and takes the best move; among equals a random one. Quick wins are preferred.

    estimate: of the positions at that depth; by default open rows in games of rows, else nothing.
    """

    def __init__(self, game: Game, depth: int, seed: int, estimate: Estimate | None = None) -> None:
        self.game, self.depth, self.random = game, depth, np.random.default_rng(seed)
        self.estimate = estimate or (open_rows(game) if isinstance(game, RowGame) else _nothing)
        self.name = f"minimax of depth {depth}"

    def moves(self, positions: Any, games: Sequence[Sequence[int]]) -> np.ndarray:
        return np.array([self._move(take(positions, [row])) for row in range(len(positions.ply))])

    def _move(self, position: Any) -> int:
        values = action_values(self.game, position, self.depth, self.estimate)[0]
        best = np.flatnonzero(values > values.max() - 1e-9)
        return int(self.random.choice(best))


def action_values(game: Game, positions: Any, depth: int, estimate: Estimate) -> np.ndarray:
    """(n, actions): the minimax value of each move for the player to move, -inf for illegal moves."""
    rows, actions = np.nonzero(positions.legal)
    values = np.full(positions.legal.shape, -np.inf)
    values[rows, actions] = -_values(game, game.step(take(positions, rows), actions), depth - 1, estimate)
    return values


def _values(game: Game, positions: Any, depth: int, estimate: Estimate) -> np.ndarray:
    """(n,): minimax values for the player to move. Equal boards are searched once."""
    numbers = np.random.default_rng(0).integers(1, 2**62, game.points)
    _, first, where = np.unique(positions.board.astype(np.int64) @ numbers, return_index=True, return_inverse=True)
    unique = take(positions, first)
    values = outcome(unique) * (SURE - unique.ply)  # a win is worth more the sooner it comes
    open_ones = np.flatnonzero(~unique.over)
    if len(open_ones) and depth == 0:
        values[open_ones] = estimate(take(unique, open_ones))
    elif len(open_ones):
        rows, actions = np.nonzero(unique.legal[open_ones])
        replies = _values(game, game.step(take(unique, open_ones[rows]), actions), depth - 1, estimate)
        begins = np.searchsorted(rows, np.arange(len(open_ones)))
        values[open_ones] = np.maximum.reduceat(-replies, begins)
    return values[where]


def open_rows(game: RowGame) -> Estimate:
    """Rows that only one player has stones in: 0.01, 0.1, 1, … for 1, 2, 3, … stones, own minus the other's."""
    rows = np.unique(np.sort(game.rows.reshape(-1, game.length), 1), axis=0)

    def estimate(positions: Any) -> np.ndarray:
        own = (positions.board * mover(positions)[:, None])[:, rows]
        mine, theirs = (own == 1).sum(2), (own == -1).sum(2)
        worth = np.append(0, 10.0 ** (np.arange(1, game.length + 1) - 3))
        return (worth[mine] * (theirs == 0) - worth[theirs] * (mine == 0)).sum(1)

    return estimate


def _nothing(positions: Any) -> np.ndarray:
    return np.zeros(len(positions.ply))
