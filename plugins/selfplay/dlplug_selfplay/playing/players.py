"""Players: what chooses a move in each of n games at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from dlplug_selfplay.games.interface import Game
from dlplug_selfplay.playing.options import SearchName, search_to_win
from dlplug_selfplay.search.tree import Judge


class Player(Protocol):
    """name: in tables."""

    @property
    def name(self) -> str: ...

    def moves(self, positions: Any, games: Sequence[Sequence[int]]) -> np.ndarray:
        """(n,) legal moves. positions: n, none of which is over. games: the moves of each game so far, for engines
        that cannot be given a position."""
        ...


class NetworkPlayer:
    """A network with a search, or the likeliest move of its policy. It draws nothing: what it plays is a function of
    the position."""

    def __init__(
        self,
        game: Game,
        judge: Judge,
        search: SearchName,
        simulations: int,
        random: np.random.Generator,
        name: str = "",
    ) -> None:
        self.game, self.judge = game, judge
        self.search: SearchName = search
        self.simulations, self.random = simulations, random
        self.name = name or (f"network, {simulations} simulations" if simulations else "network, no search")

    def moves(self, positions: Any, games: Sequence[Sequence[int]]) -> np.ndarray:
        if not self.simulations:
            logits, _ = self.judge(positions)
            return np.where(positions.legal, logits, -np.inf).argmax(1)
        return search_to_win(self.search, self.game, self.judge, positions, self.simulations, self.random).action

    def values(self, positions: Any) -> np.ndarray:
        """(n,): the value of each position for the player to move, by the search or the network alone."""
        if not self.simulations:
            return self.judge(positions)[1]
        return search_to_win(self.search, self.game, self.judge, positions, self.simulations, self.random).value


class RandomPlayer:
    """Uniformly random legal moves."""

    name = "random"

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)

    def moves(self, positions: Any, games: Sequence[Sequence[int]]) -> np.ndarray:
        return np.where(positions.legal, self.random.random(positions.legal.shape), -1).argmax(1)
