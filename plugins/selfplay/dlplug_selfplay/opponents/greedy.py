"""The greedy player: as many stones as possible after each move."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dlplug_selfplay.games.interface import Game, mover, take


class GreedyPlayer:
    """Takes the move after which it has the largest surplus of stones; among equals a random one. In Othello this is
    the greedy player of the usual teaching code (suragnair/alpha-zero-general)."""

    name = "greedy"

    def __init__(self, game: Game, seed: int) -> None:
        self.game, self.random = game, np.random.default_rng(seed)

    def moves(self, positions: Any, games: Sequence[Sequence[int]]) -> np.ndarray:
        rows, actions = np.nonzero(positions.legal)
        after = self.game.step(take(positions, rows), actions)
        surplus = after.board.sum(1, dtype=np.int32) * mover(positions)[rows]
        scores = np.full(positions.legal.shape, -np.inf)
        scores[rows, actions] = surplus + self.random.random(len(rows))
        return scores.argmax(1)
