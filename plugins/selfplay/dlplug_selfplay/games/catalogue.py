"""The games by name, and what sizes they have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from dlplug import UserError
from dlplug_selfplay.games.go import Go
from dlplug_selfplay.games.hex import Hex
from dlplug_selfplay.games.interface import Game
from dlplug_selfplay.games.othello import Othello
from dlplug_selfplay.games.rows import Connect4, TicTacToe

GameName = Literal["tictactoe", "connect4", "hex", "othello", "go"]
KOMI = {5: 24.5, 7: 8.5}  # with perfect play Black wins 5x5 by 25 (van der Werf 2002), 7x7, it is believed, by 9
OTHER_KOMI = 7.0


class Entry(NamedTuple):
    """A game's sizes, and its usual one; (size, komi, margin) -> the game."""

    sizes: tuple[int, ...]
    usual: int
    make: Callable[[int, float, float], Game]


GAMES: dict[str, Entry] = {
    "tictactoe": Entry((3,), 3, lambda size, komi, margin: TicTacToe()),
    "connect4": Entry((7,), 7, lambda size, komi, margin: Connect4()),
    "hex": Entry(tuple(range(2, 20)), 5, lambda size, komi, margin: Hex(size)),
    "othello": Entry((4, 6, 8), 8, lambda size, komi, margin: Othello(size)),
    "go": Entry(tuple(range(2, 20)), 9, Go),
}


def make_game(name: GameName, size: int = 0, komi: float | None = None, margin: float = 0.0) -> Game:
    """A game by its name. size: 0 is the usual one. komi: Go's; None is 24.5 on 5x5, 8.5 on 7x7, else 7. margin: Go's
    share of the score in a result.

    Raises UserError for a size that the game does not have, and for komi or margin of another game.
    """
    entry = GAMES[name]
    size = size or entry.usual
    if size not in entry.sizes:
        only = ", ".join(map(str, entry.sizes)) if len(entry.sizes) < 6 else f"{entry.sizes[0]} to {entry.sizes[-1]}"
        raise UserError(f"{name} has no board of size {size}; it has {only}")
    if name != "go" and (komi is not None or margin):
        raise UserError(f"{name} has no {'margin' if komi is None else 'komi'}")
    return entry.make(size, KOMI.get(size, OTHER_KOMI) if komi is None else komi, margin)
