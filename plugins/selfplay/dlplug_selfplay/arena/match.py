"""A match of two players: all games in lock-step, in pairs that begin alike, with colours swapped."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from dlplug.stop import stop_if_asked
from dlplug_selfplay.games.interface import Game, put, take
from dlplug_selfplay.playing.players import Player

Colours = Literal["both", "black", "white"]


class Match(NamedTuple):
    """The results of a player against another.

    results: (games,) 1 for a win of the first player, 0.5 for a draw, 0 for a loss. black: (games,) bool, whether it
    played Black. games: the moves of each. Deterministic players repeat a game: `distinct` counts the different ones.
    """

    results: np.ndarray
    black: np.ndarray
    games: list[list[int]]

    @property
    def score(self) -> float:
        return float(self.results.mean())

    @property
    def distinct(self) -> int:
        return len({tuple(game) for game in self.games})

    def counts(self) -> tuple[int, int, int]:
        """(won, drawn, lost)."""
        return tuple(int((self.results == result).sum()) for result in (1, 0.5, 0))  # pyright: ignore[reportReturnType]


def match(
    game: Game,
    one: Player,
    other: Player,
    count: int,
    *,
    opening: int,
    random: np.random.Generator,
    colours: Colours = "both",
) -> Match:
    """Plays `count` games (an even number, for both colours).

    opening: number of uniformly random moves before the players' own. With both colours, games 2k and 2k + 1 share
    them, and `one` plays Black in the first and White in the second. With one colour only the other player's first
    moves are random, that many of them.
    """
    black = np.arange(count) % 2 == 0 if colours == "both" else np.full(count, colours == "black")
    positions, games = game.start(count), [[] for _ in range(count)]
    draws = np.repeat(random.random((game.longest, -(-count // 2), game.actions)), 2, 1)[:, :count]
    if colours != "both":
        draws = random.random((game.longest, count, game.actions))
    while not positions.over.all():
        stop_if_asked()
        alive = np.flatnonzero(~positions.over)
        ply = len(games[alive[0]])  # the same in all games that go on
        ours = black[alive] == (ply % 2 == 0)
        actions = np.zeros(len(alive), int)
        by_chance = np.full(len(alive), ply < opening) if colours == "both" else ~ours & (ply < 2 * opening)
        legal = positions.legal[alive]
        actions[by_chance] = np.where(legal, draws[ply, alive], -1).argmax(1)[by_chance]
        for player, rows in ((one, ours & ~by_chance), (other, ~ours & ~by_chance)):
            if rows.any():
                at = alive[rows]
                actions[rows] = player.moves(take(positions, at), [games[row] for row in at])
        for row, action in zip(alive, actions, strict=True):
            games[row].append(int(action))
        put(positions, alive, game.step(take(positions, alive), actions))
    results = (1 + positions.result * np.where(black, 1, -1)) / 2
    return Match(results, black, games)
