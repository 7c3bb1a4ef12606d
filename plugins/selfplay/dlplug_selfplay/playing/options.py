"""The options of a game, of its search, and of self-play."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from dlplug import Fraction, NonNegativeInt, PositiveInt
from dlplug_selfplay.games.catalogue import GameName, make_game
from dlplug_selfplay.games.interface import Game
from dlplug_selfplay.search import gumbel, puct
from dlplug_selfplay.search.tree import Found, Judge

SearchName = Literal["gumbel", "puct"]


@dataclass(frozen=True)
class Rules:
    """game: tictactoe, connect4, hex, othello or go
    size: of the board, for hex, othello and go; 0 takes the usual one
    komi: Go's points for White; None takes 24.5 on 5x5, 8.5 on 7x7, else 7
    margin: share of the score's lead in the result of a game of Go, in training alone; 0: only who wins counts
    """

    game: GameName = "tictactoe"
    size: NonNegativeInt = 0
    komi: float | None = None
    margin: Fraction = 0.0

    def make(self, *, training: bool = False) -> Game:
        """The game. training: with the margin."""
        return make_game(self.game, self.size, self.komi, self.margin if training else 0.0)


@dataclass(frozen=True)
class Play:
    """boards: number of games that are played at once
    search: gumbel (Danihelka et al. 2022) or puct (AlphaZero's)
    simulations: simulations of a full search
    fast_simulations: simulations of the other moves' searches, whose policy is no target
    full: share of the moves that get a full search (playout-cap randomisation, Wu 2019, arXiv:1902.10565); 1: all
    opening: a game begins with 0 to this many uniformly random moves
    past: share of the games that are played against a past self
    past_every: games between two past selves
    past_size: number of past selves
    """

    boards: PositiveInt = 64
    search: SearchName = "gumbel"
    simulations: PositiveInt = 16
    fast_simulations: PositiveInt = 4
    full: Fraction = 1.0
    opening: NonNegativeInt = 0
    past: Fraction = 0.0
    past_every: PositiveInt = 500
    past_size: PositiveInt = 8

    def search_to_learn(
        self, game: Game, judge: Judge, roots: object, simulations: int, random: np.random.Generator
    ) -> Found:
        """A search of self-play, with noise. PUCT draws a game's first moves from the visits, as many as the board has
        columns; Gumbel's noise makes every move a draw."""
        if self.search == "gumbel":
            return gumbel.search(game, judge, roots, simulations, noise=1.0, random=random)
        early = np.where(getattr(roots, "ply") < game.width, 1.0, 0.0)  # noqa: B009 (a NamedTuple of any game)
        return puct.search(game, judge, roots, simulations, noise=0.25, temperature=early, random=random)


def search_to_win(
    name: SearchName, game: Game, judge: Judge, roots: object, simulations: int, random: np.random.Generator
) -> Found:
    """A search without noise."""
    return (gumbel if name == "gumbel" else puct).search(game, judge, roots, simulations, random=random)
